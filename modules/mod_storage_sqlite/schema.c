#include "sqlite.h"

#include <stdio.h>

/* What leads from each version of the tables to the next; the first starts from an empty file. */
static const char *const steps[] = {
	"CREATE TABLE owner (id INTEGER PRIMARY KEY, host TEXT NOT NULL, store TEXT NOT NULL,"
	"  user TEXT NOT NULL, UNIQUE (host, store, user));"
	"CREATE INDEX owner_user ON owner (host, user);"
	"CREATE TABLE items (owner INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
	"  PRIMARY KEY (owner, key)) WITHOUT ROWID;"
	"CREATE TABLE archive (sort INTEGER PRIMARY KEY, owner INTEGER NOT NULL, id TEXT NOT NULL,"
	"  \"when\" INTEGER NOT NULL, \"with\" TEXT, value TEXT NOT NULL);"
	"CREATE UNIQUE INDEX archive_id ON archive (owner, id);"
	/* the whole condition of a search is in the index: only what matches is fetched */
	"CREATE INDEX archive_order ON archive (owner, sort, \"when\", \"with\");",
	/* Words of entries that can be found by them. The owner is a word of its own, so that a
	 * search touches what is its owner's. */
	"CREATE VIRTUAL TABLE words USING fts5(owner, text,"
	"  tokenize = 'unicode61 remove_diacritics 2');",
};

#define VERSION ((int)(sizeof(steps) / sizeof(steps[0])))

int sqlite_exec(struct connection *c, const char *text)
{
	if (sqlite3_exec(c->sql, text, NULL, NULL, NULL) != SQLITE_OK)
		return sqlite_fail(c, text);
	return PC_OK;
}

int sqlite_number(struct connection *c, const char *text, sqlite3_int64 *number_r)
{
	sqlite3_stmt *st = sqlite_prepare(c, text, false);
	int err;

	if (st == NULL)
		return PC_EIO;
	*number_r = 0;
	if (sqlite_row(c, st, &err))
		*number_r = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return err;
}

/* A file that holds anything and does not bear our mark is somebody else's. */
static int check_mark(struct connection *c, const char *path, sqlite3_int64 version)
{
	sqlite3_int64 mark, tables;

	if (sqlite_number(c, "PRAGMA application_id", &mark) != PC_OK ||
	    sqlite_number(c, "SELECT count(*) FROM sqlite_master", &tables) != PC_OK)
		return PC_EIO;
	if (mark == SQLITE_DRIVER_ID || (mark == 0 && version == 0 && tables == 0))
		return PC_OK;
	pc_log(c->m, PC_ERROR,
	       "%s is a database of another program (or of Prosody); it is left alone. Name "
	       "another "
	       "file by the option sql_database",
	       path);
	return PC_EIO;
}

static int migrate(struct connection *c, int from)
{
	char mark[64];
	int err = sqlite_exec(c, "BEGIN IMMEDIATE");

	for (int v = from; v < VERSION && !err; v++)
		err = sqlite_exec(c, steps[v]);
	snprintf(mark, sizeof(mark), "PRAGMA user_version = %d", VERSION);
	if (!err)
		err = sqlite_exec(c, mark);
	snprintf(mark, sizeof(mark), "PRAGMA application_id = %d", SQLITE_DRIVER_ID);
	if (!err)
		err = sqlite_exec(c, mark);
	if (!err)
		err = sqlite_exec(c, "COMMIT");
	if (err && !sqlite3_get_autocommit(c->sql))
		sqlite3_exec(c->sql, "ROLLBACK", NULL, NULL, NULL);
	return err;
}

bool sqlite_is_known_version(struct connection *c, const char *path)
{
	sqlite3_int64 version;

	if (sqlite_number(c, "PRAGMA user_version", &version) != PC_OK)
		return false;
	if (version > VERSION)
		pc_log(c->m, PC_ERROR,
		       "%s was written by a newer version of this program (its tables are of "
		       "version %lld, %d is the last known here)",
		       path, (long long)version, VERSION);
	return version <= VERSION;
}

int sqlite_schema(struct connection *c, const char *path)
{
	sqlite3_int64 version;

	if (sqlite_number(c, "PRAGMA user_version", &version) != PC_OK ||
	    check_mark(c, path, version) != PC_OK)
		return PC_EIO;
	if (!sqlite_is_known_version(c, path))
		return PC_EIO;
	return version == VERSION ? PC_OK : migrate(c, (int)version);
}
