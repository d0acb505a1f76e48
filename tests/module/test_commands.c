/* Finding commands, the life of a call, and prosody-ctl's conversation. */
#include "service_host.h"

#include "commands.h"
#include "hosts.h"
#include "timers.h"
#include "util/words.h"

static struct {
	char output[1000], text[1000];
	int ended, err;
	pc_call *waiting;
} told;

static void on_output(const char *text, void *data)
{
	assert_ptr_equal(data, &told);
	snprintf(told.output + strlen(told.output), sizeof(told.output) - strlen(told.output),
	         "%s|", text);
}

static void on_ended(int err, const char *text, void *data)
{
	assert_ptr_equal(data, &told);
	told.ended++;
	told.err = err;
	snprintf(told.text, sizeof(told.text), "%s", text);
}

/* ---- commands */

static void run_echo(pc_call *call, pc_module *m)
{
	assert_non_null(m);
	for (size_t i = 0; i < pc_call_argc(call); i++)
		pc_call_print(call, "%s", pc_call_arg(call, i));
	assert_null(pc_call_arg(call, pc_call_argc(call)));
	pc_call_end(call, PC_OK, "%zu words", pc_call_argc(call));
}

static void run_later(pc_call *call, pc_module *m)
{
	int *data = pc_call_data(call, sizeof(*data));

	(void)m;
	assert_int_equal(*data, 0);
	*data = 7;
	assert_ptr_equal(pc_call_data(call, sizeof(*data)), data);
	told.waiting = call;
}

static void run_fail(pc_call *call, pc_module *m)
{
	(void)m;
	pc_call_end(call, PC_EPERM, NULL);
	pc_call_print(call, "too late");
}

static const pc_command commands[] = {
	{ "echo", NULL, "[WORD...]", "", run_echo },
	{ "test", "two", "ONE [TWO]", "", run_echo },
	{ "test", "later", "", "", run_later },
	{ "test", "fail", NULL, "", run_fail },
};

static pc_module *offer(void)
{
	pc_module *m = module_new();

	for (size_t i = 0; i < PC__COUNT(commands); i++)
		pc_add_command(m, &commands[i]);
	return m;
}

static pc_call *call(pc_module *caller, const char *line)
{
	const char *words[20];
	char *copy = pc__strdup(line), *at = copy;
	size_t n = 0;
	pc_call *made;

	for (char *word; (word = strsep(&at, " ")) != NULL;)
		words[n++] = word;
	memset(&told, 0, sizeof(told));
	made = pc_run_command(caller, n, words, on_output, on_ended, &told);
	free(copy); /* the call has copied what it keeps */
	return made;
}

/* ---- */

static int open_world(void **state)
{
	*state = offer();
	return 0;
}

static int close_world(void **state)
{
	if (*state != NULL)
		module_end(*state, PC__DEAD);
	return 0;
}

static void test_found_and_run(void **state)
{
	(void)state;
	assert_null(call(NULL, "echo a b"));
	assert_int_equal(told.ended, 1);
	assert_int_equal(told.err, PC_OK);
	assert_string_equal(told.output, "a|b|");
	assert_string_equal(told.text, "2 words");
	assert_null(call(NULL, "test two x"));
	assert_string_equal(told.output, "x|");
}

static void test_refused(void **state)
{
	static const struct {
		const char *line;
		int err;
	} rows[] = {
		{ "nothing", PC_ENOENT },
		{ "test", PC_ENOENT },
		{ "test nothing", PC_ENOENT },
		{ "test two", PC_EINVAL },
		{ "test two a b c", PC_EINVAL },
		{ "test fail", PC_EPERM },
		{ "", PC_ENOENT },
	};

	(void)state;
	for (size_t i = 0; i < PC__COUNT(rows); i++) {
		assert_null(call(NULL, rows[i].line));
		assert_int_equal(told.ended, 1);
		assert_int_equal(told.err, rows[i].err);
		assert_string_equal(told.output, "");
		assert_true(told.text[0] != '\0');
	}
	assert_null(pc_run_command(NULL, 0, NULL, on_output, on_ended, &told));
	assert_int_equal(told.err, PC_EINVAL);
}

static void test_arity(void **state)
{
	static const struct {
		const char *args;
		size_t least, most;
	} rows[] = {
		{ NULL, 0, 0 },
		{ "", 0, 0 },
		{ "A", 1, 1 },
		{ "A B", 2, 2 },
		{ "[A] B", 1, 2 },
		{ "A [B] [C]", 1, 3 },
		{ "A ...", 1, SIZE_MAX },
		{ "[A...]", 0, SIZE_MAX },
		{ "A...", 1, SIZE_MAX },
	};
	size_t least, most;

	(void)state;
	for (size_t i = 0; i < PC__COUNT(rows); i++) {
		pc__command_arity(rows[i].args, &least, &most);
		assert_int_equal(least, rows[i].least);
		assert_int_equal(most, rows[i].most);
	}
}

static void test_ends_later(void **state)
{
	pc_call *made = call(NULL, "test later");

	(void)state;
	assert_non_null(made);
	assert_int_equal(told.ended, 0);
	pc_call_print(told.waiting, "now");
	pc_call_end(told.waiting, PC_OK, NULL);
	assert_int_equal(told.ended, 1);
	assert_string_equal(told.output, "now|");
	assert_string_equal(told.text, "");
}

