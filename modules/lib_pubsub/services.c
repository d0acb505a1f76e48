/*
 * services.c - which services are in memory; reading and changing what is kept of nodes.
 */
#include "pubsub.h"

#include <inttypes.h>

#include "mem.h"

struct waiter {
	struct waiter *next;
	service_fn *fn;
	void *data;
};

/* ------------------------------------------------------------ life */

static struct service *service_new(struct pubsub *p, const char *user)
{
	struct service *s = pc_module_alloc(p->m, sizeof(*s));

	s->p = p;
	memcpy(s->user, user, strlen(user) + 1);
	HASH_ADD_KEYPTR(hh, p->services, s->user, strlen(s->user), s);
	return s;
}

static void clear_nodes(struct service *s)
{
	struct node *n, *next;

	HASH_ITER(hh, s->nodes, n, next)
	{
		HASH_DEL(s->nodes, n);
		node_free(n);
	}
	s->bytes = 0;
}

/* No longer found; it goes when nobody uses it. */
static void drop(struct service *s)
{
	if (!s->dropped)
		HASH_DEL(s->p->services, s);
	s->dropped = true;
	if (s->users > 0)
		return;
	clear_nodes(s);
	pc_module_free(s->p->m, s);
}

static void make_room(struct pubsub *p)
{
	struct service *s, *next;

	HASH_ITER(hh, p->services, s, next)
	{
		if (HASH_COUNT(p->services) <= (size_t)p->cache_size)
			return;
		if (s->users == 0)
			drop(s);
	}
}

void service_release(struct service *s)
{
	struct pubsub *p = s->p;

	if (--s->users > 0 || p->unloaded)
		return;
	if (s->dropped)
		drop(s);
	else
		make_room(p);
}

void pubsub_load(struct pubsub *p)
{
	p->nodes = pc_store_open(p->m, p->kind->nodes, PC_STORE_MAP);
	p->subscriptions = pc_store_open(p->m, p->kind->subscriptions, PC_STORE_MAP);
	p->sizes = pc_store_open(p->m, p->kind->sizes, PC_STORE_MAP);
	p->published = pc_counter(p->m, "published", NULL);
	p->notified = pc_counter(p->m, "notifications", NULL);
}

/* Whoever holds one sees that the module was unloaded, and leaves it alone. */
void pubsub_unload(struct pubsub *p)
{
	struct service *s, *next;

	p->unloaded = true;
	HASH_ITER(hh, p->services, s, next)
	{
		HASH_DEL(p->services, s);
		s->dropped = true;
		clear_nodes(s);
	}
}

void pubsub_forget(struct pubsub *p, const char *user)
{
	struct service *s;

	HASH_FIND_STR(p->services, user, s);
	if (s)
		drop(s);
}

const char *service_user(const struct service *s)
{
	return *s->user ? s->user : NULL;
}

void service_jid(const struct service *s, char *out)
{
	pc_jid_write(&(pc_jid){ service_user(s), pc_module_host_name(s->p->m), NULL }, out);
}

struct node *service_node(const struct service *s, const char *name)
{
	struct node *n = NULL;

	if (name)
		HASH_FIND_STR(s->nodes, name, n);
	return n;
}

/* ------------------------------------------------------------ reading */

static void tell(struct service *s, bool ok)
{
	while (s->waiters) {
		struct waiter *w = s->waiters, now = *w;

		s->waiters = now.next;
		pc_module_free(s->p->m, w);
		s->users += ok;
		now.fn(ok ? s : NULL, now.data);
	}
}

static void read_end(struct service *s, bool ok)
{
	s->loaded = ok;
	tell(s, ok);
	if (!ok)
		drop(s);
	service_release(s);
}

static bool is_over(struct service *s, int err)
{
	if (s->p->unloaded) {
		tell(s, false);
		return true;
	}
	if (err != PC_OK)
		read_end(s, false);
	return err != PC_OK;
}

static void on_sizes(int err, const pc_item *items, size_t n, void *data)
{
	struct service *s = data;

	if (is_over(s, err))
		return;
	for (size_t i = 0; i < n; i++) {
		struct node *node = service_node(s, items[i].key);
		int64_t count, bytes;

		if (node == NULL ||
		    sscanf(items[i].value, "%" SCNd64 " %" SCNd64, &count, &bytes) != 2)
			continue;
		node->n_items = count;
		node->bytes = bytes;
		s->bytes += bytes;
	}
	read_end(s, true);
}

static void on_subscriptions(int err, const pc_item *items, size_t n, void *data)
{
	struct service *s = data;

	if (is_over(s, err))
		return;
	for (size_t i = 0; i < n; i++) {
		const char *jid = strchr(items[i].key, '\n');
		char *name = jid ? mem_checked(strndup(items[i].key, (size_t)(jid - items[i].key)))
		                 : NULL;
		struct node *node = service_node(s, name);

		if (node)
			node_subscribe(node, jid + 1, strcmp(items[i].value, "pending") == 0);
		free(name);
	}
	pc_store_get(s->p->sizes, service_user(s), on_sizes, s);
}

