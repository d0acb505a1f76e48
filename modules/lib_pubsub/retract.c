/*
 * retract.c - items go: one of them (XEP-0060 section 7.2), or all (8.5).
 */
#include "request.h"

#include "mem.h"

static bool is_yes(const char *text)
{
	return text && (strcmp(text, "1") == 0 || strcmp(text, "true") == 0);
}

static const char *id_of(const pc_event *ev)
{
	const pc_stanza *item = pc_stanza_child(request_element(ev), "item", NS_PUBSUB);
	const char *id = item ? pc_stanza_get(item, "id") : NULL;

	return id && *id ? id : NULL;
}

/* Those who do not own the node retract what they have published. */
static bool may_retract(const struct request *r, const struct node *n, const pc_entry *e)
{
	struct standing who = request_standing(r, n);
	size_t len = strlen(r->bare);

	if (access_check(&n->config, &who, ACTION_OWN) == REFUSE_NOT)
		return true;
	return e->with && strncmp(e->with, r->bare, len) == 0 &&
	       (e->with[len] == '\0' || e->with[len] == '/');
}

static void retract(struct request *r, const pc_event *ev, struct node *n, const pc_entry *e)
{
	const char *gone[] = { e->id }, *id = id_of(ev);
	bool tell =
	        is_yes(pc_stanza_get(request_element(ev), "notify")) || n->config.notify_retract;
	pc_ticket ticket = items_change(r->s, n,
	                                &(struct change){ .gone = gone,
	                                                  .n_gone = 1,
	                                                  .n_items = n->n_items - 1,
	                                                  .bytes = n->bytes - (int64_t)e->len });

	if (tell)
		notify_retracted(r->s, n, &id, 1);
	if (r->p->kind->changed)
		r->p->kind->changed(r->s, n->name, id, NULL);
	request_ok(r, ticket);
}

static void on_item(int err, const pc_entry *entries, size_t n_entries, int64_t total, bool more,
                    void *data)
{
	struct request *r = data;
	pc_event *ev = request_event(r);
	struct node *n = ev ? request_node(r, ev) : NULL;

	(void)total, (void)more;
	if (n == NULL)
		return;
	if (err != PC_OK || n_entries == 0)
		request_refuse(r, err ? REFUSE_INTERNAL : REFUSE_NOT_FOUND, NULL);
	else if (!may_retract(r, n, &entries[0]))
		request_refuse(r, REFUSE_FORBIDDEN, NULL);
	else
		retract(r, ev, n, &entries[0]);
}

static void find_item(struct request *r, pc_event *ev)
{
	struct node *n = request_node(r, ev);
	char key[PC_SHORT_ID_SIZE];
	const char *ids[] = { key };
	pc_store *items;

	if (n == NULL || !items_counted(r, n))
		return;
	pc_short_id(id_of(ev), key);
	items = items_open(r->s, n->name);
	pc_archive_find(items, service_user(r->s), &(pc_query){ .ids = ids, .n_ids = 1 }, on_item,
	                r);
	pc_store_close(&items);
}

void retract_handle(struct request *r, pc_event *ev)
{
	const struct node *n = service_node(r->s, request_node_name(ev));

	if (id_of(ev) == NULL)
		request_refuse(r, REFUSE_ITEM_REQUIRED, NULL);
	else if (!n->config.persist)
		request_refuse(r, REFUSE_UNSUPPORTED_PERSISTENT, NULL);
	else
		request_turn(r, find_item);
}

/* ------------------------------------------------------------ all of them */

static void purge(struct request *r, pc_event *ev)
{
	struct node *n = request_node(r, ev);
	pc_stanza *message;
	pc_ticket ticket;

	if (n == NULL)
		return;
	ticket = items_change(r->s, n, &(struct change){ .all_gone = true });
	message = notify_event(r->s, n);
	pc_stanza_set(pc_stanza_open(pc_stanza_first(message), "purge", NULL), "node", n->name);
	notify_send(r->s, n, message);
	if (r->p->kind->changed)
		r->p->kind->changed(r->s, n->name, NULL, NULL);
	request_ok(r, ticket);
}

void purge_handle(struct request *r, pc_event *ev)
{
	const struct node *n = service_node(r->s, request_node_name(ev));

	if (n->config.persist)
		request_turn(r, purge);
	else
		request_refuse(r, REFUSE_UNSUPPORTED_PERSISTENT, NULL);
}
