/*
 * store.h - what is kept.
 *
 * A store has a name ("roster"), belongs to a host, and holds for each user (NULL: the host itself)
 * either items - a map from keys to texts - or an archive: a sequence of entries in the order of
 * adding. Prosody's keyval stores are maps that are read and replaced as a whole.
 *
 * Everything is asynchronous: callbacks come on the main thread, never before the call returns, in
 * the order of their calls for one user and store. A callback of a module that is gone is dropped.
 *
 * Writes return a ticket at once: a number that grows with every write of the same database. Reads
 * see all writes made before them. What may be told to a peer only when it is safe is held by
 * pc_reply_after() (event.h) or waits by pc_ticket_wait(). A ticket that fails takes its callbacks
 * with it: PC_EIO.
 *
 * Which driver serves a store is configured (`storage`, `default_storage`). A module that is loaded
 * before others, such as that of `authentication`, may decide it for its host: by an item
 * (module.h) of the kind "storage-only", the driver's name.
 */
#pragma once

#include <prosody-c/base.h>

typedef struct pc_item {
	const char *key;   /* "" is allowed */
	const char *value; /* NULL in a write: remove */
	size_t len;        /* of the value, which also has a NUL behind it */
} pc_item;

typedef enum pc_store_kind { PC_STORE_MAP, PC_STORE_ARCHIVE } pc_store_kind;

/* One line of a module's list of the stores that it keeps (module.h: .stores). */
typedef struct pc_store_decl {
	const char *name; /* a trailing '*' stands for any rest */
	pc_store_kind kind;
	const char *help; /* one line: what is in it */
} pc_store_decl;

/* During load, or later. Sticky error when the driver does not serve that kind. */
PC_EXPORT pc_store *pc_store_open(pc_module *m, const char *name, pc_store_kind kind);
/* For another host than the module's own (global modules). */
PC_EXPORT pc_store *pc_store_open_on(pc_module *m, pc_host *host, const char *name,
                                     pc_store_kind kind);
/* Gives it back before the module goes: for stores whose names come and go. What is under way is
 * not disturbed. Clears the pointer; NULL is fine. */
PC_EXPORT void pc_store_close(pc_store **st);

/* ---- maps. Items are borrowed and sorted by key; n is 0 where nothing is kept. */

typedef void pc_items_fn(int err, const pc_item *items, size_t n, void *data);
PC_EXPORT void pc_store_get(pc_store *st, const char *user, pc_items_fn *fn, void *data);
PC_EXPORT void pc_store_get_key(pc_store *st, const char *user, const char *key, pc_items_fn *fn,
                                void *data);
/* One key over all users: pc_item.key is the user. */
PC_EXPORT void pc_store_get_all(pc_store *st, const char *key, pc_items_fn *fn, void *data);
/* The users that have something in this store: in pc_item.key. */
PC_EXPORT void pc_store_users(pc_store *st, pc_items_fn *fn, void *data);

/* Replaces all items of the user; n 0 removes them. `fn` (may be NULL) is called when it is
 * committed, or has failed. */
PC_EXPORT pc_ticket pc_store_set(pc_store *st, const char *user, const pc_item *items, size_t n,
                                 pc_done_fn *fn, void *data);
/* Sets or removes these keys only. */
PC_EXPORT pc_ticket pc_store_set_keys(pc_store *st, const char *user, const pc_item *items,
                                      size_t n, pc_done_fn *fn, void *data);
/* Sets a key only if its value is `expected` (NULL: only if there is none): else PC_ECONFLICT. */
PC_EXPORT pc_ticket pc_store_swap(pc_store *st, const char *user, const char *key,
                                  const char *expected, const char *value, pc_done_fn *fn,
                                  void *data);
/* Everything of the user in all stores of the host that this store's driver serves. */
PC_EXPORT pc_ticket pc_store_purge(pc_store *st, const char *user, pc_done_fn *fn, void *data);

/* ---- archives */

typedef struct pc_entry {
	const char *id;    /* NULL in an append: one is made */
	int64_t when;      /* milliseconds since 1970 */
	const char *with;  /* the other party, bare; may be NULL */
	const char *value; /* usually a stanza as text */
	size_t len;
} pc_entry;

typedef struct pc_query {
	int64_t start, end;         /* milliseconds; 0: open */
	const char *with;           /* bare or full JID; NULL: any */
	const char *before, *after; /* ids; NULL: none. Unknown: PC_ENOENT */
	const char *const *ids;     /* these only; n_ids of them */
	size_t n_ids;
	size_t limit; /* 0: none */
	bool reverse; /* newest first */
	bool count;   /* the total is wanted too */
} pc_query;

/* The id that was used or made, in id_r (PC_ENTRY_ID_SIZE bytes) at once. */
#define PC_ENTRY_ID_SIZE 37
PC_EXPORT pc_ticket pc_archive_append(pc_store *st, const char *user, const pc_entry *entry,
                                      char id_r[static PC_ENTRY_ID_SIZE], pc_done_fn *fn,
                                      void *data);
