/* A turn is one transaction: writes that are made exactly once, wherever the process dies; and what
 * it costs to note a stanza. */
#include "lives.h"

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

/* How the life of that kind ended which was to die there; in release builds nobody dies. */
static int killed_at(const char *point, int n)
{
	char *at = pc__printf("%s:%d", point, n);
	int how;

	setenv("PC_KILL_AT", at, 1);
	how = live(writes);
	unsetenv("PC_KILL_AT");
	free(at);
	return how;
}

/* Wherever it dies, each turn is written whole or not at all. */
static void test_writes_of_who_was_killed(void **state)
{
	static const char *const points[] = { "before-end", "after-end", "before-commit",
		                              "after-commit" };

	(void)state;
	for (size_t i = 0; i < PC__COUNT(points); i++) {
		for (int n = 1; n <= 6; n++) {
			int how = killed_at(points[i], n);

			assert_true(how == SIGKILL || how == 0);
			lives(how ? some_written : all_written);
			lives(how ? some_written : all_written);
			tear_down(NULL);
			set_up(NULL);
		}
	}
}

/* ------------------------------------------------------------ what it costs */

#define STANZAS 200000
#define NS_MOST 5000 /* with sanitizers; a release build takes some 100 */

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* A message of 250 bytes to a client that acknowledges: out, acknowledged, in; ten a turn. */
static void measured(void)
{
	const pc_session *s;
	pc_stanza *st = pc_stanza_message("chat", "a@localhost/r", "b@localhost/r");
	char body[151];
	pc__body *text;
	pc_frame *frame;
	uint64_t began, ns;

	memset(body, 'x', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	pc_stanza_leaf(st, "body", body);
	text = pc__body_of(st);
	frame = pc__frame_new(text, "a@localhost/r");
	log_in_as(&one, "r");
	s = session_of("r");
	assert_int_equal(pc_journal_keep(m, s), PC_OK);
	began = cpu_ns();
	for (uint32_t n = 1; n <= STANZAS; n++) {
		pc_journal_out(s, frame, 5);
		pc_journal_in(s, n);
		if (n % 10 == 0) {
			pc__turns_settle();
			pc_journal_acked(s, n);
		}
	}
	ns = (cpu_ns() - began) / STANZAS;
	print_message("%zu bytes as a frame: %d ns a stanza\n", pc_frame_size(frame), (int)ns);
	assert_in_range(ns, 1, NS_MOST);
}

static void test_what_it_costs(void **state)
{
	(void)state;
	lives(measured);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_writes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_writes_of_who_was_killed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_it_costs, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
