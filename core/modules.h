/*
 * modules.h - loaded modules: instances, what they registered, loading and reloading.
 *
 * An instance is pc_module: one definition on one host (or global). Whatever it registers is a
 * struct with a `struct pc__owned` in it, on the instance's list; unloading walks the list, last
 * registered first. So no part of the core has its own clean-up code for modules.
 *
 * Life of an instance: loading -> live -> (retired | dead). A retired one was replaced by a reload;
 * its callbacks that are under way still run, on its own data. A dead one was unloaded: they do
 * not. The memory goes when nothing holds it any more.
 */
#pragma once

#include <prosody-c/prosody-c.h>

struct pc__file;
struct pc__typed;

struct pc__owned {
	struct pc__owned *next, **at;
	pc_module *m;
	void (*drop)(struct pc__owned *o); /* undo the registration; frees what holds `o` */
};

enum pc__module_state { PC__LOADING, PC__LIVE, PC__RETIRED, PC__DEAD };

struct pc_module {
	const pc_module_def *def;
	pc_host *host; /* NULL: global */
	enum pc__module_state state;
	uint32_t generation; /* grows with every instance made */
	uint32_t order;      /* of loading: of equal handlers the earlier loaded runs first */
	unsigned holds;      /* callbacks under way, and memory that others still read */
	void *data;
	struct pc__owned *owned;
	struct pc__owned *retired_blocks; /* pc_module_alloc's, kept until nothing is under way */
	int err;                          /* the sticky error of registration, and its text */
	char *err_text;
	bool needed;           /* another one has asked for it (pc_depends) */
	pc_module *next;       /* of the same host, in the order of loading */
	struct pc__file *file; /* loader.h: whose code this is */
	const struct pc__typed *
	        *typed;    /* values of def->options that were asked for (option_get.c) */
	uint64_t typed_of; /* the configuration that they are of */
};

/* Puts a registration on the module's list; `drop` undoes it. */
void pc__own(pc_module *m, struct pc__owned *o, void (*drop)(struct pc__owned *o));
/* Takes it off, without dropping. */
void pc__disown(struct pc__owned *o);

/* Something of the module's is under way and will call it: its memory stays until the release. */
void pc__module_hold(pc_module *m);
void pc__module_release(pc_module *m);
/* May callbacks of this instance still run? (live or retired) */
bool pc__module_callable(const pc_module *m);
/* Notes a failed registration (the first one stays) and logs later ones at run time. */
void pc__module_error(pc_module *m, int err, const char *format, ...) PC_PRINTF(3, 4);

/* Frees what pc_module_alloc gave, at the instance's end. */
void pc__module_free_blocks(pc_module *m);

/* The instance of that name on the host (NULL: global), or NULL. */
pc_module *pc__module_find(const pc_host *host, const char *name);
/* The first instance of a host (NULL: global ones); then ->next. */
pc_module *pc__modules_of(const pc_host *host);

/* ---- load and unload. *error_r gets a malloc'ed text where the result is not PC_OK. A module that
 * is loaded already, also globally, is left as it is: PC_OK. */
int pc__module_load(pc_host *host, const char *name, char **error_r);
int pc__module_unload(pc_host *host, const char *name, char **error_r);
int pc__module_reload(pc_host *host, const char *name, char **error_r);
/* The same as _load, but failures are logged here: for what the core needs itself. */
int pc__modules_need(pc_host *host, const char *name);
/* Loads what the configuration enables on the host (NULL: the global modules), in its order. */
void pc__modules_load_enabled(pc_host *host);
/* The names of those modules (host NULL: of the server's own), each once; `component_module` NULL:
 * a VirtualHost. `list` is the value that names it, or NULL where it is there by default. */
struct pc__value;
typedef void pc__enabled_fn(const char *name, const struct pc__value *list, void *data);
void pc__enabled_each(const char *host, const char *component_module, pc__enabled_fn *fn,
                      void *data);
/* An option that is a module of Prosody is off for the host (NULL: globally) where modules_disabled
 * names that, as long as nobody has written the option. */
bool pc__enabled_says_no(const char *host, const char *option);
void pc__modules_unload_all(pc_host *host);
/* Global modules that follow hosts are told. */
void pc__modules_add_host(pc_host *host);
void pc__modules_remove_host(pc_host *host);
void pc__modules_config_changed(pc_host *host);
