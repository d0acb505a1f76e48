#include "memory.h"

void memory_clear_items(pc_db *db, struct owner *o)
{
	while (o->n_items > 0)
		memory_set_item(db, o, &(pc_item){ o->items[o->n_items - 1].key, NULL, 0 });
}

int memory_set(pc_db *db, const pc_key *k, const pc_item *items, size_t n, bool replace_all)
{
	struct owner *o = memory_owner(db, k, true);

	if (replace_all)
		memory_clear_items(db, o);
	for (size_t i = 0; i < n; i++)
		memory_set_item(db, o, &items[i]);
	return PC_OK;
}

int memory_swap(pc_db *db, const pc_key *k, const char *key, const char *expected,
                const char *value)
{
	struct owner *o = memory_owner(db, k, true);
	bool found;
	size_t at = memory_item_at(o, key, &found);

	if (found != (expected != NULL) || (found && strcmp(o->items[at].value, expected) != 0))
		return PC_ECONFLICT;
	memory_set_item(db, o, &(pc_item){ key, value, value ? strlen(value) : 0 });
	return PC_OK;
}

int memory_purge(pc_db *db, const pc_key *k)
{
	for (struct owner *o = db->owners; o; o = o->hh.next) {
		if (strcmp(o->host, k->host) != 0 || strcmp(o->user, k->user) != 0)
			continue;
		memory_clear_items(db, o);
		while (o->n_entries > 0)
			memory_remove_entry(db, o, o->n_entries - 1);
	}
	return PC_OK;
}

int memory_get(pc_db *db, void *reader, const pc_key *k, const char *key, pc_rows *rows)
{
	struct owner *o = memory_owner(db, k, false);

	(void)reader;
	for (size_t i = 0; o && i < o->n_items; i++) {
		if (key == NULL || strcmp(o->items[i].key, key) == 0)
			pc_rows_item(rows, o->items[i].key, o->items[i].value, o->items[i].len);
	}
	return PC_OK;
}

static int by_user(struct owner *a, struct owner *b)
{
	return strcmp(a->user, b->user);
}

static bool is_user_of(const struct owner *o, const pc_key *k)
{
	return o->user[0] && strcmp(o->host, k->host) == 0 && strcmp(o->store, k->store) == 0;
}

int memory_get_all(pc_db *db, void *reader, const pc_key *k, const char *key, pc_rows *rows)
{
	(void)reader;
	HASH_SORT(db->owners, by_user);
	for (struct owner *o = db->owners; o; o = o->hh.next) {
		bool found;
		size_t at = is_user_of(o, k) ? memory_item_at(o, key, &found) : (found = false);

		if (found)
			pc_rows_item(rows, o->user, o->items[at].value, o->items[at].len);
	}
	return PC_OK;
}

int memory_users(pc_db *db, void *reader, const pc_key *k, pc_rows *rows)
{
	(void)reader;
	HASH_SORT(db->owners, by_user);
	for (struct owner *o = db->owners; o; o = o->hh.next) {
		if (is_user_of(o, k) && o->n_items + o->n_entries > 0)
			pc_rows_item(rows, o->user, "", 0);
	}
	return PC_OK;
}
