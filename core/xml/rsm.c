/*
 * rsm.c - result set management read and written (XEP-0059).
 */
#include <prosody-c/rsm.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <prosody-c/stanza.h>

#include "util/number.h"

/* White space around a number is nothing (XML Schema); what is larger than any list is all. */
static int read_number(const char *text, int64_t *number_r)
{
	static const char space[] = " \t\r\n";
	size_t len;
	uint64_t value;

	text += strspn(text, space);
	len = strcspn(text, space);
	if (text[len + strspn(text + len, space)] != '\0')
		return PC_EINVAL;
	if (len > 20 || len == 0 || strspn(text, "0123456789") != len)
		return PC_EINVAL;
	if (pc__number_uint(text, len, INT64_MAX, &value) != PC_OK)
		value = INT64_MAX;
	*number_r = (int64_t)value;
	return PC_OK;
}

static int read_max(const pc_stanza *set, pc_rsm *rsm)
{
	const char *text = pc_stanza_child_text(set, "max", PC_NS_RSM);
	int64_t max = 0;
	int err = text ? read_number(text, &max) : PC_OK;

	rsm->has_max = text != NULL;
	rsm->max = (size_t)max;
	return err;
}

static int read_index(const pc_stanza *set, pc_rsm *rsm)
{
	const char *text = pc_stanza_child_text(set, "index", PC_NS_RSM);

	if (text == NULL)
		return PC_OK;
	if (rsm->after || rsm->before)
		return PC_EINVAL;
	return read_number(text, &rsm->index);
}

int pc_rsm_read(const pc_stanza *parent, pc_rsm *rsm_r)
{
	const pc_stanza *set = pc_stanza_child(parent, "set", PC_NS_RSM);
	int err;

	*rsm_r = (pc_rsm){ .index = -1 };
	if (set == NULL)
		return PC_ENOENT;
	err = read_max(set, rsm_r);
	rsm_r->after = pc_stanza_child_text(set, "after", PC_NS_RSM);
	rsm_r->before = pc_stanza_child_text(set, "before", PC_NS_RSM);
	if (rsm_r->after && *rsm_r->after == '\0')
		rsm_r->after = NULL; /* behind nothing: from the beginning */
	return err ? err : read_index(set, rsm_r);
}

size_t pc_rsm_limit(const pc_rsm *rsm, size_t most)
{
	return rsm->has_max && rsm->max < most ? rsm->max : most;
}

static bool is_backwards(const pc_rsm *rsm)
{
	return rsm->before && (*rsm->before == '\0' || rsm->after == NULL);
}

static int find(const char *const *ids, size_t n, const char *id, size_t *at_r)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(ids[i], id) == 0) {
			*at_r = i;
			return PC_OK;
		}
	return PC_ENOENT;
}

int pc_rsm_slice(const pc_rsm *rsm, const char *const *ids, size_t n, size_t most, size_t *first_r,
                 size_t *len_r)
{
	size_t start = 0, end = n, limit = pc_rsm_limit(rsm, most);

	*first_r = *len_r = 0;
	if (rsm->after && find(ids, n, rsm->after, &start) != PC_OK)
		return PC_ENOENT;
	if (rsm->before && *rsm->before && find(ids, n, rsm->before, &end) != PC_OK)
		return PC_ENOENT;
	if (rsm->after)
		start++;
	else if (rsm->index >= 0)
		start = (uint64_t)rsm->index < n ? (size_t)rsm->index : n;
	if (end < start)
		end = start;
	*len_r = end - start < limit ? end - start : limit;
	*first_r = is_backwards(rsm) ? end - *len_r : start;
	return PC_OK;
}

int pc_rsm_query(const pc_rsm *rsm, size_t most, pc_query *query)
{
	if (rsm->index > 0)
		return PC_ENOTSUP;
	query->after = rsm->after;
	query->before = rsm->before && *rsm->before ? rsm->before : NULL;
	query->limit = pc_rsm_limit(rsm, most);
	query->reverse = is_backwards(rsm);
	return PC_OK;
}

static void write_number(pc_stanza *set, const char *name, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, number);
	pc_stanza_leaf(set, name, text);
}

static void write_first(pc_stanza *set, const pc_rsm_page *page)
{
	pc_stanza *first = pc_stanza_leaf(set, "first", page->first);
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, page->index);
	pc_stanza_set(first, "index", page->index >= 0 ? text : NULL);
}

pc_stanza *pc_rsm_write(pc_stanza *parent, const pc_rsm_page *page)
{
	pc_stanza *set = pc_stanza_open(parent, "set", PC_NS_RSM);

	if (page->first && page->last) {
		write_first(set, page);
		pc_stanza_leaf(set, "last", page->last);
	}
	if (page->count >= 0)
		write_number(set, "count", page->count);
	return set;
}

pc_stanza *pc_rsm_ask(pc_stanza *parent, const pc_rsm *rsm)
{
	pc_stanza *set = pc_stanza_open(parent, "set", PC_NS_RSM);

	if (rsm->has_max)
		write_number(set, "max", rsm->max < INT64_MAX ? (int64_t)rsm->max : INT64_MAX);
	if (rsm->after)
		pc_stanza_leaf(set, "after", rsm->after);
	if (rsm->before)
		pc_stanza_leaf(set, "before", rsm->before);
	if (rsm->index >= 0)
		write_number(set, "index", rsm->index);
	return set;
}
