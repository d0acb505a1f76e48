#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <prosody-c/stanza.h>

#include "util/mem.h"
#include "xml/frame.h"

static void assert_text(const pc_stanza *st, const char *want)
{
	size_t len;
	char *text = pc_stanza_write(st, &len);

	assert_string_equal(text, want);
	assert_int_equal(len, strlen(want));
	free(text);
}

static pc_stanza *parse(const char *text)
{
	return pc_stanza_parse(text, strlen(text));
}

static void builds_and_writes(void **state)
{
	pc_stanza *st = pc_stanza_message("chat", "b@h", "a@h/r"), *x;

	(void)state;
	pc_stanza_leaf(st, "body", "hi & <bye>");
	x = pc_stanza_open(st, "x", "jabber:x:oob");
	pc_stanza_set(x, "a", "'\"<>&\t\r\n");
	pc_stanza_open(x, "y", NULL);
	pc_stanza_open(x, "z", PC_NS_CLIENT);
	assert_text(st,
	            "<message type='chat' to='b@h' from='a@h/r'><body>hi &amp; &lt;bye&gt;</body>"
	            "<x xmlns='jabber:x:oob' a='&apos;&quot;&lt;&gt;&amp;&#x9;&#xD;&#xA;'><y/>"
	            "<z xmlns='jabber:client'/></x></message>");
	assert_int_equal(pc_stanza_kind(st), PC_MESSAGE);
	assert_int_equal(pc_stanza_type(st), PC_TYPE_CHAT);
	pc_stanza_free(&st);
	assert_null(st);
	pc_stanza_free(&st);
}

static void reads(void **state)
{
	pc_stanza *st =
	        parse("<iq type='get' xml:lang='de'>a<q xmlns='u:x' y='1'>b<r/>c</q>d<z/></iq>");
	pc_stanza *q;

	(void)state;
	assert_non_null(st);
	assert_int_equal(pc_stanza_kind(st), PC_IQ);
	assert_int_equal(pc_stanza_type(st), PC_TYPE_GET);
	assert_string_equal(pc_stanza_get(st, "xml:lang"), "de");
	assert_string_equal(pc_stanza_get_ns(st, "http://www.w3.org/XML/1998/namespace", "lang"),
	                    "de");
	assert_string_equal(pc_stanza_get_ns(st, NULL, "type"), "get");
	assert_null(pc_stanza_get(st, "nothing"));
	assert_string_equal(pc_stanza_get_text(st), "ad");
	assert_ptr_equal(pc_stanza_get_text(st), pc_stanza_get_text(st));
	q = pc_stanza_child(st, "q", "u:x");
	assert_non_null(q);
	assert_ptr_equal(q, pc_stanza_child(st, NULL, "u:x"));
	assert_ptr_equal(q, pc_stanza_child(st, "q", NULL));
	assert_ptr_equal(q, pc_stanza_first(st));
	assert_null(pc_stanza_child(st, "q", PC_NS_CLIENT));
	assert_string_equal(pc_stanza_child_text(st, "q", "u:x"), "bc");
	assert_string_equal(pc_stanza_child_text(st, "z", NULL), "");
	assert_null(pc_stanza_child_text(st, "none", NULL));
	assert_string_equal(pc_stanza_name(pc_stanza_next(q)), "z");
	assert_null(pc_stanza_next(pc_stanza_next(q)));
	assert_ptr_equal(pc_stanza_parent(q), st);
	assert_null(pc_stanza_parent(st));
	pc_stanza_text(st, "e");
	assert_string_equal(pc_stanza_get_text(st), "ade");
	pc_stanza_free(&st);
}

static void changes_attributes(void **state)
{
	pc_stanza *st = pc_stanza_presence(NULL, NULL, NULL);

	(void)state;
	assert_int_equal(pc_stanza_type(st), PC_TYPE_NONE);
	pc_stanza_set(st, "type", "unavailable");
	pc_stanza_set(st, "id", "1");
	assert_int_equal(pc_stanza_type(st), PC_TYPE_UNAVAILABLE);
	pc_stanza_set(st, "type", "odd");
	assert_int_equal(pc_stanza_type(st), PC_TYPE_UNKNOWN);
	assert_text(st, "<presence type='odd' id='1'/>");
	pc_stanza_set(st, "type", NULL);
	assert_int_equal(pc_stanza_type(st), PC_TYPE_NONE);
	pc_stanza_set(st, "type", NULL);
	assert_text(st, "<presence id='1'/>");
	pc_stanza_set(st, "id", pc_stanza_get(st, "id"));
	assert_text(st, "<presence id='1'/>");
	pc_stanza_free(&st);
}

