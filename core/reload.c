#include "reload.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs.h"
#include "config.h"
#include "events.h"
#include "hosts.h"
#include "loader.h"
#include "log.h"
#include "modules.h"
#include "option_names.h"
#include "options.h"
#include "quotas.h"
#include "start.h"
#include "systemd.h"
#include "util/buf.h"
#include "util/mem.h"

/* What there is to tell, line by line. */
struct report {
	char **lines;
	size_t n;
	bool modules; /* the list of modules changed */
};

static void add(struct report *r, const char *format, ...) PC_PRINTF(2, 3);

static void add(struct report *r, const char *format, ...)
{
	va_list args;

	r->lines = pc__realloc(r->lines, (r->n + 1) * sizeof(*r->lines));
	va_start(args, format);
	if (vasprintf(&r->lines[r->n++], format, args) < 0)
		abort();
	va_end(args);
}

/* ------------------------------------------------------------ options */

/* Who reads an option, and what that takes to see a new value. */
struct readers {
	const char *name;
	bool any, restart;
	struct pc__buf modules; /* to reload: " NAME NAME" */
};

static bool is_listed(struct readers *r, const char *module)
{
	char *wanted = pc__printf(" %s ", module),
	     *list = pc__printf("%s ", pc__buf_str(&r->modules));
	bool is = strstr(list, wanted) != NULL;

	free(wanted);
	free(list);
	return is;
}

static void ask_module(struct readers *r, const pc_module *m)
{
	const pc_option *o = pc__option_find(m->def->options, r->name);

	if (o == NULL)
		return;
	r->any = true;
	if (o->live)
		return;
	if (m->def->no_reload || pc__file_is_builtin(m->file))
		r->restart = true;
	else if (!is_listed(r, m->def->name))
		pc__buf_printf(&r->modules, " %s", m->def->name);
}

static void ask_modules(struct readers *r, const pc_host *host)
{
	for (const pc_module *m = pc__modules_of(host); m; m = m->next)
		ask_module(r, m);
}

static void ask_core(struct readers *r)
{
	const pc_option *o = pc__option_find(pc__core_options, r->name);

	if (o == NULL)
		o = pc__option_made(r->name);
	r->any = o != NULL;
	r->restart = o && !o->live;
}

static bool is_module_list(const char *name)
{
	return strcmp(name, "modules_enabled") == 0 || strcmp(name, "modules_disabled") == 0;
}

static void tell_option(struct report *report, const struct readers *r, const char *whose)
{
	const char *modules = pc__buf_str((struct pc__buf *)(uintptr_t)&r->modules);

	if (*modules)
		add(report, "%s%s: takes effect by module reload%s", r->name, whose, modules);
	if (r->restart)
		add(report, "%s%s: takes effect by a restart", r->name, whose);
	else if (r->any && *modules == '\0')
		add(report, "%s%s: in use", r->name, whose);
	else if (!r->any)
		add(report, "%s%s: no module that is loaded knows it", r->name, whose);
}

static void on_changed(const char *host, const char *name, void *data)
{
	struct report *report = data;
	struct readers r = { .name = name };
	char *whose = host ? pc__printf(" of %s", host) : pc__strdup("");

	if (is_module_list(name)) {
		report->modules = true;
	} else {
		ask_core(&r);
		ask_modules(&r, NULL);
		for (pc_host *h = pc__hosts_first(); h; h = h->next)
			if (host == NULL || strcmp(host, h->name) == 0)
				ask_modules(&r, h);
		tell_option(report, &r, whose);
	}
	pc__buf_free(&r.modules);
	free(whose);
}

/* ------------------------------------------------------------ hosts and modules */

static void mark_hosts(pc_host **active, size_t *n)
{
	*n = 0;
	for (pc_host *h = pc__hosts_first(); h; h = h->next)
		if (h->active)
			active[(*n)++] = h;
}

static bool was_active(pc_host *const *active, size_t n, const pc_host *host)
{
	for (size_t i = 0; i < n; i++)
		if (active[i] == host)
			return true;
	return false;
}

