#include "xml/write.h"

#include "util/buf.h"
#include "util/utf8.h"

/* ---- escaping. What to do with a byte: nothing, write an entity (always, or in attributes only),
 * see whether XML can carry the character. */
enum { BOTH = 1, ATTR = 2, CHECK = 4 };

#define C CHECK
static const uint8_t classes[256] = {
	C, C, C,    C, C, C, C,    C,    C, ATTR, ATTR, C, C,    BOTH, C,    C, /* 00: TAB LF CR */
	C, C, C,    C, C, C, C,    C,    C, C,    C,    C, C,    C,    C,    C, /* 10 */
	0, 0, ATTR, 0, 0, 0, BOTH, ATTR, 0, 0,    0,    0, 0,    0,    0,    0, /* 20: " & ' */
	0, 0, 0,    0, 0, 0, 0,    0,    0, 0,    0,    0, BOTH, 0,    BOTH, 0, /* 30: < > */
	0, 0, 0,    0, 0, 0, 0,    0,    0, 0,    0,    0, 0,    0,    0,    0, /* 40 */
	0, 0, 0,    0, 0, 0, 0,    0,    0, 0,    0,    0, 0,    0,    0,    0, /* 50 */
	0, 0, 0,    0, 0, 0, 0,    0,    0, 0,    0,    0, 0,    0,    0,    0, /* 60 */
	0, 0, 0,    0, 0, 0, 0,    0,    0, 0,    0,    0, 0,    0,    0,    0, /* 70 */
	C, C, C,    C, C, C, C,    C,    C, C,    C,    C, C,    C,    C,    C, /* 80 */
	C, C, C,    C, C, C, C,    C,    C, C,    C,    C, C,    C,    C,    C, /* 90 */
	C, C, C,    C, C, C, C,    C,    C, C,    C,    C, C,    C,    C,    C, /* a0 */
	C, C, C,    C, C, C, C,    C,    C, C,    C,    C, C,    C,    C,    C, /* b0 */
	C, C, C,    C, C, C, C,    C,    C, C,    C,    C, C,    C,    C,    C, /* c0 */
	C, C, C,    C, C, C, C,    C,    C, C,    C,    C, C,    C,    C,    C, /* d0 */
	C, C, C,    C, C, C, C,    C,    C, C,    C,    C, C,    C,    C,    C, /* e0 */
	C, C, C,    C, C, C, C,    C,    C, C,    C,    C, C,    C,    C,    C, /* f0 */
};
#undef C

static const char *entity(char c)
{
	switch (c) {
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '&':
		return "&amp;";
	case '"':
		return "&quot;";
	case '\'':
		return "&apos;";
	case '\t':
		return "&#x9;";
	case '\n':
		return "&#xA;";
	default:
		return "&#xD;";
	}
}

/* Bytes of the character at p if XML can carry it, else 0. */
static size_t carried(const char *p, size_t len)
{
	unsigned char first = (unsigned char)*p;
	size_t n = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;

	if (first < 0x80 || n > len || !pc__utf8_valid(p, n))
		return 0;
	return n == 3 && memcmp(p, "\xEF\xBF\xBE", 2) == 0 && (unsigned char)p[2] >= 0xBE ? 0 : n;
}

/* Behind what can stand as it is: nearly all bytes there are, so by fours. */
static const char *plain(const char *p, const char *end, int mask)
{
	const unsigned char *b = (const unsigned char *)p, *last = (const unsigned char *)end;

	while (last - b >= 4 &&
	       ((classes[b[0]] | classes[b[1]] | classes[b[2]] | classes[b[3]]) & mask) == 0)
		b += 4;
	while (b < last && (classes[*b] & mask) == 0)
		b++;
	return (const char *)b;
}

/* What XML cannot carry becomes U+FFFD: a stream must never break on what came from elsewhere. */
static void escape(struct pc__buf *out, const char *text, size_t len, int mask)
{
	const char *end = text + len, *from = text, *p = text;
	const char *with;
	size_t n;

	while ((p = plain(p, end, mask)) < end) {
		int class = classes[(unsigned char)*p] & mask;

		if (class == CHECK && (n = carried(p, (size_t)(end - p))) > 0) {
			p += n;
			continue;
		}
		with = class == CHECK ? "\xEF\xBF\xBD" : entity(*p);
		pc__buf_add(out, from, (size_t)(p - from));
		pc__buf_adds(out, with);
		from = ++p;
	}
	pc__buf_add(out, from, (size_t)(end - from));
}

void pc__xml_escape(struct pc__buf *out, const char *text, size_t len)
{
	escape(out, text, len, BOTH | ATTR | CHECK);
}

/* ---- elements */

void pc__write_attr(struct pc__buf *out, const char *name, size_t name_len, const char *value,
                    size_t value_len)
{
	pc__buf_addc(out, ' ');
	pc__buf_add(out, name, name_len);
	pc__buf_add(out, "='", 2);
	pc__xml_escape(out, value, value_len);
	pc__buf_addc(out, '\'');
}

