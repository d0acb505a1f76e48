/*
 * registrations.c - which services an account's clients want to be told through: a map of the
 * account, "jid<node" to the element of <enable/>. Those that were used last are in memory.
 */
#include <stdlib.h>
#include <string.h>

#include "cloud_notify.h"

static char *copy_of(const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		abort();
	return copy;
}

char *registration_key(const char *jid, const char *node)
{
	size_t jid_len = strlen(jid), node_len = strlen(node);
	char *key = malloc(jid_len + node_len + 2);

	if (key == NULL)
		abort();
	memcpy(key, jid, jid_len);
	key[jid_len] = '<';
	memcpy(key + jid_len + 1, node, node_len + 1);
	return key;
}

static void registration_free(struct registration *r)
{
	push_free_all(&r->next_one);
	pc_stanza_free(&r->stored);
	free(r->jid);
	free(r->node);
	free(r);
}

struct registration *registration_find(struct account *a, const char *jid, const char *node)
{
	struct registration *r = a->registrations;

	while (r && (strcmp(r->jid, jid) != 0 || strcmp(r->node, node) != 0))
		r = r->next;
	return r;
}

/* ------------------------------------------------------------ accounts in memory */

static void account_free(struct cloud *c, struct account *a)
{
	HASH_DEL(c->accounts, a);
	for (struct registration *r = a->registrations, *next; r; r = next) {
		next = r->next;
		registration_free(r);
	}
	push_free_all(&a->waiting);
	free(a->user);
	free(a);
}

/* One that is being read, or awaits answers, stays. */
static void make_room(struct cloud *c)
{
	size_t most = (size_t)pc_opt_int(c->m, "push_cache_size");
	struct account *a, *next;

	if (HASH_COUNT(c->accounts) <= most)
		return;
	HASH_ITER(hh, c->accounts, a, next)
	{
		if (a->known && a->under_way == 0)
			account_free(c, a);
		if (HASH_COUNT(c->accounts) <= most)
			return;
	}
}

static void add(struct account *a, pc_stanza *stored)
{
	const char *node = pc_stanza_get(stored, "node");
	struct registration *r = calloc(1, sizeof(*r)), **at = &a->registrations;

	if (r == NULL)
		abort();
	r->jid = copy_of(pc_stanza_get(stored, "jid"));
	r->node = copy_of(node ? node : "");
	r->stored = stored;
	while (*at)
		at = &(*at)->next;
	*at = r;
}

static bool is_good(const pc_stanza *stored)
{
	return stored && pc_stanza_is(stored, "enable", NS_PUSH) && pc_stanza_get(stored, "jid");
}

/* What was enabled while it was being read is newer. */
static void take(struct account *a, const pc_item *item)
{
	pc_stanza *stored = pc_stanza_parse(item->value, item->len);
	const char *node = is_good(stored) ? pc_stanza_get(stored, "node") : NULL;

	if (is_good(stored) &&
	    registration_find(a, pc_stanza_get(stored, "jid"), node ? node : "") == NULL)
		add(a, stored);
	else
		pc_stanza_free(&stored);
}

struct reading {
	struct cloud *c;
	char user[PC_JID_PART_MAX + 1];
};

static void on_items(int err, const pc_item *items, size_t n, void *data)
{
	struct reading *r = data;
	struct cloud *c = r->c;
	struct account *a;

	HASH_FIND_STR(c->accounts, r->user, a);
	pc_module_free(c->m, r);
	if (a == NULL || a->known)
		return;
	for (size_t i = 0; err == PC_OK && i < n; i++)
		take(a, &items[i]);
	a->known = err == PC_OK;
	push_waiting(c, a);
	if (err != PC_OK)
		account_free(c, a);
	else
		make_room(c);
}

struct account *account_get(struct cloud *c, const char *user)
{
	struct account *a;
	struct reading *r;

	HASH_FIND_STR(c->accounts, user, a);
	if (a) {
		HASH_DEL(c->accounts, a);
	} else {
		a = calloc(1, sizeof(*a));
		if (a == NULL)
			abort();
		a->user = copy_of(user);
		r = pc_module_alloc(c->m, sizeof(*r));
		r->c = c;
		memcpy(r->user, user, strlen(user) + 1);
		pc_store_get(c->store, user, on_items, r);
	}
	HASH_ADD_KEYPTR(hh, c->accounts, a->user, strlen(a->user), a);
	return a;
}

