/*
 * Stream headers that are parked: a stream is read byte by byte, and at every place where its
 * parser is idle that is exchanged for the interned root and made again, beside streams with the
 * same root and with another one in the same table. It must give what the stream gives in one
 * piece.
 *
 * The first byte chooses the content namespace and whether the parser stops after each element.
 */
#include "fuzz.h"
#include "util/mem.h"
#include "xml/frame.h"
#include "xml/parser.h"

static const pc__xml_limits roomy = { 100000, 100000, 100, 100, 1000, 1000 };
static const char other_text[] = "<s:stream xmlns:s='" PC_NS_STREAM "' xmlns='jabber:client'>";

struct stream {
	struct pc__buf log;
	pc__xml_parser *parser;
	const char *content_ns;
	bool pause;
	unsigned headers, ends;
};

static void on_header(const pc__xml_header *h, void *data)
{
	struct stream *s = data;
	const char *const parts[] = { h->to, h->from, h->id, h->version, h->lang, h->content_ns };

	must(s->headers++ == 0 && s->log.len == 0);
	for (size_t i = 0; i < PC__COUNT(parts); i++)
		pc__buf_printf(&s->log, "[%s]", parts[i] ? parts[i] : "\002");
	if (s->pause)
		pc__xml_pause(s->parser);
}

static bool on_element(pc_stanza *element, void *data)
{
	struct stream *s = data;
	size_t len;
	char *text = pc_stanza_write(element, &len);

	must(s->headers == 1 && s->ends == 0);
	pc__buf_add(&s->log, text, len);
	free(text);
	pc_stanza_free(&element);
	return !s->pause;
}

static void on_end(void *data)
{
	struct stream *s = data;

	must(s->headers == 1 && s->ends++ == 0);
	pc__buf_adds(&s->log, "END");
}

static const pc__xml_callbacks callbacks = { on_header, on_element, on_end };

static pc__xml_parser *new_parser(struct stream *s)
{
	return pc__xml_new(&callbacks, s->content_ns, &roomy, s);
}

static int feed(struct stream *s, const char *bytes, size_t len)
{
	int result = PC__XML_OK;

	while (len > 0 && result >= 0) {
		size_t used;

		result = pc__xml_feed(s->parser, bytes, len, &used);
		must(used <= len && (result == PC__XML_PAUSED || result < 0 || used == len));
		bytes += used;
		len -= used;
	}
	return result;
}

static void unpark(struct stream *s, pc__xml_root **root, pc__xml_roots *roots)
{
	s->parser = pc__xml_unpark(root, roots, &callbacks, s->content_ns, &roomy, s);
	must(*root == NULL && pc__xml_idle(s->parser));
}

/* Parked with other streams, and out of order: the parser is parked, made, and parked again before
 * the first of the two roots has gone. False: this root is too long to keep. */
static bool exchange(struct stream *s, pc__xml_roots *roots)
{
	pc__xml_root *first = pc__xml_park(&s->parser, roots), *second;
	pc__xml_parser *copy;

	if (first == NULL)
		return false;
	must(s->parser == NULL);
	copy = pc__xml_unpark(&first, roots, &callbacks, s->content_ns, &roomy, s);
	first = pc__xml_park(&copy, roots);
	unpark(s, &first, roots);
	second = pc__xml_park(&s->parser, roots);
	must(second != NULL);
	unpark(s, &second, roots);
	return true;
}

static pc__xml_root *other_root(pc__xml_roots *roots)
{
	struct stream other = { .pause = false };
	pc__xml_root *root;

	other.parser = new_parser(&other);
	must(feed(&other, other_text, sizeof(other_text) - 1) == PC__XML_OK);
	root = pc__xml_park(&other.parser, roots);
	must(root != NULL);
	pc__buf_free(&other.log);
	return root;
}

static int run_parked(struct stream *s, const char *bytes, size_t len)
{
	pc__xml_roots *roots = pc__xml_roots_new();
	pc__xml_root *other = other_root(roots);
	int result = PC__XML_OK;
	bool keeps = true;

	s->parser = new_parser(s);
	for (size_t i = 0; i < len && result >= 0; i++) {
		result = feed(s, bytes + i, 1);
		if (keeps && result >= 0 && s->ends == 0 && pc__xml_idle(s->parser))
			keeps = exchange(s, roots);
	}
	pc__xml_root_drop(&other, roots);
	pc__xml_free(&s->parser);
	pc__xml_roots_free(&roots);
	return result;
}

static int run_whole(struct stream *s, const char *bytes, size_t len)
{
	int result;

	s->parser = new_parser(s);
	result = feed(s, bytes, len);
	pc__xml_free(&s->parser);
	return result;
}

/* Which error it is may depend on how the bytes came, but not where it is. */
static void compare(const struct stream *whole, const struct stream *parked)
{
	must(whole->log.len == parked->log.len);
	must(whole->log.len == 0 || memcmp(whole->log.p, parked->log.p, whole->log.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const spaces[] = { NULL, "jabber:server", "jabber:component:accept" };
	struct stream whole = { .pause = false }, parked = { .pause = false };
	int whole_result, parked_result;

	if (size == 0)
		return 0;
	whole.content_ns = parked.content_ns = spaces[data[0] / 2 % 3];
	parked.pause = data[0] & 1;
	whole_result = run_whole(&whole, (const char *)data + 1, size - 1);
	parked_result = run_parked(&parked, (const char *)data + 1, size - 1);
	must((whole_result < 0) == (parked_result < 0));
	compare(&whole, &parked);
	pc__buf_free(&whole.log);
	pc__buf_free(&parked.log);
	return 0;
}
