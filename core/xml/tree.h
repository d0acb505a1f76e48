/*
 * tree.h - how a tree of elements lies in memory: for the files of this folder only.
 *
 * Everything of a tree is in one arena, whose head is the doc; each element points to it. Elements
 * and texts are nodes in their parent's list. Strings are immutable: a change puts a new one beside
 * the old. Well-known names and namespaces are static and not copied; equal ones have one address.
 */
#pragma once

#include <string.h>

#include "util/arena.h"
#include "xml/frame.h"

#define PC__NS_XML "http://www.w3.org/XML/1998/namespace"

typedef struct pc__doc {
	pc__arena *arena;
	pc_stanza *root;
	pc__body *body;     /* cached text of the root, or NULL */
	bool odd_namespace; /* pc__xml_has_odd_namespace() */
} pc__doc;

typedef struct pc__node {
	pc_stanza *parent;
	struct pc__node *next;
	const char *name; /* NULL: a text */
} pc__node;

typedef struct pc__text {
	pc__node node;
	size_t len;
	char text[];
} pc__text;

typedef struct pc__attr {
	struct pc__attr *next;
	const char *ns;   /* NULL: none */
	const char *name; /* of the xml: namespace: "xml:lang", ns NULL */
	const char *value;
	size_t value_len;
	uint32_t name_len, ns_len;
} pc__attr;

struct pc_stanza {
	pc__node node; /* first: a node with a name is an element */
	pc__doc *doc;
	const char *ns;
	pc__attr *attrs;
	pc__node *first, *last;
	const char *joined; /* all texts in one, made when asked for */
	uint32_t name_len, ns_len;
	uint8_t kind, type;
};

/* The static string of that content, or NULL. */
const char *pc__name_known(const char *s, size_t len);

/* A tree with its root; `size` is the arena's. */
pc_stanza *pc__tree_new(size_t size, const char *name, size_t name_len, const char *ns,
                        size_t ns_len);
/* An element that is in no list yet. */
pc_stanza *pc__tree_element(pc__doc *doc, const char *name, size_t name_len, const char *ns,
                            size_t ns_len);
/* The same where `ns` may be shared as it is: it is static or of this arena. */
pc_stanza *pc__tree_element_in(pc__doc *doc, const char *name, size_t name_len, const char *ns,
                               size_t ns_len);
void pc__tree_link(pc_stanza *parent, pc__node *child);
void pc__tree_text(pc_stanza *parent, const char *text, size_t len);
/* A new attribute in *tail, the end of the element's list; returns the new end. */
pc__attr **pc__tree_attr(pc_stanza *st, pc__attr **tail, const char *ns, size_t ns_len,
                         const char *name, size_t name_len, const char *value, size_t value_len);
pc_type pc__type_of(const char *value, size_t len);
/* The tree has changed. */
void pc__tree_touch(pc__doc *doc);

static inline bool pc__same(const char *a, size_t a_len, const char *b, size_t b_len)
{
	return a == b || (a_len == b_len && memcmp(a, b, a_len) == 0);
}

static inline bool pc__is_element(const pc__node *n)
{
	return n->name != NULL;
}

static inline pc_stanza *pc__as_element(const pc__node *n)
{
	return (pc_stanza *)(void *)n;
}

static inline const pc__text *pc__as_text(const pc__node *n)
{
	return (const pc__text *)(const void *)n;
}
