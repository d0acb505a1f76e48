/*
 * option_check.c - names of options that nobody knows, and what was probably meant.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "util/mem.h"

#define NAME_MAX_COMPARED 63

struct check {
	pc__tables_fn *tables;
	void *tables_data;
	pc__check_line_fn *line;
	void *data;
	size_t found;
};

/* The k-th table: the core's, then the others. */
static const pc_option *table_at(const struct check *c, size_t k)
{
	if (k == 0)
		return pc__core_options;
	return c->tables ? c->tables(k - 1, c->tables_data) : NULL;
}

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), len = strlen(end);

	return n > len && strcmp(name + n - len, end) == 0;
}

/* Options of services and of regular tasks are named at run time. */
static bool is_made_name(const char *name)
{
	static const char *const ends[] = {
		"_ports",       "_interfaces", "_port",   "_interface",
		"_tcp_backlog", "_ssl",        "_period", "_certificate"
	};

	for (size_t i = 0; i < PC__COUNT(ends); i++)
		if (ends_with(name, ends[i]))
			return true;
	return false;
}

static bool is_known(const struct check *c, const char *name)
{
	const pc_option *table;

	for (size_t k = 0; (table = table_at(c, k)) != NULL; k++)
		if (pc__option_find(table, name))
			return true;
	return is_made_name(name);
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Letters to change, insert, leave out, or exchange with their neighbour (optimal string
 * alignment). */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][NAME_MAX_COMPARED + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > NAME_MAX_COMPARED || m > NAME_MAX_COMPARED)
		return 100;
	for (unsigned j = 0; j <= m; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= n; i++) {
		unsigned *row = rows[i % 3], *up = rows[(i + 2) % 3], *upper = rows[(i + 1) % 3];

		row[0] = i;
		for (unsigned j = 1; j <= m; j++) {
			row[j] = least(least(row[j - 1], up[j]) + 1,
			               up[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], upper[j - 2] + 1);
		}
	}
	return rows[n % 3][m];
}

static const char *nearest(const struct check *c, const char *name)
{
	unsigned best = strlen(name) < 6 ? 2 : 4;
	const char *near = NULL;
	const pc_option *table;

	for (size_t k = 0; (table = table_at(c, k)) != NULL; k++) {
		for (; table->name; table++) {
			unsigned d = distance(name, table->name);

			if (d < best) {
				best = d;
				near = table->name;
			}
		}
	}
	return near;
}

/* The command line has no lines. */
static void place(const pc__value *value, char *out, size_t size)
{
	if (value->line > 0)
		snprintf(out, size, "%s:%d", value->file, value->line);
	else
		snprintf(out, size, "%s", value->file);
}

static void check_one(const char *host, const char *name, const pc__value *value, void *data)
{
	struct check *c = data;
	const char *near;
	char *text, where[300];

	if (is_known(c, name))
		return;
	near = nearest(c, name);
	place(value, where, sizeof(where));
	text = pc__printf("%s: option %s%s%s is not known%s%s%s", where, name, host ? " of " : "",
	                  host ? host : "", near ? ": is " : "", near ? near : "",
	                  near ? " meant?" : "");
	c->line(text, c->data);
	free(text);
	c->found++;
}

size_t pc__config_check(pc__config *config, pc__tables_fn *tables, void *tables_data,
                        pc__check_line_fn *line, void *data)
{
	struct check c = { tables, tables_data, line, data, 0 };

	pc__config_each(config, check_one, &c);
	return c.found;
}
