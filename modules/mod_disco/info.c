/*
 * info.c - what a host says of itself.
 */
#include "info.h"

#include <stdlib.h>
#include <string.h>

#include "lib_disco/list.h"

static bool collect(const void *item, pc_module *owner, void *data)
{
	(void)owner;
	list_add(data, item);
	return true;
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_identity(const void *a, const void *b)
{
	const pc_identity *x = *(const pc_identity *const *)a, *y = *(const pc_identity *const *)b;
	int order = strcmp(x->category, y->category);

	return order ? order : strcmp(x->type, y->type);
}

static void add_identities(pc_host *host, pc_stanza *query)
{
	struct list l = { 0 };

	pc_each_item(host, "identity", collect, &l);
	list_sort(&l, compare_identity);
	for (size_t i = 0; i < l.n; i++) {
		const pc_identity *id = l.at[i];
		pc_stanza *el;

		if (i > 0 && compare_identity(&l.at[i - 1], &l.at[i]) == 0)
			continue;
		el = pc_stanza_open(query, "identity", NULL);
		pc_stanza_set(el, "category", id->category);
		pc_stanza_set(el, "type", id->type);
		pc_stanza_set(el, "name", id->name);
	}
	free(l.at);
}

static void add_features(pc_host *host, pc_stanza *query)
{
	struct list l = { 0 };

	pc_each_item(host, "feature", collect, &l);
	list_sort(&l, compare_text);
	for (size_t i = 0; i < l.n; i++)
		if (i == 0 || strcmp(l.at[i - 1], l.at[i]) != 0)
			pc_stanza_set(pc_stanza_open(query, "feature", NULL), "var", l.at[i]);
	free(l.at);
}

static bool add_form(const void *item, pc_module *owner, void *data)
{
	(void)owner;
	pc_stanza_append(data, item);
	return true;
}

void info_add(pc_host *host, pc_stanza *query)
{
	add_identities(host, query);
	add_features(host, query);
	pc_each_item(host, "extension", add_form, query);
}
