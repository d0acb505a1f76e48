/*
 * items.c - items in the store: an archive for each node, in the order of publication.
 *
 * An archive's ids are short: they are made of those of the items by pc_short_id() (codec.h). The
 * item itself holds the real one.
 */
#include "pubsub.h"

#include <inttypes.h>

#include "mem.h"

pc_store *items_open(const struct service *s, const char *node)
{
	char *name = mem_printf("%s%s", s->p->kind->items, node);
	pc_store *st = pc_store_open(s->p->m, name, PC_STORE_ARCHIVE);

	free(name);
	return st;
}

int64_t items_oldest(const struct node *n)
{
	if (n->config.item_expire > pc_time_ms() / 1000)
		return 0;
	return pc_time_ms() - n->config.item_expire * 1000;
}

/* ------------------------------------------------------------ writing */

static void batch_sizes(struct service *s, pc_batch *b, const struct node *n)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "%" PRId64 " %" PRId64, n->n_items, n->bytes);

	pc_batch_set_keys(b, s->p->sizes, service_user(s), &(pc_item){ n->name, text, (size_t)len },
	                  1);
}

static void batch_gone(struct service *s, pc_batch *b, pc_store *items, const struct change *change)
{
	if (change->all_gone)
		pc_batch_delete(b, items, service_user(s), NULL);
	else if (change->n_gone > 0)
		pc_batch_delete(b, items, service_user(s),
		                &(pc_query){ .ids = change->gone, .n_ids = change->n_gone });
}

pc_ticket items_change(struct service *s, struct node *n, const struct change *change)
{
	pc_store *items = items_open(s, n->name);
	pc_batch *b = pc_batch_new(s->p->m);
	char key[PC_SHORT_ID_SIZE], used[PC_ENTRY_ID_SIZE];
	pc_ticket ticket;

	batch_gone(s, b, items, change);
	if (change->id) {
		pc_short_id(change->id, key);
		pc_batch_append(b, items, service_user(s),
		                &(pc_entry){ .id = key,
		                             .when = pc_time_ms(),
		                             .with = change->publisher,
		                             .value = change->text,
		                             .len = change->len },
		                used);
	}
	s->bytes += change->bytes - (n->bytes > 0 ? n->bytes : 0);
	n->n_items = change->n_items;
	n->bytes = change->bytes;
	batch_sizes(s, b, n);
	ticket = service_commit(s, b);
	pc_store_close(&items);
	return ticket;
}

/* ------------------------------------------------------------ reading */

pc_stanza *items_read(const pc_entry *entry)
{
	pc_stanza *item = pc_stanza_parse(entry->value, entry->len);

	if (item && !pc_stanza_is(item, "item", NS_PUBSUB))
		pc_stanza_free(&item);
	if (item)
		pc_stanza_set(item, "stamp", NULL);
	return item;
}
