/* Sessions of a process that has died, in the next one. Each life is a process of its own, whose
 * handlers are the real ones, and which ends without a word. */
#define CARRIED_STORAGE "sqlite"
#include "carried.h"

#include <signal.h>
#include <sys/wait.h>

#include "redo.h"
#include "revival.h"
#include "survivors.h"
#include "turns.h"
#include "xml/frame.h"

static char folder[] = "/tmp/pc-survivors-XXXXXX";
static pc__past past;
static struct wire one, other;

/* ------------------------------------------------------------ the keeper */

struct kept {
	int value, restored;
};

/* Of this process. */
static struct {
	int err; /* what restoring answers */
	int restored, returned, unbound, taps;
	char bodies[100]; /* of the frames that came back */
	char taken[400];  /* what the taps of sessions without a connection had */
} seen;

static pc_verdict on_frame(const pc_session *s, pc_frame *frame, void *data)
{
	struct pc__buf text = { 0 };

	(void)data;
	seen.taps++;
	pc_journal_out(s, frame, 5);
	pc__frame_write(frame, NULL, 0, NULL, &text);
	if (s->conn == 0)
		strncat(seen.taken, pc__buf_str(&text),
		        sizeof(seen.taken) - strlen(seen.taken) - 1);
	pc__buf_free(&text);
	return PC_KEEP;
}

static void add_body(const pc_session *s, pc_frame *frame, int64_t when, void *data)
{
	struct pc__buf text = { 0 };
	const char *body;

	(void)s;
	assert_int_equal(when, 5);
	pc__frame_write(frame, NULL, 0, NULL, &text);
	body = strstr(pc__buf_str(&text), "<body>");
	if (body) {
		strncat(data, body + 6, strcspn(body + 6, "<"));
		strncat(data, " ", 2);
	}
	pc__buf_free(&text);
}

static int restore(pc_module *module, const pc_session *s, void *data, const void *bytes,
                   size_t len)
{
	struct kept *k = data;

	assert_int_equal(len, sizeof(*k));
	memcpy(k, bytes, len);
	k->restored++;
	pc_journal_each(s, add_body, seen.bodies);
	pc_tap(module, s, on_frame, 0);
	return seen.err;
}

static const pc_module_def keeper_def = { .abi_major = PC_ABI_MAJOR,
	                                  .size = sizeof(pc_module_def),
	                                  .name = "keeper",
	                                  .scope = PC_GLOBAL,
	                                  .session_size = sizeof(struct kept),
	                                  .session_plain = true,
	                                  .session_restore = restore };

static pc_result count_event(pc_event *ev, void *data)
{
	const char *name = pc_event_name(ev);

	(void)data;
	seen.restored += strcmp(name, "session-restored") == 0;
	seen.returned += strcmp(name, "session-returned") == 0;
	seen.unbound += strcmp(name, "resource-unbind") == 0;
	return PC_PASS;
}

static pc_result keep_all(pc_event *ev, void *data)
{
	(void)ev, (void)data;
	return PC_HANDLED;
}

/* ------------------------------------------------------------ lives */

static void take_journal(void)
{
	if (pc__turns_open(&past))
		pc__redo_run(&past);
	pc__turns_begin(&past);
}

static pc_module *last_module(void)
{
	pc_module *last = pc__modules_of(NULL);

	while (last->next && last->next != m)
		last = last->next;
	return last;
}

static void delist(void)
{
	last_module()->next = NULL;
}

static void begin_life(void)
{
	static const char *const events[] = { "session-restored", "session-returned",
		                              "resource-unbind" };
	pc_host *host;

	world_path = folder;
	before_modules = take_journal;
	assert_int_equal(open_world(NULL), 0);
	host = pc_host_find("localhost");
	m->def = &keeper_def;
	last_module()->next = m;
	for (size_t i = 0; i < PC__COUNT(events); i++)
		pc_hook_on(m, host, events[i], count_event, 1);
	pc_hook_on(m, host, "pre-resource-unbind", keep_all, 1);
	pc__revival_run(&past);
	pc__turns_past_is_over();
	pc__past_free(&past);
	pc__turns_settle();
}

typedef void life(void);

/* How it ended: 0, or the signal. What it asserts in vain aborts it. */
static int live(life *fn)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		setenv("CMOCKA_TEST_ABORT", "1", 1);
		begin_life();
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

