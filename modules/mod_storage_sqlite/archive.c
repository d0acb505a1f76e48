#include "sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IDS_MOST 10000
#define FIRST_ID 8 /* the parameter of the first id of a list */

/* ---- writing */

static int sort_of(struct connection *c, sqlite3_int64 owner, const char *id, sqlite3_int64 *sort_r)
{
	sqlite3_stmt *st = sqlite_statement(c, ENTRY_SORT);
	int err;

	if (st == NULL)
		return PC_EIO;
	sqlite3_bind_int64(st, 1, owner);
	sqlite_bind_text(st, 2, id);
	if (!sqlite_row(c, st, &err))
		return err ? err : PC_ENOENT;
	*sort_r = sqlite3_column_int64(st, 0);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return PC_OK;
}

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

int sqlite_append(pc_db *db, const pc_key *k, const pc_entry *entry, size_t most)
{
	struct connection *c = &db->writer;
	sqlite3_int64 owner;
	sqlite3_stmt *st;
	int err;

	if (sqlite_is_lost(db))
		return PC_EIO;
	err = sqlite_owner_add(c, k, &owner);
	if (!err && most > 0)
		err = check_room(c, owner, most);
	if (err)
		return err;
	st = sqlite_statement(c, ENTRY_PUT);
	if (st == NULL)
		return PC_EIO;
	sqlite3_bind_int64(st, 1, owner);
	sqlite_bind_text(st, 2, entry->id);
	sqlite3_bind_int64(st, 3, entry->when);
	sqlite_bind_text(st, 4, entry->with);
	sqlite3_bind_text64(st, 5, entry->value, entry->len, SQLITE_STATIC, SQLITE_UTF8);
	return sqlite_run(c, st);
}

int sqlite_replace(pc_db *db, const pc_key *k, const char *id, const char *value, size_t len)
{
	struct connection *c = &db->writer;
	sqlite3_int64 owner;
	sqlite3_stmt *st;
	int err;

	if (sqlite_is_lost(db))
		return PC_EIO;
	err = sqlite_owner(c, k, &owner);
	if (err)
		return err;
	st = sqlite_statement(c, ENTRY_REPLACE);
	if (st == NULL)
		return PC_EIO;
	sqlite3_bind_int64(st, 1, owner);
	sqlite_bind_text(st, 2, id);
	sqlite3_bind_text64(st, 3, value, len, SQLITE_STATIC, SQLITE_UTF8);
	err = sqlite_run(c, st);
	return err ? err : sqlite3_changes(c->sql) > 0 ? PC_OK : PC_ENOENT;
}

/* ---- searching. The parameters: ?1 owner, ?2 and ?3 the sort numbers in between which, ?4 and ?5
 * the times, ?6 the limit, ?7 the other party, and from FIRST_ID on the ids. */

static const char *const with_texts[N_WITHS] = {
	[WITH_ANY] = "",
	/* a bare address, or any resource of it: '0' follows '/' */
	[WITH_BARE] = " AND (\"with\" = ?7 OR (\"with\" > ?7 || '/' AND \"with\" < ?7 || '0'))",
	[WITH_FULL] = " AND \"with\" = ?7",
};

static const char *const search_texts[N_SEARCHES][2] = {
	[SEARCH_ROWS] = { "SELECT id, \"when\", \"with\", value", "" },
	[SEARCH_COUNT] = { "SELECT count(*)", "" },
	[SEARCH_DELETE] = { "DELETE FROM archive WHERE sort IN (SELECT sort", ")" },
};

static void write_ids(FILE *out, size_t n)
{
	if (n == 0)
		return;
	fputs(" AND id IN (", out);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s?%zu", i ? "," : "", FIRST_ID + i);
	fputc(')', out);
}

static sqlite3_stmt *build(struct connection *c, enum search what, enum with with, bool reverse,
                           size_t n_ids)
{
	sqlite3_stmt *st = NULL;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return NULL;
	fprintf(out,
	        "%s FROM archive%s WHERE owner = ?1 AND sort > ?2 AND sort < ?3"
	        " AND \"when\" >= ?4 AND \"when\" <= ?5%s",
	        search_texts[what][0], n_ids ? "" : " INDEXED BY archive_order", with_texts[with]);
	write_ids(out, n_ids);
	if (what != SEARCH_COUNT)
		fprintf(out, " ORDER BY sort%s LIMIT ?6", reverse ? " DESC" : "");
	fputs(search_texts[what][1], out);
	if (fclose(out) == 0)
		st = sqlite_prepare(c, text, n_ids == 0);
	free(text);
	return st;
}

/* Lists of ids are of every length: those statements are not kept. */
static sqlite3_stmt *search(struct connection *c, enum search what, const pc_query *q)
{
	enum with with = !q->with ? WITH_ANY : strchr(q->with, '/') ? WITH_FULL : WITH_BARE;
	sqlite3_stmt **kept = &c->searches[what][with][q->reverse];

	if (q->n_ids > 0)
		return build(c, what, with, q->reverse, q->n_ids);
	if (*kept == NULL)
		*kept = build(c, what, with, q->reverse, 0);
	return *kept;
}

static void end_search(sqlite3_stmt *st, const pc_query *q)
{
	if (q->n_ids > 0) {
		sqlite3_finalize(st);
		return;
	}
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
}

