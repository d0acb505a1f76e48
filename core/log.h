/*
 * log.h - lines to sinks (stderr, files, syslog), as the option `log` says.
 */
#pragma once

#include <prosody-c/log.h>

/* Reads `log` of the configuration in use; before the first call lines go to standard error. */
void pc__log_setup(void);
void pc__log_reopen(void);
void pc__log_free(void);
/* A line of the core: `source` is the noun it comes from ("config", "c2s"). */
void pc__log(const char *source, pc_level level, const char *format, ...) PC_PRINTF(3, 4);
