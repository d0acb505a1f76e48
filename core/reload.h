/*
 * reload.h - the configuration read again while the server runs, and what came of it.
 */
#pragma once

#include <prosody-c/base.h>

/* Reads the configuration anew and lets everybody know, as SIGHUP does. Each thing that changed is
 * told in a line (`tell` may be NULL; the log gets them in any case): what is in use now, and what
 * waits for a module's reload or for a restart. PC_EINVAL with a text (malloc'ed) in *error_r: the
 * file is broken, and the old configuration stays. */
int pc__reload(void (*tell)(const char *text, void *data), void *data, char **error_r);
