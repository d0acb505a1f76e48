/*
 * roster_shared.c - contacts of a roster that a list gives it (roster.h: pc_roster_set_shared).
 *
 * They lie beside the account's own items, sorted like these, and are never written: what is stored
 * is the account's alone, and is there again when the list no longer names a contact.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rosters.h"
#include "util/mem.h"

static int by_address(const void *a, const void *b)
{
	const pc_shared_contact *x = *(const pc_shared_contact *const *)a,
	                        *y = *(const pc_shared_contact *const *)b;
	int order = strcmp(x->jid, y->jid);

	return order ? order : strcmp(x->group, y->group);
}

static size_t position(const pc_roster *r, const char *jid, bool *found_r)
{
	size_t low = 0, high = r->n_shared;

	*found_r = false;
	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = strcmp(r->shared[mid]->texts, jid);

		if (order == 0) {
			*found_r = true;
			return mid;
		}
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct pc__roster_item *pc__roster_shared(const pc_roster *r, const char *jid)
{
	bool found;
	size_t at = r->n_shared > 0 ? position(r, jid, &found) : 0;

	return r->n_shared > 0 && found ? r->shared[at] : NULL;
}

/* ------------------------------------------------------------ with what the account has itself */

static void add_groups(const struct pc__roster_item *shared, pc_contact *c)
{
	static const char *groups[2 * PC__ROSTER_GROUPS];
	const char *at = shared->texts + strlen(shared->texts) + 1;
	size_t n = c->n_groups;

	for (size_t i = 0; i < n; i++)
		groups[i] = c->groups[i];
	if (shared->has_name)
		at += strlen(at) + 1;
	for (size_t i = 0, k; i < shared->n_groups; i++, at += strlen(at) + 1) {
		for (k = 0; k < c->n_groups && strcmp(groups[k], at) != 0;)
			k++;
		if (k == c->n_groups)
			groups[n++] = at;
	}
	c->groups = groups;
	c->n_groups = n;
}

void pc__roster_fill_shared(const struct pc__roster_item *item,
                            const struct pc__roster_item *shared, pc_contact *c)
{
	if (item)
		pc__roster_fill(item, c);
	else
		*c = (pc_contact){ .jid = shared->texts };
	c->subscription = PC_SUB_BOTH;
	c->in_roster = true;
	c->pending_in = c->pending_out = c->approved = false;
	if (c->name == NULL && shared->has_name)
		c->name = shared->texts + strlen(shared->texts) + 1;
	add_groups(shared, c);
}

static bool has_group(const struct pc__roster_item *item, const char *group)
{
	pc_contact c;

	pc__roster_fill(item, &c);
	for (size_t i = 0; i < c.n_groups; i++)
		if (strcmp(c.groups[i], group) == 0)
			return true;
	return false;
}

size_t pc__roster_own_groups(const struct pc__roster_item *shared, const char *const *groups,
                             size_t n_groups, const char *own[static PC__ROSTER_GROUPS])
{
	size_t n = 0;

	for (size_t i = 0; i < n_groups && n < PC__ROSTER_GROUPS; i++)
		if (shared == NULL || !has_group(shared, groups[i]))
			own[n++] = groups[i];
	return n;
}

const char *pc__roster_own_name(const struct pc__roster_item *shared, const char *name)
{
	if (shared && shared->has_name && name &&
	    strcmp(shared->texts + strlen(shared->texts) + 1, name) == 0)
		return NULL;
	return name;
}

/* ------------------------------------------------------------ the version */

static uint64_t mix(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	return (hash ^ 0xff) * 0x100000001b3;
}

static size_t n_texts(const struct pc__roster_item *item)
{
	return (size_t)1 + item->has_name + item->n_groups;
}

