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

static void on_header(const pc__xml_header *h, void *data)
{
	struct run *r = data;

#define OR(s) ((s) ? (s) : "-")
	pc__buf_printf(&r->log, "H to=%s from=%s id=%s version=%s lang=%s ns=%s\n", OR(h->to),
	               OR(h->from), OR(h->id), OR(h->version), OR(h->lang), OR(h->content_ns));
#undef OR
	if (r->way->pause)
		pc__xml_pause(r->parser);
}

static bool on_element(pc_stanza *element, void *data)
{
	struct run *r = data;
	char *text = pc_stanza_write(element, NULL);

	pc__buf_printf(&r->log, "%s\n", text);
	free(text);
	pc_stanza_free(&element);
	return !r->way->pause;
}

static void on_end(void *data)
{
	pc__buf_adds(&((struct run *)data)->log, "END\n");
}

static const pc__xml_callbacks callbacks = { on_header, on_element, on_end };

static const pc__xml_limits *limits_of(const struct way *way)
{
	return way->limits ? way->limits : &pc__xml_limits_default;
}

/* All of the bytes, however often the parser pauses. */
static int feed(struct run *r, const char *bytes, size_t len)
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

static void end(struct run *r, int result)
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
static char *run(const struct way *way, const char *bytes, size_t len)
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

static void assert_run(const struct way *way, const char *bytes, size_t len, const char *want)
{
	char *got = run(way, bytes, len);

	assert_string_equal(got, want);
	free(got);
}

static void assert_says(const char *text, const char *want)
{
	assert_run(&(struct way){ 0 }, text, strlen(text), want);
	assert_run(&(struct way){ .piece = 1 }, text, strlen(text), want);
}

static void assert_error(const char *text, const char *condition)
{
	char *got = run(&(struct way){ 0 }, text, strlen(text)), *last = strstr(got, "E ");

	if (last == NULL || strcmp(last + 2, condition) != 0)
		fail_msg("%s: %s, not %s", text, got, condition);
	free(got);
}

/* ---- sessions, cut everywhere */

static const char session[] =
        "<?xml version='1.0' encoding='utf-8'?>\n"
        "<s:stream xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams' "
        "xmlns:x='urn:&lt;x'"
        " to='h' from='a@h' id='\xC3\xA4' version='1.0' xml:lang='de'> \n"
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>\r\n"
        "<message to='b@h' type=\"chat\"><body>\xE2\x82\xAC &amp; &#x1F600; "
        "\xF0\x9F\x98\x80\r\n</body>"
        "<x:y x:z='1'/></message>\t<presence/><s:features/>"
        "<iq type='get' id='1'><q xmlns='urn:q'><![CDATA[<]>]]></q></iq> <x:top/>\n</s:stream>\n";
static const char session_says[] =
        "H to=h from=a@h id=\xC3\xA4 version=1.0 lang=de ns=jabber:client\n"
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>\n"
        "<message to='b@h' type='chat'><body>\xE2\x82\xAC &amp; \xF0\x9F\x98\x80 \xF0\x9F\x98\x80\n"
        "</body><y xmlns='urn:&lt;x' xmlns:ns1='urn:&lt;x' ns1:z='1'/></message>\n"
        "<presence/>\n"
        "<features xmlns='http://etherx.jabber.org/streams'/>\n"
        "<iq type='get' id='1'><q xmlns='urn:q'>&lt;]&gt;</q></iq>\n"
        "<top xmlns='urn:&lt;x'/>\nEND\n";

static void reads_a_session_cut_anywhere(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct way way = { .pause = i & 1, .park = i & 2 };

		assert_run(&way, session, sizeof(session) - 1, session_says);
		for (size_t cut = 1; cut < sizeof(session) - 1; cut++) {
			way.cut = cut;
			assert_run(&way, session, sizeof(session) - 1, session_says);
		}
		way.cut = 0;
		for (way.piece = 1; way.piece < 20; way.piece++)
			assert_run(&way, session, sizeof(session) - 1, session_says);
	}
}