const char *pc__write_prefix(const pc__writer *w, const pc_stanza *st)
{
	if (w->stream && strcmp(st->ns, PC_NS_STREAM) == 0)
		return "stream:";
	return pc__same(st->ns, st->ns_len, PC__NS_XML, sizeof(PC__NS_XML) - 1) ? "xml:" : "";
}

/* Is `st` in the default namespace that holds where it is written? */
static bool inherits(const pc__writer *w, const pc_stanza *st)
{
	const pc_stanza *p = st;

	while (p != w->top) {
		p = p->node.parent;
		if (*pc__write_prefix(w, p) == '\0')
			return pc__same(p->ns, p->ns_len, st->ns, st->ns_len);
	}
	return w->ns && strcmp(w->ns, st->ns) == 0;
}

/* Each attribute with a namespace declares a prefix of its own, unless it is that of the one
 * before: elements have none of these, so nothing can clash. */
static void write_foreign_attr(struct pc__buf *out, const pc__attr *a, const pc__attr *before,
                               unsigned *number)
{
	if (before == NULL || !pc__same(a->ns, a->ns_len, before->ns, before->ns_len)) {
		pc__buf_printf(out, " xmlns:ns%u='", ++*number);
		pc__xml_escape(out, a->ns, a->ns_len);
		pc__buf_addc(out, '\'');
	}
	pc__buf_printf(out, " ns%u:", *number);
	pc__buf_add(out, a->name, a->name_len);
	pc__buf_add(out, "='", 2);
	pc__xml_escape(out, a->value, a->value_len);
	pc__buf_addc(out, '\'');
}

static void write_attrs(struct pc__buf *out, const pc_stanza *st, bool without_to)
{
	const pc__attr *foreign = NULL;
	unsigned number = 0;

	for (const pc__attr *a = st->attrs; a; a = a->next) {
		if (a->ns) {
			write_foreign_attr(out, a, foreign, &number);
			foreign = a;
		} else if (!without_to || !pc__same(a->name, a->name_len, "to", 2)) {
			pc__write_attr(out, a->name, a->name_len, a->value, a->value_len);
		}
	}
}

void pc__write_open(const pc__writer *w, const pc_stanza *st, bool without_to)
{
	const char *prefix = pc__write_prefix(w, st);

	pc__buf_addc(w->out, '<');
	pc__buf_adds(w->out, prefix);
	pc__buf_add(w->out, st->node.name, st->name_len);
	if (*prefix == '\0' && !inherits(w, st))
		pc__write_attr(w->out, "xmlns", 5, st->ns, st->ns_len);
	write_attrs(w->out, st, without_to);
}

static void write_close(const pc__writer *w, const pc_stanza *st)
{
	pc__buf_add(w->out, "</", 2);
	pc__buf_adds(w->out, pc__write_prefix(w, st));
	pc__buf_add(w->out, st->node.name, st->name_len);
	pc__buf_addc(w->out, '>');
}

/* Closes what ends with `n`; the node that comes next, or NULL. */
static const pc__node *write_ends(const pc__writer *w, const pc__node *n)
{
	while (n->next == NULL) {
		n = &n->parent->node;
		if (n == &w->top->node)
			return NULL;
		write_close(w, pc__as_element(n));
	}
	return n->next;
}

void pc__write_below(const pc__writer *w)
{
	const pc__node *n = w->top->first;

	while (n) {
		if (!pc__is_element(n)) {
			escape(w->out, pc__as_text(n)->text, pc__as_text(n)->len, BOTH | CHECK);
			n = write_ends(w, n);
			continue;
		}
		pc__write_open(w, pc__as_element(n), false);
		if (pc__as_element(n)->first) {
			pc__buf_addc(w->out, '>');
			n = pc__as_element(n)->first;
			continue;
		}
		pc__buf_add(w->out, "/>", 2);
		n = write_ends(w, n);
	}
}

static void write_whole(const pc__writer *w)
{
	pc__write_open(w, w->top, false);
	if (w->top->first == NULL) {
		pc__buf_add(w->out, "/>", 2);
		return;
	}
	pc__buf_addc(w->out, '>');
	pc__write_below(w);
	write_close(w, w->top);
}

void pc__stanza_write(const pc_stanza *st, const char *ns_context, struct pc__buf *out)
{
	write_whole(&(pc__writer){ .out = out,
	                           .top = st,
	                           .ns = ns_context,
	                           .stream = ns_context && strcmp(st->ns, PC_NS_STREAM) == 0 });
}

char *pc_stanza_write(const pc_stanza *st, size_t *len_r)
{
	struct pc__buf out = { 0 };

	write_whole(&(pc__writer){ .out = &out, .top = st, .ns = PC_NS_CLIENT });
	if (len_r)
		*len_r = out.len;
	pc__buf_str(&out);
	return out.p;
}
