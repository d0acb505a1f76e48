/* What modules put into a session's way (session.h): filters, taps, frames; and a session that goes
 * on over another stream. Over the streams of carried.h. */
#include "carried.h"

static struct wire wire, other;
static pc_module *a, *b;
static char seen[1000];

static pc_module *tester(void)
{
	pc_module *t;

	new_module(); /* another one than that of the streams */
	t = m;
	t->host = pc_host_find("localhost");
	return t;
}

static int begin(void **state)
{
	pc_module *streams = m;

	(void)state;
	a = tester();
	b = tester();
	m = streams;
	seen[0] = '\0';
	log_in(&wire, true);
	return 0;
}

static void go(pc_module *module)
{
	pc_module *streams = m;

	if (module == NULL)
		return;
	m = module;
	end_module(PC__DEAD);
	m = streams;
}

static int finish(void **state)
{
	(void)state;
	go(a);
	go(b);
	if (bound())
		pc_session_close(bound(), NULL, NULL);
	say(&wire, end[1]);
	await_closed(&wire);
	assert_null(bound());
	return 0;
}

static void note(const char *who, const char *what)
{
	snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%s:%s ", who, what);
}

static const char *text_of(const pc_stanza *st)
{
	const char *text = pc_stanza_child_text(st, "body", NULL);

	return text ? text : pc_stanza_name(st);
}

static pc_stanza *message(const char *text)
{
	pc_stanza *st = pc_stanza_message("chat", bound()->full_jid, "localhost");

	pc_stanza_leaf(st, "body", text);
	return st;
}

static void send_out(const char *text)
{
	pc_stanza *st = message(text);

	assert_int_equal(pc_session_send(bound(), st), PC_OK);
	assert_string_equal(text_of(st), text); /* it is the caller's, and as it was */
	pc_stanza_free(&st);
}

/* ------------------------------------------------------------ filters */

static pc_stanza *held;

static pc_verdict judge(const char *who, pc_stanza **st)
{
	const char *text = text_of(*st);
	pc_stanza *with;

	note(who, text);
	if (strcmp(text, "drop") == 0)
		return PC_DROP;
	if (strcmp(text, "hold") == 0) {
		held = *st;
		return PC_HOLD;
	}
	if (strcmp(text, "replace") == 0) {
		with = message("instead");
		pc_stanza_free(st);
		*st = with;
	}
	return PC_KEEP;
}

static pc_verdict first(const pc_session *s, pc_stanza **st, void *data)
{
	(void)s;
	(void)data;
	note("first", text_of(*st));
	return PC_KEEP;
}

static pc_verdict second(const pc_session *s, pc_stanza **st, void *data)
{
	(void)s;
	(void)data;
	return judge("second", st);
}

static pc_verdict third(const pc_session *s, pc_stanza **st, void *data)
{
	(void)s;
	(void)data;
	note("third", text_of(*st));
	return PC_KEEP;
}

static void add_filters(pc_direction dir)
{
	pc_filter(a, bound(), dir, second, 0);
	pc_filter(b, bound(), dir, first, dir == PC_STANZAS_OUT ? 10 : -10);
	pc_filter(b, bound(), dir, third, dir == PC_STANZAS_OUT ? -10 : 10);
}

static void test_out(void **state)
{
	(void)state;
	add_filters(PC_STANZAS_OUT);
	send_out("one");
	send_out("drop");
	send_out("hold");
	send_out("replace");
	assert_string_equal(seen, "first:one second:one third:one first:drop second:drop "
	                          "first:hold second:hold first:replace second:replace "
	                          "third:instead ");
	await(&wire, "<body>one</body>");
	await(&wire, "<body>instead</body>");
	assert_null(strstr(wire.sent, "<body>"));
	pc_stanza_free(&held);
}

/* What was held goes on behind who held it, whatever else he has put there. */
static void test_pass_goes_on_behind(void **state)
{
	(void)state;
	add_filters(PC_STANZAS_OUT);
	pc_filter(a, bound(), PC_STANZAS_OUT, second, -5);
	send_out("hold");
	seen[0] = '\0';
	assert_int_equal(pc_filter_pass(a, bound(), PC_STANZAS_OUT, held), PC_OK);
	assert_string_equal(seen, "third:hold ");
	await(&wire, "<body>hold</body>");
	seen[0] = '\0';
	pc_unfilter(a, bound(), PC_STANZAS_OUT, second);
	assert_int_equal(pc_filter_pass(a, bound(), PC_STANZAS_OUT, message("late")), PC_OK);
	assert_string_equal(seen, "first:late third:late ");
	await(&wire, "<body>late</body>");
}

static void test_in(void **state)
{
	(void)state;
	add_filters(PC_STANZAS_IN);
	ping(&wire, "p1");
	assert_string_equal(seen, "first:iq second:iq third:iq ");
	seen[0] = '\0';
	say(&wire,
	    "<message xmlns='jabber:client'><body>drop</body></message>"
	    "<message xmlns='jabber:client' to='localhost' id='h'><body>hold</body></message>");
	ping(&wire, "p2");
	assert_null(strstr(seen, "third:hold"));
	assert_null(strstr(wire.sent, "id='h'"));
	seen[0] = '\0';
	assert_int_equal(pc_filter_pass(a, bound(), PC_STANZAS_IN, held), PC_OK);
	assert_string_equal(seen, "third:hold ");
	await(&wire, "id='h'"); /* nobody takes it: the error */
}

static void test_filters_go_with_their_module(void **state)
{
	(void)state;
	add_filters(PC_STANZAS_OUT);
	go(a);
	a = NULL;
	send_out("drop");
	assert_string_equal(seen, "first:drop third:drop ");
}