static void knows_every_type(void **state)
{
	static const struct {
		const char *text;
		pc_type type;
	} rows[] = {
		{ "error", PC_TYPE_ERROR },
		{ "get", PC_TYPE_GET },
		{ "set", PC_TYPE_SET },
		{ "result", PC_TYPE_RESULT },
		{ "normal", PC_TYPE_NORMAL },
		{ "chat", PC_TYPE_CHAT },
		{ "groupchat", PC_TYPE_GROUPCHAT },
		{ "headline", PC_TYPE_HEADLINE },
		{ "unavailable", PC_TYPE_UNAVAILABLE },
		{ "subscribe", PC_TYPE_SUBSCRIBE },
		{ "subscribed", PC_TYPE_SUBSCRIBED },
		{ "unsubscribe", PC_TYPE_UNSUBSCRIBE },
		{ "unsubscribed", PC_TYPE_UNSUBSCRIBED },
		{ "probe", PC_TYPE_PROBE },
		{ "Probe", PC_TYPE_UNKNOWN },
		{ "", PC_TYPE_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < PC__COUNT(rows); i++) {
		pc_stanza *st = pc_stanza_iq(rows[i].text, "1", NULL, NULL);

		assert_int_equal(pc_stanza_type(st), rows[i].type);
		pc_stanza_free(&st);
	}
}

static void knows_kinds(void **state)
{
	pc_stanza *st = pc_stanza_new("message", "urn:other");

	(void)state;
	assert_int_equal(pc_stanza_kind(st), PC_OTHER);
	assert_int_equal(pc_stanza_kind(pc_stanza_open(st, "presence", PC_NS_CLIENT)), PC_PRESENCE);
	assert_int_equal(pc_stanza_kind(pc_stanza_open(st, "body", PC_NS_CLIENT)), PC_OTHER);
	pc_stanza_free(&st);
}

static void removes_children(void **state)
{
	pc_stanza *st = parse("<message>a<b/>c<d/><e/></message>");

	(void)state;
	pc_stanza_remove(st);
	pc_stanza_remove(pc_stanza_child(st, "d", NULL));
	assert_text(st, "<message>a<b/>c<e/></message>");
	pc_stanza_remove(pc_stanza_child(st, "e", NULL));
	pc_stanza_open(st, "f", NULL);
	assert_text(st, "<message>a<b/>c<f/></message>");
	pc_stanza_remove(pc_stanza_child(st, "b", NULL));
	assert_text(st, "<message>ac<f/></message>");
	assert_string_equal(pc_stanza_get_text(st), "ac");
	pc_stanza_free(&st);
}

static bool is_named(const pc_stanza *child, void *data)
{
	return strcmp(pc_stanza_name(child), data) == 0;
}

static void removes_by_a_rule(void **state)
{
	pc_stanza *st = parse("<message><a/>x<a/><b><a/></b><a/><a/></message>");
	char a[] = "a", c[] = "c";

	(void)state;
	assert_int_equal(pc_stanza_remove_if(st, is_named, c), 0);
	assert_int_equal(pc_stanza_remove_if(st, is_named, a), 4);
	assert_text(st, "<message>x<b><a/></b></message>");
	pc_stanza_open(st, "d", NULL);
	assert_text(st, "<message>x<b><a/></b><d/></message>");
	assert_int_equal(pc_stanza_remove_if(pc_stanza_child(st, "b", NULL), is_named, a), 1);
	assert_text(st, "<message>x<b/><d/></message>");
	pc_stanza_free(&st);
}

/* Only the root ends the tree. */
static void frees_roots_only(void **state)
{
	pc_stanza *st = parse("<message><a/></message>"), *a = pc_stanza_first(st);

	(void)state;
	pc_stanza_free(&a);
	assert_null(a);
	a = pc_stanza_first(st);
	pc_stanza_remove(a);
	pc_stanza_free(&a);
	assert_text(st, "<message/>");
	pc_stanza_free(&st);
}

static void clones_in_one_block(void **state)
{
	static const char text[] =
	        "<message to='x' xml:lang='en' xmlns:ns1='urn:a' ns1:b='c'>t1<unusual attr='v'>"
	        "<deep xmlns='urn:deep'><deeper><deepest>t</deepest></deeper></deep></unusual>t2"
	        "<body>x</body></message>";
	pc_stanza *st = parse(text), *copy, *part;

	(void)state;
	assert_non_null(st);
	copy = pc_stanza_clone(st);
	assert_text(
	        st,
	        "<message to='x' xml:lang='en' xmlns:ns1='urn:a' ns1:b='c'>t1<unusual attr='v'>"
	        "<deep xmlns='urn:deep'><deeper><deepest>t</deepest></deeper></deep></unusual>t2"
	        "<body>x</body></message>");
	pc_stanza_free(&st);
	assert_text(copy, text);
	assert_string_equal(pc_stanza_get_ns(copy, "urn:a", "b"), "c");
	part = pc_stanza_clone(pc_stanza_first(pc_stanza_child(copy, "unusual", NULL)));
	assert_text(part, "<deep xmlns='urn:deep'><deeper><deepest>t</deepest></deeper></deep>");
	assert_null(pc_stanza_parent(part));
	pc_stanza_free(&part);
	pc_stanza_free(&copy);
}

static void appends_copies(void **state)
{
	pc_stanza *st = parse("<message><a>1</a></message>"),
	          *other = parse("<x xmlns='u'><y/></x>"), *c;

	(void)state;
	c = pc_stanza_append(st, other);
	pc_stanza_free(&other);
	assert_ptr_equal(pc_stanza_parent(c), st);
	assert_text(st, "<message><a>1</a><x xmlns='u'><y/></x></message>");
	/* into itself, and what holds it */
	pc_stanza_append(pc_stanza_first(st), st);
	assert_text(st, "<message><a>1<message><a>1</a><x xmlns='u'><y/></x></message></a>"
	                "<x xmlns='u'><y/></x></message>");
	pc_stanza_free(&st);
}

static void answers(void **state)
{
	pc_stanza *iq = pc_stanza_iq("get", "7", "h", "a@h/r"), *st = pc_stanza_result(iq);

	(void)state;
	assert_text(st, "<iq type='result' id='7' to='a@h/r' from='h'/>");
	pc_stanza_free(&st);
	st = pc_stanza_error(iq, NULL, "remote-server-timeout", "so <slow>");
	assert_text(st, "<iq type='error' id='7' to='a@h/r' from='h'><error type='wait'>"
	                "<remote-server-timeout xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
	                "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>so &lt;slow&gt;</text>"
	                "</error></iq>");
	pc_stanza_free(&st);
	st = pc_stanza_error(iq, "modify", "policy-violation", NULL);
	assert_string_equal(pc_stanza_get(pc_stanza_first(st), "type"), "modify");
	pc_stanza_free(&st);
	pc_stanza_free(&iq);
}

static void reads_errors(void **state)
{
	const char *type, *text;
	pc_stanza *st = parse("<iq type='error'><q xmlns='u'/><error type='cancel'>"
	                      "<text xmlns='" PC_NS_STANZA_ERRORS "'>why</text>"
	                      "<gone xmlns='" PC_NS_STANZA_ERRORS "'>xmpp:x</gone></error></iq>");

	(void)state;
	assert_string_equal(pc_stanza_get_error(st, &type, &text), "gone");
	assert_string_equal(type, "cancel");
	assert_string_equal(text, "why");
	pc_stanza_free(&st);
	st = parse("<iq type='error'><error><own xmlns='u'/></error></iq>");
	assert_string_equal(pc_stanza_get_error(st, &type, &text), "undefined-condition");
	assert_null(type);
	assert_null(text);
	pc_stanza_free(&st);
	st = parse("<iq type='error'/>");
	assert_string_equal(pc_stanza_get_error(st, NULL, NULL), "undefined-condition");
	pc_stanza_free(&st);
}

static void recommends_types(void **state)
{
	static const char *const rows[][2] = {
		{ "bad-request", "modify" },
		{ "conflict", "cancel" },
		{ "feature-not-implemented", "cancel" },
		{ "forbidden", "auth" },
		{ "gone", "cancel" },
		{ "internal-server-error", "cancel" },
		{ "item-not-found", "cancel" },
		{ "jid-malformed", "modify" },
		{ "not-acceptable", "modify" },
		{ "not-allowed", "cancel" },
		{ "not-authorized", "auth" },
		{ "policy-violation", "modify" },
		{ "recipient-unavailable", "wait" },
		{ "redirect", "modify" },
		{ "registration-required", "auth" },
		{ "remote-server-not-found", "cancel" },
		{ "remote-server-timeout", "wait" },
		{ "resource-constraint", "wait" },
		{ "service-unavailable", "cancel" },
		{ "subscription-required", "auth" },
		{ "unexpected-request", "wait" },
	};
	pc_stanza *iq = pc_stanza_iq("get", "1", NULL, NULL);

	(void)state;
	for (size_t i = 0; i < PC__COUNT(rows); i++) {
		const char *type;
		pc_stanza *st = pc_stanza_error(iq, NULL, rows[i][0], NULL);

		assert_string_equal(pc_stanza_get_error(st, &type, NULL), rows[i][0]);
		assert_string_equal(type, rows[i][1]);
		pc_stanza_free(&st);
	}
	pc_stanza_free(&iq);
}

static void stamps_delays(void **state)
{
	pc_stanza *st = pc_stanza_message(NULL, NULL, NULL);

	(void)state;
	pc_stanza_delay(st, "h", 1000, "Offline");
	pc_stanza_delay(st, NULL, 1500, NULL);
	assert_text(
	        st,
	        "<message><delay xmlns='urn:xmpp:delay' from='h' stamp='1970-01-01T00:00:01Z'>"
	        "Offline</delay><delay xmlns='urn:xmpp:delay' stamp='1970-01-01T00:00:01.500Z'/>"
	        "</message>");
	pc_stanza_free(&st);
}

/* What comes from databases and files may be anything: never break a stream with it. */
static void writes_nothing_illegal(void **state)
{
	static const char *const rows[][2] = {
		{ "a\001b", "a\xEF\xBF\xBD"
		            "b" },
		{ "\xC3\xA4", "\xC3\xA4" },
		{ "\xE4 x", "\xEF\xBF\xBD x" },
		{ "x\xC3", "x\xEF\xBF\xBD" },
		{ "\xEF\xBF\xBE", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD" },
		{ "\xEF\xBF\xBD", "\xEF\xBF\xBD" },
		{ "\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD" },
		{ "\xC0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD" },
		{ "\xF0\x9F\x98\x80!", "\xF0\x9F\x98\x80!" },
		{ "\x7F\t\n\r]]>", "\x7F\t\n&#xD;]]&gt;" },
		{ "'\"", "'\"" },
	};

	(void)state;
	for (size_t i = 0; i < PC__COUNT(rows); i++) {
		pc_stanza *st = pc_stanza_new("x", NULL);
		char *want = pc__printf("<x>%s</x>", rows[i][1]);

		pc_stanza_text(st, rows[i][0]);
		assert_text(st, want);
		free(want);
		pc_stanza_free(&st);
	}
}

static void keeps_namespaces(void **state)
{
	/* what goes in, and what comes out where that differs */
	static const char *const rows[][2] = {
		{ "<a xmlns='' b='c'><d/><e xmlns='jabber:client'/></a>", NULL },
		{ "<p:a xmlns:p='u'><p:b/><c/></p:a>",
		  "<a xmlns='u'><b/><c xmlns='jabber:client'/></a>" },
		{ "<a xml:lang='x' xml:space='preserve'/>", NULL },
		{ "<xml:a><b/><c xmlns='u'><xml:d><e/></xml:d></c></xml:a>", NULL },
		{ "<a xmlns:p='u' xmlns:q='v' p:x='1' q:x='2' q:y='3' x='4' p:z='5'/>",
		  "<a xmlns:ns1='u' ns1:x='1' xmlns:ns2='v' ns2:x='2' ns2:y='3' x='4' "
		  "xmlns:ns3='u' "
		  "ns3:z='5'/>" },
		{ "<a xmlns:ns1='u'><ns1:b ns1:c='1'/></a>",
		  "<a><b xmlns='u' xmlns:ns1='u' ns1:c='1'/></a>" },
		{ "<s:features xmlns:s='http://etherx.jabber.org/streams'><s:x/></s:features>",
		  "<features xmlns='http://etherx.jabber.org/streams'><x/></features>" },
		{ "<a><![CDATA[<&]]>&#65;&amp;\r\n</a>", "<a>&lt;&amp;A&amp;\n</a>" },
		{ " \n<a/>\t", "<a/>" },
	};

	(void)state;
	for (size_t i = 0; i < PC__COUNT(rows); i++) {
		pc_stanza *st = parse(rows[i][0]), *copy;

		assert_non_null(st);
		assert_text(st, rows[i][1] ? rows[i][1] : rows[i][0]);
		copy = pc_stanza_clone(st);
		assert_text(copy, rows[i][1] ? rows[i][1] : rows[i][0]);
		pc_stanza_free(&copy);
		pc_stanza_free(&st);
	}
}

static void refuses_to_parse(void **state)
{
	static const char *const rows[] = {
		"",
		" ",
		"text",
		"<a>",
		"<a/><b/>",
		"<a/>x",
		"x<a/>",
		"<a/></s:s>",
		"</s:s>",
		"<a/><",
		"<?xml version='1.0'?><a/>",
		"<!--c--><a/>",
		"<a><?p i?></a>",
		"<!DOCTYPE a><a/>",
		"<a>&e;</a>",
		"<a b='&e;'/>",
		"<a b='1' b='2'/>",
		"<p:a/>",
		"<a xmlns:p=''/>",
		"<a xmlns:xml='u'/>",
		"<a xmlns:xmlns='u'/>",
		"<a>\xFF</a>",
		"<a>\x01</a>",
		"\xEF\xBB\xBF<a/>",
	};

	(void)state;
	for (size_t i = 0; i < PC__COUNT(rows); i++)
		assert_null(parse(rows[i]));
	assert_null(pc_stanza_parse("<a>\0</a>", 8));
}

static void counts_memory(void **state)
{
	pc_stanza *st = pc_stanza_message(NULL, NULL, NULL);
	size_t before = pc__stanza_memory(st);

	(void)state;
	pc_stanza_leaf(st, "body", "0123456789012345678901234567890123456789");
	assert_true(pc__stanza_memory(st) > before + 40);
	pc_stanza_free(&st);
}

static void visit(const char *ns, const char *name, const char *value, void *data)
{
	char **at = data;
	char *more = pc__printf("%s%s|%s=%s;", *at, ns ? ns : "", name, value);

	free(*at);
	*at = more;
}

static void visits_attributes(void **state)
{
	pc_stanza *st = parse("<a xmlns:p='u' b='1' p:c='2' xml:lang='x'/>");
	char *seen = pc__strdup("");

	(void)state;
	pc_stanza_each_attr(st, visit, &seen);
	assert_string_equal(seen, "|b=1;u|c=2;|xml:lang=x;");
	free(seen);
	pc_stanza_free(&st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builds_and_writes),
		cmocka_unit_test(reads),
		cmocka_unit_test(changes_attributes),
		cmocka_unit_test(knows_every_type),
		cmocka_unit_test(knows_kinds),
		cmocka_unit_test(removes_children),
		cmocka_unit_test(removes_by_a_rule),
		cmocka_unit_test(frees_roots_only),
		cmocka_unit_test(clones_in_one_block),
		cmocka_unit_test(appends_copies),
		cmocka_unit_test(answers),
		cmocka_unit_test(reads_errors),
		cmocka_unit_test(recommends_types),
		cmocka_unit_test(stamps_delays),
		cmocka_unit_test(writes_nothing_illegal),
		cmocka_unit_test(keeps_namespaces),
		cmocka_unit_test(refuses_to_parse),
		cmocka_unit_test(counts_memory),
		cmocka_unit_test(visits_attributes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
