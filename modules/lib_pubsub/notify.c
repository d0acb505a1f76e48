/*
 * notify.c - who is told, and what (XEP-0060 sections 7.1.2.1, 7.2.2.1, 12.1; XEP-0163 section 4).
 */
#include "pubsub.h"

#include "mem.h"

struct heard {
	UT_hash_handle hh;
	char jid[];
};

void audience_add(struct audience *to, const char *jid)
{
	size_t len = strlen(jid);
	struct heard *h;

	if (audience_has(to, jid))
		return;
	h = mem_new(sizeof(*h) + len + 1);
	memcpy(h->jid, jid, len + 1);
	HASH_ADD_KEYPTR(hh, to->all, h->jid, len, h);
}

bool audience_has(const struct audience *to, const char *jid)
{
	struct heard *h;

	HASH_FIND(hh, to->all, jid, strlen(jid), h);
	return h != NULL;
}

static void audience_free(struct audience *to)
{
	struct heard *h, *next;

	HASH_ITER(hh, to->all, h, next)
	{
		HASH_DEL(to->all, h);
		free(h);
	}
}

/* ------------------------------------------------------------ sending */

pc_stanza *notify_event(const struct service *s, const struct node *n)
{
	char from[PC_JID_MAX + 1], id[PC_ID_SIZE];
	pc_stanza *message;

	service_jid(s, from);
	pc_random_id(id);
	message = pc_stanza_message(n && n->config.notification == TYPE_NORMAL ? NULL : "headline",
	                            NULL, from);
	pc_stanza_set(message, "id", id);
	pc_stanza_open(message, "event", NS_EVENT);
	return message;
}

/* Whoever has subscribed by a bare address, and gets it at his resources anyway, gets it once. */
static bool is_told(const struct audience *to, const char *jid)
{
	size_t len = strlen(jid);

	for (const struct heard *h = to->all; h; h = h->hh.next)
		if (strncmp(h->jid, jid, len) == 0 && (h->jid[len] == '\0' || h->jid[len] == '/'))
			return true;
	return false;
}

/* Settings and lists may have changed since somebody subscribed. */
static bool may_hear(const struct service *s, const struct node *n, const char *jid)
{
	struct standing who = { .subscribed = true };
	char bare[PC_JID_MAX + 1];

	snprintf(bare, sizeof(bare), "%.*s", (int)strcspn(jid, "/"), jid);
	who.affiliation = node_affiliation(n, bare, AFFILIATION_NONE);
	if (s->p->kind->stand)
		s->p->kind->stand(s, n, bare, &who);
	return access_check(&n->config, &who, ACTION_READ) == REFUSE_NOT;
}

static void add_subscribers(const struct service *s, const struct node *n, struct audience *to)
{
	bool others = to->all != NULL;

	for (const struct subscription *sub = n->subscriptions; sub; sub = sub->hh.next)
		if (!sub->pending && !(others && is_told(to, sub->jid)) && may_hear(s, n, sub->jid))
			audience_add(to, sub->jid);
}

static void broadcast(const struct service *s, pc_stanza *message, struct audience *to)
{
	const char **jids = mem_new((HASH_COUNT(to->all) + 1) * sizeof(*jids));
	size_t count = 0;

	for (const struct heard *h = to->all; h; h = h->hh.next)
		jids[count++] = h->jid;
	pc_metric_add(s->p->notified, (double)count);
	pc_broadcast(s->p->m, message, jids, count);
	free(jids);
	audience_free(to);
}

void notify_send(struct service *s, const struct node *n, pc_stanza *message)
{
	struct audience to = { 0 };

	if (n->config.notify && s->p->kind->audience)
		s->p->kind->audience(s, n, &to);
	if (n->config.notify)
		add_subscribers(s, n, &to);
	broadcast(s, message, &to);
}

/* ------------------------------------------------------------ items */

/* In the namespace of events, as the node wants it. */
static void add_item(pc_stanza *items, const struct service *s, const struct node *n,
                     const pc_stanza *item)
{
	pc_stanza *out = pc_stanza_open(items, "item", NULL);
	const pc_stanza *payload = pc_stanza_first(item);

	pc_stanza_set(out, "id", pc_stanza_get(item, "id"));
	if (s->p->show_publisher || n->config.reply == REPLY_PUBLISHER)
		pc_stanza_set(out, "publisher", pc_stanza_get(item, "publisher"));
	if (payload && n->config.payloads)
		pc_stanza_append(out, payload);
}

