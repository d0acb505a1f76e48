/*
 * start.h - from the command line to a running loop: main.c, and what a reload reads again.
 */
#pragma once

#include "config.h"

/* The configuration file with the command line's overrides; NULL with a text in *error_r. */
pc__config *pc__start_read_config(char **error_r);
/* What the command line said: file (absolute) and overrides, borrowed for ever. */
void pc__start_set(const char *file, const char *const *overrides, size_t n);

/* server.c: opens everything, and after the loop closes it. */
int pc__server_start(void);
void pc__server_end(void);
