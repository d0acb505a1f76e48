/*
 * publish.c - publishing an item (XEP-0060 section 7.1).
 *
 * What is kept is changed in turn: the items are counted, unless that is known; the old one of the
 * same id is looked for; where there is no room, so are the oldest; then all is written as one.
 */
#include "request.h"

#include "mem.h"

#define COUNT_PAGE 256

static const pc_stanza *item_of(const pc_event *ev)
{
	return pc_stanza_child(request_element(ev), "item", NS_PUBSUB);
}

static const char *id_of(const struct request *r, const pc_event *ev)
{
	const pc_stanza *item = item_of(ev);
	const char *id = item ? pc_stanza_get(item, "id") : NULL;

	return id && *id ? id : r->id;
}

/* ------------------------------------------------------------ is it fit? (7.1.3) */

static enum refusal check_payload(const struct config *c, const pc_stanza *item,
                                  const struct limits *limits)
{
	const pc_stanza *payload = item ? pc_stanza_first(item) : NULL;
	size_t len = 0;

	if (item == NULL && c->persist)
		return REFUSE_ITEM_REQUIRED;
	if (item && !c->persist && !c->payloads)
		return REFUSE_ITEM_FORBIDDEN;
	if (payload == NULL)
		return c->payloads ? REFUSE_PAYLOAD_REQUIRED : REFUSE_NOT;
	if (pc_stanza_next(payload))
		return REFUSE_INVALID_PAYLOAD;
	free(pc_stanza_write(payload, &len));
	return (int64_t)len > config_max_payload(c, limits) ? REFUSE_PAYLOAD_TOO_BIG : REFUSE_NOT;
}

static enum refusal check_item(const struct config *c, const pc_event *ev,
                               const struct limits *limits)
{
	const pc_stanza *publish = request_element(ev), *item = item_of(ev);
	const char *id = item ? pc_stanza_get(item, "id") : NULL;
	size_t n = 0;

	for (const pc_stanza *c2 = pc_stanza_first(publish); c2; c2 = pc_stanza_next(c2))
		n += pc_stanza_is(c2, "item", NS_PUBSUB);
	if (n > 1 || (id && strlen(id) > ITEM_ID_MOST))
		return REFUSE_BAD_REQUEST;
	return check_payload(c, item, limits);
}

/* ------------------------------------------------------------ the item as it is kept and told */

static pc_stanza *build(const struct request *r, const pc_event *ev)
{
	pc_stanza *item = pc_stanza_new("item", NS_PUBSUB);
	const pc_stanza *given = item_of(ev), *payload = given ? pc_stanza_first(given) : NULL;

	pc_stanza_set(item, "id", id_of(r, ev));
	pc_stanza_set(item, "publisher", r->bare);
	if (payload)
		pc_stanza_append(item, payload);
	return item;
}

static void publish_end(struct request *r, const pc_event *ev, struct node *n, pc_ticket ticket,
                        const pc_stanza *item)
{
	pc_stanza *pubsub, *reply = request_reply(ev, &pubsub), *publish;

	publish = pc_stanza_open(pubsub, "publish", NULL);
	pc_stanza_set(publish, "node", n->name);
	pc_stanza_set(pc_stanza_open(publish, "item", NULL), "id", id_of(r, ev));
	pc_metric_add(r->p->published, 1);
	notify_item(r->s, n, item);
	if (r->p->kind->changed)
		r->p->kind->changed(r->s, n->name, id_of(r, ev), item);
	request_answer(r, ticket, reply);
}

/* ------------------------------------------------------------ writing */

/* r->n_items and r->bytes are those that go. */
static void write_item(struct request *r, pc_event *ev, struct node *n, bool all_gone)
{
	pc_stanza *item = build(r, ev);
	const char *gone[GONE_MOST];
	struct change change = { .id = id_of(r, ev), .publisher = r->bare, .all_gone = all_gone };
	char *text = pc_stanza_write(item, &change.len);
	pc_ticket ticket;

	for (size_t i = 0; i < r->n_gone; i++)
		gone[i] = r->gone[i];
	change.text = text;
	change.gone = gone;
	change.n_gone = r->n_gone;
	change.n_items = all_gone ? 1 : n->n_items + 1 - r->n_items;
	change.bytes = (all_gone ? 0 : n->bytes - r->bytes) + (int64_t)change.len;
	if (change.bytes > n->bytes && r->s->bytes + change.bytes - n->bytes > r->p->max_size) {
		request_refuse(r, REFUSE_SPACE, "there is no space left for it");
	} else {
		ticket = items_change(r->s, n, &change);
		publish_end(r, ev, n, ticket, item);
	}
	pc_stanza_free(&item);
	free(text);
}