struct range {
	sqlite3_int64 owner, after, before;
};

/* PC_ENOENT: `after` or `before` is not an entry of the owner. */
static int find_range(struct connection *c, const pc_query *q, struct range *range)
{
	int err = PC_OK;

	range->after = 0;
	range->before = INT64_MAX;
	if (q->after)
		err = sort_of(c, range->owner, q->after, &range->after);
	if (!err && q->before)
		err = sort_of(c, range->owner, q->before, &range->before);
	return err;
}

static void bind_search(sqlite3_stmt *st, const pc_query *q, const struct range *range,
                        sqlite3_int64 limit)
{
	sqlite3_bind_int64(st, 1, range->owner);
	sqlite3_bind_int64(st, 2, range->after);
	sqlite3_bind_int64(st, 3, range->before);
	sqlite3_bind_int64(st, 4, q->start ? q->start : INT64_MIN);
	sqlite3_bind_int64(st, 5, q->end ? q->end : INT64_MAX);
	sqlite3_bind_int64(st, 6, limit);
	if (q->with)
		sqlite_bind_text(st, 7, q->with);
	for (size_t i = 0; i < q->n_ids; i++)
		sqlite_bind_text(st, (int)(FIRST_ID + i), q->ids[i]);
}

static int too_many(const pc_query *q)
{
	return q->n_ids > IDS_MOST ? PC_ELIMIT : PC_OK;
}

int sqlite_remove(pc_db *db, const pc_key *k, const pc_query *query)
{
	static const pc_query everything;
	const pc_query *q = query ? query : &everything;
	struct connection *c = &db->writer;
	struct range range;
	sqlite3_stmt *st;
	int err = too_many(q);

	if (!err)
		err = sqlite_is_lost(db) ? PC_EIO : sqlite_owner(c, k, &range.owner);
	if (err == PC_ENOENT && !q->after && !q->before)
		return PC_OK;
	if (!err)
		err = find_range(c, q, &range);
	if (err)
		return err;
	st = search(c, SEARCH_DELETE, q);
	if (st == NULL)
		return PC_EIO;
	bind_search(st, q, &range, q->limit && q->limit < INT64_MAX ? (sqlite3_int64)q->limit : -1);
	if (sqlite3_step(st) != SQLITE_DONE)
		err = sqlite_fail(c, sqlite3_sql(st));
	end_search(st, q);
	return err;
}

static void give_entry(sqlite3_stmt *st, pc_rows *rows)
{
	pc_rows_entry(rows, &(pc_entry){
	                            .id = (const char *)sqlite3_column_text(st, 0),
	                            .when = sqlite3_column_int64(st, 1),
	                            .with = (const char *)sqlite3_column_text(st, 2),
	                            .value = (const char *)sqlite3_column_text(st, 3),
	                            .len = (size_t)sqlite3_column_bytes(st, 3),
	                    });
}

/* One more than wanted is looked for: it tells that there is more. */
static int find_rows(struct connection *c, const pc_query *q, const struct range *range,
                     pc_rows *rows, bool *more_r)
{
	bool limited = q->limit > 0 && q->limit < INT64_MAX;
	sqlite3_stmt *st = search(c, SEARCH_ROWS, q);
	size_t n = 0;
	int rc;

	*more_r = false;
	if (st == NULL)
		return PC_EIO;
	bind_search(st, q, range, limited ? (sqlite3_int64)q->limit + 1 : -1);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (limited && n++ == q->limit)
			*more_r = true;
		else
			give_entry(st, rows);
	}
	rc = rc == SQLITE_DONE ? PC_OK : sqlite_fail(c, sqlite3_sql(st));
	end_search(st, q);
	return rc;
}

/* The total is that of the whole search, wherever this page of it begins. */
static int count_rows(struct connection *c, const pc_query *q, struct range range, int64_t *total_r)
{
	sqlite3_stmt *st = search(c, SEARCH_COUNT, q);
	int err = PC_OK;

	if (st == NULL)
		return PC_EIO;
	range.after = 0;
	range.before = INT64_MAX;
	bind_search(st, q, &range, -1);
	if (sqlite3_step(st) == SQLITE_ROW)
		*total_r = sqlite3_column_int64(st, 0);
	else
		err = sqlite_fail(c, sqlite3_sql(st));
	end_search(st, q);
	return err;
}

int sqlite_find(pc_db *db, void *reader, const pc_key *k, const pc_query *query, pc_rows *rows)
{
	static const pc_query everything;
	const pc_query *q = query ? query : &everything;
	struct connection *c = reader;
	struct range range;
	int64_t total = -1;
	bool more = false;
	int err = too_many(q);

	(void)db;
	if (!err)
		err = sqlite_owner(c, k, &range.owner);
	if (err == PC_ENOENT && !q->after && !q->before) {
		pc_rows_total(rows, q->count ? 0 : -1, false);
		return PC_OK;
	}
	if (!err)
		err = find_range(c, q, &range);
	if (!err)
		err = find_rows(c, q, &range, rows, &more);
	if (!err && q->count)
		err = count_rows(c, q, range, &total);
	pc_rows_total(rows, total, more);
	return err;
}