/* The end tag must fit however the root was written, whatever its namespaces. */
static void parks_every_root(void **state)
{
	static const char *const roots[][2] = {
		{ "<stream:stream xmlns='jabber:client' xmlns:stream='%s'>", "</stream:stream>" },
		{ "<stream xmlns='%s'>", "</stream >" },
		{ "<a:stream xmlns:a='%s' xmlns:b='%1$s'>", "</a:stream>" },
		{ "<b:stream xmlns:a='%s' xmlns:b='%1$s'>", "</b:stream>" },
		{ "<\xC3\xA4:stream xmlns:\xC3\xA4='%s' xmlns='jabber:client'>",
		  "</\xC3\xA4:stream>" },
		{ "<s:stream xmlns:s='%s' xmlns='' xmlns:db='jabber:server:dialback'>",
		  "</s:stream>" },
		{ "<s:stream xmlns:s='%s' xmlns='a&apos;&quot;&amp;&#9;&#10;&#13;b'>",
		  "</s:stream>" },
	};

	(void)state;
	for (size_t i = 0; i < PC__COUNT(roots); i++) {
		struct pc__buf text = { 0 };
		char *whole, *parked;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		pc__buf_printf(&text, roots[i][0], PC_NS_STREAM);
#pragma GCC diagnostic pop
		pc__buf_adds(&text, "<m/><m xmlns='jabber:client'/>");
		pc__buf_adds(&text, roots[i][1]);
		whole = run(&(struct way){ 0 }, text.p, text.len);
		parked = run(&(struct way){ .park = true, .piece = 1 }, text.p, text.len);
		assert_non_null(strstr(whole, "END\n"));
		assert_string_equal(whole, parked);
		free(whole);
		free(parked);
		pc__buf_free(&text);
	}
}

static void refuses_a_wrong_end_after_parking(void **state)
{
	static const char text[] = STREAM "</x:stream>";

	(void)state;
	assert_run(&(struct way){ .park = true, .piece = 1 }, text, sizeof(text) - 1,
	           HEADER "E not-well-formed");
}

static void does_not_park_long_roots(void **state)
{
	struct run r = { .way = &(struct way){ 0 }, .roots = pc__xml_roots_new() };
	struct pc__buf text = { 0 };
	size_t used;

	(void)state;
	pc__buf_adds(&text, "<s:stream xmlns:s='" PC_NS_STREAM "'");
	for (int i = 0; i < 16; i++)
		pc__buf_printf(&text, " xmlns:a%d='u'", i);
	pc__buf_adds(&text, ">");
	r.parser = pc__xml_new(&callbacks, NULL, &pc__xml_limits_default, &r);
	assert_int_equal(pc__xml_feed(r.parser, text.p, text.len, &used), PC__XML_OK);
	assert_true(pc__xml_idle(r.parser));
	assert_null(pc__xml_park(&r.parser, r.roots));
	assert_non_null(r.parser);
	end(&r, 0);
	pc__buf_free(&text);
	pc__buf_free(&r.log);
}

static void shares_parked_roots(void **state)
{
	pc__xml_roots *roots = pc__xml_roots_new();
	struct run r = { .way = &(struct way){ 0 } };
	pc__xml_root *parked[300];
	size_t used;

	(void)state;
	for (int i = 0; i < 300; i++) {
		pc__xml_parser *p = pc__xml_new(&callbacks, NULL, &pc__xml_limits_default, &r);
		char *text =
		        pc__printf("<s:stream xmlns:s='" PC_NS_STREAM "' xmlns:a='u%d'>", i / 2);

		assert_int_equal(pc__xml_feed(p, text, strlen(text), &used), PC__XML_OK);
		parked[i] = pc__xml_park(&p, roots);
		assert_non_null(parked[i]);
		free(text);
	}
	for (int i = 0; i < 300; i += 2) {
		assert_ptr_equal(parked[i], parked[i + 1]);
		pc__xml_root_drop(&parked[i], roots);
		pc__xml_root_drop(&parked[i + 1], roots);
	}
	pc__xml_roots_free(&roots);
	pc__buf_free(&r.log);
}

static void is_idle_between_elements_only(void **state)
{
	static const struct {
		const char *text;
		bool idle;
	} rows[] = {
		{ "<?xml version='1.0'?>", false },
		{ STREAM, true },
		{ " \n", true },
		{ "<m", false },
		{ ">", false },
		{ "x", false },
		{ "</m>", true },
		{ "<a/>", true },
		{ "</stream:stream>", false },
	};
	struct run r = { .way = &(struct way){ 0 } };
	size_t used;

	(void)state;
	r.parser = pc__xml_new(&callbacks, NULL, &pc__xml_limits_default, &r);
	assert_false(pc__xml_idle(r.parser));
	for (size_t i = 0; i < PC__COUNT(rows); i++) {
		pc__xml_feed(r.parser, rows[i].text, strlen(rows[i].text), &used);
		assert_int_equal(pc__xml_idle(r.parser), rows[i].idle);
	}
	pc__xml_free(&r.parser);
	pc__buf_free(&r.log);
}