/* How many must go, so that a new one fits. */
static int64_t excess(const struct request *r, const struct node *n)
{
	int64_t left = n->n_items - r->n_items + 1;
	int64_t most = config_max_items(&n->config, &r->p->limits);

	return left > most ? left - most : 0;
}

static bool is_too_old(const struct node *n, const pc_entry *e)
{
	return e->when < items_oldest(n);
}

static void go(struct request *r, const pc_entry *e)
{
	snprintf(r->gone[r->n_gone++], PC_ENTRY_ID_SIZE, "%s", e->id);
	r->n_items++;
	r->bytes += (int64_t)e->len;
}

static void tell_gone(struct request *r, const struct node *n, const pc_entry *e)
{
	pc_stanza *item = items_read(e);
	const char *id = item ? pc_stanza_get(item, "id") : NULL;

	if (id)
		notify_retracted(r->s, n, &id, 1);
	pc_stanza_free(&item);
}

static void on_oldest(int err, const pc_entry *entries, size_t n_entries, int64_t total, bool more,
                      void *data)
{
	struct request *r = data;
	pc_event *ev = request_event(r);
	struct node *n = ev ? request_node(r, ev) : NULL;
	char key[PC_SHORT_ID_SIZE];

	(void)total, (void)more;
	if (n == NULL)
		return;
	if (err != PC_OK) {
		request_refuse(r, REFUSE_INTERNAL, NULL);
		return;
	}
	pc_short_id(id_of(r, ev), key);
	for (size_t i = 0; i < n_entries && r->n_gone < GONE_MOST; i++) {
		if (strcmp(entries[i].id, key) == 0)
			continue;
		if (excess(r, n) == 0 && !is_too_old(n, &entries[i]))
			break;
		if (n->config.when_full == FULL_REJECT && !is_too_old(n, &entries[i])) {
			request_refuse(r, REFUSE_NODE_FULL, NULL);
			return;
		}
		go(r, &entries[i]);
		if (n->config.when_full == FULL_RETRACT)
			tell_gone(r, n, &entries[i]);
	}
	write_item(r, ev, n, false);
}

/* The one of the same id goes anyway: it is put to the end. */
static void on_same(int err, const pc_entry *entries, size_t n_entries, int64_t total, bool more,
                    void *data)
{
	struct request *r = data;
	pc_event *ev = request_event(r);
	struct node *n = ev ? request_node(r, ev) : NULL;
	pc_store *items;

	(void)total, (void)more;
	if (n == NULL)
		return;
	if (err != PC_OK) {
		request_refuse(r, REFUSE_INTERNAL, NULL);
		return;
	}
	r->n_items = n_entries > 0;
	r->bytes = n_entries > 0 ? (int64_t)entries[0].len : 0;
	if (excess(r, n) == 0 && n->config.item_expire == CONFIG_MAX) {
		write_item(r, ev, n, false);
		return;
	}
	items = items_open(r->s, n->name);
	pc_archive_find(items, service_user(r->s), &(pc_query){ .limit = GONE_MOST }, on_oldest, r);
	pc_store_close(&items);
}

static void find_same(struct request *r, const pc_event *ev, const struct node *n)
{
	pc_store *items = items_open(r->s, n->name);
	char key[PC_SHORT_ID_SIZE];
	const char *ids[] = { key };

	pc_short_id(id_of(r, ev), key);
	pc_archive_find(items, service_user(r->s), &(pc_query){ .ids = ids, .n_ids = 1 }, on_same,
	                r);
	pc_store_close(&items);
}

/* ------------------------------------------------------------ counting what came by other ways */

static void count_on(struct request *r, const struct node *n);

