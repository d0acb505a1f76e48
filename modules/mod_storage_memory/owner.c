#include "memory.h"

/* ---- memory: there is nothing sensible to do without */

static void *need(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

static char *copy(const char *text, size_t len)
{
	char *p = need(malloc(len + 1));

	if (len > 0)
		memcpy(p, text, len);
	p[len] = '\0';
	return p;
}

static void free_item(pc_item *item)
{
	free((char *)item->key);
	free((char *)item->value);
}

static void free_entry(pc_entry *entry)
{
	free((char *)entry->id);
	free((char *)entry->with);
	free((char *)entry->value);
}

static pc_entry copy_entry(const pc_entry *e)
{
	return (pc_entry){
		.id = copy(e->id, strlen(e->id)),
		.when = e->when,
		.with = e->with ? copy(e->with, strlen(e->with)) : NULL,
		.value = copy(e->value, e->len),
		.len = e->len,
	};
}

/* Opens or closes a gap of one element of an array. */
static void *insert_at(void *array, size_t n, size_t at, size_t each)
{
	char *p = need(realloc(array, (n + 1) * each));

	memmove(p + (at + 1) * each, p + at * each, (n - at) * each);
	return p;
}

static void remove_at(void *array, size_t n, size_t at, size_t each)
{
	char *p = array;

	memmove(p + at * each, p + (at + 1) * each, (n - at - 1) * each);
}

/* ---- owners */

struct owner *memory_owner(pc_db *db, const pc_key *k, bool make)
{
	size_t h = strlen(k->host) + 1, s = strlen(k->store) + 1, u = strlen(k->user) + 1;
	struct owner *made = need(calloc(1, sizeof(*made) + h + s + u)), *found;

	made->name_len = h + s + u;
	made->host = memcpy(made->name, k->host, h);
	made->store = memcpy(made->name + h, k->store, s);
	made->user = memcpy(made->name + h + s, k->user, u);
	HASH_FIND(hh, db->owners, made->name, made->name_len, found);
	if (found == NULL && make) {
		HASH_ADD(hh, db->owners, name, made->name_len, made);
		return made;
	}
	free(made);
	return found;
}

void memory_owner_free(struct owner *o)
{
	for (size_t i = 0; i < o->n_items; i++)
		free_item(&o->items[i]);
	for (size_t i = 0; i < o->n_entries; i++)
		free_entry(&o->entries[i]);
	free(o->items);
	free(o->entries);
	free(o);
}

/* ---- changes and their opposites */

static struct change *note(pc_db *db, struct owner *o, int what, size_t at)
{
	struct change *c = need(calloc(1, sizeof(*c)));

	c->before = db->changes;
	c->owner = o;
	c->what = what;
	c->at = at;
	db->changes = c;
	return c;
}

/* The place of the key, or where it would go. */
size_t memory_item_at(const struct owner *o, const char *key, bool *found_r)
{
	size_t low = 0, high = o->n_items;

	*found_r = false;
	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = strcmp(o->items[mid].key, key);

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

/* Sets or removes; what was there (value NULL: nothing) is given to *old_r. */
static void exchange_item(struct owner *o, const pc_item *item, pc_item *old_r)
{
	bool found;
	size_t at = memory_item_at(o, item->key, &found);

	*old_r = (pc_item){ copy(item->key, strlen(item->key)), NULL, 0 };
	if (found) {
		old_r->value = o->items[at].value;
		old_r->len = o->items[at].len;
	}
	if (item->value) {
		if (!found) {
			o->items = insert_at(o->items, o->n_items++, at, sizeof(*o->items));
			o->items[at].key = copy(item->key, strlen(item->key));
		}
		o->items[at].value = copy(item->value, item->len);
		o->items[at].len = item->len;
	} else if (found) {
		free((char *)o->items[at].key);
		remove_at(o->items, o->n_items--, at, sizeof(*o->items));
	}
}

void memory_set_item(pc_db *db, struct owner *o, const pc_item *item)
{
	exchange_item(o, item, &note(db, o, ITEM, 0)->item);
}

static void put_entry(struct owner *o, size_t at, pc_entry entry)
{
	o->entries = insert_at(o->entries, o->n_entries++, at, sizeof(*o->entries));
	o->entries[at] = entry;
}

static pc_entry take_entry(struct owner *o, size_t at)
{
	pc_entry entry = o->entries[at];

	remove_at(o->entries, o->n_entries--, at, sizeof(*o->entries));
	return entry;
}

void memory_remove_entry(pc_db *db, struct owner *o, size_t at)
{
	note(db, o, ENTRY_GONE, at)->entry = take_entry(o, at);
}

static void undo_one(struct change *c)
{
	struct owner *o = c->owner;
	pc_item gone;
	pc_entry entry;

	switch (c->what) {
	case ITEM:
		exchange_item(o, &c->item, &gone);
		free_item(&gone);
		free_item(&c->item);
		break;
	case ENTRY_ADDED:
		entry = take_entry(o, c->at);
		free_entry(&entry);
		break;
	case ENTRY_GONE:
		put_entry(o, c->at, c->entry);
		break;
	case ENTRY_VALUE:
		free((char *)o->entries[c->at].value);
		o->entries[c->at].value = c->item.value;
		o->entries[c->at].len = c->item.len;
		break;
	}
	free(c);
}

void memory_undo_to(pc_db *db, const struct change *mark)
{
	struct change *c;

	while ((c = db->changes) != mark) {
		db->changes = c->before;
		undo_one(c);
	}
}

void memory_add_entry(pc_db *db, struct owner *o, const pc_entry *entry)
{
	note(db, o, ENTRY_ADDED, o->n_entries);
	put_entry(o, o->n_entries, copy_entry(entry));
}

void memory_set_value(pc_db *db, struct owner *o, size_t at, const char *value, size_t len)
{
	note(db, o, ENTRY_VALUE, at)->item =
	        (pc_item){ NULL, o->entries[at].value, o->entries[at].len };
	o->entries[at].value = copy(value, len);
	o->entries[at].len = len;
}

void memory_keep(pc_db *db)
{
	struct change *c;

	while ((c = db->changes)) {
		db->changes = c->before;
		free_item(&c->item);
		free_entry(&c->entry);
		free(c);
	}
}