static void pauses_where_told(void **state)
{
	static const char text[] = STREAM "<a/> <b/>";
	struct run r = { .way = &(struct way){ .pause = true } };
	size_t used, at = sizeof(STREAM) - 1;

	(void)state;
	r.parser = pc__xml_new(&callbacks, NULL, &pc__xml_limits_default, &r);
	assert_int_equal(pc__xml_feed(r.parser, text, sizeof(text) - 1, &used), PC__XML_PAUSED);
	assert_int_equal(used, at);
	assert_int_equal(pc__xml_feed(r.parser, text + at, 0, &used), PC__XML_OK);
	assert_int_equal(used, 0);
	assert_int_equal(pc__xml_feed(r.parser, text + at, 9, &used), PC__XML_PAUSED);
	assert_int_equal(used, 4);
	assert_int_equal(pc__xml_feed(r.parser, text + at + 4, 5, &used), PC__XML_PAUSED);
	assert_int_equal(used, 5);
	assert_true(pc__xml_idle(r.parser));
	pc__xml_free(&r.parser);
	pc__buf_free(&r.log);
}

static bool free_it(pc_stanza *element, void *data)
{
	pc_stanza_free(&element);
	pc__xml_free(&((struct run *)data)->parser);
	return true;
}

static void may_be_freed_by_a_callback(void **state)
{
	static const pc__xml_callbacks freeing = { on_header, free_it, on_end };
	struct run r = { .way = &(struct way){ 0 } };
	size_t used;

	(void)state;
	r.parser = pc__xml_new(&freeing, NULL, &pc__xml_limits_default, &r);
	assert_int_equal(pc__xml_feed(r.parser, STREAM "<a/><b/>", sizeof(STREAM) + 7, &used),
	                 PC__XML_OK);
	assert_int_equal(used, sizeof(STREAM) + 7);
	assert_null(r.parser);
	assert_int_equal(r.log.len, sizeof(HEADER) - 1);
	pc__buf_free(&r.log);
}

/* What is behind the end of a stream is nobody's. */
static void ignores_what_is_behind_the_end(void **state)
{
	(void)state;
	assert_says(STREAM "</stream:stream><a/> \xFF <!--", HEADER "END\n");
	assert_says("<s:stream xmlns:s='" PC_NS_STREAM "' to='h'/><a/>",
	            "H to=h from=- id=- version=- lang=- ns=-\nEND\n");
	assert_run(&(struct way){ .pause = true, .piece = 1 }, STREAM "</stream:stream><",
	           sizeof(STREAM "</stream:stream><") - 1, HEADER "END\n");
}

/* ---- what the header may be */

static void judges_roots(void **state)
{
	(void)state;
	assert_error("<stream>", "invalid-namespace");
	assert_error("<stream xmlns='jabber:client'>", "invalid-namespace");
	assert_error("<s:stream xmlns:s='http://etherx.jabber.org/streams/'>", "invalid-namespace");
	assert_error("<s:stream xmlns:s='" PC_NS_STREAM "' xmlns:s='u'>", "not-well-formed");
	assert_error("<s:strem xmlns:s='" PC_NS_STREAM "'>", "bad-format");
	assert_error("<stream:stream>", "not-well-formed");
	assert_error("<s:stream xmlns:s=''>", "not-well-formed");
	assert_error("<a xmlns:s='" PC_NS_STREAM "'/>", "invalid-namespace");
	assert_error("x" STREAM, "not-well-formed");
	assert_says("<stream xmlns='" PC_NS_STREAM "' to='h' from='f'>",
	            "H to=h from=f id=- version=- lang=- ns=-\n");
}