void registrations_clear(struct cloud *c)
{
	struct account *a, *next;

	HASH_ITER(hh, c->accounts, a, next)
	{
		account_free(c, a);
	}
}

/* ------------------------------------------------------------ changes */

static void drop(struct account *a, struct registration *gone)
{
	struct registration **at = &a->registrations;

	while (*at != gone)
		at = &(*at)->next;
	*at = gone->next;
	registration_free(gone);
}

/* Of more than push_max_devices the one that was enabled first goes. */
static struct registration *surplus(struct cloud *c, struct account *a)
{
	size_t n = 0;

	for (const struct registration *r = a->registrations; r; r = r->next)
		n++;
	return n > (size_t)pc_opt_int(c->m, "push_max_devices") ? a->registrations : NULL;
}

pc_ticket registration_put(struct cloud *c, const char *user, pc_stanza *stored)
{
	struct account *a = account_get(c, user);
	const char *jid = pc_stanza_get(stored, "jid"), *node = pc_stanza_get(stored, "node");
	struct registration *old = registration_find(a, jid, node ? node : ""), *over;
	pc_item items[2] = { { .key = NULL } };
	char *key = registration_key(jid, node ? node : ""), *over_key = NULL, *text;
	size_t n = 1;
	pc_ticket ticket;

	items[0].key = key;
	items[0].value = text = pc_stanza_write(stored, &items[0].len);
	if (old)
		drop(a, old);
	add(a, stored);
	over = surplus(c, a);
	if (over) {
		over_key = registration_key(over->jid, over->node);
		items[n++] = (pc_item){ .key = over_key };
	}
	ticket = pc_store_set_keys(c->store, user, items, n, NULL, NULL);
	if (over)
		drop(a, over);
	free(text);
	free(key);
	free(over_key);
	return ticket;
}

/* The instance's memory: one whose callback is dropped ends with it. */
struct removal {
	struct cloud *c;
	removed_fn *fn;
	pc_token token;
	bool all; /* of that service */
	char user[PC_JID_PART_MAX + 1];
	char jid[PC_JID_MAX + 1], node[];
};

static bool is_meant(const struct removal *r, const char *jid, size_t len, const char *node)
{
	return strlen(r->jid) == len && memcmp(r->jid, jid, len) == 0 &&
	       (r->all || strcmp(r->node, node) == 0);
}

/* One that is being read now is not known any more: it may have been read before. */
static void remove_from_memory(const struct removal *rm)
{
	struct account *a;

	HASH_FIND_STR(rm->c->accounts, rm->user, a);
	if (a == NULL)
		return;
	for (struct registration *r = a->registrations, *next; r; r = next) {
		next = r->next;
		if (is_meant(rm, r->jid, strlen(r->jid), r->node))
			drop(a, r);
	}
	if (!a->known)
		account_free(rm->c, a);
}

static void on_found(int err, const pc_item *items, size_t n, void *data)
{
	struct removal *rm = data;
	struct cloud *c = rm->c;
	pc_item *gone = pc_module_alloc(c->m, (n + 1) * sizeof(*gone));
	size_t n_gone = 0;
	pc_ticket ticket = 0;

	for (size_t i = 0; err == PC_OK && i < n; i++) {
		size_t len = strcspn(items[i].key, "<");

		if (is_meant(rm, items[i].key, len, items[i].key + len + 1))
			gone[n_gone++] = (pc_item){ .key = items[i].key };
	}
	if (n_gone > 0)
		ticket = pc_store_set_keys(c->store, rm->user, gone, n_gone, NULL, NULL);
	remove_from_memory(rm);
	if (rm->fn)
		rm->fn(c, ticket, rm->token);
	pc_module_free(c->m, gone);
	pc_module_free(c->m, rm);
}

void registration_remove(struct cloud *c, const char *user, const char *jid, const char *node,
                         removed_fn *fn, pc_token token)
{
	size_t size = node ? strlen(node) + 1 : 1;
	struct removal *rm = pc_module_alloc(c->m, sizeof(*rm) + size);

	rm->c = c;
	rm->fn = fn;
	rm->token = token;
	rm->all = node == NULL;
	memcpy(rm->user, user, strlen(user) + 1);
	memcpy(rm->jid, jid, strlen(jid) + 1);
	if (node)
		memcpy(rm->node, node, size);
	pc_store_get(c->store, rm->user, on_found, rm);
}
