/*
 * disco.c - what a service and its nodes say of themselves (XEP-0060 sections 5.1 to 5.5).
 */
#include "request.h"

#include "mem.h"

#define NS_INFO "http://jabber.org/protocol/disco#info"

static const char *const features[] = {
	NS_PUBSUB,
	NS_PUBSUB "#access-authorize",
	NS_PUBSUB "#access-open",
	NS_PUBSUB "#access-whitelist",
	NS_PUBSUB "#config-node",
	NS_PUBSUB "#config-node-max",
	NS_PUBSUB "#create-and-configure",
	NS_PUBSUB "#create-nodes",
	NS_PUBSUB "#delete-items",
	NS_PUBSUB "#delete-nodes",
	NS_PUBSUB "#instant-nodes",
	NS_PUBSUB "#item-ids",
	NS_PUBSUB "#last-published",
	NS_PUBSUB "#manage-subscriptions",
	NS_PUBSUB "#member-affiliation",
	NS_PUBSUB "#meta-data",
	NS_PUBSUB "#modify-affiliations",
	NS_PUBSUB "#multi-items",
	NS_PUBSUB "#outcast-affiliation",
	NS_PUBSUB "#persistent-items",
	NS_PUBSUB "#publish",
	NS_PUBSUB "#publish-node-full",
	NS_PUBSUB "#publish-only-affiliation",
	NS_PUBSUB "#publish-options",
	NS_PUBSUB "#publisher-affiliation",
	NS_PUBSUB "#purge-nodes",
	NS_PUBSUB "#retract-items",
	NS_PUBSUB "#retrieve-affiliations",
	NS_PUBSUB "#retrieve-default",
	NS_PUBSUB "#retrieve-items",
	NS_PUBSUB "#retrieve-subscriptions",
	NS_PUBSUB "#rsm",
	NS_PUBSUB "#subscribe",
	NS_PUBSUB "#subscription-notifications",
};
static const char *const presence_features[] = {
	NS_PUBSUB "#access-presence",        NS_PUBSUB "#access-roster",
	NS_PUBSUB "#auto-subscribe",         NS_PUBSUB "#filtered-notifications",
	NS_PUBSUB "#presence-notifications", NS_PUBSUB "#presence-subscribe",
};
static const char auto_create[] = NS_PUBSUB "#auto-create";

void disco_features(struct pubsub *p, const char *item_kind)
{
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		pc_add_item(p->m, item_kind, features[i]);
	for (size_t i = 0;
	     p->limits.presence && i < sizeof(presence_features) / sizeof(presence_features[0]);
	     i++)
		pc_add_item(p->m, item_kind, presence_features[i]);
	if (p->create_on_publish)
		pc_add_item(p->m, item_kind, auto_create);
}

/* ------------------------------------------------------------ nodes */

static const char *query_node(const pc_event *ev)
{
	return pc_event_str(ev, "node");
}

static bool may_read(const struct request *r, const struct node *n)
{
	struct standing who = request_standing(r, n);

	return access_check(&n->config, &who, ACTION_READ) == REFUSE_NOT;
}

static pc_stanza *add_item(pc_stanza *query, const char *jid, const char *name)
{
	pc_stanza *item = pc_stanza_open(query, "item", NULL);

	pc_stanza_set(item, "jid", jid);
	pc_stanza_set(item, "name", name);
	return item;
}

/* Nobody learns of nodes that he may not read. */
static void list_nodes(struct request *r, pc_event *ev)
{
	pc_stanza *query = pc_event_ptr(ev, "query");
	char own[PC_JID_MAX + 1];

	service_jid(r->s, own);
	for (const struct node *n = r->s->nodes; n; n = n->hh.next)
		if (may_read(r, n))
			pc_stanza_set(add_item(query, own, n->config.title), "node", n->name);
	request_pass(r);
}

/* The node that is asked for, if he may know of it; else the request passes. */
static const struct node *known(struct request *r, const pc_event *ev)
{
	const struct node *n = service_node(r->s, query_node(ev));

	if (n && may_read(r, n))
		return n;
	request_pass(r);
	return NULL;
}

