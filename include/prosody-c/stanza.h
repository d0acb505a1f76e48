/*
 * stanza.h - XML elements: build, read, change, copy, write.
 *
 * A tree lives in one block of memory that is freed at once, with its root. Every pc_stanza is an
 * element of a tree; a pointer to a child is good as long as the tree's root. Names, namespaces,
 * attribute values and texts are NUL-terminated UTF-8; XML cannot carry a NUL, so nothing is cut.
 *
 * The namespace of stanzas is written NULL or "jabber:client" when a tree is built, and read as
 * "jabber:client", on every kind of stream: streams of servers and components are translated at
 * their edge.
 *
 * Any text may be put in: it is escaped when it is written, and what XML cannot carry (control
 * characters, bytes that are not UTF-8) becomes U+FFFD then.
 *
 * Writing is cached in the tree: sending one stanza to many sessions serialises it once. The
 * attribute `to` of the root is outside of the cached text, so changing it alone costs nothing;
 * any other change drops the cache.
 */
#pragma once

#include <prosody-c/base.h>

#define PC_NS_CLIENT "jabber:client"
#define PC_NS_STREAM "http://etherx.jabber.org/streams"
#define PC_NS_STANZA_ERRORS "urn:ietf:params:xml:ns:xmpp-stanzas"
#define PC_NS_STREAM_ERRORS "urn:ietf:params:xml:ns:xmpp-streams"

typedef enum pc_kind { PC_OTHER, PC_MESSAGE, PC_PRESENCE, PC_IQ } pc_kind;

/* The `type` attribute (RFC 6121 5.2.2, 4.7.1, RFC 6120 8.2.3). PC_TYPE_NONE: no such attribute;
 * PC_TYPE_UNKNOWN: a value that the RFCs do not list. */
typedef enum pc_type {
	PC_TYPE_NONE,
	PC_TYPE_UNKNOWN,
	PC_TYPE_ERROR,
	PC_TYPE_GET,
	PC_TYPE_SET,
	PC_TYPE_RESULT,
	PC_TYPE_NORMAL,
	PC_TYPE_CHAT,
	PC_TYPE_GROUPCHAT,
	PC_TYPE_HEADLINE,
	PC_TYPE_UNAVAILABLE,
	PC_TYPE_SUBSCRIBE,
	PC_TYPE_SUBSCRIBED,
	PC_TYPE_UNSUBSCRIBE,
	PC_TYPE_UNSUBSCRIBED,
	PC_TYPE_PROBE,
} pc_type;

/* ---- build. What these return is yours: free it or give it to a taker. */

PC_EXPORT pc_stanza *pc_stanza_new(const char *name, const char *ns);
/* NULL arguments leave the attribute out. */
PC_EXPORT pc_stanza *pc_stanza_message(const char *type, const char *to, const char *from);
PC_EXPORT pc_stanza *pc_stanza_presence(const char *type, const char *to, const char *from);
PC_EXPORT pc_stanza *pc_stanza_iq(const char *type, const char *id, const char *to,
                                  const char *from);
/* The answer to an iq: type result, its id, addresses swapped, no child. */
PC_EXPORT pc_stanza *pc_stanza_result(const pc_stanza *request);
/* The error answer to any stanza (RFC 6120 8.3): addresses swapped, <error type> with the
 * condition (undefined-condition where the RFC does not know it), and text unless NULL. `type` is
 * "auth", "cancel", "modify" or "wait"; NULL takes the one that the RFC recommends for the
 * condition. */
PC_EXPORT pc_stanza *pc_stanza_error(const pc_stanza *request, const char *type,
                                     const char *condition, const char *text);
/* A copy of the element as a tree of its own, in a block of its exact size. */
PC_EXPORT pc_stanza *pc_stanza_clone(const pc_stanza *st);
/* Clears the pointer; NULL is fine. Only a root is freed. */
PC_EXPORT void pc_stanza_free(pc_stanza **st);
/* One whole element from text (stored stanzas), under the limits that the network has. NULL when
 * it is not well-formed or too large. No declaration, comment, entity or DTD is accepted. */
PC_EXPORT pc_stanza *pc_stanza_parse(const char *text, size_t len);

