/*
 * search.c - what is found in archives.
 *
 * Pages go by the numbers in which entries were added: an index has them with all that a search
 * compares, so that only what matches is fetched. A count ends at PC_COUNT_MOST, a page at
 * PC_PAGE_BYTES, and everything when its time is over.
 */
#include "sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The parameters: ?1 owner, ?2 and ?3 the sort numbers in between which, ?4 and ?5 the times, ?6
 * the limit, ?7 the other party, ?8 the words, and from FIRST_ID on the ids. */
#define FIRST_ID 9
#define SEARCH_MS 3000
#define STEPS 10000 /* of SQLite's machine between two looks at the clock */

/* ---- time */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int is_late(void *data)
{
	const struct connection *c = data;

	return now_ms() > c->deadline;
}

static void start_clock(struct connection *c)
{
	c->deadline = now_ms() + SEARCH_MS;
	sqlite3_progress_handler(c->sql, STEPS, is_late, c);
}

static void stop_clock(struct connection *c)
{
	sqlite3_progress_handler(c->sql, 0, NULL, NULL);
}

static int fail(struct connection *c, sqlite3_stmt *st)
{
	if (sqlite3_errcode(c->sql) == SQLITE_INTERRUPT)
		return PC_ETIMEOUT;
	return sqlite_fail(c, sqlite3_sql(st));
}

/* ---- statements */

static const char *const with_texts[N_WITHS] = {
	[WITH_ANY] = "",
	/* a bare address, or any resource of it: '0' follows '/' */
	[WITH_BARE] = " AND (\"with\" = ?7 OR (\"with\" > ?7 || '/' AND \"with\" < ?7 || '0'))",
	[WITH_FULL] = " AND \"with\" = ?7",
};

static const char *const search_texts[N_SEARCHES][2] = {
	[SEARCH_ROWS] = { "SELECT id, \"when\", \"with\", value, sort", "" },
	[SEARCH_COUNT] = { "SELECT count(*) FROM (SELECT 1", ")" },
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

static const char *tables(bool words, size_t n_ids)
{
	if (words)
		return "words CROSS JOIN archive ON sort = words.rowid";
	return n_ids ? "archive" : "archive INDEXED BY archive_order";
}

static sqlite3_stmt *build(struct connection *c, enum search what, enum with with, bool words,
                           const pc_query *q)
{
	sqlite3_stmt *st = NULL;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return NULL;
	fprintf(out,
	        "%s FROM %s WHERE archive.owner = ?1 AND sort > ?2 AND sort < ?3"
	        " AND \"when\" >= ?4 AND \"when\" <= ?5%s%s",
	        search_texts[what][0], tables(words, q->n_ids), with_texts[with],
	        words ? " AND words MATCH ?8 AND words.rowid > ?2 AND words.rowid < ?3" : "");
	write_ids(out, q->n_ids);
	if (what != SEARCH_COUNT)
		fprintf(out, " ORDER BY %s%s", words ? "words.rowid" : "sort",
		        q->reverse ? " DESC" : "");
	fprintf(out, " LIMIT ?6%s", search_texts[what][1]);
	if (fclose(out) == 0)
		st = sqlite_prepare(c, text, q->n_ids == 0);
	free(text);
	return st;
}

/* Lists of ids are of every length: those statements are not kept. */
static sqlite3_stmt *statement(struct connection *c, enum search what, const pc_query *q,
                               bool words)
{
	enum with with = !q->with ? WITH_ANY : strchr(q->with, '/') ? WITH_FULL : WITH_BARE;
	sqlite3_stmt **kept = words ? &c->word_searches[what][with][q->reverse]
	                            : &c->searches[what][with][q->reverse];

	if (q->n_ids > 0)
		return build(c, what, with, words, q);
	if (*kept == NULL)
		*kept = build(c, what, with, words, q);
	return *kept;
}

sqlite3_stmt *sqlite_search_begin(struct connection *c, enum search what, const pc_query *q,
                                  const char *words, const struct range *range, sqlite3_int64 limit)
{
	sqlite3_stmt *st = statement(c, what, q, words != NULL);

	if (st == NULL)
		return NULL;
	sqlite3_bind_int64(st, 1, range->owner);
	sqlite3_bind_int64(st, 2, range->after);
	sqlite3_bind_int64(st, 3, range->before);
	sqlite3_bind_int64(st, 4, q->start ? q->start : INT64_MIN);
	sqlite3_bind_int64(st, 5, q->end ? q->end : INT64_MAX);
	sqlite3_bind_int64(st, 6, limit);
	if (q->with)
		sqlite_bind_text(st, 7, q->with);
	if (words)
		sqlite_bind_text(st, 8, words);
	for (size_t i = 0; i < q->n_ids; i++)
		sqlite_bind_text(st, (int)(FIRST_ID + i), q->ids[i]);
	return st;
}

void sqlite_search_end(sqlite3_stmt *st, const pc_query *q)
{
	if (q->n_ids > 0) {
		sqlite3_finalize(st);
		return;
	}
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
}

/* ---- what lies between two ids */

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

int sqlite_range(struct connection *c, const char *after, const char *before, struct range *range)
{
	int err = PC_OK;

	range->after = 0;
	range->before = INT64_MAX;
	if (after)
		err = sort_of(c, range->owner, after, &range->after);
	if (!err && before)
		err = sort_of(c, range->owner, before, &range->before);
	return err;
}

static struct range both(const struct range *a, const struct range *b)
{
	return (struct range){ .owner = a->owner,
		               .after = a->after > b->after ? a->after : b->after,
		               .before = a->before < b->before ? a->before : b->before };
}

/* ---- a page */

static size_t give_entry(sqlite3_stmt *st, pc_rows *rows)
{
	size_t len = (size_t)sqlite3_column_bytes(st, 3);

	pc_rows_entry(rows, &(pc_entry){
	                            .id = (const char *)sqlite3_column_text(st, 0),
	                            .when = sqlite3_column_int64(st, 1),
	                            .with = (const char *)sqlite3_column_text(st, 2),
	                            .value = (const char *)sqlite3_column_text(st, 3),
	                            .len = len,
	                    });
	return len;
}

struct page {
	const pc_query *q;
	const char *words; /* NULL: any */
	pc_rows *rows;
	size_t n;
	bool more;
	sqlite3_int64 oldest; /* its number; 0: there is none */
};

/* One more than wanted is looked for: it tells that there is more. */
static int find_rows(struct connection *c, struct page *p, const struct range *range)
{
	size_t limit = p->q->limit < INT64_MAX ? p->q->limit : 0, bytes = 0;
	sqlite3_stmt *st = sqlite_search_begin(c, SEARCH_ROWS, p->q, p->words, range,
	                                       limit ? (sqlite3_int64)limit + 1 : -1);
	int rc;

	if (st == NULL)
		return PC_EIO;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (limit && (p->n == limit || bytes > PC_PAGE_BYTES)) {
			p->more = true;
			break;
		}
		bytes += give_entry(st, p->rows);
		if (p->n++ == 0 || p->q->reverse)
			p->oldest = sqlite3_column_int64(st, 4);
	}
	rc = rc == SQLITE_DONE || rc == SQLITE_ROW ? PC_OK : fail(c, st);
	sqlite_search_end(st, p->q);
	return rc;
}

