#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watch.h"

#define MASK "***"
#define NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define NS_SASL2 "urn:xmpp:sasl:2"

struct out {
	char *at;
	size_t len;
	bool lines, cut;
};

/* ------------------------------------------------------------ what is not shown */

static bool is_one_of(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (strcasecmp(name, *names) == 0)
			return true;
	return false;
}

static const char *const secret_names[] = { "password", "digest", "secret", "token", NULL };
static const char *const secret_headers[] = { "Authorization", "Cookie", NULL };

/* A field of a data form that is meant to be hidden, or says so by its name. */
static bool is_secret_field(const pc_stanza *field)
{
	const char *type = pc_stanza_get(field, "type"), *var = pc_stanza_get(field, "var");

	if (type && strcmp(type, "text-private") == 0)
		return true;
	for (const char *const *name = secret_names; var && *name; name++)
		if (strcasestr(var, *name))
			return true;
	return false;
}

static bool is_secret(const pc_stanza *st)
{
	const char *ns = pc_stanza_ns(st), *name = pc_stanza_get(st, "name");
	const pc_stanza *parent = pc_stanza_parent(st);

	if (strcmp(ns, NS_SASL) == 0 || strcmp(ns, NS_SASL2) == 0)
		return true;
	if (is_one_of(pc_stanza_name(st), secret_names))
		return true;
	if (strcmp(pc_stanza_name(st), "header") == 0 && name)
		return is_one_of(name, secret_headers);
	return parent && pc_stanza_is(st, "value", PC_NS_FORMS) && is_secret_field(parent);
}

/* ------------------------------------------------------------ writing */

static void put(struct out *out, const char *text)
{
	size_t len = strlen(text), room = SHOWN_MOST - out->len;

	if (out->cut)
		return;
	out->cut = len > room;
	if (out->cut)
		len = room;
	memcpy(out->at + out->len, text, len);
	out->len += len;
}

static void put_escaped(struct out *out, const char *text)
{
	char piece[8] = "";

	for (; *text && !out->cut; text++) {
		switch (*text) {
		case '<':
			put(out, "&lt;");
			break;
		case '>':
			put(out, "&gt;");
			break;
		case '&':
			put(out, "&amp;");
			break;
		case '\'':
			put(out, "&apos;");
			break;
		default:
			if ((unsigned char)*text < 0x20)
				snprintf(piece, sizeof(piece), "&#%u;", (unsigned)*text);
			else
				snprintf(piece, sizeof(piece), "%c", *text);
			put(out, piece);
		}
	}
}

static void put_attr(const char *ns, const char *name, const char *value, void *data)
{
	struct out *out = data;

	(void)ns;
	put(out, " ");
	put(out, name);
	put(out, "='");
	put_escaped(out, is_one_of(name, secret_names) ? MASK : value);
	put(out, "'");
}

/* Where it is not the parent's; of stanzas it goes without saying. */
static void put_ns(struct out *out, const pc_stanza *st)
{
	const pc_stanza *parent = pc_stanza_parent(st);
	const char *outer = parent ? pc_stanza_ns(parent) : PC_NS_CLIENT;

	if (strcmp(outer, pc_stanza_ns(st)) != 0)
		put_attr(NULL, "xmlns", pc_stanza_ns(st), out);
}

static void new_line(struct out *out, const pc_stanza *st)
{
	if (!out->lines || pc_stanza_parent(st) == NULL)
		return;
	put(out, "\n");
	for (; (st = pc_stanza_parent(st)) != NULL;)
		put(out, "  ");
}

static void put_start(struct out *out, const pc_stanza *st, bool empty)
{
	new_line(out, st);
	put(out, "<");
	put(out, pc_stanza_name(st));
	put_ns(out, st);
	pc_stanza_each_attr(st, put_attr, out);
	put(out, empty ? "/>" : ">");
}

static void put_end(struct out *out, const pc_stanza *st)
{
	if (pc_stanza_first(st)) {
		if (pc_stanza_parent(st))
			new_line(out, st);
		else if (out->lines)
			put(out, "\n");
	}
	put(out, "</");
	put(out, pc_stanza_name(st));
	put(out, ">");
}

/* The tree's own links are the way back up: its depth is the peer's choice. */
static void put_tree(struct out *out, const pc_stanza *root)
{
	const pc_stanza *st = root;

	while (st) {
		const char *text = pc_stanza_get_text(st);
		bool empty = pc_stanza_first(st) == NULL && *text == '\0';

		put_start(out, st, empty);
		put_escaped(out, *text && is_secret(st) ? MASK : text);
		if (pc_stanza_first(st)) {
			st = pc_stanza_first(st);
			continue;
		}
		if (!empty)
			put_end(out, st);
		while (st != root && pc_stanza_next(st) == NULL) {
			st = pc_stanza_parent(st);
			put_end(out, st);
		}
		st = st == root ? NULL : pc_stanza_next(st);
	}
}

/* A character that was cut in two is left out whole. */
static void finish_cut(struct out *out)
{
	static const char note[] = "... (cut)";

	while (out->len > 0 && ((unsigned char)out->at[out->len - 1] & 0xc0) == 0x80)
		out->len--;
	if (out->len > 0 && (unsigned char)out->at[out->len - 1] >= 0xc0)
		out->len--;
	memcpy(out->at + out->len, note, sizeof(note) - 1);
	out->len += sizeof(note) - 1;
}

char *show(const pc_stanza *st, bool lines)
{
	struct out out = { .at = malloc(SHOWN_MOST + 16), .lines = lines };

	if (out.at == NULL)
		abort();
	put_tree(&out, st);
	if (out.cut)
		finish_cut(&out);
	out.at[out.len] = '\0';
	return out.at;
}