/* So that a client which knows the roster by its version hears of other contacts. */
static void sum_up(pc_roster *r)
{
	uint64_t sum = 0xcbf29ce484222325;

	for (size_t i = 0; i < r->n_shared; i++) {
		const char *text = r->shared[i]->texts;

		sum = mix(sum, r->shared[i]->has_name ? "name" : "");
		for (size_t k = 0; k < n_texts(r->shared[i]); k++, text += strlen(text) + 1)
			sum = mix(sum, text);
	}
	r->shared_sum = r->n_shared > 0 ? (uint32_t)(sum ^ sum >> 32) : 0;
}

/* ------------------------------------------------------------ replacing them */

/* Of the lines with one address: its first name, its groups without doubles. */
static struct pc__roster_item *item_of(const pc_shared_contact *const *lines, size_t n)
{
	const char *groups[PC__ROSTER_GROUPS], *name = NULL;
	size_t n_groups = 0;

	for (size_t i = 0; i < n; i++) {
		if (name == NULL)
			name = lines[i]->name;
		if (n_groups < PC__ROSTER_GROUPS &&
		    (n_groups == 0 || strcmp(groups[n_groups - 1], lines[i]->group) != 0))
			groups[n_groups++] = lines[i]->group;
	}
	return pc__roster_item_new(lines[0]->jid, name, groups, n_groups);
}

static bool is_same(const struct pc__roster_item *a, const struct pc__roster_item *b)
{
	const char *x = a->texts, *y = b->texts;

	if (a->has_name != b->has_name || a->n_groups != b->n_groups)
		return false;
	for (size_t i = 0; i < n_texts(a); i++, x += strlen(x) + 1, y += strlen(y) + 1)
		if (strcmp(x, y) != 0)
			return false;
	return true;
}

/* The list as items, sorted. */
static struct pc__roster_item **items_of(const pc_shared_contact *list, size_t n, size_t *n_r)
{
	struct pc__roster_item **items = pc__alloc((n + 1) * sizeof(struct pc__roster_item *));
	const pc_shared_contact **lines = pc__alloc((n + 1) * sizeof(const pc_shared_contact *));

	*n_r = 0;
	for (size_t i = 0; i < n; i++)
		lines[i] = &list[i];
	if (n > 0)
		qsort(lines, n, sizeof(const pc_shared_contact *), by_address);
	for (size_t i = 0, same; i < n; i += same) {
		same = 1;
		while (i + same < n && strcmp(lines[i]->jid, lines[i + same]->jid) == 0)
			same++;
		items[(*n_r)++] = item_of(&lines[i], same);
	}
	free(lines);
	return items;
}

/* What was shared, and what is, in one walk over both. */
static void tell(struct pc__roster_item *const *was, size_t n_was,
                 struct pc__roster_item *const *is, size_t n_is, pc_shared_contact_fn *fn,
                 void *data)
{
	size_t i = 0, j = 0;

	while (i < n_was || j < n_is) {
		int order = i == n_was ? 1 : j == n_is ? -1 : strcmp(was[i]->texts, is[j]->texts);
		const char *jid = order <= 0 ? was[i]->texts : is[j]->texts;

		if (order != 0 || !is_same(was[i], is[j]))
			fn(jid, order <= 0, order >= 0, data);
		i += order <= 0;
		j += order >= 0;
	}
}

void pc__roster_shared_free(struct pc__roster_item **items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(items[i]);
	free(items);
}

void pc_roster_set_shared(pc_roster *r, const pc_shared_contact *list, size_t n,
                          pc_shared_contact_fn *fn, void *data)
{
	struct pc__roster_item **was = r->shared;
	size_t n_was = r->n_shared;

	r->shared = n > 0 ? items_of(list, n, &r->n_shared) : NULL;
	if (n == 0)
		r->n_shared = 0;
	sum_up(r);
	pc__roster_set_version_text(r);
	if (fn)
		tell(was, n_was, r->shared, r->n_shared, fn, data);
	pc__roster_shared_free(was, n_was);
}