static pc_stanza *item_message(const struct service *s, const struct node *n, const pc_stanza *item)
{
	pc_stanza *message = notify_event(s, n);
	pc_stanza *items = pc_stanza_open(pc_stanza_first(message), "items", NULL);

	pc_stanza_set(items, "node", n->name);
	if (n->config.persist || n->config.payloads)
		add_item(items, s, n, item);
	return message;
}

void notify_item(struct service *s, const struct node *n, const pc_stanza *item)
{
	notify_send(s, n, item_message(s, n, item));
}

void notify_retracted(struct service *s, const struct node *n, const char *const *ids, size_t count)
{
	pc_stanza *message = notify_event(s, n);
	pc_stanza *items = pc_stanza_open(pc_stanza_first(message), "items", NULL);

	pc_stanza_set(items, "node", n->name);
	for (size_t i = 0; i < count; i++)
		pc_stanza_set(pc_stanza_open(items, "retract", NULL), "id", ids[i]);
	notify_send(s, n, message);
}

/* ------------------------------------------------------------ the last item */

struct last {
	struct pubsub *p;
	struct service *s;
	char node[NODE_NAME_MOST + 1];
	char jid[PC_JID_MAX + 1];
};

static void send_last(const struct last *l, const struct node *n, const pc_entry *entry)
{
	pc_stanza *item = items_read(entry), *message;

	if (item == NULL)
		return;
	message = item_message(l->s, n, item);
	pc_stanza_set(message, "to", l->jid);
	pc_stanza_delay(message, NULL, entry->when, NULL);
	pc_metric_add(l->p->notified, 1);
	pc_send(l->p->m, message);
	pc_stanza_free(&item);
}

static void on_last(int err, const pc_entry *entries, size_t n_entries, int64_t total, bool more,
                    void *data)
{
	struct last *l = data;
	struct pubsub *p = l->p;
	const struct node *n = p->unloaded ? NULL : service_node(l->s, l->node);

	(void)total, (void)more;
	if (n && err == PC_OK && n_entries > 0)
		send_last(l, n, &entries[0]);
	if (!p->unloaded)
		service_release(l->s);
	pc_module_free(p->m, l);
}

void notify_last(struct service *s, const struct node *n, const char *jid, bool on_presence)
{
	pc_query query = { .limit = 1, .reverse = true };
	struct last *l;
	pc_store *items;

	if (!n->config.persist || !n->config.notify ||
	    n->config.send_last < (on_presence ? LAST_ON_SUB_AND_PRESENCE : LAST_ON_SUB))
		return;
	l = pc_module_alloc(s->p->m, sizeof(*l));
	l->p = s->p;
	l->s = s;
	snprintf(l->node, sizeof(l->node), "%s", n->name);
	snprintf(l->jid, sizeof(l->jid), "%s", jid);
	s->users++;
	if (n->config.item_expire != CONFIG_MAX)
		query.start = items_oldest(n);
	items = items_open(s, n->name);
	pc_archive_find(items, service_user(s), &query, on_last, l);
	pc_store_close(&items);
}

/* ------------------------------------------------------------ subscriptions (12.12, 8.8) */

static pc_stanza *subscription_message(const struct service *s, const struct node *n,
                                       const char *jid, const char *state)
{
	pc_stanza *message = notify_event(s, n), *sub;

	sub = pc_stanza_open(pc_stanza_first(message), "subscription", NULL);
	pc_stanza_set(sub, "node", n->name);
	pc_stanza_set(sub, "jid", jid);
	pc_stanza_set(sub, "subscription", state);
	return message;
}

void notify_subscription(const struct service *s, const struct node *n, const char *jid,
                         const char *state)
{
	pc_stanza *message = subscription_message(s, n, jid, state);

	pc_stanza_set(message, "to", jid);
	pc_send(s->p->m, message);
}

/* An account owns what is its own, whatever lists say. */
void notify_to_owners(const struct service *s, const struct node *n, pc_stanza *message)
{
	struct audience to = { 0 };
	char own[PC_JID_MAX + 1];

	service_jid(s, own);
	if (*s->user)
		audience_add(&to, own);
	for (const struct affiliated *a = n->affiliated; a; a = a->hh.next)
		if (a->what == AFFILIATION_OWNER)
			audience_add(&to, a->jid);
	broadcast(s, message, &to);
}

void notify_owners(const struct service *s, const struct node *n, const char *jid,
                   const char *state)
{
	if (n->config.notify_sub)
		notify_to_owners(s, n, subscription_message(s, n, jid, state));
}