static void test_unheard(void **state)
{
	pc_module *caller = module_new();
	pc_call *made = call(caller, "test later");

	(void)state;
	pc_call_forget(&made);
	assert_null(made);
	pc_call_print(told.waiting, "nobody hears this");
	pc_call_end(told.waiting, PC_OK, NULL);
	assert_int_equal(told.ended, 0);
	call(caller, "test later");
	module_end(caller, PC__DEAD);
	pc_call_end(told.waiting, PC_OK, NULL);
	assert_int_equal(told.ended, 0);
	assert_string_equal(told.output, "");
}

static void test_module_unloaded(void **state)
{
	assert_non_null(call(NULL, "test later"));
	module_end(*state, PC__DEAD);
	*state = NULL;
	assert_int_equal(told.ended, 1);
	assert_int_equal(told.err, PC_ECANCELED);
	call(NULL, "test later");
	assert_int_equal(told.err, PC_ENOENT);
}

static void test_module_reloaded(void **state)
{
	assert_non_null(call(NULL, "test later"));
	module_end(*state, PC__RETIRED);
	*state = NULL;
	assert_int_equal(told.ended, 0);
	pc_call_end(told.waiting, PC_OK, "by the old code");
	assert_int_equal(told.ended, 1);
	assert_string_equal(told.text, "by the old code");
}

/* ---- the conversation */

static struct pc__buf heard;
static pc_shell *shell;

static void on_write(const void *bytes, size_t len, void *data)
{
	assert_ptr_equal(data, &heard);
	pc__buf_add(&heard, bytes, len);
}

static int say(const char *text)
{
	return pc_shell_input(shell, text, strlen(text));
}

static int open_shell(void **state)
{
	shell = pc_shell_new(on_write, &heard);
	return open_world(state);
}

static int close_shell(void **state)
{
	pc_shell_free(&shell);
	pc__buf_free(&heard);
	return close_world(state);
}

static void test_conversation(void **state)
{
	(void)state;
	assert_int_equal(say("1\x1f"
	                     "echo\x1f"
	                     "a"),
	                 PC_OK);
	assert_int_equal(heard.len, 0);
	assert_int_equal(say(" b\n2\x1f"
	                     "nothing\n3\x1f"
	                     "test\x1f"
	                     "la"),
	                 PC_OK);
	assert_string_equal(pc__buf_str(&heard),
	                    "O 1 a b\nE 1 0 1 words\nE 2 2 no such command: nothing\n");
	heard.len = 0;
	assert_int_equal(say("ter\n4\x1f"
	                     "echo\n"),
	                 PC_OK);
	assert_string_equal(pc__buf_str(&heard), "E 4 0 0 words\n");
	heard.len = 0;
	assert_int_equal(pc_shell_pending(shell), 1);
	pc_call_end(told.waiting, PC_EIO, NULL);
	assert_int_equal(pc_shell_pending(shell), 0);
	assert_true(strncmp(pc__buf_str(&heard), "E 3 7 ", 6) == 0);
}

static void test_conversation_refused(void **state)
{
	char large[PC__WORDS_LINE_MAX + 2];

	(void)state;
	assert_int_equal(say("GET / HTTP/1.1\r\n"), PC_EINVAL);
	assert_int_equal(say("1\x1f"
	                     "echo\n"),
	                 PC_EINVAL);
	assert_int_equal(heard.len, 0);
	pc_shell_free(&shell);
	shell = pc_shell_new(on_write, &heard);
	memset(large, 'x', sizeof(large));
	assert_int_equal(pc_shell_input(shell, large, sizeof(large)), PC_EINVAL);
}

/* As many as may be under way are served, the next one when one of them has ended. */
static void test_conversation_bounded(void **state)
{
	pc_call *first = NULL;

	(void)state;
	for (int i = 0; i < PC__WORDS_UNDER_WAY; i++) {
		assert_int_equal(say("1\x1f"
		                     "test\x1f"
		                     "later\n"),
		                 PC_OK);
		first = first ? first : told.waiting;
	}
	assert_int_equal(say("2\x1f"
	                     "echo\x1f"
	                     "x\n3\x1f"
	                     "echo\x1f"
	                     "y\n"),
	                 PC_OK);
	assert_int_equal(heard.len, 0);
	pc_call_end(first, PC_OK, NULL);
	assert_string_equal(pc__buf_str(&heard),
	                    "E 1 0 \nO 2 x\nE 2 0 1 words\nO 3 y\nE 3 0 1 words\n");
	assert_int_equal(pc_shell_pending(shell), PC__WORDS_UNDER_WAY - 1);
}

static void test_conversation_gone(void **state)
{
	(void)state;
	say("1\x1f"
	    "test\x1f"
	    "later\n");
	pc_shell_free(&shell);
	pc_call_end(told.waiting, PC_OK, NULL);
	assert_int_equal(heard.len, 0);
}

#define WORLD(test, how) cmocka_unit_test_setup_teardown(test, open_##how, close_##how)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(test_found_and_run, world),
		WORLD(test_refused, world),
		WORLD(test_arity, world),
		WORLD(test_ends_later, world),
		WORLD(test_unheard, world),
		WORLD(test_module_unloaded, world),
		WORLD(test_module_reloaded, world),
		WORLD(test_conversation, shell),
		WORLD(test_conversation_refused, shell),
		WORLD(test_conversation_bounded, shell),
		WORLD(test_conversation_gone, shell),
	};
	int failed;

	loop_open();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	pc__timers_stop();
	loop_end();
	return failed;
}