static void translates_the_content_namespace(void **state)
{
	static const char head[] = "<s:stream xmlns:s='" PC_NS_STREAM "' xmlns='jabber:server'>";
	struct way way = { .content_ns = "jabber:server" };
	char *text = pc__printf("%s%s", head,
	                        "<message><body/></message><q xmlns='u'><m xmlns='jabber:"
	                        "client'/><m xmlns='jabber:server'/></q>");

	(void)state;
	assert_run(&way, text, strlen(text),
	           "H to=- from=- id=- version=- lang=- ns=jabber:server\n"
	           "<message><body/></message>\n"
	           "<q xmlns='u'><m xmlns='jabber:client'/><m xmlns='jabber:client'/></q>\n");
	free(text);
	text = pc__printf("%s%s", head, "<message xmlns='jabber:client'/>");
	assert_run(&way, text, strlen(text),
	           "H to=- from=- id=- version=- lang=- ns=jabber:server\nE invalid-namespace");
	free(text);
	assert_says(STREAM "<message xmlns='jabber:server'/><m xmlns=''/>",
	            HEADER "<message xmlns='jabber:server'/>\n<m xmlns=''/>\n");
}

/* ---- hostile */

static void refuses_what_is_not_well_formed(void **state)
{
	static const char *const rows[] = {
		"<a></b>",
		"<a",
		"</stream>",
		"<a b=c/>",
		"<a b/>",
		"<a b='<'/>",
		"<a b='1' b='2'/>",
		"<a xmlns:x='u' xmlns:y='u' x:b='1' y:b='2'/>",
		"<x:a/>",
		"<a x:b='1'/>",
		"<:a/>",
		"<a:/>",
		"<a:b:c xmlns:a='u'/>",
		"<xmlns:a/>",
		"<a xmlns:x=''/>",
		"<a xmlns:xml='u'/>",
		"<a xmlns:xmlns='u'/>",
		"<a xmlns:x='http://www.w3.org/XML/1998/namespace'/>",
		"<a xmlns='http://www.w3.org/2000/xmlns/'/>",
		"<a>&#0;</a>",
		"<a>&#xD800;</a>",
		"<a>&#x1F;</a>",
		"<a>&amp</a>",
		"<a>]]></a>",
		"<a>\001</a>",
		"<a b='\001'/>",
		"<a\nb\n='x'\n",
		"<1/>",
		"<a>\xEF\xBF\xBE</a>",
		"<\xC3\x97/>",
		"<a/ >",
		"< a/>",
		"<?xml version='1.0'?>",
		"<a><?xml version='1.0'?></a>",
	};

	(void)state;
	for (size_t i = 0; i < PC__COUNT(rows); i++) {
		struct pc__buf text = { 0 };
		char *got;

		pc__buf_printf(&text, "%s%s", STREAM, rows[i]);
		got = run(&(struct way){ 0 }, text.p, text.len);
		if (strcmp(got, HEADER) != 0 && strcmp(got, HEADER "E not-well-formed") != 0)
			fail_msg("%s: %s", rows[i], got);
		free(got);
		pc__buf_free(&text);
	}
	assert_error(STREAM "<a></b>", "not-well-formed");
	assert_error(STREAM "<\xC3\x97/>", "not-well-formed");
	assert_error(STREAM "<?xml version='1.0'?>", "not-well-formed");
	assert_error(" <?xml version='1.0'?>" STREAM, "not-well-formed");
	assert_error(STREAM "<a xmlns:x='u' xmlns:y='u' x:b='1' y:b='2'/>", "not-well-formed");
	assert_error(STREAM "<x:a/>", "not-well-formed");
	assert_run(&(struct way){ 0 }, STREAM "<a>\0</a>", sizeof(STREAM) - 1 + 8,
	           HEADER "E not-well-formed");
}

static void refuses_restricted_xml(void **state)
{
	static const char *const rows[] = {
		"<!DOCTYPE s [<!ENTITY a 'b'>]>" STREAM "<m>&a;</m>",
		"<!DOCTYPE s SYSTEM 'file:///etc/passwd'>" STREAM,
		"<!DOCTYPE s",
		"<!-- x -->" STREAM,
		"<?pi x?>" STREAM,
		STREAM "<!-- x -->",
		STREAM "<?pi x?>",
		STREAM "<a><!-- x --></a>",
		STREAM "<a><?pi?></a>",
		STREAM "<a>&e;</a>",
		STREAM "<a b='&e;'/>",
		STREAM "&e;",
		"<s:stream xmlns:s='" PC_NS_STREAM "' to='&lol;'>",
	};

	(void)state;
	for (size_t i = 0; i < PC__COUNT(rows); i++) {
		if (i != 2)
			assert_error(rows[i], "restricted-xml");
	}
	assert_error(STREAM "<!DOCTYPE a>", "not-well-formed");
}

