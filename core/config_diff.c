/*
 * config_diff.c - what two configurations say differently.
 */
#include <string.h>

#include "config_internal.h"

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* As deep as the reading lets tables be. */
static bool is_same(const pc__value *a, const pc__value *b)
{
	if (a->type != b->type || !same_text(a->s, b->s) || a->n_list != b->n_list ||
	    a->n_fields != b->n_fields)
		return false;
	for (size_t i = 0; i < a->n_list; i++)
		if (!is_same(&a->list[i], &b->list[i]))
			return false;
	for (size_t i = 0; i < a->n_fields; i++)
		if (strcmp(a->fields[i].name, b->fields[i].name) != 0 ||
		    !is_same(&a->fields[i].value, &b->fields[i].value))
			return false;
	return true;
}

static void diff_part(const struct pc__host_options *old, const struct pc__host_options *new,
                      pc__config_diff_fn *fn, void *data)
{
	const char *host = *new->host.name ? new->host.name : NULL;

	for (const struct pc__entry *e = new->entries; e; e = e->hh.next) {
		const struct pc__entry *was = pc__config_entry(old, e->name);

		if (pc__config_entry(new, e->name) &&
		    (was == NULL || !is_same(&was->value, &e->value)))
			fn(host, e->name, data);
	}
	for (const struct pc__entry *e = old->entries; e; e = e->hh.next)
		if (pc__config_entry(old, e->name) && pc__config_entry(new, e->name) == NULL)
			fn(host, e->name, data);
}

void pc__config_diff(pc__config *old, pc__config *new, pc__config_diff_fn *fn, void *data)
{
	if (old == NULL)
		old = pc__config_in_use();
	diff_part(&old->global, &new->global, fn, data);
	for (const struct pc__host_options *part = new->hosts; part; part = part->hh.next) {
		const struct pc__host_options *was = pc__config_part(old, part->host.name);

		if (was != &old->global)
			diff_part(was, part, fn, data);
	}
}
