/*
 * modules.c - instances of modules and what they own.
 */
#include "modules.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "hosts.h"
#include "loader.h"
#include "log.h"
#include "server.h"
#include "session_blocks.h"
#include "util/mem.h"

static pc_module *global_modules;
static uint32_t instances; /* made so far: order and generation */

/* ------------------------------------------------------------ ownership */

void pc__own(pc_module *m, struct pc__owned *o, void (*drop)(struct pc__owned *o))
{
	o->m = m;
	o->drop = drop;
	o->next = m->owned;
	o->at = &m->owned;
	if (o->next)
		o->next->at = &o->next;
	m->owned = o;
}

void pc__disown(struct pc__owned *o)
{
	if (o->at == NULL)
		return;
	*o->at = o->next;
	if (o->next)
		o->next->at = o->at;
	o->at = NULL;
}

static void drop_owned(pc_module *m)
{
	while (m->owned) {
		struct pc__owned *o = m->owned;

		pc__disown(o);
		o->drop(o);
	}
}

void pc__module_hold(pc_module *m)
{
	m->holds++;
}

static void free_instance(pc_module *m)
{
	pc__module_free_blocks(m);
	free(m->data);
	free(m->err_text);
	free(m->typed);
	free(m);
}

void pc__module_release(pc_module *m)
{
	if (--m->holds == 0)
		free_instance(m);
}

bool pc__module_callable(const pc_module *m)
{
	return m->state == PC__LIVE || m->state == PC__RETIRED || m->state == PC__LOADING;
}

void pc__module_error(pc_module *m, int err, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	if (m->state != PC__LOADING)
		pc_log(m, PC_ERROR, "%s: %s", text, pc_strerror(err));
	if (m->state == PC__LOADING && m->err == PC_OK) {
		m->err = err;
		m->err_text = text;
	} else {
		free(text);
	}
}

/* ------------------------------------------------------------ finding */

pc_module *pc__modules_of(const pc_host *host)
{
	return host ? host->modules : global_modules;
}

pc_module *pc__module_find(const pc_host *host, const char *name)
{
	for (pc_module *m = pc__modules_of(host); m; m = m->next)
		if (strcmp(m->def->name, name) == 0)
			return m;
	return NULL;
}

static pc_module **list_of(pc_host *host)
{
	return host ? &host->modules : &global_modules;
}

static void enlist(pc_module *m)
{
	pc_module **at = list_of(m->host);

	while (*at)
		at = &(*at)->next;
	*at = m;
}

static void delist(pc_module *m)
{
	pc_module **at = list_of(m->host);

	while (*at && *at != m)
		at = &(*at)->next;
	if (*at)
		*at = m->next;
	m->next = NULL;
}

/* ------------------------------------------------------------ one instance */

static pc_module *instance_new(const pc_module_def *def, pc_host *host, struct pc__file *file)
{
	pc_module *m = pc__alloc(sizeof(*m));

	m->def = def;
	m->host = host;
	m->file = file;
	m->generation = m->order = ++instances;
	m->holds = 1; /* being loaded */
	m->data = pc__alloc(def->data_size);
	return m;
}

static char *error_of(const pc_module *m)
{
	return pc__printf("%s", m->err_text ? m->err_text : pc_strerror(m->err));
}

/* Tells a module of scope PC_GLOBAL_WITH_HOSTS of the hosts that there are. */
static void tell_hosts(pc_module *m)
{
	if (m->def->scope != PC_GLOBAL_WITH_HOSTS || m->def->add_host == NULL)
		return;
	for (pc_host *h = pc__hosts_first(); h; h = h->next)
		if (h->announced)
			m->def->add_host(m, h);
}

/* What the definition lists need not be added by `load`. */
static void add_declared(pc_module *m)
{
	for (const pc_permission *p = m->def->permissions; p && p->action; p++)
		pc_default_permission(m, p->role, p->action);
	for (const pc_command *c = m->def->commands; c && c->section; c++)
		pc_add_command(m, c);
	for (const pc_adhoc *a = m->def->adhoc; a && a->node; a++)
		pc_add_adhoc(m, a);
}

static int run_load(pc_module *m, char **error_r)
{
	for (const char *const *need = m->def->needs; need && *need; need++)
		pc_depends(m, *need);
	add_declared(m);
	if (m->err == PC_OK && m->def->load)
		m->def->load(m);
	if (m->err == PC_OK)
		tell_hosts(m);
	if (m->err != PC_OK)
		*error_r = error_of(m);
	return m->err;
}

/* The instance leaves: nobody finds it, nothing it registered works any more. */
static void retire(pc_module *m, enum pc__module_state state)
{
	m->state = state;
	drop_owned(m);
	delist(m);
	if (state == PC__DEAD)
		pc__tokens_cancel(m);
	pc__module_release(m);
}

static int refuse(pc_module *m)
{
	int err = m->err;

	retire(m, PC__DEAD);
	return err;
}

static void announce(const char *event, const pc_module *m)
{
	pc__notify(m->host ? m->host->bus : pc__bus_global(), event, m->host, 0,
	           (pc_arg[]){ PC_STR("module", m->def->name) }, 1);
}

static bool is_global(const pc_module_def *def)
{
	return def->scope != PC_PER_HOST;
}

