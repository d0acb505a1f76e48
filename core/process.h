/*
 * process.h - what the process may do: user and group, mode bits of new files, descriptors.
 *
 * Started by root, the server is `prosody_user` from the beginning as far as files are concerned,
 * so that all that it makes is that user's and no link of that user's leads it astray. It is root
 * again for two things only, binding ports and reading keys, each between pc__process_raise() and
 * pc__process_lower(), and on that thread alone. pc__process_drop() ends this before it serves.
 * Where there is nobody to become these do nothing.
 */
#pragma once

#include <stdbool.h>

/* Options umask, prosody_user, prosody_group, run_as_root; as many descriptors as we may have. 0,
 * or an exit status. Call it before there are threads. */
int pc__process_setup(void);
/* What of it is not as it should be, and goes on: when the log is open. */
void pc__process_warn(void);
/* Main thread; they do not nest. */
void pc__process_raise(void);
void pc__process_lower(void);
/* Of a file that was made while raised. false: errno says why. */
bool pc__process_give(int fd);
/* All threads, for ever. 0, or an exit status. */
int pc__process_drop(void);
