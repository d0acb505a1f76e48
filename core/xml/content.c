#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "util/mem.h"
#include "xml/state.h"

/* An expat parser keeps every name it has seen: a peer that invents names would make it grow for
 * ever, so it is exchanged after that many bytes. */
#define RENEW_AFTER (256 * 1024)
/* The arena's first block: a chat message fits, and malloc hands it out quickly. */
#define ARENA_SIZE 936
#define TEXT_KEPT 4096

struct name {
	const char *ns, *local, *prefix; /* prefix NULL: none */
	size_t ns_len, local_len;
};

static struct name split(const char *s)
{
	const char *first = strchr(s, PC__XML_SEP), *second;

	if (first == NULL)
		return (struct name){ .ns = "", .local = s, .local_len = strlen(s) };
	second = strchr(first + 1, PC__XML_SEP);
	return (struct name){
		.ns = s,
		.ns_len = (size_t)(first - s),
		.local = first + 1,
		.local_len = second ? (size_t)(second - first - 1) : strlen(first + 1),
		.prefix = second ? second + 1 : NULL,
	};
}

static bool is_ns(const struct name *n, const char *ns)
{
	return pc__same(n->ns, n->ns_len, ns, strlen(ns));
}

/* Where the token ends that expat reports now, counted like `fed`. */
static size_t position(const pc__xml_parser *p)
{
	return (size_t)XML_GetCurrentByteIndex(p->expat) +
	       (size_t)XML_GetCurrentByteCount(p->expat);
}

static void stop(pc__xml_parser *p)
{
	p->stopped = position(p);
	XML_StopParser(p->expat, XML_TRUE);
}

/* ---- limits. Each names what was too much, and ends the parsing. */

static bool too_much(pc__xml_parser *p, const char *what)
{
	pc__xml_fail(p, "policy-violation", what);
	return false;
}

static bool allow_token(pc__xml_parser *p)
{
	if ((size_t)XML_GetCurrentByteCount(p->expat) > p->limits.token_bytes)
		return too_much(p, "a tag is too long");
	if (position(p) - p->start > p->limits.stanza_bytes)
		return too_much(p, "an element is too large");
	return true;
}

static bool allow_name(pc__xml_parser *p, const struct name *n)
{
	return n->ns_len + n->local_len <= p->limits.name_bytes ||
	       too_much(p, "a name is too long");
}

static bool allow_attributes(pc__xml_parser *p, const char **attrs)
{
	size_t n = p->declarations;

	p->declarations = 0;
	for (; *attrs; attrs += 2)
		n++;
	return n <= p->limits.attributes || too_much(p, "too many attributes");
}

/* With prefixes a long namespace costs few bytes; written again it costs its length each time. */
static bool allow_namespace(pc__xml_parser *p, size_t len)
{
	p->namespaces += len;
	return p->namespaces <= p->limits.stanza_bytes || too_much(p, "too many namespaces");
}

/* ---- the root */

static void note_root_declaration(pc__xml_parser *p, const char *prefix, const char *uri)
{
	p->root_declarations++;
	pc__buf_adds(&p->root, " xmlns");
	if (prefix) {
		pc__buf_addc(&p->root, ':');
		pc__buf_adds(&p->root, prefix);
	} else {
		pc__free(&p->default_ns);
		p->default_ns = uri && *uri ? pc__strdup(uri) : NULL;
	}
	pc__buf_adds(&p->root, "='");
	pc__xml_escape(&p->root, uri ? uri : "", uri ? strlen(uri) : 0);
	pc__buf_addc(&p->root, '\'');
}

/* The declarations have been noted; the name comes before them. */
static void note_root(pc__xml_parser *p, const struct name *n)
{
	struct pc__buf whole = { 0 };

	pc__buf_addc(&whole, '<');
	if (n->prefix) {
		pc__buf_adds(&whole, n->prefix);
		pc__buf_addc(&whole, ':');
	}
	pc__buf_add(&whole, n->local, n->local_len);
	pc__buf_add(&whole, p->root.p, p->root.len);
	pc__buf_addc(&whole, '>');
	pc__buf_free(&p->root);
	p->root = whole;
}

static const char *attribute(const char **attrs, const char *ns, const char *name)
{
	for (; *attrs; attrs += 2) {
		struct name n = split(*attrs);

		if (is_ns(&n, ns) && pc__same(n.local, n.local_len, name, strlen(name)))
			return attrs[1];
	}
	return NULL;
}