int pc__module_load(pc_host *host, const char *name, char **error_r)
{
	struct pc__file *file;
	pc_module *m;

	if (pc__module_find(host, name) || pc__module_find(NULL, name))
		return PC_OK;
	file = pc__file_open(name, false, error_r);
	if (file == NULL)
		return PC_ENOENT;
	m = instance_new(pc__file_def(file), host, file);
	if (is_global(m->def))
		m->host = NULL;
	enlist(m);
	if (run_load(m, error_r) != PC_OK)
		return refuse(m);
	m->state = PC__LIVE;
	pc__hooks_go(m);
	pc_log(m, PC_DEBUG, "loaded");
	announce("module-loaded", m);
	return PC_OK;
}

static void unload(pc_module *m)
{
	pc__module_hold(m);
	if (m->def->unload)
		m->def->unload(m);
	pc__session_blocks_drop(m);
	retire(m, PC__DEAD);
	announce("module-unloaded", m); /* NOLINT(clang-analyzer-unix.Malloc): it is held */
	pc__module_release(m);
}

int pc__module_unload(pc_host *host, const char *name, char **error_r)
{
	pc_module *m = pc__module_find(host, name);

	if (m == NULL) {
		*error_r = pc__printf("module %s is not loaded there", name);
		return PC_ENOENT;
	}
	if (m->def->no_reload && !pc__server.stopping) {
		*error_r = pc__printf("module %s keeps data that is in use and cannot be unloaded",
		                      name);
		return PC_ENOTSUP;
	}
	unload(m);
	return PC_OK;
}

/* ------------------------------------------------------------ reload */

struct pc_state {
	struct entry {
		struct entry *next;
		char *key;
		size_t len;
		char bytes[];
	} * first;
};

void pc_state_put(pc_state *state, const char *key, const void *bytes, size_t len)
{
	struct entry *e = pc__malloc(sizeof(*e) + len + 1);

	e->key = pc__strdup(key);
	e->len = len;
	memcpy(e->bytes, bytes, len);
	e->bytes[len] = '\0';
	e->next = state->first;
	state->first = e;
}

const void *pc_state_get(const pc_state *state, const char *key, size_t *len_r)
{
	for (struct entry *e = state->first; e; e = e->next) {
		if (strcmp(e->key, key) == 0) {
			if (len_r)
				*len_r = e->len;
			return e->bytes;
		}
	}
	return NULL;
}

static void carry_state(pc_module *old, pc_module *new)
{
	pc_state state = { NULL };

	if (old->def->save)
		old->def->save(old, &state);
	if (new->def->restore)
		new->def->restore(new, &state);
	for (struct entry *e = state.first, *next; e; e = next) {
		next = e->next;
		free(e->key);
		free(e);
	}
}

/* The new instance takes the old one's place in the order of loading, so that handlers of equal
 * priority keep theirs. */
static void exchange(pc_module *old, pc_module *new)
{
	pc__session_blocks_move(old, new);
	carry_state(old, new);
	new->state = PC__LIVE;
	pc__hooks_go(new);
	if (old->def->unload)
		old->def->unload(old);
	retire(old, PC__RETIRED);
}

int pc__module_reload(pc_host *host, const char *name, char **error_r)
{
	pc_module *old = pc__module_find(host, name), *new;
	struct pc__file *file;

	if (old == NULL) {
		*error_r = pc__printf("module %s is not loaded there", name);
		return PC_ENOENT;
	}
	if (old->def->no_reload || pc__file_is_builtin(old->file)) {
		*error_r = pc__printf("module %s is part of what cannot change under use: it is "
		                      "replaced by a restart only",
		                      name);
		return PC_ENOTSUP;
	}
	file = pc__file_open(name, true, error_r);
	if (file == NULL)
		return PC_ENOENT;
	new = instance_new(pc__file_def(file), old->host, file);
	new->order = old->order;
	enlist(new);
	if (run_load(new, error_r) != PC_OK)
		return refuse(new);
	pc__module_hold(old);
	exchange(old, new);
	pc__module_release(old); /* NOLINT(clang-analyzer-unix.Malloc): the hold above kept it */
	pc_log(new, PC_INFO, "reloaded");
	announce("module-reloaded", new);
	return PC_OK;
}

/* ------------------------------------------------------------ hosts come and go */

void pc__modules_add_host(pc_host *host)
{
	host->announced = true;
	for (pc_module *m = global_modules; m; m = m->next)
		if (m->def->scope == PC_GLOBAL_WITH_HOSTS && m->def->add_host)
			m->def->add_host(m, host);
}

void pc__modules_remove_host(pc_host *host)
{
	host->announced = false;
	for (pc_module *m = global_modules; m; m = m->next)
		if (m->def->scope == PC_GLOBAL_WITH_HOSTS && m->def->remove_host)
			m->def->remove_host(m, host);
}

static pc_module *last_of(pc_host *host)
{
	pc_module *m = pc__modules_of(host);

	while (m && m->next)
		m = m->next;
	return m;
}

void pc__modules_unload_all(pc_host *host)
{
	pc_module *m;

	while ((m = last_of(host)) != NULL)
		unload(m);
}

void pc__modules_config_changed(pc_host *host)
{
	for (pc_module *m = pc__modules_of(host), *next; m; m = next) {
		next = m->next;
		if (m->def->config_changed)
			m->def->config_changed(m);
	}
}

int pc__modules_need(pc_host *host, const char *name)
{
	char *error = NULL;
	int err = pc__module_load(host, name, &error);

	if (err != PC_OK)
		pc__log("modules", PC_ERROR, "module %s cannot be loaded for %s: %s", name,
		        host ? host->name : "the server", error ? error : pc_strerror(err));
	free(error);
	return err;
}