/* How many there are; -1: more than anybody counts. */
static int count_rows(struct connection *c, const struct page *p, const struct range *range,
                      int64_t *total_r)
{
	sqlite3_stmt *st =
	        sqlite_search_begin(c, SEARCH_COUNT, p->q, p->words, range, PC_COUNT_MOST + 1);
	int err = PC_OK;

	if (st == NULL)
		return PC_EIO;
	if (sqlite3_step(st) == SQLITE_ROW)
		*total_r = sqlite3_column_int64(st, 0);
	else
		err = fail(c, st);
	sqlite_search_end(st, p->q);
	if (*total_r > PC_COUNT_MOST)
		*total_r = -1;
	return err;
}

/* The total is that of the whole search, wherever this page of it begins. */
static int count_page(struct connection *c, const struct page *p, const struct range *whole)
{
	struct range older = *whole;
	int64_t total = -1, index = -1;
	int err = PC_OK;

	if (p->q->count)
		err = count_rows(c, p, whole, &total);
	if (!err && p->q->count && p->oldest) {
		older.before = p->oldest;
		err = count_rows(c, p, &older, &index);
	}
	pc_rows_total(p->rows, total, p->more);
	pc_rows_index(p->rows, index);
	return err;
}

/* ---- searches */

static int check_ids(struct connection *c, const pc_query *q, const struct range *range)
{
	sqlite3_int64 sort;
	int err = PC_OK;

	for (size_t i = 0; i < q->n_ids && !err; i++)
		err = sort_of(c, range->owner, q->ids[i], &sort);
	return err;
}

static int search_owned(struct connection *c, const pc_search *s, struct page *p,
                        struct range *range)
{
	const pc_query *q = &s->query;
	struct range page = *range;
	int err = sqlite_range(c, s->above, s->below, range);

	if (!err)
		err = sqlite_range(c, q->after, q->before, &page);
	if (!err && s->all_ids)
		err = check_ids(c, q, range);
	if (err)
		return err;
	page = both(range, &page);
	err = find_rows(c, p, &page);
	return err ? err : count_page(c, p, range);
}

static bool names_entries(const pc_search *s)
{
	return s->query.after || s->query.before || s->above || s->below ||
	       (s->all_ids && s->query.n_ids > 0);
}

static int find_nothing(const pc_search *s, pc_rows *rows)
{
	pc_rows_total(rows, s->query.count ? 0 : -1, false);
	return names_entries(s) ? PC_ENOENT : PC_OK;
}

int sqlite_search(pc_db *db, void *reader, const pc_key *k, const pc_search *s, pc_rows *rows)
{
	struct connection *c = reader;
	struct page page = { .q = &s->query, .rows = rows };
	char *words = NULL;
	struct range range;
	int err = s->query.n_ids > IDS_MOST ? PC_ELIMIT : PC_OK;

	(void)db;
	if (!err)
		err = sqlite_owner(c, k, &range.owner);
	if (!err && s->text)
		page.words = words = sqlite_words_wanted(range.owner, s->text);
	if (err == PC_ENOENT || (!err && s->text && !words))
		return find_nothing(s, rows);
	if (err)
		return err;
	start_clock(c);
	err = search_owned(c, s, &page, &range);
	stop_clock(c);
	free(words);
	return err;
}

int sqlite_find(pc_db *db, void *reader, const pc_key *k, const pc_query *query, pc_rows *rows)
{
	pc_search s = { .size = sizeof(s) };

	if (query)
		s.query = *query;
	return sqlite_search(db, reader, k, &s, rows);
}