static void refuses_other_encodings(void **state)
{
	static const char utf16[] = "\xFF\xFE<\0s\0t\0", utf16be[] = "\0<\0s\0t", bare[] = "<\0s\0";

	(void)state;
	assert_error("<?xml version='1.0' encoding='UTF-16'?>" STREAM, "unsupported-encoding");
	assert_error("<?xml version='1.0' encoding='ISO-8859-1'?>" STREAM, "unsupported-encoding");
	assert_error("<?xml version='1.0' encoding='nonsense'?>" STREAM, "unsupported-encoding");
	assert_run(&(struct way){ 0 }, utf16, sizeof(utf16) - 1, "E unsupported-encoding");
	assert_run(&(struct way){ .piece = 1 }, utf16be, sizeof(utf16be) - 1,
	           "E unsupported-encoding");
	assert_run(&(struct way){ 0 }, bare, sizeof(bare) - 1, "E unsupported-encoding");
	assert_run(&(struct way){ .piece = 1 }, bare, sizeof(bare) - 1, "E unsupported-encoding");
	assert_error("\xEF\xBB\xBF" STREAM, "not-well-formed");
	assert_says("<?xml version='1.0' encoding='UTF-8' standalone='yes'?>" STREAM, HEADER);
	/* bytes that are not UTF-8: latin1, overlong, surrogate, beyond the end; split as well */
	assert_says(STREAM "<a>caf\xE9 x</a>", HEADER "E unsupported-encoding");
	assert_says(STREAM "<a b='\xC0\xAF'/>", HEADER "E unsupported-encoding");
	assert_says(STREAM "<a>\xED\xA0\x80</a>", HEADER "E unsupported-encoding");
	assert_says(STREAM "<a>\xF5\x80\x80\x80</a>", HEADER "E unsupported-encoding");
	assert_says(STREAM "<a\xFF/>", HEADER "E unsupported-encoding");
	assert_says(STREAM "<a>\xF0\x9F\x98x</a>", HEADER "E unsupported-encoding");
	assert_says(STREAM "<a>\xEF\xBF\xBF</a>", HEADER "E not-well-formed");
	assert_says(STREAM "<a b=\xD9\x97/>", HEADER "E not-well-formed");
}

static void refuses_text_between_elements(void **state)
{
	(void)state;
	assert_says(STREAM " x", HEADER "E bad-format");
	assert_says(STREAM "<a/>x<b/>", HEADER "<a/>\nE bad-format");
	assert_says(STREAM "<![CDATA[x]]>", HEADER "E bad-format");
	assert_says(STREAM " \t\r\n<a/>&#32;\n", HEADER "<a/>\n");
}

/* ---- limits */

static char *repeated(const char *before, const char *what, size_t n, const char *after)
{
	struct pc__buf b = { 0 };

	pc__buf_adds(&b, before);
	while (n--)
		pc__buf_adds(&b, what);
	pc__buf_adds(&b, after);
	pc__buf_str(&b);
	return b.p;
}

/* Takes the text; true: it was an element. */
static bool accepted(const struct way *way, char *text)
{
	char *got = run(way, text, strlen(text));
	bool ok = strstr(got, "E ") == NULL;

	if (!ok)
		assert_string_equal(strstr(got, "E "), "E policy-violation");
	else
		assert_true(strncmp(got, HEADER, sizeof(HEADER) - 1) == 0 &&
		            strlen(got) > sizeof(HEADER));
	free(got);
	free(text);
	return ok;
}

static void limits_tags(void **state)
{
	const struct way ways[] = { { 0 }, { .piece = 64 }, { .piece = 1460 } };

	(void)state;
	for (size_t i = 0; i < PC__COUNT(ways); i++) {
		assert_true(accepted(&ways[i], repeated(STREAM "<a b='", "x", 20 * 1024, "'/>")));
		assert_false(accepted(&ways[i], repeated(STREAM "<a b='", "x", 40 * 1024, "'/>")));
		assert_true(accepted(&ways[i], repeated(STREAM "<a>", "x", 40 * 1024, "</a>")));
		assert_false(accepted(&ways[i], repeated(STREAM "<a>x</a", " ", 40 * 1024, ">")));
	}
}