static void tell_hosts(struct report *r, pc_host *const *active, size_t n)
{
	for (pc_host *h = pc__hosts_first(); h; h = h->next) {
		bool was = was_active(active, n, h);

		if (h->active && !was)
			add(r, "%s: is served from now on", h->name);
		else if (was && !h->active)
			add(r, "%s: is no longer served", h->name);
	}
}

struct wanted {
	struct report *report;
	const pc_host *host;
	struct pc__buf names; /* " NAME NAME " */
};

static void want(const char *name, const pc__value *list, void *data)
{
	struct wanted *w = data;

	(void)list;
	pc__buf_printf(&w->names, "%s ", name);
	if (pc__module_find(w->host, name) == NULL && pc__module_find(NULL, name) == NULL &&
	    pc__module_old(name) == NULL)
		add(w->report, "modules_enabled: takes effect by module load %s %s", w->host->name,
		    name);
}

/* Modules that others need, and drivers, are in no list. */
static bool is_needed(const pc_host *host, const pc_module *it)
{
	const char *name = it->def->name;

	if (it->needed)
		return true;
	if (strncmp(name, "auth_", 5) == 0 || strncmp(name, "authz_", 6) == 0 ||
	    strncmp(name, "storage_", 8) == 0)
		return true;
	for (const pc_module *m = pc__modules_of(host); m; m = m->next)
		for (const char *const *need = m->def->needs; need && *need; need++)
			if (strcmp(*need, name) == 0)
				return true;
	return false;
}

static void tell_modules_of(struct report *r, const pc_host *host)
{
	struct wanted w = { .report = r, .host = host };

	pc__buf_adds(&w.names, " ");
	pc__enabled_each(host->name, host->component_module, want, &w);
	for (const pc_module *m = pc__modules_of(host); m; m = m->next) {
		char *word = pc__printf(" %s ", m->def->name);

		if (strstr(pc__buf_str(&w.names), word) == NULL && !is_needed(host, m))
			add(r, "modules_enabled: takes effect by module unload %s %s", host->name,
			    m->def->name);
		free(word);
	}
	pc__buf_free(&w.names);
}

/* ------------------------------------------------------------ all of it */

static void tell_hosts_of_reload(void)
{
	pc__modules_config_changed(NULL);
	for (pc_host *h = pc__hosts_first(); h; h = h->next)
		if (h->active)
			pc__modules_config_changed(h);
}

static void use_config(pc__config *config)
{
	pc__config_use(config);
	pc__log_setup();
	pc__hosts_setup();
	pc__certs_load();
	pc__certs_watch();
	pc__quotas_read();
	tell_hosts_of_reload();
	pc__config_warn_unknown();
	pc__notify(pc__bus_global(), "config-reloaded", NULL, 0, NULL, 0);
	pc__log("server", PC_INFO, "the configuration was reloaded");
}

static void exchange(pc__config *config, struct report *r)
{
	size_t n = 0;
	pc_host **active;

	for (pc_host *h = pc__hosts_first(); h; h = h->next)
		n++;
	active = pc__alloc((n + 1) * sizeof(pc_host *));
	mark_hosts(active, &n);
	pc__config_diff(NULL, config, on_changed, r);
	use_config(config);
	tell_hosts(r, active, n);
	for (size_t i = 0; r->modules && i < n; i++)
		if (active[i]->active)
			tell_modules_of(r, active[i]);
	if (r->n == 0)
		add(r, "nothing has changed");
	free(active);
}

static void tell_all(struct report *r, void (*tell)(const char *text, void *data), void *data)
{
	for (size_t i = 0; i < r->n; i++) {
		pc__log("config", PC_INFO, "%s", r->lines[i]);
		if (tell)
			tell(r->lines[i], data);
		free(r->lines[i]);
	}
	free(r->lines);
}

/* Log files are opened again in any case: who moves them does not ask whether the file is broken.
 */
int pc__reload(void (*tell)(const char *text, void *data), void *data, char **error_r)
{
	struct report report = { NULL, 0, false };
	pc__config *config;

	pc__systemd_reloading();
	config = pc__start_read_config(error_r);
	if (config)
		exchange(config, &report);
	else
		pc__log_reopen();
	tell_all(&report, tell, data);
	pc__systemd_ready();
	return config ? PC_OK : PC_EINVAL;
}
