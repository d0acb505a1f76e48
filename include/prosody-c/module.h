/*
 * module.h - what a module is, and what it may register.
 *
 *   static void load(pc_module *m)
 *   {
 *           pc_add_feature(m, "urn:xmpp:ping");
 *           pc_hook(m, "iq-get/host/urn:xmpp:ping:ping", on_ping, 0);
 *   }
 *   PC_MODULE(ping, .summary = "XMPP Ping (XEP-0199)", .load = load);
 *
 * An instance of the module exists for each host that enables it. A module has no mutable variable
 * at file scope: each instance has its own zeroed `.data_size` bytes, each session its
 * `.session_size` bytes per module.
 *
 * Registration errors are sticky: `load` chains its calls unchecked, and the module is refused
 * afterwards with the first failure named. What was registered goes with the module.
 *
 * Reload: the new code is loaded paused, `save` of the old instance fills a state, `restore` of the
 * new one reads it, hooks are exchanged between two turns of the loop, the old one is unloaded.
 * When the new one fails, the old one stays. Blocks of session data move over as they are when
 * `.session_size` and `.state_version` are the same on both sides; else they start anew.
 * Callbacks of the old instance that are still under way run in the old code, on the old instance's
 * data, which is kept for them.
 */
#pragma once

#include <prosody-c/adhoc.h>
#include <prosody-c/base.h>
#include <prosody-c/command.h>
#include <prosody-c/config.h>
#include <prosody-c/event.h>
#include <prosody-c/log.h>
#include <prosody-c/store.h>
#include <prosody-c/users.h>

typedef enum pc_scope {
	PC_PER_HOST,          /* one instance for each host that enables it */
	PC_GLOBAL,            /* one instance for the server */
	PC_GLOBAL_WITH_HOSTS, /* one instance, told of each host by add_host */
} pc_scope;

typedef struct pc_state pc_state; /* what a reload carries over */
typedef struct pc_blob pc_blob;   /* what is saved of a session (journal.h) */

typedef struct pc_module_def {
	uint16_t abi_major, abi_minor; /* set by PC_MODULE */
	uint32_t size;
	const char *name;
	const char *summary; /* one line */
	/* "0199:2.0.1 0030": what it implements, with the version that it was written by */
	const char *xeps;
	const char *const *needs; /* names of modules to load first; ends with NULL */
	pc_scope scope;
	bool no_reload;              /* storage drivers: cannot be replaced while running */
	size_t data_size;            /* bytes of the instance's own data, zeroed */
	size_t session_size;         /* bytes of data for a session, zeroed at first use */
	uint32_t state_version;      /* of session data and saved state */
	const pc_option *options;    /* what it reads from the configuration; ends with {0} */
	const pc_event_decl *events; /* what it fires; ends with {0} */
	void (*load)(pc_module *m);
	void (*unload)(pc_module *m); /* only for what was not registered through m */
	void (*add_host)(pc_module *m, pc_host *host);
	void (*remove_host)(pc_module *m, pc_host *host);
	void (*session_free)(pc_module *m, void *session_data); /* before the block is freed */
	void (*save)(pc_module *m, pc_state *state);
	void (*restore)(pc_module *m, const pc_state *state);
	void (*config_changed)(pc_module *m); /* after a reload of the configuration */
	/* Since ABI 1.1. All of them end with {0}. What stands in the first three is registered
	 * before `load`; the others tell what `load` or what comes later will open and count. */
	const pc_command *commands;       /* as pc_add_command() */
	const pc_adhoc *adhoc;            /* as pc_add_adhoc() */
	const pc_permission *permissions; /* as pc_default_permission(); not of global modules */
	const pc_store_decl *stores;      /* as pc_store_open() */
	const pc_metric_decl *metrics;    /* as pc_counter(), _gauge(), _histogram() */
	/* How blocks of session data outlive the process: journal.h. */
	bool session_plain;
	void (*session_save)(pc_module *m, const pc_session *s, const void *session_data,
	                     pc_blob *blob);
	int (*session_restore)(pc_module *m, const pc_session *s, void *session_data,
	                       const void *bytes, size_t len);
} pc_module_def;

#define PC_MODULE(modname, ...)                                                                    \
	PC_EXPORT extern const pc_module_def pc_mod_##modname;                                     \
	const pc_module_def pc_mod_##modname = { .abi_major = PC_ABI_MAJOR,                        \
		                                 .abi_minor = PC_ABI_MINOR,                        \
		                                 .size = sizeof(pc_module_def),                    \
		                                 .name = #modname,                                 \
		                                 __VA_ARGS__ }

PC_EXPORT void *pc_module_data(const pc_module *m);
PC_EXPORT const char *pc_module_name(const pc_module *m);
PC_EXPORT pc_host *pc_module_host(const pc_module *m);         /* NULL in a global module */
PC_EXPORT const char *pc_module_host_name(const pc_module *m); /* "*" in a global module */
/* Zeroed memory that is freed after unload. */
PC_EXPORT void *pc_module_alloc(pc_module *m, size_t size);
/* The same, of what holds memory that is not the module's, a stanza say: `fini` frees that,
 * whenever the block is freed. The data of calls that are under way when the module goes end so:
 * nobody is called back then. */
typedef void pc_fini_fn(void *memory);
PC_EXPORT void *pc_module_alloc_with(pc_module *m, size_t size, pc_fini_fn *fini);
/* Gives such memory back before. */
PC_EXPORT void pc_module_free(pc_module *m, void *memory);
/* Refuses the module, with this reason in the log; for checks that `load` makes itself. */
PC_EXPORT void pc_module_fail(pc_module *m, const char *format, ...) PC_PRINTF(2, 3);
/* Loads that module on the same host first; a failure refuses this one. */
PC_EXPORT void pc_depends(pc_module *m, const char *name);

/* The same memory for every module and host that names it; zeroed by the first, freed when the last
 * that asked for it has gone. */
PC_EXPORT void *pc_shared(pc_module *m, const char *path, size_t size);

/* ---- items: things that one module offers and others look for, by kind. The item is borrowed and
 * must live as long as the module (static, or pc_module_alloc). `item-added/KIND` and
 * `item-removed/KIND` are fired with the arguments `item` (pointer) and `module` (name). */

PC_EXPORT void pc_add_item(pc_module *m, const char *kind, const void *item);
PC_EXPORT void pc_remove_item(pc_module *m, const char *kind, const void *item);
/* In the order of adding; stops when fn returns false. `owner` is who added it. */
typedef bool pc_item_fn(const void *item, pc_module *owner, void *data);
PC_EXPORT void pc_each_item(pc_host *host, const char *kind, pc_item_fn *fn, void *data);

PC_EXPORT void pc_add_feature(pc_module *m, const char *ns); /* item "feature" */
typedef struct pc_identity {
	const char *category, *type, *name;
} pc_identity;
PC_EXPORT void pc_add_identity(pc_module *m, const char *category, const char *type,
                               const char *name); /* item "identity" */

/* A service that one module provides and others look up: a struct of functions whose layout both
 * know from a public header. An item of kind "NAME-provider". */
PC_EXPORT void pc_provide(pc_module *m, const char *service, const void *vtable);
/* The provider of the service on the host, and its module in *owner_r; NULL when there is none. */
PC_EXPORT const void *pc_provider(pc_host *host, const char *service, pc_module **owner_r);

/* ---- state over a reload */

PC_EXPORT void pc_state_put(pc_state *state, const char *key, const void *bytes, size_t len);
PC_EXPORT const void *pc_state_get(const pc_state *state, const char *key, size_t *len_r);
