/*
 * option_check.c - what is wrong with the options of a configuration: names that nobody knows and
 * what was probably meant, old names, places where an option does nothing, values that are refused.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "option_names.h"
#include "option_value.h"
#include "options.h"
#include "util/mem.h"
#include "util/spelling.h"

struct check {
	const struct pc__option_check *how;
	pc__config *config;
	pc__arena *arena; /* of values that are tried */
	size_t found;
};

/* One option as it was written. */
struct written {
	const char *host, *name;
	const pc__value *value;
};

static void tell(struct check *c, pc__severity severity, const struct written *w,
                 const char *format, ...) PC_PRINTF(4, 5);

static void tell(struct check *c, pc__severity severity, const struct written *w,
                 const char *format, ...)
{
	char where[300], *text, *whole;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	pc__value_place(w->value, where, sizeof(where));
	whole = pc__printf("%s: option %s%s%s %s", where, w->name, w->host ? " of " : "",
	                   w->host ? w->host : "", text);
	c->how->tell(severity, whole, c->how->data);
	c->found += severity != PC__NOTE;
	free(whole);
	free(text);
}

/* ------------------------------------------------------------ who knows it */

/* The k-th table: the core's, then the others. */
static bool source_at(const struct check *c, size_t k, struct pc__option_source *source_r)
{
	*source_r = (struct pc__option_source){ pc__core_options, NULL, true };
	return k == 0 || (c->how->sources && c->how->sources(k - 1, c->how->data, source_r));
}

/* The line of a table that is in use, before one of a table that is not. */
static const pc_option *find(const struct check *c, const char *name,
                             struct pc__option_source *source_r)
{
	struct pc__option_source source;
	const pc_option *found = NULL, *o;

	for (size_t k = 0; source_at(c, k, &source); k++) {
		o = pc__option_find(source.table, name);
		if (o == NULL || (found && !source.in_use))
			continue;
		found = o;
		*source_r = source;
		if (source.in_use)
			return found;
	}
	return found;
}

/* Is there a service of that name? One has "NAME_ports" in some table, or is called as a module. */
static bool is_service(const struct check *c, const char *name, size_t len)
{
	struct pc__option_source source;
	char ports[PC__CONFIG_NAME_MAX + 8];
	bool is = false;

	snprintf(ports, sizeof(ports), "%.*s_ports", (int)len, name);
	for (size_t k = 0; !is && source_at(c, k, &source); k++)
		is = pc__option_find(source.table, ports) ||
		     (source.module && strlen(source.module) == len &&
		      strncmp(source.module, name, len) == 0);
	return is;
}

/* Regular tasks have any name; services are known where all modules are. */
static const pc_option *find_made(const struct check *c, const char *name)
{
	const pc_option *o = pc__option_made(name);
	size_t end = o ? strlen(strchr(o->name, '_')) : 0;

	if (o == NULL || !c->how->values || strncmp(o->name, "SERVICE", 7) != 0)
		return o;
	return is_service(c, name, strlen(name) - end) ? o : NULL;
}

static const char *nearest(const struct check *c, const char *name)
{
	struct pc__option_source source;
	const char *near = NULL;

	for (size_t k = 0; source_at(c, k, &source); k++)
		for (const pc_option *o = source.table; o && o->name; o++)
			near = pc__spelling_nearer(name, near, o->name);
	return near;
}

/* ------------------------------------------------------------ what is wrong with it */

static void check_unknown(struct check *c, const struct written *w)
{
	const struct pc__old_option *old = pc__option_old(w->name);
	char *successor = old ? pc__option_successor(old, w->name) : NULL;
	const char *near = nearest(c, w->name);

	if (successor)
		tell(c, PC__WARNING, w, "is called %s now", successor);
	else if (old && old->note)
		tell(c, PC__WARNING, w, "has gone: %s", old->note);
	else if (old)
		tell(c, PC__NOTE, w, "means something to Prosody only");
	else if (near)
		tell(c, PC__WARNING, w, "is not known: is %s meant?", near);
	else
		tell(c, PC__WARNING, w, "is not known");
	free(successor);
}

/* Modules know old names of their options, too. */
static bool is_old_name(struct check *c, const struct written *w)
{
	const struct pc__old_option *old = pc__option_old(w->name);
	bool is_old = old && *old->name != '*' && old->successor;

	if (is_old)
		tell(c, PC__WARNING, w, "is an old name of %s", old->successor);
	return is_old;
}

static void check_value(struct check *c, const struct written *w, const pc_option *o)
{
	const char *ambiguous = NULL;
	pc__typed typed;
	char range[160];

	if (!pc__option_value(o, w->value, c->arena, c->config->dir, &typed, &ambiguous)) {
		pc__option_range(o, range, sizeof(range));
		tell(c, PC__ERROR, w, "has a value that is refused: %s%s is meant",
		     pc__option_type_name(o), range);
	} else if (ambiguous) {
		tell(c, PC__WARNING, w, "has a value with an unclear unit, which is taken for %s",
		     ambiguous);
	}
}

static void check_place(struct check *c, const struct written *w, const pc_option *o)
{
	if (o->global && w->host)
		tell(c, PC__WARNING, w,
		     "is of the whole server, and does nothing here: put it above the first "
		     "VirtualHost");
}

static void check_one(const char *host, const char *name, const pc__value *value, void *data)
{
	struct check *c = data;
	struct written w = { host, name, value };
	struct pc__option_source source = { NULL, NULL, true };
	const pc_option *o = find(c, name, &source);

	if (o == NULL)
		o = find_made(c, name);
	if (o == NULL) {
		check_unknown(c, &w);
		return;
	}
	check_place(c, &w, o);
	if (!c->how->values)
		return;
	if (source.in_use)
		check_value(c, &w, o);
	if (!is_old_name(c, &w) && !source.in_use)
		tell(c, PC__NOTE, &w, "is of module %s, which is not enabled", source.module);
}

size_t pc__config_check(pc__config *config, const struct pc__option_check *how)
{
	struct check c = { .how = how, .config = config ? config : pc__config_in_use() };

	c.arena = pc__arena_new(1024);
	pc__config_each(c.config, check_one, &c);
	pc__arena_free(&c.arena);
	return c.found;
}
