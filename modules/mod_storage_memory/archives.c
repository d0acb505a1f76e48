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

int memory_find(pc_db *db, void *reader, const pc_key *k, const pc_query *query, pc_rows *rows)
{
	static const pc_query everything;
	static const struct owner nobody;
	const pc_query *q = query ? query : &everything;
	const struct owner *o = memory_owner(db, k, false);
	size_t first, end, n = 0;
	int64_t total = 0;
	bool more = false;

	(void)reader;
	if (o == NULL)
		o = &nobody;
	if (bounds(o, q, &first, &end) != PC_OK)
		return PC_ENOENT;
	for (size_t i = 0; i < o->n_entries; i++)
		total += matches(&o->entries[i], q);
	for (size_t i = 0; first + i < end && !more; i++) {
		const pc_entry *e = &o->entries[q->reverse ? end - 1 - i : first + i];

		if (!matches(e, q))
			continue;
		if (q->limit && n++ == q->limit)
			more = true;
		else
			pc_rows_entry(rows, e);
	}
	pc_rows_total(rows, q->count ? total : -1, more);
	return PC_OK;
}
