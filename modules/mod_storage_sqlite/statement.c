#include "sqlite.h"

#include <string.h>
#include <time.h>

#define LOG_AGAIN_SECONDS 10

static const char *const texts[N_STATEMENTS] = {
	[OWNER_FIND] = "SELECT id FROM owner WHERE host = ?1 AND store = ?2 AND user = ?3",
	[OWNER_ADD] = "INSERT INTO owner (host, store, user) VALUES (?1, ?2, ?3)",
	[OWNER_PURGE] = "DELETE FROM owner WHERE host = ?1 AND user = ?2",
	[ITEMS_CLEAR] = "DELETE FROM items WHERE owner = ?1",
	[ITEM_REMOVE] = "DELETE FROM items WHERE owner = ?1 AND key = ?2",
	[ITEM_PUT] = "INSERT INTO items (owner, key, value) VALUES (?1, ?2, ?3)"
	             " ON CONFLICT (owner, key) DO UPDATE SET value = excluded.value",
	[ITEMS_READ] = "SELECT key, value FROM items WHERE owner ="
	               " (SELECT id FROM owner WHERE host = ?1 AND store = ?2 AND user = ?3)"
	               " ORDER BY key",
	[ITEM_READ] = "SELECT key, value FROM items WHERE owner ="
	              " (SELECT id FROM owner WHERE host = ?1 AND store = ?2 AND user = ?3)"
	              " AND key = ?4",
	[ITEM_GET] = "SELECT key, value FROM items WHERE owner = ?1 AND key = ?2",
	[ITEM_GET_ALL] = "SELECT o.user, i.value FROM owner o CROSS JOIN items i ON i.owner = o.id"
	                 " WHERE o.host = ?1 AND o.store = ?2 AND o.user <> '' AND i.key = ?3"
	                 " ORDER BY o.user",
	[ITEMS_PURGE] = "DELETE FROM items WHERE owner IN"
	                " (SELECT id FROM owner WHERE host = ?1 AND user = ?2)",
	[USERS] = "SELECT user, '' FROM owner o WHERE host = ?1 AND store = ?2 AND user <> '' AND"
	          " (EXISTS (SELECT 1 FROM items WHERE owner = o.id) OR"
	          "  EXISTS (SELECT 1 FROM archive WHERE owner = o.id)) ORDER BY user",
	[ENTRY_PUT] = "INSERT INTO archive (owner, id, \"when\", \"with\", value)"
	              " VALUES (?1, ?2, ?3, ?4, ?5)",
	[ENTRY_REMOVE] = "DELETE FROM archive WHERE owner = ?1 AND id = ?2",
	[ENTRY_REPLACE] = "UPDATE archive SET value = ?3 WHERE owner = ?1 AND id = ?2",
	[ENTRY_SORT] = "SELECT sort FROM archive WHERE owner = ?1 AND id = ?2",
	[ENTRIES_COUNT_TO] = "SELECT count(*) FROM"
	                     " (SELECT 1 FROM archive WHERE owner = ?1 LIMIT ?2)",
	[ENTRY_WORDS] = "INSERT OR REPLACE INTO words (rowid, owner, text) VALUES (?1, ?2, ?3)",
	[ENTRY_FORGET_WORDS] = "DELETE FROM words WHERE rowid ="
	                       " (SELECT sort FROM archive WHERE owner = ?1 AND id = ?2)",
	[WORDS_GONE] = "SELECT 1 FROM gone LIMIT 1",
	[WORDS_CLEAN] = "DELETE FROM words WHERE rowid IN (SELECT sort FROM gone)",
	[WORDS_CLEANED] = "DELETE FROM gone",
	[ENTRIES_EXPIRE] = "DELETE FROM archive WHERE sort IN (SELECT sort FROM"
	                   " (SELECT sort, \"when\" FROM archive INDEXED BY archive_order"
	                   "  WHERE owner = ?1 ORDER BY sort LIMIT ?3) WHERE \"when\" < ?2)",
	[ENTRIES_EXTENT] = "SELECT count(*), sum(length(CAST(value AS BLOB))),"
	                   " (SELECT \"when\" FROM archive INDEXED BY archive_order"
	                   "  WHERE owner = ?1 ORDER BY sort LIMIT 1),"
	                   " (SELECT \"when\" FROM archive INDEXED BY archive_order"
	                   "  WHERE owner = ?1 ORDER BY sort DESC LIMIT 1)"
	                   " FROM archive WHERE owner = ?1",
	[ENTRIES_OUTDATED] = "SELECT user, '' FROM owner o WHERE host = ?1 AND store = ?2"
	                     " AND user > ?3 AND (SELECT \"when\" FROM archive INDEXED BY"
	                     " archive_order WHERE owner = o.id ORDER BY sort LIMIT 1) < ?4"
	                     " ORDER BY user LIMIT ?5",
	[ENTRY_OUTDATED] = "SELECT user, '' FROM owner o WHERE host = ?1 AND store = ?2"
	                   " AND user = ?3 AND (SELECT \"when\" FROM archive INDEXED BY"
	                   " archive_order WHERE owner = o.id ORDER BY sort LIMIT 1) < ?4",
	[ENTRIES_PURGE] = "DELETE FROM archive WHERE owner IN"
	                  " (SELECT id FROM owner WHERE host = ?1 AND user = ?2)",
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[SAVE_JOB] = "SAVEPOINT job",
	[SAVE_JOB_RELEASE] = "RELEASE job",
	[SAVE_JOB_UNDO] = "ROLLBACK TO job",
	[SAVE_BATCH] = "SAVEPOINT batch",
	[SAVE_BATCH_RELEASE] = "RELEASE batch",
	[SAVE_BATCH_UNDO] = "ROLLBACK TO batch",
	[QUICK_CHECK] = "PRAGMA quick_check(10)",
};

