#include <stdlib.h>

#include <prosody-c/codec.h>

#include "util/mem.h"
#include "xml/tree.h"

#define FIRST_SIZE 936 /* with the heads of arena and doc: what malloc hands out quickly */

pc_stanza *pc_stanza_new(const char *name, const char *ns)
{
	if (ns == NULL)
		ns = PC_NS_CLIENT;
	return pc__tree_new(FIRST_SIZE, name, strlen(name), ns, strlen(ns));
}

static pc_stanza *stanza(const char *name, const char *type, const char *id, const char *to,
                         const char *from)
{
	pc_stanza *st = pc_stanza_new(name, NULL);

	pc_stanza_set(st, "type", type);
	pc_stanza_set(st, "id", id);
	pc_stanza_set(st, "to", to);
	pc_stanza_set(st, "from", from);
	return st;
}

pc_stanza *pc_stanza_message(const char *type, const char *to, const char *from)
{
	return stanza("message", type, NULL, to, from);
}

pc_stanza *pc_stanza_presence(const char *type, const char *to, const char *from)
{
	return stanza("presence", type, NULL, to, from);
}

pc_stanza *pc_stanza_iq(const char *type, const char *id, const char *to, const char *from)
{
	return stanza("iq", type, id, to, from);
}

pc_stanza *pc_stanza_result(const pc_stanza *request)
{
	return pc_stanza_iq("result", pc_stanza_get(request, "id"), pc_stanza_get(request, "from"),
	                    pc_stanza_get(request, "to"));
}

void pc_stanza_free(pc_stanza **st)
{
	pc_stanza *root = *st;

	*st = NULL;
	if (root == NULL || root->doc->root != root)
		return;
	pc__tree_touch(root->doc);
	pc__arena_free(&(pc__arena *){ root->doc->arena });
}

size_t pc__stanza_memory(const pc_stanza *root)
{
	const pc__doc *doc = root->doc;

	return pc__arena_used(doc->arena) + (doc->body ? pc__body_size(doc->body) : 0);
}

/* ---- children */

pc_stanza *pc_stanza_open(pc_stanza *parent, const char *name, const char *ns)
{
	pc_stanza *st;

	pc__tree_touch(parent->doc);
	if (ns == NULL || strcmp(ns, parent->ns) == 0)
		st = pc__tree_element_in(parent->doc, name, strlen(name), parent->ns,
		                         parent->ns_len);
	else
		st = pc__tree_element(parent->doc, name, strlen(name), ns, strlen(ns));
	pc__tree_link(parent, &st->node);
	return st;
}

pc_stanza *pc_stanza_leaf(pc_stanza *parent, const char *name, const char *text)
{
	pc_stanza *st = pc_stanza_open(parent, name, NULL);

	pc_stanza_text(st, text);
	return st;
}

void pc_stanza_text(pc_stanza *st, const char *text)
{
	if (text)
		pc_stanza_text_n(st, text, strlen(text));
}

void pc_stanza_text_n(pc_stanza *st, const char *text, size_t len)
{
	if (len == 0)
		return;
	pc__tree_touch(st->doc);
	pc__tree_text(st, text, len);
}

/* `before` NULL: it is the first. */
static void unlink_behind(pc_stanza *parent, pc__node *before, pc__node *n)
{
	if (before)
		before->next = n->next;
	else
		parent->first = n->next;
	if (parent->last == n)
		parent->last = before;
	n->parent = NULL;
	n->next = NULL;
}

void pc_stanza_remove(pc_stanza *child)
{
	pc_stanza *parent = child->node.parent;
	pc__node *before = NULL;

	if (parent == NULL)
		return;
	pc__tree_touch(child->doc);
	for (pc__node *n = parent->first; n != &child->node; n = n->next)
		before = n;
	unlink_behind(parent, before, &child->node);
}

size_t pc_stanza_remove_if(pc_stanza *st, pc_child_fn *fn, void *data)
{
	pc__node *before = NULL;
	size_t removed = 0;

	for (pc__node *n = st->first, *next; n; n = next) {
		next = n->next;
		if (!pc__is_element(n) || !fn(pc__as_element(n), data)) {
			before = n;
			continue;
		}
		unlink_behind(st, before, n);
		removed++;
	}
	if (removed)
		pc__tree_touch(st->doc);
	return removed;
}

void pc_stanza_delay(pc_stanza *st, const char *from, int64_t when, const char *text)
{
	char stamp[PC_DATETIME_SIZE];
	pc_stanza *delay = pc_stanza_open(st, "delay", "urn:xmpp:delay");

	pc_datetime_write(when, stamp);
	pc_stanza_set(delay, "from", from);
	pc_stanza_set(delay, "stamp", stamp);
	pc_stanza_text(delay, text);
}

/* ---- attributes */

