/*
 * log.h - lines to sinks (stderr, files, syslog, the journal), as the option `log` says.
 */
#pragma once

#include <prosody-c/log.h>

/* Reads `log` of the configuration in use; before the first call lines go to standard error. Files
 * are opened again. What cannot be opened is told to those sinks that were there before, and a file
 * that was open stays so. */
void pc__log_setup(void);
/* Opens files again, which may have been moved away. */
void pc__log_reopen(void);
void pc__log_free(void);
/* A line of the core: `source` is the noun it comes from ("config", "c2s"). */
void pc__log(const char *source, pc_level level, const char *format, ...) PC_PRINTF(3, 4);
/* The same about a session, or NULL. */
void pc__log_session(const char *source, const pc_session *s, pc_level level, const char *format,
                     ...) PC_PRINTF(4, 5);
/* Whose work this thread does from now on: its number stands on each line that names no other. 0:
 * nobody's. Returns who it was before. */
pc_session_id pc__log_about(pc_session_id session);
/* ---- sinks, while the server runs: until `log` is read again */

/* A sink as it is now. Its name: a file's path, or "console", "stdout", "syslog", "journal". */
struct pc__log_view {
	char *name;
	unsigned levels; /* bits: 1 << pc_level */
	bool json;
	uint64_t dropped;
};
/* malloc'ed, and each name is. */
size_t pc__log_views(struct pc__log_view **views_r);
/* The sinks of that name (NULL: all) take lines of that level and above; how many there are. */
size_t pc__log_set_level(const char *name, pc_level level);
/* A copy of each line goes to that pipe, which is ours until pc__log_unwatch() closes it, also
 * over a reload. What the pipe cannot take is dropped and told. */
void pc__log_watch(int fd, pc_level level);
void pc__log_unwatch(int fd);
/* -1: no level has that name. */
int pc__log_level(const char *name);

/* Lines that a sink could not take, since the start. */
uint64_t pc__log_dropped(void);
