#include "memory.h"

/* The place of the entry, or n_entries. */
static size_t entry_at(const struct owner *o, const char *id)
{
	size_t at = 0;

	while (at < o->n_entries && strcmp(o->entries[at].id, id) != 0)
		at++;
	return at;
}

int memory_append(pc_db *db, const pc_key *k, const pc_entry *entry, size_t most)
{
	struct owner *o = memory_owner(db, k, true);
	size_t at = entry_at(o, entry->id);

	if (most > 0 && o->n_entries >= most)
		return PC_ELIMIT;
	if (at < o->n_entries)
		memory_remove_entry(db, o, at);
	memory_add_entry(db, o, entry);
	return PC_OK;
}

int memory_replace(pc_db *db, const pc_key *k, const char *id, const char *value, size_t len)
{
	struct owner *o = memory_owner(db, k, false);
	size_t at = o ? entry_at(o, id) : 0;

	if (o == NULL || at == o->n_entries)
		return PC_ENOENT;
	memory_set_value(db, o, at, value, len);
	return PC_OK;
}

static bool is_with(const char *with, const char *wanted)
{
	size_t len = strlen(wanted);

	if (with == NULL || strncmp(with, wanted, len) != 0)
		return false;
	return with[len] == '\0' || (with[len] == '/' && strchr(wanted, '/') == NULL);
}

static bool matches(const pc_entry *e, const pc_query *q)
{
	size_t i = 0;

	if ((q->start && e->when < q->start) || (q->end && e->when > q->end))
		return false;
	if (q->with && !is_with(e->with, q->with))
		return false;
	while (i < q->n_ids && strcmp(q->ids[i], e->id) != 0)
		i++;
	return q->n_ids == 0 || i < q->n_ids;
}

/* The first and one past the last place to look at; PC_ENOENT when an id is unknown. */
static int bounds(const struct owner *o, const pc_query *q, size_t *first_r, size_t *end_r)
{
	size_t after = q->after ? entry_at(o, q->after) : 0;
	size_t before = q->before ? entry_at(o, q->before) : 0;

	*first_r = q->after ? after + 1 : 0;
	*end_r = q->before ? before : o->n_entries;
	if ((q->after && after == o->n_entries) || (q->before && before == o->n_entries))
		return PC_ENOENT;
	return PC_OK;
}

int memory_remove(pc_db *db, const pc_key *k, const pc_query *query)
{
	static const pc_query everything;
	const pc_query *q = query ? query : &everything;
	struct owner *o = memory_owner(db, k, false);
	size_t first, end, left = q->limit ? q->limit : SIZE_MAX;

	if (o == NULL)
		return q->after || q->before ? PC_ENOENT : PC_OK;
	if (bounds(o, q, &first, &end) != PC_OK)
		return PC_ENOENT;
	while (first < end && left > 0) {
		size_t at = q->reverse ? end - 1 : first;

		if (matches(&o->entries[at], q)) {
			memory_remove_entry(db, o, at);
			left--;
			end--;
		} else if (q->reverse) {
			end--;
		} else {
			first++;
		}
	}
	return PC_OK;
}

/* ---- searching */

struct page {
	size_t first, end; /* places in the archive */
	size_t oldest;     /* of those that were given */
	size_t n, bytes;
	bool more;
};

static void give(const struct owner *o, const pc_query *q, struct page *p, pc_rows *rows)
{
	for (size_t i = 0; p->first + i < p->end && !p->more; i++) {
		size_t at = q->reverse ? p->end - 1 - i : p->first + i;
		const pc_entry *e = &o->entries[at];

		if (!matches(e, q))
			continue;
		if (q->limit && (p->n == q->limit || p->bytes > PC_PAGE_BYTES)) {
			p->more = true;
			break;
		}
		if (p->n++ == 0 || q->reverse)
			p->oldest = at;
		p->bytes += e->len;
		pc_rows_entry(rows, e);
	}
}

static int64_t count(const struct owner *o, const pc_query *q, size_t first, size_t end)
{
	int64_t n = 0;

	for (size_t i = first; i < end && n <= PC_COUNT_MOST; i++)
		n += matches(&o->entries[i], q);
	return n <= PC_COUNT_MOST ? n : -1;
}

/* PC_ENOENT: one of the ids that must be there is not. */
static int check_ids(const struct owner *o, const pc_search *s)
{
	for (size_t i = 0; s->all_ids && i < s->query.n_ids; i++)
		if (entry_at(o, s->query.ids[i]) == o->n_entries)
			return PC_ENOENT;
	return PC_OK;
}

int memory_search(pc_db *db, void *reader, const pc_key *k, const pc_search *s, pc_rows *rows)
{
	static const struct owner nobody;
	const pc_query *q = &s->query, whole = { .after = s->above, .before = s->below };
	const struct owner *o = memory_owner(db, k, false);
	struct page p = { 0 };
	size_t first, end;

	(void)reader;
	if (s->text)
		return PC_ENOTSUP;
	if (o == NULL)
		o = &nobody;
	if (bounds(o, &whole, &first, &end) != PC_OK || bounds(o, q, &p.first, &p.end) != PC_OK ||
	    check_ids(o, s) != PC_OK)
		return PC_ENOENT;
	p.first = p.first > first ? p.first : first;
	p.end = p.end < end ? p.end : end;
	give(o, q, &p, rows);
	pc_rows_total(rows, q->count ? count(o, q, first, end) : -1, p.more);
	if (q->count && p.n > 0)
		pc_rows_index(rows, count(o, q, first, p.oldest));
	return PC_OK;
}

int memory_find(pc_db *db, void *reader, const pc_key *k, const pc_query *query, pc_rows *rows)
{
	pc_search s = { .size = sizeof(s) };

	if (query)
		s.query = *query;
	return memory_search(db, reader, k, &s, rows);
}

/* ---- age and extent */

int memory_expire(pc_db *db, const pc_key *k, int64_t before, size_t most)
{
	struct owner *o = memory_owner(db, k, false);

	for (size_t at = 0; o && at < o->n_entries && most > 0; most--) {
		if (o->entries[at].when < before)
			memory_remove_entry(db, o, at);
		else
			at++;
	}
	return PC_OK;
}

int memory_extent(pc_db *db, void *reader, const pc_key *k, pc_rows *rows)
{
	const struct owner *o = memory_owner(db, k, false);
	pc_extent e = { 0 };

	(void)reader;
	for (size_t i = 0; o && i < o->n_entries; i++) {
		e.entries++;
		e.bytes += (int64_t)o->entries[i].len;
		e.newest = o->entries[i].when;
	}
	if (e.entries > 0)
		e.oldest = o->entries[0].when;
	pc_rows_extent(rows, &e);
	return PC_OK;
}

static int by_user(struct owner *a, struct owner *b)
{
	return strcmp(a->user, b->user);
}

int memory_outdated(pc_db *db, void *reader, const pc_key *k, int64_t before, const char *behind,
                    size_t most, pc_rows *rows)
{
	(void)reader;
	HASH_SORT(db->owners, by_user);
	for (struct owner *o = db->owners; o && most > 0; o = o->hh.next) {
		if (strcmp(o->host, k->host) != 0 || strcmp(o->store, k->store) != 0 ||
		    o->n_entries == 0 || o->entries[0].when >= before)
			continue;
		if (k->user[0] ? strcmp(o->user, k->user) != 0
		               : strcmp(o->user, behind ? behind : "") <= 0)
			continue;
		pc_rows_item(rows, o->user, "", 0);
		most--;
	}
	return PC_OK;
}