/* At once: not only when the tag ends. */
static void limits_tags_that_do_not_end(void **state)
{
	char *text = repeated(STREAM "<a b='", "x", 40 * 1024, "");
	struct run r = { .way = &(struct way){ 0 } };
	size_t at = 0, used;

	(void)state;
	r.parser = pc__xml_new(&callbacks, NULL, &pc__xml_limits_default, &r);
	while (pc__xml_feed(r.parser, text + at, 64, &used) == PC__XML_OK)
		at += used;
	assert_in_range(at, 32 * 1024, 33 * 1024 + sizeof(STREAM));
	assert_string_equal(pc__xml_error(r.parser, NULL), "policy-violation");
	assert_false(pc__xml_idle(r.parser));
	assert_int_equal(pc__xml_feed(r.parser, " ", 1, &used), PC_EINVAL);
	pc__xml_free(&r.parser);
	pc__buf_free(&r.log);
	free(text);
}

/* A long tag is answered when its last byte comes, not with the byte behind it. */
static void delivers_long_tags_at_once(void **state)
{
	char *text = repeated(STREAM "<a b='", "x", 20 * 1024, "'/>");
	struct run r = { .way = &(struct way){ 0 } };
	size_t len = strlen(text), used;

	(void)state;
	r.parser = pc__xml_new(&callbacks, NULL, &pc__xml_limits_default, &r);
	for (size_t at = 0; at < len - 1; at += used)
		assert_int_equal(pc__xml_feed(r.parser, text + at,
		                              len - 1 - at < 1000 ? len - 1 - at : 1000, &used),
		                 PC__XML_OK);
	assert_int_equal(r.log.len, sizeof(HEADER) - 1);
	assert_int_equal(pc__xml_feed(r.parser, ">", 1, &used), PC__XML_OK);
	assert_true(r.log.len > 20 * 1024);
	pc__xml_free(&r.parser);
	pc__buf_free(&r.log);
	free(text);
}

static void limits_elements(void **state)
{
	const struct way ways[] = { { 0 }, { .piece = 100 }, { .piece = 5000, .pause = true } };

	(void)state;
	for (size_t i = 0; i < PC__COUNT(ways); i++) {
		const struct way *w = &ways[i];

		assert_true(accepted(w, repeated(STREAM "<a>", "x", 256 * 1024 - 7, "</a>")));
		assert_false(accepted(w, repeated(STREAM "<a>", "x", 256 * 1024 - 6, "</a>")));
		assert_false(accepted(w, repeated(STREAM "<a>", "&lt;", 65537, "")));
		assert_true(accepted(w, repeated(STREAM, "<a>0123456789</a>", 30000, "")));
		assert_true(accepted(w, repeated(STREAM "<a>", "<b/>", 8191, "</a>")));
		assert_false(accepted(w, repeated(STREAM "<a>", "<b/>", 8192, "</a>")));
		assert_false(accepted(w, repeated(STREAM, "<a>", 129, "")));
		assert_false(accepted(w, repeated(STREAM "<", "a", 1025 - 13, "/>")));
		assert_true(accepted(w, repeated(STREAM "<", "a", 1024 - 13, "/>")));
		assert_false(accepted(w, repeated(STREAM "<a ", "a", 1025, "='x'/>")));
		assert_false(accepted(w, repeated(STREAM "<a xmlns='", "a", 1024, "'/>")));
	}
}

static void limits_depth_and_attributes(void **state)
{
	struct pc__buf b = { 0 };

	(void)state;
	pc__buf_adds(&b, STREAM);
	for (int i = 0; i < 128; i++)
		pc__buf_adds(&b, "<a>");
	for (int i = 0; i < 128; i++)
		pc__buf_adds(&b, "</a>");
	assert_true(accepted(&(struct way){ 0 }, pc__strndup(b.p, b.len)));
	for (int n = 256; n < 258; n++) {
		b.len = 0;
		pc__buf_adds(&b, STREAM "<a");
		for (int i = 0; i < n; i++)
			pc__buf_printf(&b, i % 2 ? " a%d=''" : " xmlns:a%d='u'", i);
		pc__buf_adds(&b, "/>");
		assert_int_equal(accepted(&(struct way){ 0 }, pc__strndup(b.p, b.len)), n == 256);
	}
	pc__buf_free(&b);
}

