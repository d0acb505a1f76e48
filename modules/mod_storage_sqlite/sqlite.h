/*
 * sqlite.h - the embedded database: one file in WAL mode, a connection that writes and connections
 * that read.
 *
 * Whose data it is - a host, a store, a user - is a row of `owner`; items and archive entries refer
 * to it by number, so that their indexes stay small. Each commit is synced to the disk.
 *
 *   mod_storage_sqlite.c   the module and its options
 *   database.c             opening, locking, transactions, the check, closing
 *   schema.c               tables, versions, whose file it is
 *   statement.c            statements that are prepared once; errors
 *   items.c                maps
 *   archive.c, search.c    archives: what changes them, what is found in them
 *   words.c                full text
 *   backup.c               a copy while it serves, and the way back
 *
 * A connection is used by one thread at a time: the writer's is opened and closed on the main
 * thread, and used by the writer in between.
 */
#pragma once

#include <sqlite3.h>

#include <prosody-c/prosody-c.h>

#define SQLITE_DRIVER_ID 0x50434442 /* application_id of our files: "PCDB" */

enum statement {
	OWNER_FIND,
	OWNER_ADD,
	OWNER_PURGE,
	ITEMS_CLEAR,
	ITEM_REMOVE,
	ITEM_PUT,
	ITEMS_READ,
	ITEM_READ,
	ITEM_GET,
	ITEM_GET_ALL,
	ITEMS_PURGE,
	USERS,
	ENTRY_PUT,
	ENTRY_REMOVE,
	ENTRY_REPLACE,
	ENTRY_SORT,
	ENTRIES_COUNT_TO,
	ENTRY_WORDS,
	ENTRY_FORGET_WORDS,
	WORDS_GONE,
	WORDS_CLEAN,
	WORDS_CLEANED,
	ENTRIES_EXPIRE,
	ENTRIES_EXTENT,
	ENTRIES_OUTDATED,
	ENTRY_OUTDATED,
	ENTRIES_PURGE,
	BEGIN,
	COMMIT,
	ROLLBACK,
	SAVE_JOB,
	SAVE_JOB_RELEASE,
	SAVE_JOB_UNDO,
	SAVE_BATCH,
	SAVE_BATCH_RELEASE,
	SAVE_BATCH_UNDO,
	QUICK_CHECK,
	N_STATEMENTS
};

/* Searches of archives: what is wanted, how `with` is compared, which end first. */
enum search { SEARCH_ROWS, SEARCH_COUNT, SEARCH_DELETE, N_SEARCHES };
#define IDS_MOST 10000
enum with { WITH_ANY, WITH_BARE, WITH_FULL, N_WITHS };

struct connection {
	pc_module *m; /* for its log */
	sqlite3 *sql;
	sqlite3_stmt *statements[N_STATEMENTS];
	sqlite3_stmt *searches[N_SEARCHES][N_WITHS][2];
	sqlite3_stmt *word_searches[SEARCH_DELETE][N_WITHS][2];
	int64_t deadline; /* of the search under way, by the monotonic clock; 0: none */
	int logged_rc; /* the last failure that was logged, and when: a full disk fails every write
	                */
	int64_t logged_at;
};

struct pc_db {
	struct connection writer;
	char *path;
	int lock;     /* descriptor of the locked file */
	bool unclean; /* the last stop was none */
};

/* ---- statement.c */

/* The statement, ready to be bound; NULL with the failure logged. */
sqlite3_stmt *sqlite_statement(struct connection *c, enum statement which);
sqlite3_stmt *sqlite_prepare(struct connection *c, const char *text, bool keep);
void sqlite_bind_key(sqlite3_stmt *st, const pc_key *k); /* ?1 host, ?2 store, ?3 user */
void sqlite_bind_text(sqlite3_stmt *st, int at, const char *text);
/* Runs a statement without rows, and resets it: PC_OK or PC_EIO. */
int sqlite_run(struct connection *c, sqlite3_stmt *st);
int sqlite_run_simple(struct connection *c, enum statement which);
/* The next row: true. At the end the statement is reset and *err_r is set. */
bool sqlite_row(struct connection *c, sqlite3_stmt *st, int *err_r);
/* Logs the connection's last failure. Always PC_EIO. */
int sqlite_fail(struct connection *c, const char *what);
void sqlite_finalize_all(struct connection *c);

/* ---- database.c */