/* ------------------------------------------------------------ taps and frames */

static pc_frame *kept[4];
static size_t n_kept;

static pc_verdict keep_frame(const pc_session *s, pc_frame *frame, void *data)
{
	(void)s;
	(void)data;
	kept[n_kept++] = pc_frame_ref(frame);
	return n_kept > 1 ? PC_HOLD : PC_KEEP;
}

static void test_tap(void **state)
{
	(void)state;
	n_kept = 0;
	pc_tap(a, bound(), keep_frame, 0);
	send_out("one");
	send_out("two");
	await(&wire, "<body>one</body>");
	assert_string_equal(wire.sent, "</message>");
	assert_int_equal(pc_frame_kind(kept[1]), PC_MESSAGE);
	assert_true(pc_frame_size(kept[1]) > strlen("<message><body>two</body></message>"));
	assert_int_equal(pc_session_send_frame(bound(), kept[1], 1000), PC_OK);
	await(&wire, "<body>two</body>");
	await(&wire, "urn:xmpp:delay");
	await(&wire, "1970-01-01T00:00:01Z");
	assert_int_equal(n_kept, 2); /* who sends a frame again does not see it */
	assert_int_equal(wire.bad, 0);
	pc_untap(a, bound(), keep_frame);
	send_out("three");
	assert_int_equal(n_kept, 2);
	while (n_kept > 0)
		pc_frame_unref(&kept[--n_kept]);
}

static pc_frame *early;

static pc_verdict hold_two(const pc_session *s, pc_frame *frame, void *data)
{
	const pc_stanza *st = pc_tap_stanza(frame);

	(void)s;
	(void)data;
	note("early", st ? text_of(st) : "?");
	if (st == NULL || strcmp(text_of(st), "two") != 0)
		return PC_KEEP;
	early = pc_frame_ref(frame);
	return PC_HOLD;
}

static pc_verdict count_late(const pc_session *s, pc_frame *frame, void *data)
{
	(void)s;
	(void)data;
	note("late", pc_tap_stanza(frame) ? "first" : "again");
	return PC_KEEP;
}

/* Who counts what the peer gets sees no frame while somebody holds it. */
static void test_held_by_a_tap(void **state)
{
	(void)state;
	pc_tap(b, bound(), count_late, 0);
	pc_tap(a, bound(), hold_two, 10);
	send_out("one");
	send_out("two");
	send_out("three");
	assert_string_equal(seen, "early:one late:first early:two early:three late:first ");
	seen[0] = '\0';
	assert_int_equal(pc_tap_pass(a, bound(), early), PC_OK);
	assert_string_equal(seen, "late:again ");
	await(&wire, "<body>two</body>");
	assert_null(pc_tap_stanza(early));
	pc_frame_unref(&early);
}

/* ------------------------------------------------------------ pc_send_as */

static pc_result send_more(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);

	(void)data;
	if (s && strcmp(text_of(pc_event_stanza(ev)), "more") == 0)
		for (int i = 0; i < 3; i++)
			pc_send_as(pc_event_module(ev), s, message("another"));
	return PC_PASS;
}

/* The stanzas of a module have no place among those that the peer may have under way. */
static void test_sending_for_a_session(void **state)
{
	(void)state;
	pc_hook(a, "message/host", send_more, 10);
	pc__hooks_go(a);
	for (int i = 0; i < 50; i++)
		say(&wire,
		    "<message xmlns='jabber:client' to='localhost'><body>more</body></message>");
	await(&wire, "<body>another</body>");
	ping(&wire, "p");
	wire.sent[0] = '\0';
	ping(&wire, "q");
}

/* ------------------------------------------------------------ another stream */

static void half_log_in(struct wire *w)
{
	new_stream(w, &framed);
	open_stream(w, true);
	say(w, "<auth xmlns='" SASL "' mechanism='PLAIN'>AGEAc2VjcmV0</auth>");
	await(w, "<success ");
	open_stream(w, true);
}

/* While its old stream is there, too: its end is not that of the session. */
static void test_taken_over(void **state)
{
	pc_session_id id = bound()->id;

	(void)state;
	half_log_in(&other);
	assert_int_equal(pc_session_take_over(bound(), pc_stream_session(other.s)), PC_OK);
	await_closed(&wire);
	turn();
	turn();
	assert_non_null(bound());
	assert_int_equal(bound()->id, id);
	assert_ptr_equal(pc_session_stream(bound()), other.s);
	assert_int_equal(bound()->conn, pc_stream_conn(other.s));
	send_out("here");
	await(&other, "<body>here</body>");
	ping(&other, "there");
	pc_stream_close(other.s);
	say(&other, end[1]);
	await_closed(&other);
	assert_null(bound());
}

static int finish_other(void **state)
{
	(void)state;
	go(a);
	go(b);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_out, begin, finish),
		cmocka_unit_test_setup_teardown(test_pass_goes_on_behind, begin, finish),
		cmocka_unit_test_setup_teardown(test_in, begin, finish),
		cmocka_unit_test_setup_teardown(test_filters_go_with_their_module, begin, finish),
		cmocka_unit_test_setup_teardown(test_tap, begin, finish),
		cmocka_unit_test_setup_teardown(test_held_by_a_tap, begin, finish),
		cmocka_unit_test_setup_teardown(test_sending_for_a_session, begin, finish),
		cmocka_unit_test_setup_teardown(test_taken_over, begin, finish_other),
	};

	return cmocka_run_group_tests(tests, open_world, close_world);
}
