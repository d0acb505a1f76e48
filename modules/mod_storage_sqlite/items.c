#include "sqlite.h"

#include <string.h>

/* ---- owners */

int sqlite_owner(struct connection *c, const pc_key *k, sqlite3_int64 *owner_r)
{
	sqlite3_stmt *st = sqlite_statement(c, OWNER_FIND);
	int err;

	if (st == NULL)
		return PC_EIO;
	sqlite_bind_key(st, k);
	if (!sqlite_row(c, st, &err))
		return err ? err : PC_ENOENT;
	*owner_r = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return PC_OK;
}

int sqlite_owner_add(struct connection *c, const pc_key *k, sqlite3_int64 *owner_r)
{
	int err = sqlite_owner(c, k, owner_r);
	sqlite3_stmt *st;

	if (err != PC_ENOENT)
		return err;
	st = sqlite_statement(c, OWNER_ADD);
	if (st == NULL)
		return PC_EIO;
	sqlite_bind_key(st, k);
	err = sqlite_run(c, st);
	*owner_r = sqlite3_last_insert_rowid(c->sql);
	return err;
}

/* ---- writing */

static int put(struct connection *c, sqlite3_int64 owner, const pc_item *item)
{
	sqlite3_stmt *st = sqlite_statement(c, item->value ? ITEM_PUT : ITEM_REMOVE);

	if (st == NULL)
		return PC_EIO;
	sqlite3_bind_int64(st, 1, owner);
	sqlite_bind_text(st, 2, item->key);
	if (item->value)
		sqlite3_bind_text64(st, 3, item->value, item->len, SQLITE_STATIC, SQLITE_UTF8);
	return sqlite_run(c, st);
}

static int clear(struct connection *c, sqlite3_int64 owner)
{
	sqlite3_stmt *st = sqlite_statement(c, ITEMS_CLEAR);

	if (st == NULL)
		return PC_EIO;
	sqlite3_bind_int64(st, 1, owner);
	return sqlite_run(c, st);
}

static int set_all(struct connection *c, sqlite3_int64 owner, const pc_item *items, size_t n,
                   bool replace_all)
{
	int err = replace_all ? clear(c, owner) : PC_OK;

	for (size_t i = 0; i < n && !err; i++)
		err = put(c, owner, &items[i]);
	return err;
}

int sqlite_end_job(struct connection *c, int err)
{
	if (sqlite3_get_autocommit(c->sql))
		return PC_EIO;
	if (err && sqlite_run_simple(c, SAVE_JOB_UNDO) != PC_OK)
		return PC_EIO;
	return sqlite_run_simple(c, SAVE_JOB_RELEASE) != PC_OK ? PC_EIO : err;
}

int sqlite_set(pc_db *db, const pc_key *k, const pc_item *items, size_t n, bool replace_all)
{
	struct connection *c = &db->writer;
	sqlite3_int64 owner;
	int err;

	if (sqlite_is_lost(db))
		return PC_EIO;
	err = n > 0 ? sqlite_owner_add(c, k, &owner) : sqlite_owner(c, k, &owner);
	if (err)
		return err == PC_ENOENT ? PC_OK : err;
	if (n + replace_all < 2)
		return set_all(c, owner, items, n, replace_all);
	err = sqlite_run_simple(c, SAVE_JOB);
	return err ? err : sqlite_end_job(c, set_all(c, owner, items, n, replace_all));
}

/* Is the value what is expected (NULL: none)? PC_OK or PC_ECONFLICT. */
static int compare(struct connection *c, sqlite3_int64 owner, const char *key, const char *expected)
{
	sqlite3_stmt *st = sqlite_statement(c, ITEM_GET);
	size_t len = expected ? strlen(expected) : 0;
	bool same;
	int err;

	if (st == NULL)
		return PC_EIO;
	sqlite3_bind_int64(st, 1, owner);
	sqlite_bind_text(st, 2, key);
	if (!sqlite_row(c, st, &err))
		return err ? err : expected ? PC_ECONFLICT : PC_OK;
	same = expected && (size_t)sqlite3_column_bytes(st, 1) == len &&
	       (len == 0 || memcmp(sqlite3_column_text(st, 1), expected, len) == 0);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return same ? PC_OK : PC_ECONFLICT;
}

int sqlite_swap(pc_db *db, const pc_key *k, const char *key, const char *expected,
                const char *value)
{
	struct connection *c = &db->writer;
	sqlite3_int64 owner;
	int err;

	if (sqlite_is_lost(db))
		return PC_EIO;
	err = sqlite_owner_add(c, k, &owner);
	if (!err)
		err = compare(c, owner, key, expected);
	if (err)
		return err;
	return put(c, owner, &(pc_item){ key, value, value ? strlen(value) : 0 });
}

static int purge_from(struct connection *c, enum statement which, const pc_key *k)
{
	sqlite3_stmt *st = sqlite_statement(c, which);

	if (st == NULL)
		return PC_EIO;
	sqlite_bind_text(st, 1, k->host);
	sqlite_bind_text(st, 2, k->user);
	return sqlite_run(c, st);
}

int sqlite_purge(pc_db *db, const pc_key *k)
{
	struct connection *c = &db->writer;
	int err;

	if (sqlite_is_lost(db) || sqlite_run_simple(c, SAVE_JOB) != PC_OK)
		return PC_EIO;
	err = purge_from(c, ITEMS_PURGE, k);
	if (!err)
		err = purge_from(c, ENTRIES_PURGE, k);
	if (!err)
		err = sqlite_words_clean(c);
	if (!err)
		err = purge_from(c, OWNER_PURGE, k);
	return sqlite_end_job(c, err);
}

/* ---- reading */

/* Every row's first column is the key, the second the value. */
static int give_rows(struct connection *c, sqlite3_stmt *st, pc_rows *rows)
{
	int err;

	while (sqlite_row(c, st, &err)) {
		const char *key = (const char *)sqlite3_column_text(st, 0);
		const char *value = (const char *)sqlite3_column_text(st, 1);

		pc_rows_item(rows, key ? key : "", value, (size_t)sqlite3_column_bytes(st, 1));
	}
	return err;
}

/* In one statement: each takes locks on the file of its own. */
int sqlite_get(pc_db *db, void *reader, const pc_key *k, const char *key, pc_rows *rows)
{
	struct connection *c = reader;
	sqlite3_stmt *st = sqlite_statement(c, key ? ITEM_READ : ITEMS_READ);

	(void)db;
	if (st == NULL)
		return PC_EIO;
	sqlite_bind_key(st, k);
	if (key)
		sqlite_bind_text(st, 4, key);
	return give_rows(c, st, rows);
}

int sqlite_get_all(pc_db *db, void *reader, const pc_key *k, const char *key, pc_rows *rows)
{
	struct connection *c = reader;
	sqlite3_stmt *st = sqlite_statement(c, ITEM_GET_ALL);

	(void)db;
	if (st == NULL)
		return PC_EIO;
	sqlite_bind_key(st, k);
	sqlite_bind_text(st, 3, key);
	return give_rows(c, st, rows);
}

int sqlite_users(pc_db *db, void *reader, const pc_key *k, pc_rows *rows)
{
	struct connection *c = reader;
	sqlite3_stmt *st = sqlite_statement(c, USERS);

	(void)db;
	if (st == NULL)
		return PC_EIO;
	sqlite_bind_text(st, 1, k->host);
	sqlite_bind_text(st, 2, k->store);
	return give_rows(c, st, rows);
}
