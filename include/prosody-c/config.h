/*
 * config.h - options.
 *
 * A module lists the options that it reads, so that they are checked, documented and completed
 * without running it. A value is looked up on the module's host first, then globally, then the
 * default applies. A value of the wrong type or out of range is logged once with file and line, and
 * the default is used.
 */
#pragma once

#include <prosody-c/base.h>

typedef enum pc_opt_type {
	PC_OPT_STRING = 1,
	PC_OPT_INTEGER,
	PC_OPT_BOOLEAN,
	PC_OPT_PERIOD, /* seconds, fractions too; text such as "2 days"; "never" */
	PC_OPT_SIZE,   /* bytes; text such as "256 KiB" */
	PC_OPT_ENUM,
	PC_OPT_LIST,  /* of strings; a single value is a list of one */
	PC_OPT_SET,   /* the same without order or doubles */
	PC_OPT_PATH,  /* relative to the configuration's folder */
	PC_OPT_TABLE, /* names to values, read by pc_opt_field */
} pc_opt_type;

typedef struct pc_option {
	const char *name;
	pc_opt_type type;
	const char *dflt;          /* as text, as one would write it; NULL: none */
	double min, max;           /* of numbers, periods (seconds) and sizes; both 0: no range */
	const char *const *values; /* of an enum; ends with NULL */
	bool live;                 /* a reload of the configuration takes effect at once */
	bool inherited;            /* of a set: the host's and the global one together */
	bool global;               /* of the server: below a host it would do nothing */
	bool required;             /* the module cannot do without: prosody-ctl check asks for it */
	const char *help;          /* one line */
} pc_option;

/* Names must be in the module's list; another one is a sticky registration error. Strings live
 * until the next reload of the configuration: copy what is kept. */
PC_EXPORT const char *pc_opt_str(pc_module *m, const char *name); /* string, enum, path; or NULL */
PC_EXPORT int64_t pc_opt_int(pc_module *m, const char *name);     /* integer, size */
PC_EXPORT bool pc_opt_bool(pc_module *m, const char *name);
PC_EXPORT double pc_opt_seconds(pc_module *m, const char *name); /* INFINITY for "never" */
PC_EXPORT size_t pc_opt_count(pc_module *m, const char *name);   /* list, set */
PC_EXPORT const char *pc_opt_at(pc_module *m, const char *name, size_t index);
PC_EXPORT bool pc_opt_has(pc_module *m, const char *name,
                          const char *value);                 /* in a list or set? */
PC_EXPORT bool pc_opt_is_set(pc_module *m, const char *name); /* written in the file? */
/* The same as another host has it; host NULL: globally. */
PC_EXPORT const char *pc_opt_str_on(pc_module *m, const pc_host *host, const char *name);
PC_EXPORT bool pc_opt_bool_on(pc_module *m, const pc_host *host, const char *name);
/* A field of a table as text, "a.b" for one below; NULL when it is not there. */
PC_EXPORT const char *pc_opt_field(pc_module *m, const char *name, const char *field);
/* Calls fn for each field of a table, or of a table in it, to which `path` leads: names that may
 * have dots in them, ends with NULL; NULL: the table itself. A list's are "1", "2", ...; `value` is
 * text, or NULL for a table. What is no table has no fields. */
typedef void pc_opt_fn(const char *key, const char *value, void *data);
PC_EXPORT void pc_opt_each(pc_module *m, const char *name, const char *const *path, pc_opt_fn *fn,
                           void *data);