/* A connection to an existing file; disconnecting one that was not opened is fine. */
int sqlite_connect(struct connection *c, pc_module *m, const char *path);
void sqlite_disconnect(struct connection *c);
/* After a name in it has changed. */
void sqlite_sync_folder(const char *path);
int sqlite_db_open(pc_module *m, pc_db **db_r);
void sqlite_db_close(pc_db *db);
int sqlite_reader_open(pc_db *db, void **reader_r);
void sqlite_reader_close(pc_db *db, void *reader);
int sqlite_begin(pc_db *db);
int sqlite_commit(pc_db *db);
void sqlite_rollback(pc_db *db);
int sqlite_savepoint(pc_db *db);
int sqlite_release(pc_db *db, bool undo);
int sqlite_check(pc_db *db, void *reader);
/* Some failures take the whole transaction with them: what follows must not be written alone. */
bool sqlite_is_lost(const pc_db *db);

/* ---- schema.c: PC_OK when the file is ours and of this version now; else the reason is logged. */
int sqlite_schema(struct connection *c, const char *path);
/* Were its tables made by this version or an older one? Else logs it. */
bool sqlite_is_known_version(struct connection *c, const char *path);
/* The first column of the first row; 0 where there is none. */
int sqlite_number(struct connection *c, const char *text, sqlite3_int64 *number_r);
int sqlite_exec(struct connection *c, const char *text);

/* ---- items.c */

/* The owner's number: PC_OK, PC_ENOENT or PC_EIO. */
int sqlite_owner(struct connection *c, const pc_key *k, sqlite3_int64 *owner_r);
/* The same, made if there is none. */
int sqlite_owner_add(struct connection *c, const pc_key *k, sqlite3_int64 *owner_r);
/* Ends what SAVE_JOB began: several statements that are one write, and are undone together. */
int sqlite_end_job(struct connection *c, int err);
int sqlite_set(pc_db *db, const pc_key *k, const pc_item *items, size_t n, bool replace_all);
int sqlite_swap(pc_db *db, const pc_key *k, const char *key, const char *expected,
                const char *value);
int sqlite_purge(pc_db *db, const pc_key *k);
int sqlite_get(pc_db *db, void *reader, const pc_key *k, const char *key, pc_rows *rows);
int sqlite_get_all(pc_db *db, void *reader, const pc_key *k, const char *key, pc_rows *rows);
int sqlite_users(pc_db *db, void *reader, const pc_key *k, pc_rows *rows);

/* ---- backup.c */

int sqlite_backup(pc_db *db, const char *path);
int sqlite_restore(pc_db *db, const char *path, bool force);

/* ---- archive.c */

int sqlite_append(pc_db *db, const pc_key *k, const pc_entry *entry, size_t most);
int sqlite_append_text(pc_db *db, const pc_key *k, const pc_entry *entry, const char *text);
int sqlite_replace(pc_db *db, const pc_key *k, const char *id, const char *value, size_t len);
int sqlite_remove(pc_db *db, const pc_key *k, const pc_query *query);
int sqlite_expire(pc_db *db, const pc_key *k, int64_t before, size_t most);
int sqlite_extent(pc_db *db, void *reader, const pc_key *k, pc_rows *rows);
int sqlite_outdated(pc_db *db, void *reader, const pc_key *k, int64_t before, const char *behind,
                    size_t most, pc_rows *rows);

/* ---- search.c */

struct range {
	sqlite3_int64 owner, after, before; /* sort numbers, themselves not of it */
};

/* PC_ENOENT: an id is not an entry of range->owner. */
int sqlite_range(struct connection *c, const char *after, const char *before, struct range *range);
/* The statement with all bound, ready to be stepped; NULL with the failure logged. `words` are an
 * expression of FTS5, or NULL. It is given back by sqlite_search_end. */
sqlite3_stmt *sqlite_search_begin(struct connection *c, enum search what, const pc_query *q,
                                  const char *words, const struct range *range,
                                  sqlite3_int64 limit);
void sqlite_search_end(sqlite3_stmt *st, const pc_query *q);
int sqlite_find(pc_db *db, void *reader, const pc_key *k, const pc_query *query, pc_rows *rows);
int sqlite_search(pc_db *db, void *reader, const pc_key *k, const pc_search *search, pc_rows *rows);

/* ---- words.c */

/* For the connection that writes: from now on it knows which entries with words have gone. */
int sqlite_words_follow(struct connection *c);
/* Their words go, too: after each statement that removes entries. */
int sqlite_words_clean(struct connection *c);
int sqlite_words_put(struct connection *c, sqlite3_int64 owner, sqlite3_int64 sort,
                     const char *text);
/* What FTS5 is asked for: all words of the text in entries of that owner. free() it. NULL: the text
 * has no word. */
char *sqlite_words_wanted(sqlite3_int64 owner, const char *text);
