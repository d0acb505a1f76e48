#include "service_host.h"

#include <sys/socket.h>
#include <unistd.h>

#include "timers.h"

static int pair[2];
static struct {
	int n, events;
} told;

static void on_event(int fd, int events, void *data)
{
	assert_int_equal(fd, pair[0]);
	told.n++;
	told.events = events;
	if (data != NULL)
		pc_watch_stop(data);
}

static int open_world(void **state)
{
	memset(&told, 0, sizeof(told));
	*state = module_new();
	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

static int close_world(void **state)
{
	if (*state != NULL)
		module_end(*state, PC__DEAD);
	close(pair[0]);
	close(pair[1]);
	return 0;
}

static void test_readable_and_writable(void **state)
{
	pc_watch *w = pc_watch_fd(*state, pair[0], PC_READABLE, on_event, NULL);

	assert_int_equal(write(pair[1], "x", 1), 1);
	assert_true(run_until(&told.n, 1));
	assert_int_equal(told.events, PC_READABLE);
	pc_watch_set(w, PC_READABLE | PC_WRITABLE);
	told.n = 0;
	assert_true(run_until(&told.n, 1));
	assert_int_equal(told.events, PC_READABLE | PC_WRITABLE);
	pc_watch_set(w, 0);
	told.n = 0;
	uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(told.n, 0);
	pc_watch_stop(&w);
	assert_null(w);
	pc_watch_stop(&w);
}

/* Who waits for reading finds out by reading that the other side has gone. */
static void test_hung_up(void **state)
{
	char byte;

	pc_watch_fd(*state, pair[0], PC_READABLE, on_event, NULL);
	shutdown(pair[1], SHUT_RDWR);
	assert_true(run_until(&told.n, 1));
	assert_true(told.events & PC_READABLE);
	assert_int_equal(read(pair[0], &byte, 1), 0);
}

static void test_stopped_in_its_own_call(void **state)
{
	static pc_watch *w;

	w = pc_watch_fd(*state, pair[0], PC_WRITABLE, on_event, &w);
	assert_true(run_until(&told.n, 1));
	assert_null(w);
	uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(told.n, 1);
}

/* The descriptor stays open, and may be watched again at once. */
static void test_ends_with_its_module(void **state)
{
	pc_module *other = module_new();

	pc_watch_fd(*state, pair[0], PC_WRITABLE, on_event, NULL);
	module_end(*state, PC__DEAD);
	*state = NULL;
	uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(told.n, 0);
	pc_watch_fd(other, pair[0], PC_WRITABLE, on_event, NULL);
	assert_true(run_until(&told.n, 1));
	module_end(other, PC__DEAD);
}

static void test_no_descriptor(void **state)
{
	assert_null(pc_watch_fd(*state, 9999, PC_READABLE, on_event, NULL));
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(test_readable_and_writable),   WORLD(test_hung_up),
		WORLD(test_stopped_in_its_own_call), WORLD(test_ends_with_its_module),
		WORLD(test_no_descriptor),
	};
	int failed;

	loop_open();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	pc__timers_stop();
	loop_end();
	return failed;
}