static void on_counted(int err, const pc_entry *entries, size_t n_entries, int64_t total, bool more,
                       void *data)
{
	struct request *r = data;
	pc_event *ev = request_event(r);
	struct node *n = ev ? request_node(r, ev) : NULL;

	(void)total;
	if (n == NULL)
		return;
	if (err != PC_OK) {
		request_refuse(r, REFUSE_INTERNAL, NULL);
		return;
	}
	for (size_t i = 0; i < n_entries; i++)
		r->bytes += (int64_t)entries[i].len;
	r->n_items += (int64_t)n_entries;
	if (more) {
		snprintf(r->last, sizeof(r->last), "%s", entries[n_entries - 1].id);
		count_on(r, n);
		return;
	}
	n->n_items = r->n_items;
	n->bytes = r->bytes;
	r->s->bytes += n->bytes;
	r->run(r, ev);
}

static void count_on(struct request *r, const struct node *n)
{
	pc_store *items = items_open(r->s, n->name);

	pc_archive_find(items, service_user(r->s),
	                &(pc_query){ .after = *r->last ? r->last : NULL, .limit = COUNT_PAGE },
	                on_counted, r);
	pc_store_close(&items);
}

bool items_counted(struct request *r, const struct node *n)
{
	if (n->n_items >= 0)
		return true;
	r->n_items = r->bytes = 0;
	r->last[0] = '\0';
	count_on(r, n);
	return false;
}

/* ------------------------------------------------------------ the request */

static void in_turn(struct request *r, pc_event *ev)
{
	struct node *n = request_node(r, ev);

	if (n == NULL || !items_counted(r, n))
		return;
	r->n_items = r->bytes = 0;
	if (config_max_items(&n->config, &r->p->limits) == 1 && n->config.when_full == FULL_DISCARD)
		write_item(r, ev, n, true);
	else
		find_same(r, ev, n);
}

static const pc_stanza *options_of(const pc_event *ev)
{
	const pc_stanza *pubsub = pc_stanza_first(pc_event_stanza(ev));
	const pc_stanza *options = pc_stanza_child(pubsub, "publish-options", NS_PUBSUB);

	return options ? pc_form_find(options, NULL) : NULL;
}

/* NULL: refused. */
static struct node *existing(struct request *r, const pc_event *ev, struct node *n)
{
	struct standing who = request_standing(r, n);
	enum refusal why = access_check(&n->config, &who, ACTION_PUBLISH);
	const pc_stanza *options = options_of(ev);
	char text[CONFIG_WHY] = "";
	int err = why || !options ? PC_OK : config_meets(&n->config, options, &r->p->limits, text);

	if (err != PC_OK)
		why = err == PC_ENOENT ? REFUSE_BAD_REQUEST : REFUSE_PRECONDITION;
	if (why)
		request_refuse(r, why, *text ? text : NULL);
	return why ? NULL : n;
}

static struct node *node_for(struct request *r, pc_event *ev, pc_ticket *ticket_r)
{
	struct node *n = service_node(r->s, request_node_name(ev));

	if (n)
		return existing(r, ev, n);
	if (r->p->create_on_publish)
		return create_node(r, ev, request_node_name(ev), options_of(ev), CONFIG_OPTIONS,
		                   ticket_r);
	request_refuse(r, REFUSE_NOT_FOUND, NULL);
	return NULL;
}

/* Before a node is made for it: settings that it would get are not known yet, and what is wrong
 * with every kind of node is refused first. */
static bool is_fit(struct request *r, const pc_event *ev, const struct config *c)
{
	enum refusal why = check_item(c, ev, &r->p->limits);

	if (why)
		request_refuse(r, why, NULL);
	return why == REFUSE_NOT;
}

static bool may_be_made_for(struct request *r, const pc_event *ev)
{
	struct config c = { 0 };
	bool fit;

	if (service_node(r->s, request_node_name(ev)))
		return true;
	r->p->kind->defaults(r->p, request_node_name(ev), &c);
	fit = is_fit(r, ev, &c);
	config_free(&c);
	return fit;
}

void publish_handle(struct request *r, pc_event *ev)
{
	pc_ticket ticket = 0;
	pc_stanza *item;
	struct node *n;

	if (request_node_name(ev) == NULL) {
		request_refuse(r, REFUSE_NODE_REQUIRED, NULL);
		return;
	}
	pc_random_id(r->id);
	n = may_be_made_for(r, ev) ? node_for(r, ev, &ticket) : NULL;
	if (n == NULL || !is_fit(r, ev, &n->config))
		return;
	if (n->config.persist) {
		request_turn(r, in_turn);
		return;
	}
	item = build(r, ev);
	publish_end(r, ev, n, ticket, item);
	pc_stanza_free(&item);
}