/* Two long namespaces by turns, by prefix: few bytes in, many out. */
static void limits_namespaces(void **state)
{
	struct pc__buf b = { 0 };
	size_t bytes;

	(void)state;
	pc__buf_adds(&b, STREAM "<m xmlns:a='");
	for (int i = 0; i < 900; i++)
		pc__buf_addc(&b, 'u');
	pc__buf_adds(&b, "'>");
	bytes = b.len;
	for (int i = 0; i < 280; i++)
		pc__buf_adds(&b, "<a:x/>");
	assert_true(accepted(&(struct way){ 0 }, pc__printf("%.*s</m>", (int)b.len, b.p)));
	for (int i = 0; i < 20; i++)
		pc__buf_adds(&b, "<a:x/>");
	assert_false(accepted(&(struct way){ 0 }, pc__printf("%.*s</m>", (int)b.len, b.p)));
	b.len = bytes;
	for (int i = 0; i < 300; i++)
		pc__buf_adds(&b, "<x a:y=''/>");
	assert_false(accepted(&(struct way){ 0 }, pc__printf("%.*s</m>", (int)b.len, b.p)));
	pc__buf_free(&b);
}

static void limits_the_unauthenticated(void **state)
{
	struct way w = { .limits = &pc__xml_limits_unauthed };

	(void)state;
	/* RFC 6120 section 13.12: 10000 bytes must be possible */
	assert_true(accepted(&w, repeated(STREAM "<a>", "x", 10000 - 7, "</a>")));
	assert_true(accepted(&w, repeated(STREAM "<a b='", "x", 10000 - 9, "'/>")));
	assert_false(accepted(&w, repeated(STREAM "<a>", "x", 10000 - 6, "</a>")));
	assert_false(accepted(&w, repeated("", " ", 10001, "")));
	assert_false(accepted(
	        &w, repeated("<s:stream xmlns:s='" PC_NS_STREAM "' to='", "x", 10000, "'>")));
	w.piece = 100;
	assert_false(accepted(
	        &w, repeated("<s:stream xmlns:s='" PC_NS_STREAM "' to='", "x", 10000, "")));
}

/* Expat remembers each name: it must not grow with the stream. */
static void renews_its_memory(void **state)
{
	struct pc__buf b = { 0 };
	char *got;

	(void)state;
	pc__buf_adds(&b, STREAM);
	for (int i = 0; i < 40000; i++)
		pc__buf_printf(&b, "<n%d a%d='x' xmlns:p%d='u'/>", i, i, i);
	pc__buf_adds(&b, "</stream:stream>");
	for (int i = 0; i < 3; i++) {
		got = run(&(struct way){ .piece = i == 1 ? 4096 : 0, .pause = i == 2 }, b.p, b.len);
		assert_string_equal(got + strlen(got) - 24, "<n39999 a39999='x'/>\nEND\n" + 1);
		free(got);
	}
	pc__buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_session_cut_anywhere),
		cmocka_unit_test(parks_every_root),
		cmocka_unit_test(refuses_a_wrong_end_after_parking),
		cmocka_unit_test(does_not_park_long_roots),
		cmocka_unit_test(shares_parked_roots),
		cmocka_unit_test(is_idle_between_elements_only),
		cmocka_unit_test(pauses_where_told),
		cmocka_unit_test(may_be_freed_by_a_callback),
		cmocka_unit_test(ignores_what_is_behind_the_end),
		cmocka_unit_test(judges_roots),
		cmocka_unit_test(translates_the_content_namespace),
		cmocka_unit_test(refuses_what_is_not_well_formed),
		cmocka_unit_test(refuses_restricted_xml),
		cmocka_unit_test(refuses_other_encodings),
		cmocka_unit_test(refuses_text_between_elements),
		cmocka_unit_test(limits_tags),
		cmocka_unit_test(limits_tags_that_do_not_end),
		cmocka_unit_test(delivers_long_tags_at_once),
		cmocka_unit_test(limits_elements),
		cmocka_unit_test(limits_depth_and_attributes),
		cmocka_unit_test(limits_namespaces),
		cmocka_unit_test(limits_the_unauthenticated),
		cmocka_unit_test(renews_its_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
