#include "sqlite.h"

/* PC_ELIMIT when the owner has `most` entries or more. */
static int check_room(struct connection *c, sqlite3_int64 owner, size_t most)
{
	sqlite3_stmt *st = sqlite_statement(c, ENTRIES_COUNT_TO);
	int err;
	bool full = false;

	if (st == NULL)
		return PC_EIO;
	sqlite3_bind_int64(st, 1, owner);
	sqlite3_bind_int64(st, 2, (sqlite3_int64)most);
	while (sqlite_row(c, st, &err))
		full = (size_t)sqlite3_column_int64(st, 0) >= most;
	return err ? err : full ? PC_ELIMIT : PC_OK;
}

static int by_id(struct connection *c, enum statement which, sqlite3_int64 owner, const char *id)
{
	sqlite3_stmt *st = sqlite_statement(c, which);

	if (st == NULL)
		return PC_EIO;
	sqlite3_bind_int64(st, 1, owner);
	sqlite_bind_text(st, 2, id);
	return sqlite_run(c, st);
}

/* PC_EEXIST: the owner has an entry with that id. */
static int put_new(struct connection *c, sqlite3_int64 owner, const pc_entry *entry)
{
	sqlite3_stmt *st = sqlite_statement(c, ENTRY_PUT);
	int rc;

	if (st == NULL)
		return PC_EIO;
	sqlite3_bind_int64(st, 1, owner);
	sqlite_bind_text(st, 2, entry->id);
	sqlite3_bind_int64(st, 3, entry->when);
	sqlite_bind_text(st, 4, entry->with);
	sqlite3_bind_text64(st, 5, entry->value, entry->len, SQLITE_STATIC, SQLITE_UTF8);
	rc = sqlite3_step(st);
	if (rc != SQLITE_DONE && rc != SQLITE_CONSTRAINT_UNIQUE)
		sqlite_fail(c, sqlite3_sql(st));
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return rc == SQLITE_DONE ? PC_OK : rc == SQLITE_CONSTRAINT_UNIQUE ? PC_EEXIST : PC_EIO;
}

/* Of an id that is there already the new entry is the newest. */
static int put(struct connection *c, sqlite3_int64 owner, const pc_entry *entry)
{
	int err = put_new(c, owner, entry);

	if (err != PC_EEXIST)
		return err;
	err = by_id(c, ENTRY_REMOVE, owner, entry->id);
	if (!err)
		err = sqlite_words_clean(c);
	return err ? err : put_new(c, owner, entry);
}

int sqlite_append(pc_db *db, const pc_key *k, const pc_entry *entry, size_t most)
{
	struct connection *c = &db->writer;
	sqlite3_int64 owner;
	int err;

	if (sqlite_is_lost(db))
		return PC_EIO;
	err = sqlite_owner_add(c, k, &owner);
	if (!err && most > 0)
		err = check_room(c, owner, most);
	return err ? err : put(c, owner, entry);
}

int sqlite_append_text(pc_db *db, const pc_key *k, const pc_entry *entry, const char *text)
{
	struct connection *c = &db->writer;
	sqlite3_int64 owner;
	int err;

	if (sqlite_is_lost(db))
		return PC_EIO;
	err = sqlite_owner_add(c, k, &owner);
	if (!err)
		err = sqlite_run_simple(c, SAVE_JOB);
	if (err)
		return err;
	err = put(c, owner, entry);
	if (!err)
		err = sqlite_words_put(c, owner, sqlite3_last_insert_rowid(c->sql), text);
	return sqlite_end_job(c, err);
}

static int put_value(struct connection *c, sqlite3_int64 owner, const char *id, const char *value,
                     size_t len)
{
	sqlite3_stmt *st = sqlite_statement(c, ENTRY_REPLACE);
	int err;

	if (st == NULL)
		return PC_EIO;
	sqlite3_bind_int64(st, 1, owner);
	sqlite_bind_text(st, 2, id);
	sqlite3_bind_text64(st, 3, value, len, SQLITE_STATIC, SQLITE_UTF8);
	err = sqlite_run(c, st);
	return err ? err : sqlite3_changes(c->sql) > 0 ? PC_OK : PC_ENOENT;
}

