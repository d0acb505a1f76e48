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
/* Lines that a sink could not take, since the start. */
uint64_t pc__log_dropped(void);
