/*
 * option_get.c - reading options: modules by their own tables, the core by its.
 */
#include <stdlib.h>
#include <string.h>

#include "hosts.h"
#include "modules.h"
#include "options.h"
#include "server.h"
#include "util/mem.h"

static const pc__typed none;

/* ---- modules */

static const char *host_of(const pc_module *m)
{
	return m->host ? m->host->name : NULL;
}

static const pc_option *option_of(pc_module *m, const char *name)
{
	const pc_option *o = pc__option_find(m->def->options, name);

	if (o == NULL)
		pc__module_error(m, PC_EINVAL, "option %s is not in the module's list", name);
	return o;
}

/* The places of m's options, emptied when the configuration is another one. */
static const pc__typed **places(pc_module *m)
{
	size_t n = 0;

	if (m->typed && m->typed_of == pc__config_number())
		return m->typed;
	while (m->def->options[n].name)
		n++;
	free(m->typed);
	m->typed = pc__alloc(n * sizeof(*m->typed));
	m->typed_of = pc__config_number();
	return m->typed;
}

/* Some are asked for with every stanza. */
static const pc__typed *get(pc_module *m, const char *name)
{
	const pc_option *o = option_of(m, name);
	const pc__typed **place;

	if (o == NULL)
		return &none;
	place = &places(m)[o - m->def->options];
	if (*place == NULL)
		*place = pc__option_get(host_of(m), o);
	return *place;
}

const char *pc_opt_str(pc_module *m, const char *name)
{
	return get(m, name)->s;
}

int64_t pc_opt_int(pc_module *m, const char *name)
{
	return get(m, name)->i;
}

bool pc_opt_bool(pc_module *m, const char *name)
{
	return get(m, name)->b;
}

double pc_opt_seconds(pc_module *m, const char *name)
{
	return get(m, name)->n;
}

size_t pc_opt_count(pc_module *m, const char *name)
{
	return get(m, name)->n_list;
}

const char *pc_opt_at(pc_module *m, const char *name, size_t index)
{
	const pc__typed *t = get(m, name);

	return index < t->n_list ? t->list[index] : NULL;
}

bool pc_opt_has(pc_module *m, const char *name, const char *value)
{
	const pc__typed *t = get(m, name);

	for (size_t i = 0; i < t->n_list; i++)
		if (strcmp(t->list[i], value) == 0)
			return true;
	return false;
}

bool pc_opt_is_set(pc_module *m, const char *name)
{
	return get(m, name)->set;
}

static const pc__typed *get_on(pc_module *m, const pc_host *host, const char *name)
{
	const pc_option *o = option_of(m, name);

	return o ? pc__option_get(host ? host->name : NULL, o) : &none;
}

const char *pc_opt_str_on(pc_module *m, const pc_host *host, const char *name)
{
	return get_on(m, host, name)->s;
}

bool pc_opt_bool_on(pc_module *m, const pc_host *host, const char *name)
{
	return get_on(m, host, name)->b;
}

const char *pc_opt_field(pc_module *m, const char *name, const char *field)
{
	return option_of(m, name) ? pc__option_field(host_of(m), name, field) : NULL;
}

void pc_opt_each(pc_module *m, const char *name, const char *const *path, pc_opt_fn *fn, void *data)
{
	if (option_of(m, name))
		pc__option_each(host_of(m), name, path, fn, data);
}

/* ---- the core */

static const pc__typed *core_get(const char *host, const char *name)
{
	const pc_option *o = pc__option_find(pc__core_options, name);

	if (pc__bug(o == NULL))
		return &none;
	return pc__option_get(host, o);
}

const char *pc__opt_str(const char *host, const char *name)
{
	return core_get(host, name)->s;
}

int64_t pc__opt_int(const char *host, const char *name)
{
	return core_get(host, name)->i;
}

bool pc__opt_bool(const char *host, const char *name)
{
	return core_get(host, name)->b;
}

double pc__opt_seconds(const char *host, const char *name)
{
	return core_get(host, name)->n;
}

size_t pc__opt_count(const char *host, const char *name)
{
	return core_get(host, name)->n_list;
}

const char *pc__opt_at(const char *host, const char *name, size_t i)
{
	const pc__typed *t = core_get(host, name);

	return i < t->n_list ? t->list[i] : NULL;
}

/* ---- options that are named at run time */

double pc__opt_number_of(const char *host, const pc_option *option)
{
	return pc__option_get(host, option)->n;
}

const char *pc__opt_str_of(const char *host, const pc_option *option)
{
	return pc__option_get(host, option)->s;
}

bool pc__opt_bool_of(const char *host, const pc_option *option)
{
	return pc__option_get(host, option)->b;
}

size_t pc__opt_count_of(const char *host, const pc_option *option)
{
	return pc__option_get(host, option)->n_list;
}

const char *pc__opt_at_of(const char *host, const pc_option *option, size_t i)
{
	const pc__typed *t = pc__option_get(host, option);

	return i < t->n_list ? t->list[i] : NULL;
}