/* Entries are borrowed; total is -1 unless asked for; `more` tells that the limit cut it. */
typedef void pc_entries_fn(int err, const pc_entry *entries, size_t n, int64_t total, bool more,
                           void *data);
PC_EXPORT void pc_archive_find(pc_store *st, const char *user, const pc_query *query,
                               pc_entries_fn *fn, void *data);
/* Removes what the query finds (query NULL: all of the user). */
PC_EXPORT pc_ticket pc_archive_delete(pc_store *st, const char *user, const pc_query *query,
                                      pc_done_fn *fn, void *data);
/* Replaces the value of one entry. */
PC_EXPORT pc_ticket pc_archive_replace(pc_store *st, const char *user, const char *id,
                                       const char *value, size_t len, pc_done_fn *fn, void *data);
/* Appends only while the user has fewer than `most` entries; else PC_ELIMIT to fn. */
PC_EXPORT pc_ticket pc_archive_append_limited(pc_store *st, const char *user, const pc_entry *entry,
                                              size_t most, char id_r[static PC_ENTRY_ID_SIZE],
                                              pc_done_fn *fn, void *data);

/* ---- more of archives, since ABI 1.2. Drivers that know less of them answer PC_ENOTSUP. */

/* An entry that can be found by words, where the driver knows words: `text` is what they are looked
 * for in. They go with the entry, and when its value is replaced. */
PC_EXPORT pc_ticket pc_archive_append_text(pc_store *st, const char *user, const pc_entry *entry,
                                           const char *text, char id_r[static PC_ENTRY_ID_SIZE],
                                           pc_done_fn *fn, void *data);

/* A search of which `query` wants a page: its `before`, `after` and `limit` say which, everything
 * else says what belongs to the search. */
typedef struct pc_search {
	size_t size; /* sizeof(pc_search) */
	pc_query query;
	const char *above, *below; /* ids: only what lies between; NULL: open. Unknown: PC_ENOENT */
	const char *text;          /* all of its words must be in the entry's text; NULL: any */
	bool all_ids;              /* each of the query's ids must be there: else PC_ENOENT */
} pc_search;

/* Made by the core alone; it grows at its end. */
typedef struct pc_found {
	const pc_entry *entries; /* borrowed */
	size_t n;
	bool more;     /* behind them in the order that was asked for */
	int64_t total; /* of the search; -1: not asked for, or more than PC_COUNT_MOST */
	int64_t index; /* how many of the search are older than all of these; -1 likewise */
} pc_found;
#define PC_COUNT_MOST 100000
#define PC_PAGE_BYTES ((size_t)1024 * 1024)

/* A page ends at the query's limit, or after PC_PAGE_BYTES. PC_ETIMEOUT: looking took too long. */
typedef void pc_found_fn(int err, const pc_found *found, void *data);
PC_EXPORT void pc_archive_search(pc_store *st, const char *user, const pc_search *search,
                                 pc_found_fn *fn, void *data);

/* How much a user keeps there. Made by the core alone; it grows at its end. */
typedef struct pc_extent {
	int64_t entries, bytes; /* bytes: of the values */
	int64_t oldest, newest; /* when the first and the last were added; 0 where there is none */
} pc_extent;
typedef void pc_extent_fn(int err, const pc_extent *extent, void *data);
PC_EXPORT void pc_archive_extent(pc_store *st, const char *user, pc_extent_fn *fn, void *data);

/* Removes what the user, or (NULL) each user, added before that time, from the oldest on and a few
 * at a time: other writes go on in between. fn (may be NULL) is told when it is done. */
PC_EXPORT void pc_archive_expire(pc_store *st, const char *user, int64_t before, pc_done_fn *fn,
                                 void *data);

/* ---- several writes as one: all or none, one ticket. Only stores of the same database. */

typedef struct pc_batch pc_batch;
PC_EXPORT pc_batch *pc_batch_new(pc_module *m);
PC_EXPORT void pc_batch_set(pc_batch *b, pc_store *st, const char *user, const pc_item *items,
                            size_t n);
PC_EXPORT void pc_batch_set_keys(pc_batch *b, pc_store *st, const char *user, const pc_item *items,
                                 size_t n);
/* As pc_store_swap(); with PC_ECONFLICT nothing of the batch is written. */
PC_EXPORT void pc_batch_swap(pc_batch *b, pc_store *st, const char *user, const char *key,
                             const char *expected, const char *value);
PC_EXPORT void pc_batch_append(pc_batch *b, pc_store *st, const char *user, const pc_entry *entry,
                               char id_r[static PC_ENTRY_ID_SIZE]);
PC_EXPORT void pc_batch_delete(pc_batch *b, pc_store *st, const char *user, const pc_query *query);
PC_EXPORT pc_ticket pc_batch_commit(PC_TAKES pc_batch *b, pc_done_fn *fn, void *data);

/* ---- tickets */

