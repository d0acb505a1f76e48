#include "xml/tree.h"

#include "util/mem.h"

static const char *keep(pc__arena *arena, const char *s, size_t len)
{
	const char *known = pc__name_known(s, len);

	return known ? known : pc__arena_strndup(arena, s, len);
}

static pc_kind kind_of(const pc_stanza *st)
{
	if (strcmp(st->ns, PC_NS_CLIENT) != 0)
		return PC_OTHER;
	if (strcmp(st->node.name, "message") == 0)
		return PC_MESSAGE;
	if (strcmp(st->node.name, "presence") == 0)
		return PC_PRESENCE;
	return strcmp(st->node.name, "iq") == 0 ? PC_IQ : PC_OTHER;
}

pc_stanza *pc__tree_element_in(pc__doc *doc, const char *name, size_t name_len, const char *ns,
                               size_t ns_len)
{
	pc_stanza *st = pc__arena_alloc(doc->arena, sizeof(*st));

	*st = (pc_stanza){
		.node.name = keep(doc->arena, name, name_len),
		.doc = doc,
		.ns = ns,
		.name_len = (uint32_t)name_len,
		.ns_len = (uint32_t)ns_len,
	};
	st->kind = (uint8_t)kind_of(st);
	return st;
}

pc_stanza *pc__tree_element(pc__doc *doc, const char *name, size_t name_len, const char *ns,
                            size_t ns_len)
{
	return pc__tree_element_in(doc, name, name_len, keep(doc->arena, ns, ns_len), ns_len);
}

pc_stanza *pc__tree_new(size_t size, const char *name, size_t name_len, const char *ns,
                        size_t ns_len)
{
	pc__arena *arena = pc__arena_new(size);
	pc__doc *doc = pc__arena_alloc(arena, sizeof(*doc));

	*doc = (pc__doc){ .arena = arena };
	doc->root = pc__tree_element(doc, name, name_len, ns, ns_len);
	return doc->root;
}

void pc__tree_link(pc_stanza *parent, pc__node *child)
{
	child->parent = parent;
	child->next = NULL;
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
}

void pc__tree_text(pc_stanza *parent, const char *text, size_t len)
{
	pc__text *t = pc__arena_alloc(parent->doc->arena, sizeof(*t) + len + 1);

	t->node.name = NULL;
	t->len = len;
	memcpy(t->text, text, len);
	t->text[len] = '\0';
	parent->joined = NULL;
	pc__tree_link(parent, &t->node);
}

pc__attr **pc__tree_attr(pc_stanza *st, pc__attr **tail, const char *ns, size_t ns_len,
                         const char *name, size_t name_len, const char *value, size_t value_len)
{
	pc__arena *arena = st->doc->arena;
	pc__attr *a = pc__arena_alloc(arena, sizeof(*a) + value_len + 1);
	char *copy = (char *)(a + 1);

	memcpy(copy, value, value_len);
	copy[value_len] = '\0';
	*a = (pc__attr){
		.ns = ns ? keep(arena, ns, ns_len) : NULL,
		.name = keep(arena, name, name_len),
		.value = copy,
		.value_len = value_len,
		.name_len = (uint32_t)name_len,
		.ns_len = (uint32_t)ns_len,
	};
	if (ns == NULL && pc__same(name, name_len, "type", 4))
		st->type = (uint8_t)pc__type_of(value, value_len);
	*tail = a;
	return &a->next;
}

pc_type pc__type_of(const char *value, size_t len)
{
	static const struct {
		const char *name;
		size_t len;
		pc_type type;
	} types[] = {
		{ "chat", 4, PC_TYPE_CHAT },
		{ "get", 3, PC_TYPE_GET },
		{ "result", 6, PC_TYPE_RESULT },
		{ "set", 3, PC_TYPE_SET },
		{ "error", 5, PC_TYPE_ERROR },
		{ "groupchat", 9, PC_TYPE_GROUPCHAT },
		{ "unavailable", 11, PC_TYPE_UNAVAILABLE },
		{ "normal", 6, PC_TYPE_NORMAL },
		{ "headline", 8, PC_TYPE_HEADLINE },
		{ "subscribe", 9, PC_TYPE_SUBSCRIBE },
		{ "subscribed", 10, PC_TYPE_SUBSCRIBED },
		{ "unsubscribe", 11, PC_TYPE_UNSUBSCRIBE },
		{ "unsubscribed", 12, PC_TYPE_UNSUBSCRIBED },
		{ "probe", 5, PC_TYPE_PROBE },
	};

	for (size_t i = 0; i < PC__COUNT(types); i++) {
		if (types[i].len == len && memcmp(types[i].name, value, len) == 0)
			return types[i].type;
	}
	return PC_TYPE_UNKNOWN;
}

void pc__tree_touch(pc__doc *doc)
{
	if (doc->body)
		pc__body_unref(&doc->body);
}
