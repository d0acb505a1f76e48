/*
 * The parser tells of namespaces, not of prefixes: elements are written with their own as the
 * default one, attributes that have one with a prefix of our making.
 */
#include "move/xep227.h"

#include <stdlib.h>
#include <string.h>

#include "util/mem.h"
#include "xml/frame.h"

#define TEXT_MAX ((size_t)2 << 20) /* what the server reads back of an element */
#define NS_XML "http://www.w3.org/XML/1998/namespace"

char *xep227_split(const char *name, const char **local_r)
{
	const char *sep = strchr(name, XEP227_SEP);

	*local_r = sep ? sep + 1 : name;
	return pc__strndup(name, sep ? (size_t)(sep - name) : 0);
}

static bool is_full(struct xep227_text *t)
{
	t->too_large = t->too_large || t->out.len > TEXT_MAX;
	return t->too_large;
}

static void add_value(struct xep227_text *t, const char *name, const char *value)
{
	pc__buf_adds(&t->out, name);
	pc__buf_adds(&t->out, "='");
	pc__xml_escape(&t->out, value, strlen(value));
	pc__buf_addc(&t->out, '\'');
}

static void add_attribute(struct xep227_text *t, const char *name, const char *value,
                          unsigned number)
{
	const char *local;
	char *ns = xep227_split(name, &local);

	if (*ns == '\0') {
		pc__buf_addc(&t->out, ' ');
	} else if (strcmp(ns, NS_XML) == 0) {
		pc__buf_adds(&t->out, " xml:");
	} else {
		pc__buf_printf(&t->out, " xmlns:a%u", number);
		add_value(t, "", ns);
		pc__buf_printf(&t->out, " a%u:", number);
	}
	add_value(t, local, value);
	free(ns);
}

/* How deep elements are in each other is the reader's business. */
void xep227_text_start(struct xep227_text *t, const char *name, const char **attrs)
{
	const char *local, *around = t->depth ? t->namespaces[t->depth - 1] : NULL;
	char *ns = xep227_split(name, &local);

	t->namespaces[t->depth++] = ns;
	if (is_full(t))
		return;
	pc__buf_printf(&t->out, "<%s", local);
	if (around == NULL || strcmp(around, ns) != 0)
		add_value(t, " xmlns", ns);
	for (unsigned i = 0; attrs[i] && !is_full(t); i += 2)
		add_attribute(t, attrs[i], attrs[i + 1], i / 2);
	pc__buf_addc(&t->out, '>');
}

void xep227_text_add(struct xep227_text *t, const char *text, size_t len)
{
	if (!is_full(t))
		pc__xml_escape(&t->out, text, len);
}

bool xep227_text_end(struct xep227_text *t, const char *name)
{
	const char *local;
	char *ns = xep227_split(name, &local);

	free(ns);
	free(t->namespaces[--t->depth]);
	if (!is_full(t))
		pc__buf_printf(&t->out, "</%s>", local);
	return t->depth == 0;
}

pc_stanza *xep227_text_take(struct xep227_text *t)
{
	pc_stanza *st = is_full(t) ? NULL : pc_stanza_parse(t->out.p, t->out.len);

	t->out.len = 0;
	t->too_large = false;
	return st;
}

void xep227_text_free(struct xep227_text *t)
{
	while (t->depth > 0)
		free(t->namespaces[--t->depth]);
	pc__buf_free(&t->out);
}