static void add_meta(const struct request *r, const struct node *n, pc_stanza *query)
{
	pc_values *values = pc_values_new();
	char own[PC_JID_MAX + 1];

	service_jid(r->s, own);
	if (*r->s->user)
		pc_values_add(values, "pubsub#owner", own);
	for (const struct affiliated *a = n->affiliated; a; a = a->hh.next)
		if (a->what == AFFILIATION_OWNER)
			pc_values_add(values, "pubsub#owner", a->jid);
	pc_values_add_int(values, "pubsub#num_subscribers", HASH_COUNT(n->subscriptions));
	config_tell(&n->config, values, query);
	pc_values_free(&values);
}

static void node_info(struct request *r, pc_event *ev)
{
	static const char *const vars[] = { NS_INFO, NS_PUBSUB };
	const struct node *n = known(r, ev);
	pc_stanza *query, *identity;

	if (n == NULL)
		return;
	query = pc_event_ptr(ev, "query");
	identity = pc_stanza_open(query, "identity", NULL);
	pc_stanza_set(identity, "category", "pubsub");
	pc_stanza_set(identity, "type", "leaf");
	pc_stanza_set(identity, "name", n->config.title);
	for (size_t i = 0; i < 2; i++)
		pc_stanza_set(pc_stanza_open(query, "feature", NULL), "var", vars[i]);
	add_meta(r, n, query);
	pc_event_set_int(ev, "exists", 1);
	request_pass(r);
}

static void on_items(int err, const pc_entry *entries, size_t n_entries, int64_t total, bool more,
                     void *data)
{
	struct request *r = data;
	pc_event *ev = request_event(r);
	pc_stanza *query = ev ? pc_event_ptr(ev, "query") : NULL;
	char own[PC_JID_MAX + 1];

	(void)total, (void)more;
	if (ev == NULL)
		return;
	service_jid(r->s, own);
	for (size_t i = 0; err == PC_OK && i < n_entries; i++) {
		pc_stanza *item = items_read(&entries[i]);

		if (item)
			add_item(query, own, pc_stanza_get(item, "id"));
		pc_stanza_free(&item);
	}
	if (err == PC_OK)
		pc_event_set_int(ev, "exists", 1);
	request_pass(r);
}

static void node_items(struct request *r, pc_event *ev)
{
	const struct node *n = known(r, ev);
	pc_query query = { .limit = 256, .reverse = true };
	pc_store *items;

	if (n == NULL)
		return;
	if (n->config.item_expire != CONFIG_MAX)
		query.start = items_oldest(n);
	items = items_open(r->s, n->name);
	pc_archive_find(items, service_user(r->s), &query, on_items, r);
	pc_store_close(&items);
}

/* ------------------------------------------------------------ mod_disco's events */

static pc_result begin(struct pubsub *p, pc_event *ev, const char *user, const struct use *use)
{
	char buf[PC_JID_BUF], from[PC_JID_MAX + 1];
	const char *text = pc_stanza_get(pc_event_stanza(ev), "from");
	pc_jid jid;

	if (text == NULL || pc_jid_parse(text, buf, &jid) != PC_OK)
		return PC_PASS;
	pc_jid_write_bare(&jid, from);
	request_begin(p, ev, use, user, from);
	return PC_SUSPENDED;
}

pc_result disco_nodes(struct pubsub *p, pc_event *ev, const char *user)
{
	static const struct use use = { .silent = true, .handle = list_nodes };

	return begin(p, ev, user, &use);
}

pc_result disco_node_info(struct pubsub *p, pc_event *ev, const char *user)
{
	static const struct use use = { .silent = true, .handle = node_info };

	return begin(p, ev, user, &use);
}

pc_result disco_node_items(struct pubsub *p, pc_event *ev, const char *user)
{
	static const struct use use = { .silent = true, .handle = node_items };

	return begin(p, ev, user, &use);
}