static void read_node(struct service *s, const pc_item *item)
{
	struct config defaults = { 0 };
	struct node *n;

	s->p->kind->defaults(s->p, item->key, &defaults);
	n = node_read(item->key, item->value, item->len, &defaults, &s->p->limits);
	config_free(&defaults);
	if (n)
		HASH_ADD_STR(s->nodes, name, n);
	else
		pc_log(s->p->m, PC_ERROR, "node %s of %s cannot be read from the store", item->key,
		       *s->user ? s->user : "the service");
}

static void on_nodes(int err, const pc_item *items, size_t n, void *data)
{
	struct service *s = data;

	if (is_over(s, err))
		return;
	for (size_t i = 0; i < n; i++)
		if (node_name_fits(items[i].key))
			read_node(s, &items[i]);
	if (s->nodes)
		pc_store_get(s->p->subscriptions, service_user(s), on_subscriptions, s);
	else
		read_end(s, true);
}

void service_get(struct pubsub *p, const char *user, service_fn *fn, void *data)
{
	struct waiter *w, **at;
	struct service *s;

	HASH_FIND_STR(p->services, user, s);
	if (s && s->loaded) {
		HASH_DEL(p->services, s);
		HASH_ADD_KEYPTR(hh, p->services, s->user, strlen(s->user), s);
		s->users++;
		fn(s, data);
		return;
	}
	w = pc_module_alloc(p->m, sizeof(*w));
	*w = (struct waiter){ NULL, fn, data };
	if (s == NULL) {
		s = service_new(p, user);
		s->users++; /* the reading */
		pc_store_get(p->nodes, service_user(s), on_nodes, s);
	}
	for (at = &s->waiters; *at; at = &(*at)->next)
		;
	*at = w;
}

/* ------------------------------------------------------------ writing */

static void on_written(int err, void *data)
{
	struct service *s = data;

	if (s->p->unloaded)
		return;
	if (err != PC_OK && !s->dropped)
		drop(s);
	service_release(s);
}

pc_ticket service_commit(struct service *s, pc_batch *b)
{
	s->users++;
	return pc_batch_commit(b, on_written, s);
}

static void batch_node(struct service *s, pc_batch *b, const struct node *n)
{
	pc_item item = { .key = n->name };
	char *text = node_write(n, &item.len);

	item.value = text;
	pc_batch_set_keys(b, s->p->nodes, service_user(s), &item, 1);
	free(text);
}

pc_ticket service_write(struct service *s, const struct node *n)
{
	pc_batch *b = pc_batch_new(s->p->m);

	batch_node(s, b, n);
	return service_commit(s, b);
}

/* What an archive of that name may have had before is gone with it. */
struct node *service_create(struct service *s, const char *name, struct config *config,
                            const char *owner, pc_ticket *ticket_r)
{
	struct node *n = node_new(name, config);

	if (owner)
		node_affiliate(n, owner, AFFILIATION_OWNER);
	HASH_ADD_STR(s->nodes, name, n);
	*ticket_r = service_write(s, n);
	return n;
}

static void batch_subscription(struct service *s, pc_batch *b, const struct node *n,
                               const char *jid, const char *value)
{
	char *key = mem_printf("%s\n%s", n->name, jid);

	pc_batch_set_keys(b, s->p->subscriptions, service_user(s),
	                  &(pc_item){ key, value, value ? strlen(value) : 0 }, 1);
	free(key);
}

pc_ticket service_subscribe(struct service *s, struct node *n, const char *jid, bool pending,
                            bool none)
{
	pc_batch *b = pc_batch_new(s->p->m);
	struct subscription *sub = node_subscription(n, jid);

	batch_subscription(s, b, n, jid, none ? NULL : pending ? "pending" : "subscribed");
	if (!none)
		node_subscribe(n, jid, pending);
	else if (sub)
		node_unsubscribe(n, sub);
	return service_commit(s, b);
}

pc_ticket service_delete(struct service *s, struct node *n)
{
	pc_batch *b = pc_batch_new(s->p->m);
	pc_store *items = items_open(s, n->name);
	pc_item gone = { .key = n->name };
	pc_ticket ticket;

	for (const struct subscription *sub = n->subscriptions; sub; sub = sub->hh.next)
		batch_subscription(s, b, n, sub->jid, NULL);
	pc_batch_delete(b, items, service_user(s), NULL);
	pc_batch_set_keys(b, s->p->sizes, service_user(s), &gone, 1);
	pc_batch_set_keys(b, s->p->nodes, service_user(s), &gone, 1);
	ticket = service_commit(s, b);
	pc_store_close(&items);
	HASH_DEL(s->nodes, n);
	if (n->bytes > 0)
		s->bytes -= n->bytes;
	node_free(n);
	return ticket;
}
