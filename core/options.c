/*
 * options.c - options by their declared type.
 */
#include "options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "log.h"
#include "modules.h"
#include "option_value.h"
#include "util/mem.h"

/* A typed value that was asked for. Askers may say different things of the same name. */
struct pc__resolved {
	UT_hash_handle hh;
	pc_option option; /* name and default are copies */
	pc__typed typed;
	struct pc__resolved *other; /* of that name, said otherwise */
};

static void free_all(struct pc__resolved *r)
{
	while (r) {
		struct pc__resolved *other = r->other;

		free((char *)(uintptr_t)r->option.name);
		free((char *)(uintptr_t)r->option.dflt);
		free(r);
		r = other;
	}
}

void pc__resolved_clear(struct pc__host_options *part)
{
	struct pc__resolved *r, *next;

	HASH_ITER(hh, part->resolved, r, next)
	{
		HASH_DEL(part->resolved, r);
		free_all(r);
	}
}

const pc_option *pc__option_find(const pc_option *table, const char *name)
{
	for (; table && table->name; table++)
		if (strcmp(table->name, name) == 0)
			return table;
	return NULL;
}

/* ---- what was written */

/* Once for a value, whoever asks. */
static void complain(struct pc__entry *e, const pc_option *o, const char *dflt)
{
	char range[160];

	if (e->warned)
		return;
	e->warned = true;
	pc__option_range(o, range, sizeof(range));
	pc__log("config", PC_WARN, "%s:%d: option %s: %s%s is meant; %s%s is used", e->value.file,
	        e->value.line, e->name, pc__option_type_name(o), range,
	        dflt ? "the default " : "nothing", dflt ? dflt : "");
}

static bool from_entry(pc__config *config, struct pc__entry *e, const pc_option *o, pc__typed *t)
{
	const char *ambiguous = NULL;

	if (!pc__option_value(o, &e->value, config->arena, config->dir, t, &ambiguous)) {
		complain(e, o, o->dflt);
		return false;
	}
	if (ambiguous && !e->warned) {
		e->warned = true;
		pc__log("config", PC_WARN, "%s:%d: option %s: \"%s\" is taken for %s",
		        e->value.file, e->value.line, e->name, e->value.s, ambiguous);
	}
	t->set = true;
	return true;
}

/* The host's own and the global set together. */
static void inherit(pc__config *config, const pc_option *o, pc__typed *own)
{
	struct pc__entry *e = pc__config_entry(&config->global, o->name);
	pc__typed global = { 0 };

	if (e && from_entry(config, e, o, &global))
		pc__option_join(config->arena, own, &global);
}

static void take_default(pc__config *config, const char *host, const pc_option *o, pc__typed *t)
{
	*t = (pc__typed){ 0 };
	if (o->dflt && !pc__option_text(o, o->dflt, config->arena, t))
		pc__log("config", PC_ERROR, "option %s: its default, %s, is wrong", o->name,
		        o->dflt);
	if (t->b && pc__enabled_says_no(host, o->name))
		t->b = false;
}

static void resolve(pc__config *config, const struct pc__host_options *part, const char *host,
                    const pc_option *o, pc__typed *t)
{
	struct pc__entry *e = pc__config_entry(part, o->name);

	if (e && from_entry(config, e, o, t)) {
		if (o->inherited && part != &config->global)
			inherit(config, o, t);
		return;
	}
	e = part == &config->global ? NULL : pc__config_entry(&config->global, o->name);
	if (e && from_entry(config, e, o, t))
		return;
	take_default(config, host, o, t);
}

static bool says_the_same(const pc_option *a, const pc_option *b)
{
	if (a->type != b->type || a->inherited != b->inherited || a->min < b->min ||
	    a->min > b->min || a->max < b->max || a->max > b->max)
		return false;
	return a->dflt == b->dflt || (a->dflt && b->dflt && strcmp(a->dflt, b->dflt) == 0);
}

static struct pc__resolved *resolved_new(const pc_option *option)
{
	struct pc__resolved *r = pc__alloc(sizeof(*r));

	r->option = *option;
	r->option.name = pc__strdup(option->name);
	r->option.dflt = pc__strdup(option->dflt);
	return r;
}

/* Asked for with every stream and stanza: neither converts nor allocates but for the first time. */
const pc__typed *pc__option_get(const char *host, const pc_option *option)
{
	pc__config *config = pc__config_in_use();
	struct pc__host_options *part = pc__config_part(config, host);
	struct pc__resolved *first, *r;

	HASH_FIND_STR(part->resolved, option->name, first);
	for (r = first; r; r = r->other)
		if (says_the_same(&r->option, option))
			return &r->typed;
	r = resolved_new(option);
	resolve(config, part, host, option, &r->typed);
	if (first) {
		r->other = first->other;
		first->other = r;
	} else {
		HASH_ADD_KEYPTR(hh, part->resolved, r->option.name, strlen(r->option.name), r);
	}
	return &r->typed;
}

/* ---- fields of tables */

static const pc__value *item(const pc__value *v, const char *name)
{
	char *end;
	unsigned long i = strtoul(name, &end, 10);

	if (*name && *end == '\0' && i >= 1 && i <= v->n_list)
		return &v->list[i - 1];
	return pc__value_field(v, name);
}

const char *pc__option_field(const char *host, const char *name, const char *field)
{
	const pc__value *v = pc__config_get(host, name);

	while (v && *field) {
		size_t len = strcspn(field, ".");
		char *part = pc__strndup(field, len);

		v = v->type == PC__TABLE ? item(v, part) : NULL;
		free(part);
		field += len + (field[len] == '.');
	}
	return v ? v->s : NULL;
}

void pc__option_each(const char *host, const char *name, const char *const *path, pc_opt_fn *fn,
                     void *data)
{
	const pc__value *v = pc__config_get(host, name);
	char key[24];

	for (; v && path && *path; path++)
		v = v->type == PC__TABLE ? item(v, *path) : NULL;
	if (v == NULL || v->type != PC__TABLE)
		return;
	for (size_t i = 0; i < v->n_list; i++) {
		snprintf(key, sizeof(key), "%zu", i + 1);
		fn(key, v->list[i].s, data);
	}
	for (size_t i = 0; i < v->n_fields; i++)
		fn(v->fields[i].name, v->fields[i].value.s, data);
}