static void start_root(pc__xml_parser *p, const struct name *n, const char **attrs)
{
	pc__xml_header header = {
		.to = attribute(attrs, "", "to"),
		.from = attribute(attrs, "", "from"),
		.id = attribute(attrs, "", "id"),
		.version = attribute(attrs, "", "version"),
		.lang = attribute(attrs, PC__NS_XML, "lang"),
		.content_ns = p->default_ns,
	};

	if (!is_ns(n, PC_NS_STREAM)) {
		pc__xml_fail(p, "invalid-namespace", "the root is not in the streams namespace");
		return;
	}
	if (!pc__same(n->local, n->local_len, "stream", 6)) {
		pc__xml_fail(p, "bad-format", "the root is not a stream");
		return;
	}
	if (header.content_ns && strcmp(header.content_ns, PC_NS_STREAM) == 0)
		header.content_ns = NULL;
	note_root(p, n);
	p->depth = 1;
	p->callbacks.header(&header, p->data);
	pc__free(&p->default_ns);
	if (p->pause)
		stop(p);
}

/* ---- elements */

static void flush_text(pc__xml_parser *p)
{
	if (p->text.len == 0)
		return;
	pc__tree_text(p->at, p->text.p, p->text.len);
	p->text.len = 0;
}

/* The stream's own namespace is jabber:client in the trees, so that namespace itself may not stand
 * at the top of a stream of another kind (RFC 6120 section 4.8.3). */
static bool translate(pc__xml_parser *p, struct name *n)
{
	if (pc__same(n->ns, n->ns_len, p->content_ns, p->content_ns_len)) {
		n->ns = PC_NS_CLIENT;
		n->ns_len = sizeof(PC_NS_CLIENT) - 1;
		return true;
	}
	if (p->depth > 1 || !is_ns(n, PC_NS_CLIENT))
		return true;
	pc__xml_fail(p, "invalid-namespace", "not the namespace of this stream");
	return false;
}

bool pc__xml_has_odd_namespace(const pc_stanza *root)
{
	return root->doc->odd_namespace;
}

static void judge_namespace(pc__xml_parser *p, const char *ns, size_t len)
{
	static const char signs[] = "-._~:/?#[]@!$&'()*+,;=%";

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)ns[i];

		if (c < 0x80 && !isalnum(c) && strchr(signs, c) == NULL)
			p->at->doc->odd_namespace = true;
	}
}

static pc_stanza *open_child(pc__xml_parser *p, const struct name *n)
{
	pc__doc *doc = p->at->doc;
	const pc_stanza *like = NULL;
	pc_stanza *st;

	if (pc__same(n->ns, n->ns_len, p->at->ns, p->at->ns_len))
		like = p->at;
	else if (pc__same(n->ns, n->ns_len, p->ns->ns, p->ns->ns_len))
		like = p->ns;
	if (like) {
		st = pc__tree_element_in(doc, n->local, n->local_len, like->ns, like->ns_len);
	} else {
		judge_namespace(p, n->ns, n->ns_len);
		st = pc__tree_element(doc, n->local, n->local_len, n->ns, n->ns_len);
	}
	pc__tree_link(p->at, &st->node);
	return st;
}

/* xml:lang, and what else there may be of its namespace. */
static pc__attr **add_xml_attribute(pc__xml_parser *p, pc__attr **tail, const struct name *n,
                                    const char *value)
{
	char *name;

	if (pc__same(n->local, n->local_len, "lang", 4))
		return pc__tree_attr(p->at, tail, NULL, 0, "xml:lang", 8, value, strlen(value));
	name = pc__printf("xml:%.*s", (int)n->local_len, n->local);
	tail = pc__tree_attr(p->at, tail, NULL, 0, name, n->local_len + 4, value, strlen(value));
	free(name);
	return tail;
}

static bool add_attribute(pc__xml_parser *p, pc__attr ***tail, const char *name, const char *value)
{
	struct name n = split(name);
	const char *ns = n.ns_len ? n.ns : NULL;

	if (!allow_name(p, &n))
		return false;
	if (ns && is_ns(&n, PC__NS_XML)) {
		*tail = add_xml_attribute(p, *tail, &n, value);
		return true;
	}
	*tail = pc__tree_attr(p->at, *tail, ns, n.ns_len, n.local, n.local_len, value,
	                      strlen(value));
	if (ns)
		judge_namespace(p, ns, n.ns_len);
	return ns == NULL || allow_namespace(p, n.ns_len);
}

static void open_element(pc__xml_parser *p, const struct name *n, const char **attrs)
{
	pc__attr **tail;

	if (p->at == NULL) {
		p->at = pc__tree_new(ARENA_SIZE, n->local, n->local_len, n->ns, n->ns_len);
		p->namespaces = 0;
	} else {
		bool same = pc__same(n->ns, n->ns_len, p->at->ns, p->at->ns_len);

		flush_text(p);
		if (!same && !allow_namespace(p, n->ns_len))
			return;
		p->at = open_child(p, n);
	}
	p->ns = p->at;
	tail = &p->at->attrs;
	for (; *attrs; attrs += 2) {
		if (!add_attribute(p, &tail, attrs[0], attrs[1]))
			return;
	}
}