static void lives(life *fn)
{
	assert_int_equal(live(fn), 0);
}

static int set_up(void **state)
{
	(void)state;
	memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	char *command = pc__printf("rm -r %s", folder);
	int status = system(command);

	(void)state;
	free(command);
	unsetenv("PC_KILL_AT");
	return status;
}

/* ------------------------------------------------------------ a session that is kept */

static const pc_session *session_of(const char *resource)
{
	pc_jid jid = { "a", "localhost", resource };

	return pc_session_of(&jid);
}

static void log_in_as(struct wire *w, const char *resource)
{
	char *text = pc__printf("<iq xmlns='jabber:client' type='set' id='b'><bind "
	                        "xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>%s</resource>"
	                        "</bind></iq>",
	                        resource);

	new_stream(w, &framed);
	open_stream(w, true);
	say(w, "<auth xmlns='" SASL "' mechanism='PLAIN'>AGEAc2VjcmV0</auth>");
	await(w, "<success ");
	open_stream(w, true);
	say(w, text);
	await(w, "</iq>");
	free(text);
}

static void send_frame(const pc_session *s, const char *body)
{
	pc_stanza *st = pc_stanza_message("chat", s->full_jid, "b@localhost");

	pc_stanza_leaf(st, "body", body);
	assert_int_equal(pc_session_send(s, st), s->conn ? PC_OK : PC_ECANCELED);
	pc_stanza_free(&st);
}

static void set_value(const pc_session *s, int value)
{
	((struct kept *)pc_session_data(s, m))->value = value;
	pc_session_changed(s, m);
}

static void keep(const pc_session *s)
{
	pc_tap(m, s, on_frame, 0);
	assert_int_equal(pc_journal_keep(m, s), PC_OK);
}

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

/* ------------------------------------------------------------ writes under way */

static pc_store *store;

static void on_items(int err, const pc_item *items, size_t n, void *data)
{
	assert_int_equal(err, PC_OK);
	*(int *)data = n == 1 ? atoi(items[0].value) : 0;
}

static int stored(void)
{
	int value = -1;

	store = pc__store_open("localhost", "numbers", PC_STORE_MAP);
	pc_store_get(store, "a", on_items, &value);
	turns_while(&value, -1);
	return value;
}

/* A write that is not the same when it is made twice: it counts. */
static void count_up(int from)
{
	char old[12], new[12];

	snprintf(old, sizeof(old), "%d", from);
	snprintf(new, sizeof(new), "%d", from + 1);
	pc_store_swap(store, "a", "n", from ? old : NULL, new, NULL, NULL);
}

static void writes(void)
{
	log_in_as(&one, "r");
	keep(session_of("r"));
	turn();
	assert_int_equal(stored(), 0);
	for (int n = 0; n < 20; n++) {
		if (n == 15)
			turn();
		count_up(n);
	}
	for (int i = 0; i < 50; i++)
		turn();
	pc__stores_flush();
}

/* `swap` fails when it is made a second time, so what is lost or made twice would show. */
static void all_written(void)
{
	assert_int_equal(stored(), 20);
}

static void some_written(void)
{
	int n = stored();

	assert_true(n == 0 || n == 15 || n == 20);
}

static void test_writes(void **state)
{
	(void)state;
	lives(writes);
	lives(all_written);
	lives(all_written);
}

/* Wherever it dies, each turn is written whole or not at all. */
static void test_writes_of_who_was_killed(void **state)
{
	static const char *const points[] = { "before-end", "after-end", "before-commit",
		                              "after-commit" };

	(void)state;
	for (size_t i = 0; i < PC__COUNT(points); i++) {
		for (int n = 1; n <= 6; n++) {
			char *point = pc__printf("%s:%d", points[i], n);

#ifdef PC_DEBUG_BUILD
			int how;

			setenv("PC_KILL_AT", point, 1);
			how = live(writes);
			unsetenv("PC_KILL_AT");
			assert_true(how == SIGKILL || how == 0);
			lives(how ? some_written : all_written);
			lives(how ? some_written : all_written);
#endif
			free(point);
			tear_down(NULL);
			set_up(NULL);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_is_not_kept_is_ended, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_keeper_refuses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_forgotten, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_orderly_stop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_writes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_writes_of_who_was_killed, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
