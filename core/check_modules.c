/*
 * check_modules.c - modules that the configuration names, and that are not there or not meant.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "modules.h"
#include "option_names.h"
#include "util/mem.h"
#include "util/spelling.h"

/* Where a module is named: to be found when it is needed. */
struct naming {
	struct pc__check *check;
	const pc__value *value; /* NULL: `file` and `line` say it */
	const char *option;     /* "modules_enabled", ... */
	const char *host;       /* NULL: the server */
	const char *kind;       /* "", "auth_", "storage_" */
	const char *file;
	int line;
};

static void place_of(const struct naming *n, const char *name, char *out, size_t size)
{
	if (n->value)
		pc__value_item_place(n->value, n->option, name, out, size);
	else
		snprintf(out, size, "%s:%d", n->file, n->line);
}

/* Among those of the same kind. */
static const char *nearest(const struct naming *n, const char *name)
{
	const struct pc__catalog *catalog = n->check->catalog;
	size_t len = strlen(n->kind);
	const char *near = NULL;

	for (size_t i = 0; i < catalog->n; i++)
		if (strncmp(catalog->at[i].name, n->kind, len) == 0)
			near = pc__spelling_nearer(name, near, catalog->at[i].name + len);
	return near;
}

static void tell_missing(const struct naming *n, const char *name)
{
	const char *old = *n->kind ? NULL : pc__module_old(name), *near = nearest(n, name);
	char place[300];

	place_of(n, name, place, sizeof(place));
	if (old && pc__module_is_option(name))
		pc__check_tell(n->check, PC__NOTE, place, "module %s: %s", name, old);
	else if (old)
		pc__check_tell(n->check, PC__WARNING, place, "module %s has gone: %s", name, old);
	else
		pc__check_tell(n->check, PC__ERROR, place, "there is no module %s%s%s%s%s", n->kind,
		               name, near ? ": is " : "", near ? near : "", near ? " meant?" : "");
}

static void check_name(const struct naming *n, const char *name)
{
	char *full = pc__printf("%s%s", n->kind, name), place[300];
	const struct pc__catalog_entry *e = pc__catalog_find(n->check->catalog, full);

	place_of(n, name, place, sizeof(place));
	if (e == NULL)
		tell_missing(n, name);
	else if (e->def == NULL)
		pc__check_tell(n->check, PC__ERROR, place, "module %s cannot be loaded: %s", full,
		               e->error);
	free(full);
}

/* ------------------------------------------------------------ modules_enabled, modules_disabled */

static void check_enabled(struct naming *n, const char *name)
{
	char place[300];

	place_of(n, name, place, sizeof(place));
	if (strncmp(name, "mod_", 4) == 0)
		name += 4;
	if (strncmp(name, "auth_", 5) == 0)
		pc__check_tell(n->check, PC__WARNING, place,
		               "module %s is chosen by the option authentication", name);
	else if (strncmp(name, "storage_", 8) == 0)
		pc__check_tell(n->check, PC__WARNING, place,
		               "module %s is chosen by the options storage and default_storage",
		               name);
	else
		check_name(n, name);
}

static void check_list(struct pc__check *c, const char *host, const char *option)
{
	struct naming n = { .check = c, .option = option, .host = host, .kind = "" };

	n.value = pc__config_get_own(host, option);
	if (n.value && n.value->type == PC__STRING)
		check_enabled(&n, n.value->s);
	for (size_t i = 0; n.value && i < n.value->n_list; i++)
		if (n.value->list[i].type == PC__STRING)
			check_enabled(&n, n.value->list[i].s);
}

/* ------------------------------------------------------------ drivers and components */

static void check_provider(struct pc__check *c, const char *host, const char *option,
                           const char *kind)
{
	struct naming n = { .check = c, .option = option, .host = host, .kind = kind };

	n.value = pc__config_get_own(host, n.option);
	if (n.value && n.value->type == PC__STRING)
		check_name(&n, n.value->s);
}

/* Two of Prosody's names mean the embedded database. */
static void check_driver(struct naming *n, const pc__value *v)
{
	if (v->type == PC__STRING && strcmp(v->s, "internal") != 0 && strcmp(v->s, "sql") != 0)
		check_name(n, v->s);
}

static void check_storage(struct pc__check *c, const char *host, const char *option)
{
	struct naming n = { .check = c, .option = option, .host = host, .kind = "storage_" };

	n.value = pc__config_get_own(host, option);
	if (n.value == NULL)
		return;
	check_driver(&n, n.value);
	for (size_t i = 0; i < n.value->n_fields; i++)
		check_driver(&n, &n.value->fields[i].value);
}

static void check_host(struct pc__check *c, const char *host)
{
	check_list(c, host, "modules_enabled");
	check_list(c, host, "modules_disabled");
	check_provider(c, host, "authentication", "auth_");
	check_provider(c, host, "authorization", "authz_");
	check_storage(c, host, "storage");
	check_storage(c, host, "default_storage");
}

void pc__check_modules(struct pc__check *c)
{
	size_t n;
	const pc__config_host *hosts = pc__config_hosts(&n);

	check_host(c, NULL);
	for (size_t i = 0; i < n; i++) {
		struct naming named = { .check = c, .kind = "" };

		named.file = hosts[i].file;
		named.line = hosts[i].line;
		if (hosts[i].component)
			check_name(&named, hosts[i].component_module);
		check_host(c, hosts[i].name);
	}
}
