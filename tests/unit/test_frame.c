#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "xml/frame.h"

static pc_stanza *parse(const char *text)
{
	return pc_stanza_parse(text, strlen(text));
}

static void assert_body(const pc__body *body, const char *to, const char *xmlns, const char *tail,
                        const char *want)
{
	struct pc__buf out = { 0 };

	pc__body_write(body, to, xmlns, tail, &out);
	assert_string_equal(pc__buf_str(&out), want);
	if (to == NULL && xmlns == NULL && tail == NULL)
		assert_in_range(pc__body_size(body), out.len, out.len + 16);
	pc__buf_free(&out);
}

/* The body of a text, written. */
static void assert_written(const char *text, const char *to, const char *xmlns, const char *tail,
                           const char *want)
{
	pc_stanza *st = parse(text);
	pc__body *body;

	assert_non_null(st);
	body = pc__body_of(st);
	pc_stanza_free(&st);
	assert_body(body, to, xmlns, tail, want);
	pc__body_unref(&body);
	assert_null(body);
}

static void fills_slots(void **state)
{
	(void)state;
	assert_written("<m to='gone' from='a@h' id='1'><b>x</b></m>", NULL, NULL, NULL,
	               "<m from='a@h' id='1'><b>x</b></m>");
	assert_written(
	        "<m from='a@h' to='gone' id='1'><b>x</b></m>", "b@h/'&", "jabber:client", "<d/>",
	        "<m from='a@h' id='1' to='b@h/&apos;&amp;' xmlns='jabber:client'><b>x</b><d/>"
	        "</m>");
	assert_written("<m><b to='kept'/>t</m>", NULL, NULL, NULL, "<m><b to='kept'/>t</m>");
}

static void writes_empty_elements(void **state)
{
	(void)state;
	assert_written("<presence></presence>", NULL, NULL, NULL, "<presence/>");
	assert_written("<presence/>", "b", NULL, "", "<presence to='b'/>");
	assert_written("<presence/>", NULL, NULL, "tail", "<presence>tail</presence>");
}

static void declares_namespaces_of_nonzas(void **state)
{
	static const char stream[] =
	        "<s:features xmlns:s='" PC_NS_STREAM "'><bind xmlns='urn:b'/><s:x/>"
	        "<m/></s:features>";

	(void)state;
	assert_written("<success xmlns='urn:sasl'>x</success>", NULL, NULL, NULL,
	               "<success xmlns='urn:sasl'>x</success>");
	assert_written("<r xmlns='urn:sm'/>", NULL, "jabber:client", NULL, "<r xmlns='urn:sm'/>");
	assert_written("<a xmlns=''/>", NULL, "jabber:client", NULL, "<a xmlns=''/>");
	/* the prefix that stream headers declare; without a header it is declared here */
	assert_written(stream, NULL, NULL, NULL,
	               "<stream:features><bind xmlns='urn:b'/><stream:x/><m/></stream:features>");
	assert_written(stream, NULL, "jabber:client", NULL,
	               "<stream:features xmlns='jabber:client' xmlns:stream='" PC_NS_STREAM "'>"
	               "<bind xmlns='urn:b'/><stream:x/><m/></stream:features>");
	assert_written("<m><f xmlns='" PC_NS_STREAM "'/></m>", NULL, NULL, NULL,
	               "<m><f xmlns='" PC_NS_STREAM "'/></m>");
}

static void caches_until_changed(void **state)
{
	pc_stanza *st = parse("<message to='a' type='chat'><body>x</body></message>"), *body;
	pc__body *first = pc__body_of(st), *now;

	(void)state;
#define ASSERT_SAME(same)                                                                          \
	now = pc__body_of(st);                                                                     \
	assert_int_equal(now == first, same);                                                      \
	pc__body_unref(&first);                                                                    \
	first = now
	ASSERT_SAME(true);
	pc_stanza_set(st, "to", "b");
	ASSERT_SAME(true);
	pc_stanza_set(st, "to", NULL);
	ASSERT_SAME(true);
	pc_stanza_set(st, "from", NULL);
	ASSERT_SAME(true);
	pc_stanza_text(st, "");
	ASSERT_SAME(true);
	pc_stanza_set(st, "from", "c");
	ASSERT_SAME(false);
	body = pc_stanza_first(st);
	pc_stanza_set(body, "to", "x");
	ASSERT_SAME(false);
	pc_stanza_text(body, "y");
	ASSERT_SAME(false);
	pc_stanza_leaf(st, "z", "1");
	ASSERT_SAME(false);
	pc_stanza_append(body, st);
	ASSERT_SAME(false);
	pc_stanza_delay(st, NULL, 1, NULL);
	ASSERT_SAME(false);
	pc_stanza_remove(body);
	ASSERT_SAME(false);
#undef ASSERT_SAME
	assert_int_equal(pc__body_kind(first), PC_MESSAGE);
	assert_body(first, NULL, NULL, NULL,
	            "<message type='chat' from='c'><z>1</z><delay xmlns='urn:xmpp:delay' "
	            "stamp='1970-01-01T00:00:00.001Z'/></message>");
	pc_stanza_free(&st);
	pc__body_unref(&first);
}