int sqlite_replace(pc_db *db, const pc_key *k, const char *id, const char *value, size_t len)
{
	struct connection *c = &db->writer;
	sqlite3_int64 owner;
	int err;

	if (sqlite_is_lost(db))
		return PC_EIO;
	err = sqlite_owner(c, k, &owner);
	if (!err)
		err = sqlite_run_simple(c, SAVE_JOB);
	if (err)
		return err;
	err = by_id(c, ENTRY_FORGET_WORDS, owner, id);
	if (!err)
		err = put_value(c, owner, id, value, len);
	return sqlite_end_job(c, err);
}

int sqlite_remove(pc_db *db, const pc_key *k, const pc_query *query)
{
	static const pc_query everything;
	const pc_query *q = query ? query : &everything;
	struct connection *c = &db->writer;
	struct range range;
	sqlite3_stmt *st;
	int err = q->n_ids > IDS_MOST ? PC_ELIMIT : PC_OK;

	if (!err)
		err = sqlite_is_lost(db) ? PC_EIO : sqlite_owner(c, k, &range.owner);
	if (err == PC_ENOENT && !q->after && !q->before)
		return PC_OK;
	if (!err)
		err = sqlite_range(c, q->after, q->before, &range);
	if (err)
		return err;
	st = sqlite_search_begin(c, SEARCH_DELETE, q, NULL, &range,
	                         q->limit && q->limit < INT64_MAX ? (sqlite3_int64)q->limit : -1);
	if (st == NULL)
		return PC_EIO;
	if (sqlite3_step(st) != SQLITE_DONE)
		err = sqlite_fail(c, sqlite3_sql(st));
	sqlite_search_end(st, q);
	return err ? err : sqlite_words_clean(c);
}

int sqlite_expire(pc_db *db, const pc_key *k, int64_t before, size_t most)
{
	struct connection *c = &db->writer;
	sqlite3_int64 owner;
	sqlite3_stmt *st;
	int err;

	if (sqlite_is_lost(db))
		return PC_EIO;
	err = sqlite_owner(c, k, &owner);
	if (err)
		return err == PC_ENOENT ? PC_OK : err;
	st = sqlite_statement(c, ENTRIES_EXPIRE);
	if (st == NULL)
		return PC_EIO;
	sqlite3_bind_int64(st, 1, owner);
	sqlite3_bind_int64(st, 2, before);
	sqlite3_bind_int64(st, 3, (sqlite3_int64)most);
	err = sqlite_run(c, st);
	return err ? err : sqlite_words_clean(c);
}

/* ---- how much there is */

int sqlite_extent(pc_db *db, void *reader, const pc_key *k, pc_rows *rows)
{
	struct connection *c = reader;
	sqlite3_int64 owner;
	sqlite3_stmt *st;
	int err = sqlite_owner(c, k, &owner);

	(void)db;
	if (err)
		return err == PC_ENOENT ? PC_OK : err;
	st = sqlite_statement(c, ENTRIES_EXTENT);
	if (st == NULL)
		return PC_EIO;
	sqlite3_bind_int64(st, 1, owner);
	while (sqlite_row(c, st, &err))
		pc_rows_extent(rows, &(pc_extent){ sqlite3_column_int64(st, 0),
		                                   sqlite3_column_int64(st, 1),
		                                   sqlite3_column_int64(st, 2),
		                                   sqlite3_column_int64(st, 3) });
	return err;
}

int sqlite_outdated(pc_db *db, void *reader, const pc_key *k, int64_t before, const char *behind,
                    size_t most, pc_rows *rows)
{
	struct connection *c = reader;
	bool one = k->user[0] != '\0';
	sqlite3_stmt *st = sqlite_statement(c, one ? ENTRY_OUTDATED : ENTRIES_OUTDATED);
	int err;

	(void)db;
	if (st == NULL)
		return PC_EIO;
	sqlite_bind_key(st, k);
	if (!one)
		sqlite_bind_text(st, 3, behind ? behind : "");
	sqlite3_bind_int64(st, 4, before);
	if (!one)
		sqlite3_bind_int64(st, 5, (sqlite3_int64)most);
	while (sqlite_row(c, st, &err))
		pc_rows_item(rows, (const char *)sqlite3_column_text(st, 0), "", 0);
	return err;
}