/* ---- children. `parent` may be any element of a tree. */

/* Appends a child and returns it, to be filled; `ns` NULL: the parent's. It belongs to the tree. */
PC_EXPORT pc_stanza *pc_stanza_open(pc_stanza *parent, const char *name, const char *ns);
/* Appends <name>text</name> in the parent's namespace and returns it. */
PC_EXPORT pc_stanza *pc_stanza_leaf(pc_stanza *parent, const char *name, const char *text);
PC_EXPORT void pc_stanza_text(pc_stanza *st, const char *text);
PC_EXPORT void pc_stanza_text_n(pc_stanza *st, const char *text, size_t len);
/* Appends a deep copy of `child` and returns the copy. */
PC_EXPORT pc_stanza *pc_stanza_append(pc_stanza *parent, const pc_stanza *child);
/* Takes the child out of its tree; its memory goes with the tree. */
PC_EXPORT void pc_stanza_remove(pc_stanza *child);
/* Takes out all children (their elements only) for which fn says so, in one pass; how many. */
typedef bool pc_child_fn(const pc_stanza *child, void *data);
PC_EXPORT size_t pc_stanza_remove_if(pc_stanza *st, pc_child_fn *fn, void *data);
/* Appends <delay/> (XEP-0203); `when` in milliseconds since 1970, `from` and `text` may be NULL. */
PC_EXPORT void pc_stanza_delay(pc_stanza *st, const char *from, int64_t when, const char *text);

/* ---- attributes. A value of NULL removes. `xml:lang` and other attributes of the xml: namespace
 * go by that spelling; those of other namespaces are kept and written, and read by _get_ns. */

PC_EXPORT void pc_stanza_set(pc_stanza *st, const char *attr, const char *value);
PC_EXPORT const char *pc_stanza_get(const pc_stanza *st, const char *attr);
PC_EXPORT const char *pc_stanza_get_ns(const pc_stanza *st, const char *ns, const char *attr);
/* Calls fn for each attribute in order; `ns` is NULL for those without a namespace. */
typedef void pc_attr_fn(const char *ns, const char *name, const char *value, void *data);
PC_EXPORT void pc_stanza_each_attr(const pc_stanza *st, pc_attr_fn *fn, void *data);

/* ---- read */

PC_EXPORT const char *pc_stanza_name(const pc_stanza *st);
PC_EXPORT const char *pc_stanza_ns(const pc_stanza *st);
PC_EXPORT bool pc_stanza_is(const pc_stanza *st, const char *name, const char *ns);
PC_EXPORT pc_kind pc_stanza_kind(const pc_stanza *st); /* of the element itself */
PC_EXPORT pc_type pc_stanza_type(const pc_stanza *st);
/* The first child element of that name and namespace; NULL matches any name or any namespace. */
PC_EXPORT pc_stanza *pc_stanza_child(const pc_stanza *st, const char *name, const char *ns);
PC_EXPORT pc_stanza *pc_stanza_first(const pc_stanza *st); /* first child element, or NULL */
PC_EXPORT pc_stanza *pc_stanza_next(const pc_stanza *st);  /* next sibling element, or NULL */
PC_EXPORT pc_stanza *pc_stanza_parent(const pc_stanza *st);
/* The element's own character data, joined; "" when there is none. */
PC_EXPORT const char *pc_stanza_get_text(const pc_stanza *st);
/* The text of the first such child, or NULL when there is no such child. */
PC_EXPORT const char *pc_stanza_child_text(const pc_stanza *st, const char *name, const char *ns);
/* Of a stanza of type error, or another element that has a stanza's <error/>, as in XEP-0220: the
 * defined condition, or "undefined-condition"; *type_r and *text_r (each may be NULL) get the
 * error's type and text, or NULL. */
PC_EXPORT const char *pc_stanza_get_error(const pc_stanza *st, const char **type_r,
                                          const char **text_r);

/* ---- write */

/* The element as text, as pc_stanza_parse reads it: jabber:client is not declared. The length in
 * *len_r unless NULL. The caller frees it with free(). */
PC_EXPORT char *pc_stanza_write(const pc_stanza *st, size_t *len_r);