/* A child is written as if it stood alone, and is not what the tree caches. */
static void makes_bodies_of_children(void **state)
{
	pc_stanza *st = parse("<a xmlns='u'><b><c/></b></a>");
	pc__body *body = pc__body_of(pc_stanza_first(st));

	(void)state;
	assert_body(body, NULL, NULL, NULL, "<b xmlns='u'><c/></b>");
	pc__body_unref(&body);
	body = pc__body_of(st);
	assert_body(body, NULL, NULL, NULL, "<a xmlns='u'><b><c/></b></a>");
	pc__body_unref(&body);
	pc_stanza_free(&st);
}

static void assert_frame(const pc_frame *frame, const char *xmlns, int64_t delay, const char *from,
                         const char *want)
{
	struct pc__buf out = { 0 };

	pc__frame_write(frame, xmlns, delay, from, &out);
	assert_string_equal(pc__buf_str(&out), want);
	pc__buf_free(&out);
}

static pc_frame *frame_of(const char *text, const char *to)
{
	pc_stanza *st = parse(text);
	pc__body *body = pc__body_of(st);
	pc_frame *frame = pc__frame_new(body, to);

	pc__body_unref(&body);
	pc_stanza_free(&st);
	return frame;
}

static void counts_frames(void **state)
{
	pc_frame *frame = frame_of("<message id='1'><body/></message>", "b@h"), *other;

	(void)state;
	other = pc_frame_ref(frame);
	pc_frame_unref(&frame);
	assert_null(frame);
	pc_frame_unref(&frame);
	assert_int_equal(pc_frame_kind(other), PC_MESSAGE);
	assert_in_range(pc_frame_size(other), 40, 60);
	assert_frame(other, NULL, 0, NULL, "<message id='1' to='b@h'><body/></message>");
	pc_frame_unref(&other);
}

static void stamps_frames(void **state)
{
	pc_frame *frame = frame_of("<message/>", NULL);

	(void)state;
	assert_frame(frame, NULL, 0, "h", "<message/>");
	assert_frame(frame, PC_NS_CLIENT, 1000, "h'",
	             "<message xmlns='jabber:client'><delay xmlns='urn:xmpp:delay' from='h&apos;' "
	             "stamp='1970-01-01T00:00:01Z'/></message>");
	assert_frame(
	        frame, NULL, 1000, NULL,
	        "<message><delay xmlns='urn:xmpp:delay' stamp='1970-01-01T00:00:01Z'/></message>");
	pc_frame_unref(&frame);
	frame = frame_of("<iq id='1'/>", "a");
	assert_frame(frame, NULL, 1000, "h", "<iq id='1' to='a'/>");
	pc_frame_unref(&frame);
}

static void writes_into_surroundings(void **state)
{
	pc_stanza *st = parse("<message to='b'><x xmlns='u'/></message>");
	struct pc__buf out = { 0 };

	(void)state;
	pc__stanza_write(st, PC_NS_CLIENT, &out);
	pc__stanza_write(st, NULL, &out);
	pc__stanza_write(pc_stanza_first(st), "u", &out);
	assert_string_equal(pc__buf_str(&out),
	                    "<message to='b'><x xmlns='u'/></message>"
	                    "<message xmlns='jabber:client' to='b'><x xmlns='u'/></message><x/>");
	pc__buf_free(&out);
	pc_stanza_free(&st);
	st = pc_stanza_new("error", PC_NS_STREAM);
	pc_stanza_open(st, "not-authorized", PC_NS_STREAM_ERRORS);
	pc__stanza_write(st, PC_NS_CLIENT, &out);
	assert_string_equal(pc__buf_str(&out),
	                    "<stream:error><not-authorized xmlns='" PC_NS_STREAM_ERRORS
	                    "'/></stream:error>");
	pc__buf_free(&out);
	pc_stanza_free(&st);
}

static void escapes(void **state)
{
	struct pc__buf out = { 0 };

	(void)state;
	pc__xml_escape(&out, "a<b>&'\"\t\n\rc", 10);
	assert_string_equal(pc__buf_str(&out), "a&lt;b&gt;&amp;&apos;&quot;&#x9;&#xA;&#xD;");
	pc__buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_slots),
		cmocka_unit_test(writes_empty_elements),
		cmocka_unit_test(declares_namespaces_of_nonzas),
		cmocka_unit_test(caches_until_changed),
		cmocka_unit_test(makes_bodies_of_children),
		cmocka_unit_test(counts_frames),
		cmocka_unit_test(stamps_frames),
		cmocka_unit_test(writes_into_surroundings),
		cmocka_unit_test(escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