/* Where the pointer to that attribute is, or to the end of the list. */
static pc__attr **find(const pc_stanza *st, const char *ns, const char *name)
{
	size_t len = strlen(name);
	pc__attr **at = &((pc_stanza *)(uintptr_t)st)->attrs;

	for (; *at; at = &(*at)->next) {
		if (!pc__same((*at)->name, (*at)->name_len, name, len))
			continue;
		if (ns ? (*at)->ns && strcmp((*at)->ns, ns) == 0 : (*at)->ns == NULL)
			break;
	}
	return at;
}

static void change(pc_stanza *st, pc__attr **at, const char *attr, const char *value)
{
	pc__attr *old = *at;

	if (old == NULL) {
		pc__tree_attr(st, at, NULL, 0, attr, strlen(attr), value, strlen(value));
		return;
	}
	pc__tree_attr(st, at, NULL, 0, old->name, old->name_len, value, strlen(value));
	(*at)->next = old->next;
}

void pc_stanza_set(pc_stanza *st, const char *attr, const char *value)
{
	pc__attr **at = find(st, NULL, attr);

	if (value == NULL && *at == NULL)
		return;
	if (st != st->doc->root || strcmp(attr, "to") != 0)
		pc__tree_touch(st->doc);
	if (value) {
		change(st, at, attr, value);
		return;
	}
	*at = (*at)->next;
	if (strcmp(attr, "type") == 0)
		st->type = PC_TYPE_NONE;
}

const char *pc_stanza_get(const pc_stanza *st, const char *attr)
{
	const pc__attr *a = *find(st, NULL, attr);

	return a ? a->value : NULL;
}

const char *pc_stanza_get_ns(const pc_stanza *st, const char *ns, const char *attr)
{
	const pc__attr *a;

	if (ns && strcmp(ns, PC__NS_XML) == 0) {
		for (a = st->attrs; a; a = a->next) {
			if (strncmp(a->name, "xml:", 4) == 0 && strcmp(a->name + 4, attr) == 0)
				return a->value;
		}
		return NULL;
	}
	a = *find(st, ns, attr);
	return a ? a->value : NULL;
}

void pc_stanza_each_attr(const pc_stanza *st, pc_attr_fn *fn, void *data)
{
	for (const pc__attr *a = st->attrs, *next; a; a = next) {
		next = a->next;
		fn(a->ns, a->name, a->value, data);
	}
}

/* ---- read */

const char *pc_stanza_name(const pc_stanza *st)
{
	return st->node.name;
}

const char *pc_stanza_ns(const pc_stanza *st)
{
	return st->ns;
}

bool pc_stanza_is(const pc_stanza *st, const char *name, const char *ns)
{
	return (name == NULL || strcmp(st->node.name, name) == 0) &&
	       (ns == NULL || strcmp(st->ns, ns) == 0);
}

pc_kind pc_stanza_kind(const pc_stanza *st)
{
	return (pc_kind)st->kind;
}

pc_type pc_stanza_type(const pc_stanza *st)
{
	return (pc_type)st->type;
}

static pc_stanza *element_from(const pc__node *n)
{
	while (n && !pc__is_element(n))
		n = n->next;
	return n ? pc__as_element(n) : NULL;
}

pc_stanza *pc_stanza_first(const pc_stanza *st)
{
	return element_from(st->first);
}

pc_stanza *pc_stanza_next(const pc_stanza *st)
{
	return element_from(st->node.next);
}

pc_stanza *pc_stanza_parent(const pc_stanza *st)
{
	return st->node.parent;
}

pc_stanza *pc_stanza_child(const pc_stanza *st, const char *name, const char *ns)
{
	pc_stanza *c = pc_stanza_first(st);

	while (c && !pc_stanza_is(c, name, ns))
		c = pc_stanza_next(c);
	return c;
}

static const char *join(pc_stanza *st)
{
	size_t len = 0;
	char *at;

	for (const pc__node *n = st->first; n; n = n->next)
		len += pc__is_element(n) ? 0 : pc__as_text(n)->len;
	at = pc__arena_alloc(st->doc->arena, len + 1);
	st->joined = at;
	for (const pc__node *n = st->first; n; n = n->next) {
		if (pc__is_element(n))
			continue;
		memcpy(at, pc__as_text(n)->text, pc__as_text(n)->len);
		at += pc__as_text(n)->len;
	}
	*at = '\0';
	return st->joined;
}

const char *pc_stanza_get_text(const pc_stanza *st)
{
	const pc__text *only = NULL;

	for (const pc__node *n = st->first; n; n = n->next) {
		if (pc__is_element(n))
			continue;
		if (only)
			return st->joined ? st->joined : join((pc_stanza *)(uintptr_t)st);
		only = pc__as_text(n);
	}
	return only ? only->text : "";
}

const char *pc_stanza_child_text(const pc_stanza *st, const char *name, const char *ns)
{
	const pc_stanza *c = pc_stanza_child(st, name, ns);

	return c ? pc_stanza_get_text(c) : NULL;
}
