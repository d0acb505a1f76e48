#include "service_host.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "children.h"
#include "timers.h"

static struct {
	char output[4096];
	size_t total;
	int ended, status, bytes;
} told;

static void on_output(pc_child *c, const void *bytes, size_t len, void *data)
{
	size_t room = sizeof(told.output) - 1 - strlen(told.output);

	(void)c;
	assert_ptr_equal(data, &told);
	strncat(told.output, bytes, len < room ? len : room);
	told.total += len;
	told.bytes++;
}

static void on_ended(pc_child *c, int status, void *data)
{
	(void)c;
	assert_ptr_equal(data, &told);
	told.ended++;
	told.status = status;
}

static const pc_child_fns fns = { on_output, on_ended };

static int open_world(void **state)
{
	memset(&told, 0, sizeof(told));
	*state = module_new();
	return 0;
}

static int close_world(void **state)
{
	if (*state != NULL)
		module_end(*state, PC__DEAD);
	return 0;
}

static pc_child *spawn_shell(pc_module *m, const char *script)
{
	return pc_spawn(m, (const char *const[]){ "/bin/sh", "-c", script, NULL }, &fns, &told);
}

static void test_output_and_status(void **state)
{
	assert_non_null(spawn_shell(*state, "echo one; echo two >&2; exit 3"));
	assert_true(run_until(&told.ended, 1));
	assert_string_equal(told.output, "one\n");
	assert_true(WIFEXITED(told.status));
	assert_int_equal(WEXITSTATUS(told.status), 3);
}

static void test_input(void **state)
{
	pc_child *c = spawn_shell(*state, "cat; echo end");

	assert_int_equal(pc_child_write(c, "abc ", 4), PC_OK);
	assert_int_equal(pc_child_write(c, "def ", 4), PC_OK);
	pc_child_close_input(c);
	assert_int_equal(pc_child_write(c, "late", 4), PC_ECANCELED);
	assert_true(run_until(&told.ended, 1));
	assert_string_equal(told.output, "abc def end\n");
}

static void test_much_input(void **state)
{
	pc_child *c = spawn_shell(*state, "cat");
	char *megabyte = pc__alloc(PC__CHILD_INPUT_MAX);

	memset(megabyte, 'x', PC__CHILD_INPUT_MAX);
	assert_int_equal(pc_child_write(c, megabyte, PC__CHILD_INPUT_MAX), PC_OK);
	pc_child_close_input(c);
	free(megabyte);
	assert_true(run_until(&told.ended, 1));
	assert_int_equal(told.total, PC__CHILD_INPUT_MAX);
}

static void test_input_is_bounded(void **state)
{
	pc_child *c = spawn_shell(*state, "read line; kill -STOP $$");
	char block[65536] = { 0 };
	int err = PC_OK;

	for (int i = 0; i < 100 && err == PC_OK; i++)
		err = pc_child_write(c, block, sizeof(block));
	assert_int_equal(err, PC_ELIMIT);
	pc_child_kill(c, SIGKILL);
	assert_true(run_until(&told.ended, 1));
	assert_true(WIFSIGNALED(told.status));
	assert_int_equal(WTERMSIG(told.status), SIGKILL);
}

/* Writing to one that does not read must not end the server. */
static void test_input_refused(void **state)
{
	pc_child *c = spawn_shell(*state, "exec <&-; echo closed; exec tail -f /dev/null");
	char block[4096] = { 0 };

	assert_true(run_until(&told.bytes, 1));
	pc_child_write(c, block, sizeof(block));
	pc_child_kill(c, SIGKILL);
	assert_true(run_until(&told.ended, 1));
}

static void test_not_there(void **state)
{
	assert_null(pc_spawn(*state, (const char *const[]){ "/nonexistent/program", NULL }, &fns,
	                     &told));
	assert_int_equal(told.ended, 0);
}

/* A grandchild that keeps the output does not keep the end from being told. */
static void test_output_held(void **state)
{
	assert_non_null(spawn_shell(*state, "sleep 30 & echo $!"));
	assert_true(run_until(&told.ended, 1));
	assert_true(WIFEXITED(told.status));
	kill((pid_t)atoi(told.output), SIGKILL);
}

static void test_killed_with_its_module(void **state)
{
	pid_t pid;

	assert_non_null(spawn_shell(*state, "echo $$; exec sleep 30"));
	assert_true(run_until(&told.bytes, 1));
	pid = (pid_t)atoi(told.output);
	assert_int_equal(kill(pid, 0), 0);
	module_end(*state, PC__DEAD);
	*state = NULL;
	while (kill(pid, 0) == 0) /* it is reaped by the loop */
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(told.ended, 0);
}

static void test_stop(void **state)
{
	assert_non_null(spawn_shell(*state, "trap '' TERM; echo ready; sleep 30; sleep 30"));
	assert_true(run_until(&told.bytes, 1));
	pc__children_stop();
	assert_int_equal(told.ended, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_output_and_status, open_world, close_world),
		cmocka_unit_test_setup_teardown(test_input, open_world, close_world),
		cmocka_unit_test_setup_teardown(test_much_input, open_world, close_world),
		cmocka_unit_test_setup_teardown(test_input_is_bounded, open_world, close_world),
		cmocka_unit_test_setup_teardown(test_input_refused, open_world, close_world),
		cmocka_unit_test_setup_teardown(test_not_there, open_world, close_world),
		cmocka_unit_test_setup_teardown(test_output_held, open_world, close_world),
		cmocka_unit_test_setup_teardown(test_killed_with_its_module, open_world,
		                                close_world),
		cmocka_unit_test_setup_teardown(test_stop, open_world, close_world),
	};
	int failed;

	signal(SIGPIPE, SIG_IGN);
	loop_open();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	pc__children_stop();
	pc__timers_stop();
	loop_end();
	return failed;
}
