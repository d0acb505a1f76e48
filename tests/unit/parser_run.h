/*
 * parser_run.h - what a parser makes of bytes, as a text, however the bytes come.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/buf.h"
#include "util/mem.h"
#include "xml/frame.h"
#include "xml/parser.h"

#define STREAM                                                                                     \
	"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "    \
	"to='h' version='1.0'>"
#define HEADER "H to=h from=- id=- version=1.0 lang=- ns=jabber:client\n"

/* How the bytes come, and what is done between the elements. */
struct way {
	size_t piece; /* bytes at a time; 0: all */
	size_t cut;   /* or one cut there; 0: none */
	bool pause, park;
	const char *content_ns;
	const pc__xml_limits *limits;
};

struct run {
	struct pc__buf log;
	const struct way *way;
	pc__xml_parser *parser;
	pc__xml_root *root;
	pc__xml_roots *roots;
};

static inline void on_header(const pc__xml_header *h, void *data)
{
	struct run *r = data;

#define OR(s) ((s) ? (s) : "-")
	pc__buf_printf(&r->log, "H to=%s from=%s id=%s version=%s lang=%s ns=%s\n", OR(h->to),
	               OR(h->from), OR(h->id), OR(h->version), OR(h->lang), OR(h->content_ns));
#undef OR
	if (r->way->pause)
		pc__xml_pause(r->parser);
}

static inline bool on_element(pc_stanza *element, void *data)
{
	struct run *r = data;
	char *text = pc_stanza_write(element, NULL);

	pc__buf_printf(&r->log, "%s\n", text);
	free(text);
	pc_stanza_free(&element);
	return !r->way->pause;
}

static inline void on_end(void *data)
{
	pc__buf_adds(&((struct run *)data)->log, "END\n");
}

static const pc__xml_callbacks callbacks = { on_header, on_element, on_end };

static const pc__xml_limits *limits_of(const struct way *way)
{
	return way->limits ? way->limits : &pc__xml_limits_default;
}

/* All of the bytes, however often the parser pauses. */
static inline int feed(struct run *r, const char *bytes, size_t len)
{
	size_t used;
	int result = PC__XML_OK;

	do {
		if (r->root)
			r->parser = pc__xml_unpark(&r->root, r->roots, &callbacks,
			                           r->way->content_ns, limits_of(r->way), r);
		result = pc__xml_feed(r->parser, bytes, len, &used);
		assert_true(used <= len);
		bytes += used;
		len -= used;
		if (r->way->park && pc__xml_idle(r->parser)) {
			r->root = pc__xml_park(&r->parser, r->roots);
			assert_non_null(r->root);
			assert_null(r->parser);
		}
	} while (result == PC__XML_PAUSED && len);
	assert_true(result < 0 || len == 0);
	return result;
}

static inline void end(struct run *r, int result)
{
	const char *text = NULL;

	if (result < 0) {
		pc__buf_printf(&r->log, "E %s", pc__xml_error(r->parser, &text));
		assert_non_null(text);
	}
	if (r->root)
		pc__xml_root_drop(&r->root, r->roots);
	pc__xml_free(&r->parser);
	pc__xml_roots_free(&r->roots);
}

/* What came of it, as a text of the caller's. */
static inline char *run(const struct way *way, const char *bytes, size_t len)
{
	struct run r = { .way = way, .roots = pc__xml_roots_new() };
	size_t at = 0;
	int result = 0;

	r.parser = pc__xml_new(&callbacks, way->content_ns, limits_of(way), &r);
	while (at < len && result >= 0) {
		size_t n = way->piece ? way->piece : len;

		if (way->cut && at < way->cut)
			n = way->cut - at;
		if (n > len - at)
			n = len - at;
		result = feed(&r, bytes + at, n);
		at += n;
	}
	end(&r, result);
	pc__buf_str(&r.log);
	return r.log.p;
}

static inline void assert_run(const struct way *way, const char *bytes, size_t len,
                              const char *want)
{
	char *got = run(way, bytes, len);

	assert_string_equal(got, want);
	free(got);
}

static inline void assert_says(const char *text, const char *want)
{
	assert_run(&(struct way){ 0 }, text, strlen(text), want);
	assert_run(&(struct way){ .piece = 1 }, text, strlen(text), want);
}

static inline void assert_error(const char *text, const char *condition)
{
	char *got = run(&(struct way){ 0 }, text, strlen(text)), *last = strstr(got, "E ");

	if (last == NULL || strcmp(last + 2, condition) != 0)
		fail_msg("%s: %s, not %s", text, got, condition);
	free(got);
}
