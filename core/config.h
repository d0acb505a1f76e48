/*
 * config.h - the configuration as it was read: values by host and name.
 *
 * pc__config_load() runs the file in a sandboxed Lua (Prosody's language) and makes an immutable
 * pc__config; a reload makes a new one and exchanges them, or keeps the old one when the new file
 * is broken. Values live until the exchange.
 */
#pragma once

#include <prosody-c/config.h>

typedef enum pc__value_type { PC__NIL, PC__BOOL, PC__NUMBER, PC__STRING, PC__TABLE } pc__value_type;

typedef struct pc__value pc__value;
struct pc__value {
	pc__value_type type;
	bool b;
	double n;
	const char *s;         /* of strings; of booleans and numbers, too: as text */
	const pc__value *list; /* the list part of a table */
	size_t n_list;
	const struct pc__field *fields; /* its named part, sorted by name */
	size_t n_fields;
	const char *file; /* where it was assigned; "-o" for the command line */
	int line;
};
struct pc__field {
	const char *name;
	pc__value value;
};

typedef struct pc__config pc__config;

/* Reads the file, then the *.conf files of the folders that its option plugin_paths names and of
 * plugins.d beside it, then the command line's overrides ([HOST:]key=value, the value a Lua
 * expression, else text). NULL with a message (file:line: text, malloc'ed) in *error_r. Warnings
 * are logged. */
pc__config *pc__config_load(const char *file, const char *const *overrides, size_t n_overrides,
                            char **error_r);
/* Where warnings of reading go from now on; NULL: to the log. */
void pc__config_on_warning(void (*fn)(const char *text, void *data), void *data);
void pc__config_free(pc__config **config);
/* Makes it the one that everybody reads; the old one is freed. NULL: an empty one. */
void pc__config_use(pc__config *config);
/* Of the one in use: another one has another number. */
uint64_t pc__config_number(void);
/* The folder of the configuration in use: where relative paths start. Absolute. */
const char *pc__config_dir(void);

/* The value on that host, else the global one (host NULL: only the global one); NULL: none. */
const pc__value *pc__config_get(const char *host, const char *name);
const pc__value *pc__config_get_own(const char *host, const char *name); /* without falling back */
const pc__value *pc__value_field(const pc__value *table, const char *name);
/* Where a value was written: "FILE:LINE". And an item of a list, which is the value of that option:
 * the line in which it stands, where it can be found. */
void pc__value_place(const pc__value *value, char *out, size_t size);
void pc__value_item_place(const pc__value *list, const char *option, const char *word, char *out,
                          size_t size);
/* The hosts in the order of the file: VirtualHosts and Components. */
typedef struct pc__config_host {
	const char *name;
	bool component;
	const char *component_module; /* "component" where none is named */
	const char *file;
	int line;
} pc__config_host;
const pc__config_host *pc__config_hosts(size_t *n_r);
/* Everything that was written in the configuration (NULL: the one in use); host NULL: globally. */
typedef void pc__config_each_fn(const char *host, const char *name, const pc__value *value,
                                void *data);
void pc__config_each(pc__config *config, pc__config_each_fn *fn, void *data);

/* The options that the two (old NULL: the one in use) say differently; `host` NULL: globally. Hosts
 * that only one of them has are left out. */
typedef void pc__config_diff_fn(const char *host, const char *name, void *data);
void pc__config_diff(pc__config *old, pc__config *new, pc__config_diff_fn *fn, void *data);

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
/* The same for options whose names are made at run time (of services: "c2s_ports"): `option` gives
 * name, type, default and range; it is not kept. Strings live until the exchange. */
double pc__opt_number_of(const char *host,
                         const pc_option *option); /* any number, seconds, bytes */
const char *pc__opt_str_of(const char *host, const pc_option *option);
bool pc__opt_bool_of(const char *host, const pc_option *option);
size_t pc__opt_count_of(const char *host, const pc_option *option);
const char *pc__opt_at_of(const char *host, const pc_option *option, size_t i);