int sqlite_fail(struct connection *c, const char *what)
{
	int rc = c->sql ? sqlite3_extended_errcode(c->sql) : SQLITE_NOMEM;
	/* the system's reason: that of an earlier failure where the class is another one */
	int number = rc % 256 == SQLITE_IOERR || rc % 256 == SQLITE_CANTOPEN
	                     ? sqlite3_system_errno(c->sql)
	                     : 0;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (rc != c->logged_rc || now.tv_sec - c->logged_at >= LOG_AGAIN_SECONDS) {
		pc_log(c->m, PC_ERROR, "the database failed (%s): %s (%d)%s%s", what,
		       c->sql ? sqlite3_errmsg(c->sql) : "out of memory", rc, number ? ": " : "",
		       number ? strerror(number) : "");
		c->logged_rc = rc;
		c->logged_at = now.tv_sec;
	}
	return PC_EIO;
}

sqlite3_stmt *sqlite_prepare(struct connection *c, const char *text, bool keep)
{
	sqlite3_stmt *st;

	if (sqlite3_prepare_v3(c->sql, text, -1, keep ? SQLITE_PREPARE_PERSISTENT : 0, &st, NULL) !=
	    SQLITE_OK) {
		sqlite_fail(c, text);
		return NULL;
	}
	return st;
}

sqlite3_stmt *sqlite_statement(struct connection *c, enum statement which)
{
	if (c->statements[which] == NULL)
		c->statements[which] = sqlite_prepare(c, texts[which], true);
	return c->statements[which];
}

void sqlite_bind_text(sqlite3_stmt *st, int at, const char *text)
{
	if (text)
		sqlite3_bind_text(st, at, text, -1, SQLITE_STATIC);
	else
		sqlite3_bind_null(st, at);
}

void sqlite_bind_key(sqlite3_stmt *st, const pc_key *k)
{
	sqlite_bind_text(st, 1, k->host);
	sqlite_bind_text(st, 2, k->store);
	sqlite_bind_text(st, 3, k->user);
}

/* What is bound is the caller's: nothing of it may be left behind. */
static void done_with(sqlite3_stmt *st)
{
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
}

int sqlite_run(struct connection *c, sqlite3_stmt *st)
{
	int err = PC_OK;

	if (sqlite3_step(st) != SQLITE_DONE)
		err = sqlite_fail(c, sqlite3_sql(st));
	done_with(st);
	return err;
}

int sqlite_run_simple(struct connection *c, enum statement which)
{
	sqlite3_stmt *st = sqlite_statement(c, which);

	return st ? sqlite_run(c, st) : PC_EIO;
}

bool sqlite_row(struct connection *c, sqlite3_stmt *st, int *err_r)
{
	int rc = sqlite3_step(st);

	*err_r = PC_OK;
	if (rc == SQLITE_ROW)
		return true;
	if (rc != SQLITE_DONE)
		*err_r = sqlite_fail(c, sqlite3_sql(st));
	done_with(st);
	return false;
}

void sqlite_finalize_all(struct connection *c)
{
	for (int i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize(c->statements[i]);
	for (int what = 0; what < N_SEARCHES; what++)
		for (int with = 0; with < N_WITHS; with++)
			for (int reverse = 0; reverse < 2; reverse++)
				sqlite3_finalize(c->searches[what][with][reverse]);
	for (int what = 0; what < SEARCH_DELETE; what++)
		for (int with = 0; with < N_WITHS; with++)
			for (int reverse = 0; reverse < 2; reverse++)
				sqlite3_finalize(c->word_searches[what][with][reverse]);
	memset(c->statements, 0, sizeof(c->statements));
	memset(c->searches, 0, sizeof(c->searches));
	memset(c->word_searches, 0, sizeof(c->word_searches));
}
