/* Sessions that outlive their process: kept, ended in the next one, asleep over an orderly stop. */
#include "lives.h"

static struct wire other;

static void first_life(void)
{
	const pc_session *s;

	log_in_as(&one, "r");
	s = session_of("r");
	say(&one, "<presence xmlns='jabber:client'><priority>7</priority></presence>");
	await(&one, "<presence");
	keep(s);
	pc_session_set_client_id(s, "tester");
	send_frame(s, "one");
	send_frame(s, "two");
	send_frame(s, "three");
	pc_journal_acked(s, 1);
	pc_journal_in(s, 5);
	set_value(s, 42);
	await(&one, "three");
	turn();
	send_frame(s, "never"); /* the turn does not end */
	set_value(s, 43);
	pc_journal_in(s, 6);
	pc_journal_acked(s, 2);
}

static void expect_state(const pc_session *s, uint32_t in, uint32_t acked, uint32_t out)
{
	pc_journal_state state;

	pc_journal_state_of(s, &state);
	assert_true(state.kept);
	assert_int_equal(state.in, in);
	assert_int_equal(state.acked, acked);
	assert_int_equal(state.out, out);
	assert_in_range(state.died_ms, pc_time_ms() - 60000, pc_time_ms());
}

static void expect_restored(void)
{
	const pc_session *s = session_of("r");
	const struct kept *k;

	assert_non_null(s);
	assert_int_equal(s->conn, 0);
	assert_null(pc_session_stream(s));
	assert_int_equal(s->priority, 7);
	assert_true(pc_session_is_available(s));
	assert_string_equal(s->client_id, "tester");
	assert_non_null(s->roster);
	assert_string_equal(s->role, "prosody:registered");
	k = pc_session_data_if(s, m);
	assert_int_equal(k->value, 42);
	assert_int_equal(k->restored, 1);
	assert_int_equal(seen.restored, 1);
	assert_int_equal(seen.unbound, 0);
	expect_state(s, 5, 1, 3);
	assert_string_equal(seen.bodies, "two three ");
}

/* Its client comes again; later it goes for good. */
static void resumed(void)
{
	const pc_session *s;

	expect_restored();
	s = session_of("r");
	new_stream(&other, &framed);
	open_stream(&other, true);
	say(&other, "<auth xmlns='" SASL "' mechanism='PLAIN'>AGEAc2VjcmV0</auth>");
	await(&other, "<success ");
	open_stream(&other, true);
	assert_int_equal(pc_session_take_over(s, pc_stream_session(other.s)), PC_OK);
	assert_int_equal(seen.returned, 1);
	pc_journal_acked(s, 3);
	send_frame(s, "four");
	await(&other, "four");
	expect_state(s, 5, 3, 4);
	pc_session_close(s, NULL, NULL);
	turn();
	turn();
}

static void nobody(void)
{
	assert_int_equal(pc__sessions_count(), 0);
	assert_int_equal(seen.restored, 0);
	assert_int_equal(seen.unbound, 0);
}

static void test_kept(void **state)
{
	(void)state;
	lives(first_life);
	lives(expect_restored);
	lives(expect_restored); /* to die again changes nothing */
	lives(resumed);
	lives(nobody);
}

/* ------------------------------------------------------------ and others */

static void two_sessions(void)
{
	log_in_as(&one, "r");
	keep(session_of("r"));
	say(&one, "<presence xmlns='jabber:client'/>");
	await(&one, "<presence");
	log_in_as(&other, "s");
	say(&other, "<presence xmlns='jabber:client'/>");
	await(&other, "<presence");
	await(&one, "a@localhost/s");
	turn();
}

/* The one that lives is told of the one that does not, and has that in its queue. */
static void other_has_gone(void)
{
	assert_non_null(session_of("r"));
	assert_null(session_of("s"));
	assert_int_equal(seen.unbound, 1);
	assert_non_null(strstr(seen.taken, "from='a@localhost/s'"));
	assert_non_null(strstr(seen.taken, "unavailable"));
}

static void nothing_more_happens(void)
{
	assert_non_null(session_of("r"));
	assert_int_equal(seen.unbound, 0);
	assert_string_equal(seen.taken, "");
}

static void test_who_is_not_kept_is_ended(void **state)
{
	(void)state;
	lives(two_sessions);
	lives(other_has_gone);
	lives(nothing_more_happens);
}

static void not_restored(void)
{
	assert_null(session_of("r"));
	assert_int_equal(seen.unbound, 1);
	assert_int_equal(seen.restored, 0);
}

static void test_keeper_refuses(void **state)
{
	(void)state;
	lives(first_life);
	seen.err = PC_EINVAL; /* which the next life inherits */
	lives(not_restored);
	seen.err = PC_OK;
	lives(nobody);
}

static void forgotten(void)
{
	first_life();
	turn();
	pc_journal_forget(session_of("r"));
	turn();
}

static void test_forgotten(void **state)
{
	(void)state;
	lives(forgotten);
	lives(not_restored);
	lives(nobody);
}

/* ------------------------------------------------------------ the orderly stop */

static void stopped(void)
{
	first_life();
	turn();
	pc__server.stopping = true;
	pc__sessions_stop();
	pc__streams_close_all("system-shutdown");
	await(&one, "system-shutdown");
	turn();
	assert_int_equal(seen.unbound, 0);
	assert_true(pc__sessions_stopped());
	assert_int_equal(session_of("r")->conn, 0);
	send_frame(session_of("r"), "while it sleeps");
	pc__turns_close();
	pc__sessions_leave();
	assert_int_equal(pc__sessions_count(), 0);
	assert_int_equal(seen.unbound, 0);
	delist();
	close_world(NULL);
}

static void woken(void)
{
	pc_journal_state state;

	pc_journal_state_of(session_of("r"), &state);
	assert_int_equal(state.out, 5);
	assert_int_equal(state.in, 6);
	assert_int_equal(seen.restored, 1);
}

static void test_orderly_stop(void **state)
{
	(void)state;
	lives(stopped);
	lives(woken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_is_not_kept_is_ended, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_keeper_refuses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_forgotten, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_orderly_stop, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
