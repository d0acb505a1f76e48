/* A stream, read in one piece and read in pieces with pauses and parkings: both must give the same,
 * and what each element is written as must read as the same element. The first four bytes choose
 * the way. */
#include "fuzz.h"
#include "util/mem.h"
#include "xml/frame.h"
#include "xml/parser.h"

static const pc__xml_limits tight = { 300, 100, 4, 6, 60, 10 };

struct run {
	struct pc__buf log;
	pc__xml_parser *parser;
	const pc__xml_limits *limits;
	const char *content_ns;
	bool pause, park;
	uint32_t dice; /* 0: all in one piece */
};

static void check_element(pc_stanza *st, struct pc__buf *log)
{
	size_t len, again_len;
	char *text = pc_stanza_write(st, &len), *again;
	pc_stanza *copy = pc_stanza_clone(st), *parsed = pc_stanza_parse(text, len);

	again = pc_stanza_write(copy, &again_len);
	if (again_len != len || memcmp(text, again, len) != 0)
		abort();
	free(again);
	if (parsed == NULL)
		abort();
	again = pc_stanza_write(parsed, &again_len);
	if (again_len != len || memcmp(text, again, len) != 0)
		abort();
	if (pc_stanza_kind(parsed) != pc_stanza_kind(st) ||
	    pc_stanza_type(copy) != pc_stanza_type(st))
		abort();
	pc__buf_add(log, text, len);
	pc__buf_addc(log, '\n');
	free(again);
	free(text);
	pc_stanza_free(&copy);
	pc_stanza_free(&parsed);
}

static void on_header(const pc__xml_header *h, void *data)
{
	struct run *r = data;

	pc__buf_printf(&r->log, "H %s %s %s %s %s %s\n", h->to ? h->to : "-",
	               h->from ? h->from : "-", h->id ? h->id : "-", h->version ? h->version : "-",
	               h->lang ? h->lang : "-", h->content_ns ? h->content_ns : "-");
	if (r->pause)
		pc__xml_pause(r->parser);
}

static bool on_element(pc_stanza *element, void *data)
{
	struct run *r = data;

	check_element(element, &r->log);
	pc_stanza_free(&element);
	return !r->pause;
}

static void on_end(void *data)
{
	pc__buf_adds(&((struct run *)data)->log, "END\n");
}

static const pc__xml_callbacks callbacks = { on_header, on_element, on_end };

static size_t next_piece(struct run *r, size_t left)
{
	size_t n;

	if (r->dice == 0)
		return left;
	r->dice = r->dice * 1664525 + 1013904223;
	n = (r->dice >> 16) % 40 + 1;
	r->dice |= 1;
	return n < left ? n : left;
}

static void park(struct run *r, pc__xml_roots *roots)
{
	pc__xml_root *root = pc__xml_park(&r->parser, roots);

	if (root)
		r->parser = pc__xml_unpark(&root, roots, &callbacks, r->content_ns, r->limits, r);
}

static void run(struct run *r, const char *bytes, size_t len)
{
	pc__xml_roots *roots = pc__xml_roots_new();
	int result = 0;

	r->parser = pc__xml_new(&callbacks, r->content_ns, r->limits, r);
	while (len && result >= 0) {
		size_t used, n = next_piece(r, len);

		result = pc__xml_feed(r->parser, bytes, n, &used);
		if (used > n || (result == PC__XML_OK && used != n))
			abort();
		bytes += used;
		len -= used;
		if (r->park && pc__xml_idle(r->parser))
			park(r, roots);
	}
	if (result < 0)
		pc__buf_printf(&r->log, "\001%s", pc__xml_error(r->parser, NULL));
	pc__buf_str(&r->log);
	pc__xml_free(&r->parser);
	pc__xml_roots_free(&roots);
}

/* Which error it is may depend on how the bytes came: expat refuses some characters by their first
 * byte, and tells of a text before or after it has seen what follows. That there is one, and where,
 * may not, but for limits. */
static void compare(const char *a, const char *b)
{
	const char *x = strchr(a, '\001'), *y = strchr(b, '\001');
	size_t x_len = x ? (size_t)(x - a) : strlen(a), y_len = y ? (size_t)(y - b) : strlen(b);
	bool limit = (x && strcmp(x + 1, "policy-violation") == 0) ||
	             (y && strcmp(y + 1, "policy-violation") == 0);

	if (!limit && ((x == NULL) != (y == NULL) || x_len != y_len))
		abort();
	if (memcmp(a, b, x_len < y_len ? x_len : y_len) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run whole = { 0 }, cut;

	if (size < 4)
		return 0;
	whole.limits = data[0] & 4 ? &tight : &pc__xml_limits_default;
	whole.content_ns = data[0] & 8 ? "jabber:server" : NULL;
	cut = whole;
	cut.pause = data[0] & 1;
	cut.park = data[0] & 2;
	cut.dice = (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3] | 1;
	run(&whole, (const char *)data + 4, size - 4);
	run(&cut, (const char *)data + 4, size - 4);
	compare(whole.log.p, cut.log.p);
	pc__buf_free(&whole.log);
	pc__buf_free(&cut.log);
	return 0;
}
