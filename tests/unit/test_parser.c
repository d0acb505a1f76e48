#include "parser_run.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
