#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"
#include "files.h"
#include "hosts.h"
#include "log.h"
#include "log_internal.h"
#include "modules.h"

static struct folder folder;

static void use(const char *text)
{
	char *error, *path = folder_file(&folder, "main.conf");

	folder_write(&folder, "main.conf", text);
	pc__config_use(pc__config_load(path, NULL, 0, &error));
	pc__log_setup();
	free(path);
}

static int set_up(void **state)
{
	(void)state;
	folder_make(&folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pc__config_use(NULL);
	pc__log_free();
	folder_remove(&folder);
	return 0;
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		n++;
	return n;
}

static void file_has(const char *name, const char *what, unsigned times)
{
	char *log = folder_read(&folder, name);

	if (count(log, what) != times)
		fail_msg("%s has \"%s\" %u times, not %u: %s", name, what, count(log, what), times,
		         log);
	free(log);
}

static void one_of_each(void)
{
	pc__log("test", PC_DEBUG, "at-debug");
	pc__log("test", PC_INFO, "at-info");
	pc__log("test", PC_WARN, "at-warn");
	pc__log("test", PC_ERROR, "at-error");
}

static void forms(void **state)
{
	(void)state;
	use("log = 'a.log'");
	one_of_each();
	file_has("a.log", "\n", 3);
	file_has("a.log", " test                     info  at-info\n", 1);
	use("log = 'b.log'; debug = true");
	one_of_each();
	file_has("b.log", "\n", 4);
	use("log = { info = 'c.log', error = 'd.log' }");
	one_of_each();
	file_has("c.log", "\n", 3);
	file_has("d.log", "\n", 1);
	use("log = { { levels = { 'warn', 'debug' }, to = 'file', filename = 'e.log', timestamps = "
	    "false }, { levels = { min = 'info', max = 'warn' }, to = 'file', filename = 'f.log' },"
	    " { levels = 'error', to = 'file', filename = 'g.log' }, 'h.log' }");
	one_of_each();
	file_has("e.log", "test                     debug at-debug\n", 1);
	file_has("e.log", "\n", 2);
	file_has("e.log", "at-warn", 1);
	file_has("f.log", "at-", 2);
	file_has("f.log", "at-error", 0);
	file_has("g.log", "at-error\n", 1);
	file_has("h.log", "\n", 3);
	assert_true(pc_log_enabled(PC_DEBUG));
	use("log = '*nowhere'");
	assert_false(pc_log_enabled(PC_ERROR));
	use("log = { }");
	assert_true(pc_log_enabled(PC_INFO));
	assert_false(pc_log_enabled(PC_DEBUG));
}

/* What is wrong is said, and where it can be. */
static void wrong_forms(void **state)
{
	static const char *const wrong[] = {
		"log = { loud = 'x' }",
		"log = { { to = 'moon' } }",
		"log = '*moon'",
		"log = 5",
		"log = { { levels = 'loud', to = 'console' } }",
		"log = { { to = 'file' } }",
		"log = { { levels = { 'loud' }, to = 'console' } }",
		"log = '/nowhere/at/all'",
	};

	(void)state;
	for (size_t i = 0; i < PC__COUNT(wrong); i++) {
		use("log = 'complaints.log'");
		use(wrong[i]);
		pc__log_free();
		file_has("complaints.log", i == 7 ? "/nowhere/at/all: No such file" : "option log",
		         1);
		folder_write(&folder, "complaints.log", "");
	}
}

static void sources(void **state)
{
	static const pc_module_def def = { .name = "ping" };
	struct pc_host host = { .name = "h.example" };
	pc_module m = { .def = &def, .host = &host }, global = { .def = &def };
	pc_session s = { .id = 42, .ip = "192.0.2.1" }, bare = { .id = 43 };

	(void)state;
	use("log = 'a.log'");
	pc_log(&m, PC_INFO, "number %d", 5);
	file_has("a.log", " h.example:ping           info  number 5\n", 1);
	pc_log(&global, PC_INFO, "x");
	file_has("a.log", " *:ping                   info  x\n", 1);
	pc_log_session(&m, &s, PC_WARN, "text");
	file_has("a.log", " warn  [42 192.0.2.1] text\n", 1);
	pc_log_session(&m, &bare, PC_WARN, "text");
	file_has("a.log", " warn  [43] text\n", 1);
	pc_log(&m, PC_DEBUG, "unseen");
	pc_log_session(&m, &s, PC_DEBUG, "unseen");
	file_has("a.log", "unseen", 0);
}

static void escapes(const char *text, size_t len, const char *expected)
{
	char out[200];
	size_t n = pc__log_escape(text, len, out, sizeof(out) - 1);

	out[n] = '\0';
	assert_string_equal(out, expected);
}

#define ESCAPES(text, expected) escapes(text, sizeof(text) - 1, expected)

static void escaping(void **state)
{
	char out[10];

	(void)state;
	ESCAPES("plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
	        "plain \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
	ESCAPES("a\nb\r\tc\x1b[2J\x7f", "a\\nb\\r\\tc\\x1b[2J\\x7f");
	ESCAPES("a\0b", "a\\x00b");
	ESCAPES("\xc2\x9b\xe2\x80\xa8\xe2\x80\xae\xef\xbb\xbf", "\\u009b\\u2028\\u202e\\ufeff");
	ESCAPES("\xff\xc3", "\\xff\\xc3");
	ESCAPES("\xc0\x80\xed\xa0\x80", "\\xc0\\x80\\xed\\xa0\\x80");
	ESCAPES("\xe2\x82", "\\xe2\\x82");
	ESCAPES("\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80");
	ESCAPES("", "");
	assert_int_equal(pc__log_escape("abcdefghijklmnop", 16, out, sizeof(out)), 10);
	assert_memory_equal(out, "abcdefg...", 10);
	assert_int_equal(pc__log_escape("\x01\x01\x01", 3, out, sizeof(out)), 7);
	assert_memory_equal(out, "\\x01...", 7);
}

static void long_lines(void **state)
{
	char *text = pc__malloc(100001), *log;

	(void)state;
	memset(text, 'x', 100000);
	text[100000] = '\0';
	use("log = 'a.log'");
	pc__log("test", PC_INFO, "%s", text);
	memset(text, '\x01', 100000);
	pc__log("test", PC_INFO, "%s", text);
	log = folder_read(&folder, "a.log");
	assert_int_equal(count(log, "\n"), 2);
	assert_true(strlen(log) <= 2 * PC__LOG_LINE);
	free(log);
	free(text);
}

static void reopened(void **state)
{
	char *from = folder_file(&folder, "a.log"), *to = folder_file(&folder, "a.log.1");

	(void)state;
	use("log = 'a.log'");
	pc__log("test", PC_INFO, "first");
	assert_int_equal(rename(from, to), 0);
	pc__log("test", PC_INFO, "second");
	pc__log_reopen();
	pc__log("test", PC_INFO, "third");
	file_has("a.log.1", "\n", 2);
	file_has("a.log", "third", 1);
	file_has("a.log", "\n", 1);
	free(from);
	free(to);
}

/* A pipe that nobody reads fills up; lines are dropped and counted, and nobody waits. */
static void a_stuck_pipe(void **state)
{
	int pipe_fds[2], saved = dup(STDERR_FILENO);
	char *text = pc__alloc(1 << 20);
	size_t len = 0;
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(pipe_fds), 0);
	dup2(pipe_fds[1], STDERR_FILENO);
	use("log = '*console'");
	for (int i = 0; i < 3000; i++)
		pc__log("test", PC_INFO, "line %d of many that nobody reads", i);
	fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
	while ((n = read(pipe_fds[0], text + len, (1 << 20) - 1 - len)) > 0)
		len += (size_t)n;
	pc__log("test", PC_INFO, "afterwards");
	while ((n = read(pipe_fds[0], text + len, (1 << 20) - 1 - len)) > 0)
		len += (size_t)n;
	dup2(saved, STDERR_FILENO);
	assert_true(count(text, "nobody reads\n") < 3000);
	assert_int_equal(count(text, " lines could not be written here\n"), 1);
	assert_int_equal(count(text, "afterwards\n"), 1);
	assert_int_equal(strtol(strstr(text, "log                      warn  ") + 31, NULL, 10) +
	                         (long)count(text, "nobody reads\n"),
	                 3000);
	close(saved);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	free(text);
}

/* A disk that is full: told when there is room again, and no line is glued to a torn one. */
static void a_full_disk(void **state)
{
	struct rlimit old, small;

	(void)state;
	use("log = 'a.log'");
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = (struct rlimit){ 1000, old.rlim_max };
	setrlimit(RLIMIT_FSIZE, &small);
	for (int i = 0; i < 100; i++)
		pc__log("test", PC_INFO, "line %d fills the disk", i);
	setrlimit(RLIMIT_FSIZE, &old);
	pc__log("test", PC_INFO, "room again");
	file_has("a.log", " lines could not be written here\n", 1);
	file_has("a.log", "room again\n", 1);
	file_has("a.log", "disk20", 0);
	file_has("a.log", "info  room again\n", 1);
}

#define THREADS 4
#define LINES 500

static void *writer(void *data)
{
	for (int i = 0; i < LINES; i++)
		pc__log("thread", PC_INFO, "%s begins, and ends %d", (const char *)data, i);
	return NULL;
}

static void many_threads(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	use("log = 'a.log'");
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, writer, "text");
	for (int i = 0; i < 20; i++)
		pc__log_reopen();
	pc__log_setup();
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	file_has("a.log", " thread                   info  text begins, and ends ",
	         THREADS * LINES);
	file_has("a.log", "\n", THREADS * LINES);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(forms),        TEST(wrong_forms), TEST(sources),
		TEST(escaping),     TEST(long_lines),  TEST(reopened),
		TEST(a_stuck_pipe), TEST(a_full_disk), TEST(many_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
