/*
 * start.h - from the command line to a running loop: main.c, and what a reload reads again.
 *
 * What fails on the way is told once, where it is found, and becomes what the program exits with: a
 * number of <sysexits.h>, so that init systems and scripts can tell a broken configuration (which
 * another start does not mend) from a port that is in use.
 *
 *   EX_USAGE 64        the command line
 *   EX_NOUSER 67       prosody_user or prosody_group is nobody
 *   EX_UNAVAILABLE 69  a port cannot be bound
 *   EX_SOFTWARE 70     the server was killed before it was ready (-D)
 *   EX_OSERR 71        no process or loop can be made
 *   EX_CANTCREAT 73    the data folder, its lock or the pid file cannot be made
 *   EX_TEMPFAIL 75     another server uses the data folder
 *   EX_NOPERM 77       another user or group cannot be become
 *   EX_CONFIG 78       the configuration cannot be read
 */
#pragma once

#include "config.h"

/* The configuration file with the command line's overrides; NULL with a text in *error_r. */
pc__config *pc__start_read_config(char **error_r);
/* What the command line said: file (absolute) and overrides, borrowed for ever. */
void pc__start_set(const char *file, const char *const *overrides, size_t n);

/* Where the configuration says that accounts and the like are kept; where it does not, what systemd
 * made for the unit (StateDirectory=), else "data" beside the file. Absolute, malloc'ed. */
char *pc__start_data_path(void);
/* Makes the data folder, where it is not there, for the user that we run as. 0, or an exit status.
 */
int pc__start_make_data_path(void);

/* server.c: opens everything, and after the loop closes it. 0, or what to exit with. */
int pc__server_start(void);
void pc__server_end(void);