static void on_start(void *data, const char *name, const char **attrs)
{
	pc__xml_parser *p = data;
	struct name n;

	if (p->condition)
		return;
	if (p->priming) {
		p->depth = 1;
		return;
	}
	if (p->depth <= 1) {
		p->start = p->depth ? (size_t)XML_GetCurrentByteIndex(p->expat) : 0;
		p->elements = 0;
	}
	n = split(name);
	if (!allow_token(p) || !allow_name(p, &n) || !allow_attributes(p, attrs))
		return;
	if (p->depth == 0) {
		start_root(p, &n, attrs);
		return;
	}
	if (!translate(p, &n))
		return;
	if (p->depth > p->limits.depth) {
		too_much(p, "elements are nested too deeply");
		return;
	}
	if (++p->elements > p->limits.elements) {
		too_much(p, "too many elements");
		return;
	}
	p->depth++;
	open_element(p, &n, attrs);
}

static void hand_over(pc__xml_parser *p)
{
	pc_stanza *whole = p->at;

	p->at = NULL;
	p->ns = NULL;
	if (p->text.size > TEXT_KEPT)
		pc__buf_free(&p->text);
	if (!p->callbacks.element(whole, p->data))
		p->pause = true;
	p->renew = p->fed > RENEW_AFTER;
	if (p->pause || p->renew)
		stop(p);
}

static void on_end(void *data, const char *name)
{
	pc__xml_parser *p = data;

	(void)name;
	if (p->condition)
		return;
	if (p->depth == 1) {
		p->depth = 0;
		p->ended = true;
		p->callbacks.end(p->data);
		stop(p);
		return;
	}
	if (!allow_token(p))
		return;
	flush_text(p);
	p->depth--;
	if (p->depth == 1)
		hand_over(p);
	else
		p->at = p->at->node.parent;
}

static bool is_space(const char *text, int len)
{
	for (int i = 0; i < len; i++) {
		if (strchr(" \t\r\n", text[i]) == NULL)
			return false;
	}
	return true;
}

static void on_text(void *data, const char *text, int len)
{
	pc__xml_parser *p = data;

	if (p->condition)
		return;
	if (p->depth < 2) {
		if (!is_space(text, len))
			pc__xml_fail(p, "bad-format", "text outside of any element");
		return;
	}
	if (position(p) - p->start > p->limits.stanza_bytes)
		too_much(p, "an element is too large");
	else
		pc__buf_add(&p->text, text, (size_t)len);
}

static void on_declaration(void *data, const char *prefix, const char *uri)
{
	pc__xml_parser *p = data;

	if (p->priming || p->condition)
		return;
	p->declarations++;
	if (p->depth == 0)
		note_root_declaration(p, prefix, uri);
}

/* ---- what XMPP forbids (RFC 6120 section 11.1) */

static void on_doctype(void *data, const char *name, const char *system, const char *public,
                       int internal)
{
	(void)name, (void)system, (void)public, (void)internal;
	pc__xml_fail(data, "restricted-xml", "a document type declaration");
}

static void on_comment(void *data, const char *text)
{
	(void)text;
	pc__xml_fail(data, "restricted-xml", "a comment");
}

static void on_instruction(void *data, const char *target, const char *text)
{
	(void)target, (void)text;
	pc__xml_fail(data, "restricted-xml", "a processing instruction");
}

static void on_skipped(void *data, const char *name, int parameter)
{
	(void)name, (void)parameter;
	pc__xml_fail(data, "restricted-xml", "an entity reference");
}

/* expat was told to read UTF-8 and ignores what the declaration says (section 11.6). */
static void on_xml(void *data, const char *version, const char *encoding, int standalone)
{
	(void)version, (void)standalone;
	if (encoding && strcasecmp(encoding, "UTF-8") != 0)
		pc__xml_fail(data, "unsupported-encoding", "not UTF-8");
}

void pc__xml_listen(pc__xml_parser *p)
{
	XML_SetUserData(p->expat, p);
	XML_SetElementHandler(p->expat, on_start, on_end);
	XML_SetCharacterDataHandler(p->expat, on_text);
	XML_SetStartNamespaceDeclHandler(p->expat, on_declaration);
	XML_SetStartDoctypeDeclHandler(p->expat, on_doctype);
	XML_SetCommentHandler(p->expat, on_comment);
	XML_SetProcessingInstructionHandler(p->expat, on_instruction);
	XML_SetSkippedEntityHandler(p->expat, on_skipped);
	XML_SetXmlDeclHandler(p->expat, on_xml);
}
