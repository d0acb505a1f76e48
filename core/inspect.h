/*
 * inspect.h - what the program tells without serving: its reference, and what is wrong with a
 * configuration. main.c calls these instead of starting a server; they print, and return what the
 * program exits with.
 */
#pragma once

#include "config.h"

/* "markdown", "man" or "json"; the modules are those that the configuration in use leads to. */
int pc__inspect_reference(const char *format);
/* "config", "certs", "dns" or "connectivity", these two of `host` (NULL: of all); `json`: a finding
 * is an object a line, and there is nothing else. 0: nothing is wrong; 1: something is; EX_NOHOST:
 * there is no such host. Reads the configuration that the command line names (start.h). */
int pc__inspect_check(const char *what, const char *host, bool json);
