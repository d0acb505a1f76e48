/*
 * log.h - log lines and metrics.
 */
#pragma once

#include <prosody-c/base.h>

typedef enum pc_level { PC_DEBUG, PC_INFO, PC_WARN, PC_ERROR } pc_level;

/* One line, with time, host:module and level. From any thread. Control characters and bytes that
 * are not UTF-8 are escaped, so peers cannot write lines of their own. Never log a secret. */
PC_EXPORT void pc_log(const pc_module *m, pc_level level, const char *format, ...) PC_PRINTF(3, 4);
/* The same with the session's id and address in it. */
PC_EXPORT void pc_log_session(const pc_module *m, const pc_session *s, pc_level level,
                              const char *format, ...) PC_PRINTF(4, 5);
/* Is anything listening at this level? To spare the making of expensive lines. */
PC_EXPORT bool pc_log_enabled(pc_level level);

/* ---- metrics, by the rules of OpenMetrics. The name becomes prosody_mod_MODULE_NAME, with the
 * label host; two modules that ask for the same get the same. */

typedef struct pc_metric pc_metric;
typedef enum pc_metric_type { PC_COUNTER, PC_GAUGE, PC_HISTOGRAM } pc_metric_type;
/* One line of a module's list of its metrics (module.h: .metrics). */
typedef struct pc_metric_decl {
	const char *name;
	pc_metric_type type;
	const char *help; /* one line: what is counted */
} pc_metric_decl;
/* `help` NULL: what the module's list says of that name. */
PC_EXPORT pc_metric *pc_counter(pc_module *m, const char *name, const char *help);
PC_EXPORT pc_metric *pc_gauge(pc_module *m, const char *name, const char *help);
/* Buckets of powers of two from `least` on. */
PC_EXPORT pc_metric *pc_histogram(pc_module *m, const char *name, const char *help, double least);
PC_EXPORT void pc_metric_add(pc_metric *metric, double n);         /* counter, gauge */
PC_EXPORT void pc_metric_set(pc_metric *metric, double value);     /* gauge */
PC_EXPORT void pc_metric_observe(pc_metric *metric, double value); /* histogram */
