#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delegation.h"
#include "lib_disco/covers.h"

#define ANSWER_SECONDS 30
/* What a component says of a namespace. */
#define CHILDREN_MOST 256

bool nest_is_special(const char *ns)
{
	return strcmp(ns, REST_INFO) == 0 || strcmp(ns, REST_ITEMS) == 0;
}

/* ------------------------------------------------------------ among the host's items */

static const char *attr(const pc_stanza *st, const char *name)
{
	const char *value = pc_stanza_get(st, name);

	return value ? value : "";
}

static void change_item(pc_module *m, bool add, const char *kind, const void *item)
{
	if (add)
		pc_add_item(m, kind, item);
	else
		pc_remove_item(m, kind, item);
}

static void change_items(pc_module *m, const struct nested *n, bool add)
{
	size_t i = 0;

	for (const pc_stanza *c = pc_stanza_first(n->query); c; c = pc_stanza_next(c)) {
		const char *name = pc_stanza_name(c);

		if (strcmp(name, "feature") == 0)
			change_item(m, add, "feature", attr(c, "var"));
		else if (strcmp(name, "identity") == 0)
			change_item(m, add, "identity", &n->identities[i++]);
		else
			change_item(m, add, "extension", c);
	}
}

static void read_identities(struct nested *n)
{
	size_t most = 0, i = 0;

	for (const pc_stanza *c = pc_stanza_first(n->query); c; c = pc_stanza_next(c))
		most++;
	n->identities = calloc(most + 1, sizeof(*n->identities));
	if (n->identities == NULL)
		abort(); /* out of memory ends the process */
	for (const pc_stanza *c = pc_stanza_first(n->query); c; c = pc_stanza_next(c))
		if (strcmp(pc_stanza_name(c), "identity") == 0)
			n->identities[i++] = (pc_identity){ attr(c, "category"), attr(c, "type"),
				                            pc_stanza_get(c, "name") };
	n->n_identities = i;
}

static void host_forget(struct delegations *d, struct nested *n)
{
	if (n->query == NULL)
		return;
	change_items(d->m, n, false);
	free(n->identities);
	n->identities = NULL;
	pc_stanza_free(&n->query);
}

/* Takes the query. */
static void host_keep(struct delegations *d, struct nested *n, pc_stanza *query)
{
	host_forget(d, n);
	n->query = query;
	read_identities(n);
	change_items(d->m, n, true);
}

/* ------------------------------------------------------------ asking */

struct question {
	struct delegations *d;
	bool account;
	char *ns, *jid;
};

static bool is_no_part(const pc_stanza *child, void *data)
{
	size_t *room = data;
	const char *name = pc_stanza_name(child);
	bool form = pc_stanza_is(child, "x", PC_NS_FORMS);
	bool known = form || ((strcmp(name, "feature") == 0 || strcmp(name, "identity") == 0) &&
	                      strcmp(pc_stanza_ns(child), NS_INFO) == 0);

	if (!known || *room == 0)
		return true;
	(*room)--;
	return false;
}

/* A copy of what is there to be told. */
static pc_stanza *parts_of(const pc_stanza *reply)
{
	const pc_stanza *query = reply && pc_stanza_type(reply) == PC_TYPE_RESULT
	                                 ? pc_stanza_child(reply, "query", NS_INFO)
	                                 : NULL;
	pc_stanza *copy = query ? pc_stanza_clone(query) : NULL;
	size_t room = CHILDREN_MOST;

	if (copy)
		pc_stanza_remove_if(copy, is_no_part, &room);
	return copy;
}

static void on_answer(const pc_stanza *reply, void *data)
{
	struct question *q = data;
	struct delegation *of = delegation_find(q->d, q->ns);
	pc_stanza *query = parts_of(reply);

	if (query == NULL || of == NULL || strcmp(of->jid, q->jid) != 0) {
		pc_stanza_free(&query);
	} else if (q->account) {
		pc_stanza_free(&of->account.query);
		of->account.query = query;
	} else {
		host_keep(q->d, &of->host, query);
	}
	free(q->ns);
	free(q->jid);
	free(q);
}

static void ask(struct delegations *d, const struct delegation *of, bool account)
{
	struct question *q = calloc(1, sizeof(*q));
	pc_stanza *iq = pc_stanza_iq("get", NULL, of->jid, pc_module_host_name(d->m));
	const char *separator = account ? ":bare:" : "::";
	size_t size = strlen(NS) + strlen(separator) + strlen(of->ns) + 1;
	char *node = malloc(size);

	if (q == NULL || node == NULL)
		abort(); /* out of memory ends the process */
	*q = (struct question){ d, account, strdup(of->ns), strdup(of->jid) };
	snprintf(node, size, "%s%s%s", NS, separator, of->ns);
	pc_stanza_set(pc_stanza_open(iq, "query", NS_INFO), "node", node);
	free(node);
	if (pc_send_iq(d->m, iq, ANSWER_SECONDS, on_answer, q) != PC_OK)
		on_answer(NULL, q);
}

void nest_ask(struct delegations *d, const struct delegation *of)
{
	if (nest_is_special(of->ns))
		return;
	ask(d, of, false);
	ask(d, of, true);
}

/* ------------------------------------------------------------ from the beginning to the end */

void nest_begin(struct delegations *d, struct delegation *of)
{
	if (!nest_is_special(of->ns))
		pc_add_item(d->m, "delegated-namespace", of->ns);
}

void nest_end(struct delegations *d, struct delegation *of)
{
	host_forget(d, &of->host);
	pc_stanza_free(&of->account.query);
	if (!nest_is_special(of->ns))
		pc_remove_item(d->m, "delegated-namespace", of->ns);
}

/* ------------------------------------------------------------ of accounts */

static bool is_of_namespace(const pc_stanza *child, void *ns)
{
	return covers_child(ns, child);
}

pc_result nest_account_info(pc_event *ev, void *data)
{
	struct delegations *d = data;
	pc_stanza *query = pc_event_ptr(ev, "query");

	for (size_t i = 0; query && i < d->n; i++)
		if (!nest_is_special(d->all[i].ns))
			pc_stanza_remove_if(query, is_of_namespace, d->all[i].ns);
	for (size_t i = 0; query && i < d->n; i++) {
		const pc_stanza *theirs = d->all[i].account.query;

		for (const pc_stanza *c = theirs ? pc_stanza_first(theirs) : NULL; c;
		     c = pc_stanza_next(c))
			pc_stanza_append(query, c);
	}
	return PC_PASS;
}
