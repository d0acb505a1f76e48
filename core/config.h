/*
 * config.h - the configuration as it was read: values by host and name.
 *
 * pc__config_load() runs the file in a sandboxed Lua (Prosody's language) and makes an immutable
 * pc__config; a reload makes a new one and exchanges them, or keeps the old one when the new file is
 * broken. Values live until the exchange.
 */
#pragma once

#include <prosody-c/config.h>

typedef enum pc__value_type {
	PC__NIL, PC__BOOL, PC__NUMBER, PC__STRING, PC__TABLE
} pc__value_type;

typedef struct pc__value pc__value;
struct pc__value {
	pc__value_type type;
	bool b;
	double n;
	const char *s;               /* of strings */
	const pc__value *list;       /* the list part of a table */
	size_t n_list;
	const struct pc__field *fields; /* its named part, sorted by name */
	size_t n_fields;
	const char *file;            /* where it was assigned; "-o" for the command line */
	int line;
};
struct pc__field { const char *name; pc__value value; };

typedef struct pc__config pc__config;
typedef struct pc__config_override { const char *text; } pc__config_override; /* [HOST:]key=value */

/* Reads the file with the command line's overrides. NULL with a message (file:line: text, malloc'ed)
 * in *error_r. Warnings are logged. */
pc__config *pc__config_load(const char *file, const char *const *overrides, size_t n_overrides,
                            char **error_r);
void pc__config_free(pc__config **config);
/* Makes it the one that everybody reads; the old one is freed. */
void pc__config_use(pc__config *config);

/* The value on that host, else the global one (host NULL: only the global one); NULL: none. */
const pc__value *pc__config_get(const char *host, const char *name);
const pc__value *pc__config_get_own(const char *host, const char *name); /* without falling back */
const pc__value *pc__value_field(const pc__value *table, const char *name);
/* The hosts in the order of the file: VirtualHosts and Components. */
typedef struct pc__config_host {
	const char *name;
	bool component;
	const char *component_module; /* "component" where none is named */
	const char *file;
	int line;
} pc__config_host;
const pc__config_host *pc__config_hosts(size_t *n_r);

/* Typed reading with the core's own options table (options.h lists them), for parts of the core:
 * host may be NULL. */
const char *pc__opt_str(const char *host, const char *name);
int64_t pc__opt_int(const char *host, const char *name);
bool pc__opt_bool(const char *host, const char *name);
double pc__opt_seconds(const char *host, const char *name);
size_t pc__opt_count(const char *host, const char *name);
const char *pc__opt_at(const char *host, const char *name, size_t i);
/* The core's options: what modules declare in pc_module_def.options, for the core itself. */
extern const pc_option pc__core_options[];
/* The same with another table: for services that name options by their own name. `option` gives
 * type, default and range. */
double pc__opt_number_of(const char *host, const pc_option *option);