/* Calls fn when the ticket is committed (at the next turn if it already is) or has failed. */
PC_EXPORT void pc_ticket_wait(pc_module *m, pc_ticket ticket, pc_done_fn *fn, void *data);
PC_EXPORT bool pc_ticket_committed(pc_ticket ticket);

/* ---- drivers. A driver is a module that provides "storage-NAME" with this struct (pc_provide).
 * The core calls `open` on the main thread; everything else runs on store threads, and `db` is the
 * driver's own. Write functions run inside begin/commit; one failing write is undone alone
 * (`savepoint` semantics), a failing commit fails all of its batch. */

typedef struct pc_db pc_db;
typedef struct pc_key {
	const char *host, *user, *store;
} pc_key; /* user is "" for the host's own */
/* Given to reading functions: copies each item or entry it is given. */
typedef struct pc_rows pc_rows;
PC_EXPORT void pc_rows_item(pc_rows *rows, const char *key, const char *value, size_t len);
PC_EXPORT void pc_rows_entry(pc_rows *rows, const pc_entry *entry);
PC_EXPORT void pc_rows_total(pc_rows *rows, int64_t total, bool more);
PC_EXPORT void pc_rows_index(pc_rows *rows, int64_t index);
PC_EXPORT void pc_rows_extent(pc_rows *rows, const pc_extent *extent);

typedef struct pc_store_driver {
	size_t size;
	bool archives;   /* serves archives too */
	bool one_thread; /* reads must run on the writer's thread as well */
	/* Main thread, once for the server. Options are read here. */
	int (*open)(pc_module *m, pc_db **db_r);
	void (*close)(pc_db *db); /* after the threads have ended */
	/* PC_ON_WRITER. A reader's own handle, made on its thread; both NULL where none is needed.
	 */
	int (*reader_open)(pc_db *db, void **reader_r);
	void (*reader_close)(pc_db *db, void *reader);
	int (*begin)(pc_db *db);
	int (*commit)(pc_db *db);
	void (*rollback)(pc_db *db);
	int (*set)(pc_db *db, const pc_key *k, const pc_item *items, size_t n, bool replace_all);
	int (*swap)(pc_db *db, const pc_key *k, const char *key, const char *expected,
	            const char *value);
	int (*purge)(pc_db *db, const pc_key *k); /* every store of that host and user */
	int (*append)(pc_db *db, const pc_key *k, const pc_entry *entry, size_t most /* 0: any */);
	int (*replace)(pc_db *db, const pc_key *k, const char *id, const char *value, size_t len);
	int (*remove)(pc_db *db, const pc_key *k, const pc_query *query);
	/* PC_ON_WRITER, on reader threads unless one_thread. `key` NULL: all items of the user. */
	int (*get)(pc_db *db, void *reader, const pc_key *k, const char *key, pc_rows *rows);
	int (*get_all)(pc_db *db, void *reader, const pc_key *k, const char *key, pc_rows *rows);
	int (*users)(pc_db *db, void *reader, const pc_key *k, pc_rows *rows);
	int (*find)(pc_db *db, void *reader, const pc_key *k, const pc_query *query, pc_rows *rows);
	/* Once after opening, while the database already serves. After an unclean stop it looks
	 * through all of it; else it returns at once. PC_OK, or PC_EIO and writes stop. NULL: not
	 * needed. */
	int (*check)(pc_db *db, void *reader);
	/* Around the writes of a batch, inside begin and commit: release keeps them or undoes them.
	 */
	int (*savepoint)(pc_db *db);
	int (*release)(pc_db *db, bool undo);
	/* PC_ON_WRITER, on reader threads. A copy of all that is committed, as a new file that only
	 * its owner may read: PC_EEXIST, PC_EPERM. NULL: there is nothing that could be copied. */
	int (*backup)(pc_db *db, const char *path);
	/* Everything is replaced by what such a copy holds, or nothing is changed: PC_EINVAL where
	 * it is none, or damaged; PC_EEXIST where there is data of users already, unless `force`.
	 */
	int (*restore)(pc_db *db, const char *path, bool force);
	/* Since ABI 1.2, each may be NULL. */
	int (*append_text)(pc_db *db, const pc_key *k, const pc_entry *entry, const char *text);
	/* Of the oldest `most` entries of the user those that were added before that time go. */
	int (*expire)(pc_db *db, const pc_key *k, int64_t before, size_t most);
	int (*search)(pc_db *db, void *reader, const pc_key *k, const pc_search *search,
	              pc_rows *rows);
	int (*extent)(pc_db *db, void *reader, const pc_key *k, pc_rows *rows);
	/* Users whose oldest entry was added before that time, as items: at most `most`, sorted,
	 * the first behind that user (NULL: from the beginning). k->user is set: this one alone. */
	int (*outdated)(pc_db *db, void *reader, const pc_key *k, int64_t before,
	                const char *behind, size_t most, pc_rows *rows);
} pc_store_driver;
