/*
 * options.h - options by their declared type: how values of the configuration become strings,
 * numbers, lists; the core's own table; names that nobody knows.
 *
 * A typed value is made when it is first asked for and kept until the configuration is exchanged.
 * A wrong one is warned about then, once, and the default taken.
 */
#pragma once

#include "config.h"

/* A value by its type; what is not of the type is zero. */
typedef struct pc__typed {
	bool set;      /* written in the file (else this is the default) */
	const char *s; /* string, enum, path; a table's where text was written in its place */
	int64_t i;
	double n; /* seconds, and any number */
	bool b;
	const char **list;
	size_t n_list;
} pc__typed;

/* The value of that option for the host (NULL: global). Never NULL; lives until the exchange.
 * Tables that are alike in name, type, default and range share one. */
const pc__typed *pc__option_get(const char *host, const pc_option *option);
/* A field of a table as text, "a.b" for one below, numbers for the list; NULL when it is not there.
 */
const char *pc__option_field(const char *host, const char *name, const char *field);
/* All fields of a table: pc_opt_each(). */
void pc__option_each(const char *host, const char *name, const char *const *path, pc_opt_fn *fn,
                     void *data);
/* In a table that ends with {0}; NULL table or unknown name: NULL. */
const pc_option *pc__option_find(const pc_option *table, const char *name);

/* Reads text as one would write it (a default, an override) by the option's type. The list is made
 * in `arena`. False: it cannot be read so, or is out of range. */
struct pc__arena;
bool pc__option_text(const pc_option *option, const char *text, struct pc__arena *arena,
                     pc__typed *typed_r);

/* ---- what is wrong with what was written. Each finding is one line, "FILE:LINE: option ...". */

typedef enum pc__severity { PC__NOTE, PC__WARNING, PC__ERROR } pc__severity;
/* A table of options, and whose it is; not in use: its module is not loaded anywhere. */
struct pc__option_source {
	const pc_option *table;
	const char *module;
	bool in_use;
};
struct pc__option_check {
	/* Gives the tables besides the core's own, one after the other; NULL: there are none. */
	bool (*sources)(size_t index, void *data, struct pc__option_source *source_r);
	/* Look at values, old names and services, too: all tables that there are must be given. */
	bool values;
	void (*tell)(pc__severity severity, const char *text, void *data);
	void *data;
};
/* Of that configuration, or of the one in use (NULL). How many findings were more than notes. */
size_t pc__config_check(pc__config *config, const struct pc__option_check *how);
/* Warns in the log of names that the modules which are loaded do not know. */
void pc__config_warn_unknown(void);
