/*
 * retrieve.c - items are asked for (XEP-0060 section 6.5), all, some, or in pages (XEP-0059).
 */
#include "request.h"

#include "mem.h"

#define PAGE_ITEMS 256       /* in one answer */
#define PAGE_BYTES (1 << 20) /* and roughly of that size */
#define IDS_MOST 256

/* What is wanted. Its texts lie in the stanza, and in `after`, `before`, `keys`. */
struct wanted {
	pc_query query;
	pc_rsm rsm;
	bool paged;
	size_t n_ids;
	const char *ids[IDS_MOST];
	char keys[IDS_MOST][PC_SHORT_ID_SIZE];
	char after[PC_SHORT_ID_SIZE], before[PC_SHORT_ID_SIZE];
};

/* By their mean size: a page of large items has fewer of them. */
static size_t page_of(const struct node *n)
{
	int64_t fit = PAGE_ITEMS;

	if (n->bytes > PAGE_BYTES && n->n_items > 0)
		fit = PAGE_BYTES / (n->bytes / n->n_items + 1);
	return fit < 1 ? 1 : fit > PAGE_ITEMS ? PAGE_ITEMS : (size_t)fit;
}

/* ------------------------------------------------------------ what is wanted */

static enum refusal want_ids(struct wanted *w, const pc_stanza *items)
{
	for (pc_stanza *c = pc_stanza_first(items); c; c = pc_stanza_next(c)) {
		const char *id = pc_stanza_get(c, "id");

		if (!pc_stanza_is(c, "item", NS_PUBSUB) || id == NULL)
			continue;
		if (w->n_ids == IDS_MOST)
			return REFUSE_BAD_REQUEST;
		pc_short_id(id, w->keys[w->n_ids]);
		w->ids[w->n_ids] = w->keys[w->n_ids];
		w->n_ids++;
	}
	w->query.ids = w->n_ids ? w->ids : NULL;
	w->query.n_ids = w->n_ids;
	return REFUSE_NOT;
}

static const char *short_of(const char *id, char out[static PC_SHORT_ID_SIZE])
{
	if (id == NULL)
		return NULL;
	pc_short_id(id, out);
	return out;
}

static enum refusal want_page(struct wanted *w, const struct node *n)
{
	if (pc_rsm_query(&w->rsm, page_of(n), &w->query) != PC_OK)
		return REFUSE_NO_PAGE;
	w->query.after = short_of(w->query.after, w->after);
	w->query.before = short_of(w->query.before, w->before);
	w->query.count = true;
	if (w->query.limit == 0)
		w->query.limit = 1; /* only counted: the answer leaves it out */
	return REFUSE_NOT;
}

/* Most recent ones, as many as that says; without it all that fit into a page. */
static enum refusal want_last(struct wanted *w, const pc_stanza *items, const struct node *n)
{
	const char *most = pc_stanza_get(items, "max_items");
	size_t limit = page_of(n);

	if (most && (strspn(most, "0123456789") != strlen(most) || atoll(most) < 1))
		return REFUSE_BAD_REQUEST;
	if (most && strlen(most) < 10 && (size_t)atoll(most) < limit)
		limit = (size_t)atoll(most);
	w->query.reverse = true;
	w->query.limit = limit;
	w->query.count = most == NULL;
	return REFUSE_NOT;
}

static enum refusal want(struct wanted *w, const pc_event *ev, const struct node *n)
{
	const pc_stanza *pubsub = pc_stanza_first(pc_event_stanza(ev)),
	                *items = request_element(ev);
	int err = pc_rsm_read(pubsub, &w->rsm);
	enum refusal why = want_ids(w, items);

	if (why || err == PC_EINVAL)
		return REFUSE_BAD_REQUEST;
	w->query.start = n->config.item_expire == CONFIG_MAX ? 0 : items_oldest(n);
	if (w->n_ids > 0)
		return REFUSE_NOT;
	w->paged = err == PC_OK;
	return w->paged ? want_page(w, n) : want_last(w, items, n);
}

/* ------------------------------------------------------------ the answer */

/* One as the node shows it; its id in id_r, which lives as long as the parent. */
static const char *add_item(pc_stanza *parent, const struct request *r, const struct node *n,
                            const pc_entry *e)
{
	pc_stanza *item = items_read(e), *copy;

	if (item == NULL)
		return NULL;
	if (!r->p->show_publisher && n->config.reply != REPLY_PUBLISHER)
		pc_stanza_set(item, "publisher", NULL);
	copy = pc_stanza_append(parent, item);
	pc_stanza_free(&item);
	return pc_stanza_get(copy, "id");
}

struct page {
	const pc_entry *entries;
	size_t n;
	bool reversed;
	int64_t total;
};

static void add_page(pc_stanza *pubsub, const struct wanted *w, const struct page *page,
                     const char *first, const char *last, size_t shown)
{
	pc_rsm_page said = { first, last, -1, page->total };

	if (w->query.reverse && w->query.before == NULL && w->query.after == NULL)
		said.index = page->total - (int64_t)shown;
	else if (!w->query.reverse && w->query.after == NULL)
		said.index = 0;
	pc_rsm_write(pubsub, &said);
}

static void answer(struct request *r, const pc_event *ev, const struct node *n,
                   const struct wanted *w, const struct page *page)
{
	pc_stanza *pubsub, *reply = request_reply(ev, &pubsub);
	pc_stanza *items = pc_stanza_open(pubsub, "items", NULL);
	const char *first = NULL, *last = NULL;
	size_t shown = w->paged && w->rsm.has_max && w->rsm.max == 0 ? 0 : page->n;

	pc_stanza_set(items, "node", n->name);
	for (size_t i = 0; i < shown; i++) {
		size_t at = page->reversed ? page->n - 1 - i : i;
		const char *id = add_item(items, r, n, &page->entries[at]);

		first = first ? first : id;
		last = id ? id : last;
	}
	if (w->paged || page->total > (int64_t)page->n)
		add_page(pubsub, w, page, first, last, shown);
	request_answer(r, 0, reply);
}

static void on_items(int err, const pc_entry *entries, size_t n_entries, int64_t total, bool more,
                     void *data)
{
	struct request *r = data;
	pc_event *ev = request_event(r);
	struct node *n = ev ? request_node(r, ev) : NULL;
	struct wanted w = { 0 };

	(void)more;
	if (n == NULL)
		return;
	if (err != PC_OK || want(&w, ev, n) != REFUSE_NOT)
		request_refuse(r, err == PC_ENOENT ? REFUSE_NOT_FOUND : REFUSE_INTERNAL, NULL);
	else
		answer(r, ev, n, &w, &(struct page){ entries, n_entries, w.query.reverse, total });
}

void retrieve_handle(struct request *r, pc_event *ev)
{
	struct node *n = service_node(r->s, request_node_name(ev));
	struct wanted w = { 0 };
	enum refusal why = want(&w, ev, n);
	pc_store *items;

	if (why) {
		request_refuse(r, why, NULL);
		return;
	}
	items = items_open(r->s, n->name);
	pc_archive_find(items, service_user(r->s), &w.query, on_items, r);
	pc_store_close(&items);
}
