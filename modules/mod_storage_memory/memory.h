/*
 * memory.h - storage in memory: owners (a host, a store, a user) with their items and entries.
 *
 * Everything runs on the writer's thread. Each change notes its opposite, so that a failed write, a
 * failed batch and a failed commit can be undone, newest change first.
 *
 *   mod_storage_memory.c   the module, transactions
 *   owner.c                owners, changes and their opposites
 *   maps.c, archives.c     the two kinds of store
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include <prosody-c/prosody-c.h>
#include <prosody-c/table.h>

struct owner {
	UT_hash_handle hh;
	pc_item *items; /* sorted by key */
	size_t n_items;
	pc_entry *entries;
	size_t n_entries;
	const char *host, *store, *user; /* in name */
	size_t name_len;
	char name[]; /* all three, each with its NUL: the key of the table */
};

struct change {
	struct change *before;
	struct owner *owner;
	enum { ITEM, ENTRY_ADDED, ENTRY_GONE, ENTRY_VALUE } what;
	size_t at;
	pc_item item;   /* as it was; of ENTRY_VALUE the value */
	pc_entry entry; /* as it was */
};

struct pc_db {
	struct owner *owners;
	struct change *changes; /* of this transaction, newest first */
	struct change *saved;   /* the newest when the savepoint was made */
};

/* ---- owner.c */

/* NULL where there is none, unless it is to be made. */
struct owner *memory_owner(pc_db *db, const pc_key *k, bool make);
void memory_owner_free(struct owner *o);
/* The place of the key, or where it would go. */
size_t memory_item_at(const struct owner *o, const char *key, bool *found_r);
/* The changes that can be undone. An item without value is removed. */
void memory_set_item(pc_db *db, struct owner *o, const pc_item *item);
void memory_add_entry(pc_db *db, struct owner *o, const pc_entry *entry);
void memory_remove_entry(pc_db *db, struct owner *o, size_t at);
void memory_set_value(pc_db *db, struct owner *o, size_t at, const char *value, size_t len);
void memory_undo_to(pc_db *db, const struct change *mark);
/* They cannot be undone any more. */
void memory_keep(pc_db *db);

/* ---- maps.c */

void memory_clear_items(pc_db *db, struct owner *o);
int memory_set(pc_db *db, const pc_key *k, const pc_item *items, size_t n, bool replace_all);
int memory_swap(pc_db *db, const pc_key *k, const char *key, const char *expected,
                const char *value);
int memory_purge(pc_db *db, const pc_key *k);
int memory_get(pc_db *db, void *reader, const pc_key *k, const char *key, pc_rows *rows);
int memory_get_all(pc_db *db, void *reader, const pc_key *k, const char *key, pc_rows *rows);
int memory_users(pc_db *db, void *reader, const pc_key *k, pc_rows *rows);

/* ---- archives.c */

int memory_append(pc_db *db, const pc_key *k, const pc_entry *entry, size_t most);
int memory_replace(pc_db *db, const pc_key *k, const char *id, const char *value, size_t len);
int memory_remove(pc_db *db, const pc_key *k, const pc_query *query);
int memory_find(pc_db *db, void *reader, const pc_key *k, const pc_query *query, pc_rows *rows);
int memory_search(pc_db *db, void *reader, const pc_key *k, const pc_search *search, pc_rows *rows);
int memory_expire(pc_db *db, const pc_key *k, int64_t before, size_t most);
int memory_extent(pc_db *db, void *reader, const pc_key *k, pc_rows *rows);
int memory_outdated(pc_db *db, void *reader, const pc_key *k, int64_t before, const char *behind,
                    size_t most, pc_rows *rows);
