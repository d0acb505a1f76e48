/*
 * info.c - what a host says of itself.
 */
#include "info.h"

#include <stdlib.h>
#include <string.h>

#include "lib_disco/covers.h"
#include "lib_disco/list.h"

/* An item of a module, held against the namespaces that others answer for instead. */
struct shown {
	const void *item;
	pc_module *owner;
	bool (*covers)(const char *ns, const void *item);
	bool hidden;
};

static bool hide(const void *ns, pc_module *owner, void *data)
{
	struct shown *s = data;

	s->hidden = owner != s->owner && s->covers(ns, s->item);
	return !s->hidden;
}

struct collection {
	pc_host *host;
	bool (*covers)(const char *ns, const void *item);
	struct list list;
};

static bool collect(const void *item, pc_module *owner, void *data)
{
	struct collection *c = data;
	struct shown s = { item, owner, c->covers, false };

	pc_each_item(c->host, "delegated-namespace", hide, &s);
	if (!s.hidden)
		list_add(&c->list, item);
	return true;
}

static struct list items_of(pc_host *host, const char *kind,
                            bool (*covers)(const char *ns, const void *item))
{
	struct collection c = { host, covers, { 0 } };

	pc_each_item(host, kind, collect, &c);
	return c.list;
}

static bool is_feature_of(const char *ns, const void *item)
{
	return covers_feature(ns, item);
}

static bool is_identity_of(const char *ns, const void *item)
{
	return covers_identity(ns, ((const pc_identity *)item)->category);
}

static bool is_form_of(const char *ns, const void *item)
{
	return covers_form(ns, item);
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
	struct list l = items_of(host, "identity", is_identity_of);

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
	struct list l = items_of(host, "feature", is_feature_of);

	list_sort(&l, compare_text);
	for (size_t i = 0; i < l.n; i++)
		if (i == 0 || strcmp(l.at[i - 1], l.at[i]) != 0)
			pc_stanza_set(pc_stanza_open(query, "feature", NULL), "var", l.at[i]);
	free(l.at);
}

static void add_forms(pc_host *host, pc_stanza *query)
{
	struct list l = items_of(host, "extension", is_form_of);

	for (size_t i = 0; i < l.n; i++)
		pc_stanza_append(query, l.at[i]);
	free(l.at);
}

void info_add(pc_host *host, pc_stanza *query)
{
	add_identities(host, query);
	add_features(host, query);
	add_forms(host, query);
}
