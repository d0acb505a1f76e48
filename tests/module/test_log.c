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
#include <sys/socket.h>
#include <sys/stat.h>
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
		"log = { { to = 'console', format = 'loud' } }",
		"log = { { to = 'syslog', format = 'json' } }",
		"log = '/nowhere/at/all'",
	};

	(void)state;
	for (size_t i = 0; i < PC__COUNT(wrong); i++) {
		use("log = 'complaints.log'");
		use(wrong[i]);
		pc__log_free();
		file_has("complaints.log",
		         i == PC__COUNT(wrong) - 1
		                 ? "/nowhere/at/all cannot be opened: No such file"
		                 : "option log",
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
	assert_int_equal(pc__log_about(44), 0);
	pc__log("core", PC_WARN, "ambient");
	file_has("a.log", " core                     warn  [44] ambient\n", 1);
	pc_log(&m, PC_WARN, "ambient");
	file_has("a.log", " warn  [44] ambient\n", 2);
	pc__log_session("core", &s, PC_WARN, "named");
	file_has("a.log", " core                     warn  [42 192.0.2.1] named\n", 1);
	assert_int_equal(pc__log_about(0), 44);
	pc__log_session("core", NULL, PC_WARN, "nobody's");
	file_has("a.log", " core                     warn  nobody's\n", 1);
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

/* ---- formats */

static void formatted(struct pc__sink *sink, const struct pc__line *line, const char *expected)
{
	char out[PC__LOG_LINE + 1];
	size_t len = pc__log_format(sink, line, out);

	out[len] = '\0';
	if (strstr(out, expected) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", expected, out);
}

static void formats(void **state)
{
	static const char text[] = "say \\n \"\xc3\xa9\"";
	const struct pc__line line = { PC_ERROR,    "h.example:x", 42,
		                       "192.0.2.1", text,          sizeof(text) - 1 };
	struct pc__line bare = line;
	struct pc__sink *syslog = pc__sink_new(PC__SINK_SYSLOG, NULL, 0xf);
	struct pc__sink *journal = pc__sink_new(PC__SINK_JOURNAL, NULL, 0xf);
	struct pc__sink *file = pc__sink_new(PC__SINK_FILE, "x", 0xf);

	(void)state;
	bare.session = 0;
	bare.ip = NULL;
	syslog->facility = 16;
	formatted(syslog, &line, "<131>prosody-c[");
	formatted(syslog, &line, "]: h.example:x error [42 192.0.2.1] say \\n \"\xc3\xa9\"");
	formatted(journal, &line, "PRIORITY=3\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=prosody-c\n");
	formatted(journal, &line,
	          "PROSODY_SOURCE=h.example:x\nPROSODY_SESSION=42\nPROSODY_IP=192.0.2.1\n"
	          "MESSAGE=h.example:x: say \\n \"\xc3\xa9\"\n");
	formatted(journal, &bare, "PROSODY_SOURCE=h.example:x\nMESSAGE=");
	file->json = true;
	formatted(file, &line,
	          "Z\",\"level\":\"error\",\"source\":\"h.example:x\",\"session\":42,\"ip\":"
	          "\"192.0.2.1\",\"text\":\"say \\\\n \\\"\xc3\xa9\\\"\"}\n");
	formatted(file, &bare, "\"source\":\"h.example:x\",\"text\":\"");
	file->json = false;
	file->stamp = pc__strdup("at %H o'clock");
	formatted(file, &bare, " o'clock h.example:x");
	file->colour = true;
	formatted(file, &bare, "\033[1;31merror\033[0m say");
	pc__sink_free(&syslog);
	pc__sink_free(&journal);
	pc__sink_free(&file);
}

/* The longest lines end as they should, whatever has to be escaped in them. */
static void long_objects(void **state)
{
	struct pc__sink *file = pc__sink_new(PC__SINK_FILE, "x", 0xf);
	char out[PC__LOG_LINE], text[PC__LOG_TEXT];
	struct pc__line line = { PC_INFO, "x", 1, "::1", text, 0 };

	(void)state;
	file->json = true;
	for (size_t len = PC__LOG_TEXT - 20; len < PC__LOG_TEXT; len++) {
		for (size_t i = 0; i < len; i++)
			text[i] = i + 1 == len || i % 3 == 0 ? '"' : i % 3 == 1 ? '\xc3' : '\xa9';
		line.len = len;
		size_t n = pc__log_format(file, &line, out);

		assert_true(n <= sizeof(out));
		assert_memory_equal(out + n - 3, "\"}\n", 3);
		assert_int_not_equal((unsigned char)out[n - 4], 0xc3);
		assert_int_not_equal(out[n - 4], '\\');
	}
	pc__sink_free(&file);
}

/* Datagrams: one a line; who does not read loses some, and is told how many. */
static void datagrams(void **state)
{
	struct pc__sink *sink = pc__sink_new(PC__SINK_JOURNAL, NULL, 0xf);
	struct pc__line line = { PC_INFO, "x", 0, NULL, "text", 4 };
	char got[PC__LOG_LINE + 1];
	size_t sent = 0, lost = 0;
	int fds[2];
	ssize_t n;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	sink->fd = fds[0];
	sink->socket = true;
	for (int i = 0; i < 5000; i++) {
		bool taken = pc__sink_write(sink, &line);

		sent += taken;
		lost += !taken;
	}
	assert_true(sent > 0);
	assert_true(lost > 0);
	while (sent-- > 0) {
		n = recv(fds[1], got, sizeof(got) - 1, 0);
		got[n > 0 ? n : 0] = '\0';
		assert_non_null(strstr(got, "\nMESSAGE=x: text\n"));
	}
	assert_true(pc__sink_write(sink, &line));
	n = recv(fds[1], got, sizeof(got) - 1, 0);
	got[n > 0 ? n : 0] = '\0';
	assert_int_equal(strtoul(strstr(got, "MESSAGE=log: ") + 13, NULL, 10), lost);
	close(fds[1]);
	pc__sink_free(&sink);
}

/* What is open is kept where the same name cannot be opened any more, and that is said. */
static void kept(void **state)
{
	char *from = folder_file(&folder, "logs"), *to = folder_file(&folder, "old");

	(void)state;
	assert_int_equal(mkdir(from, 0700), 0);
	use("log = { info = 'logs/a.log', error = 'b.log' }");
	assert_int_equal(rename(from, to), 0);
	pc__log_setup();
	pc__log("test", PC_INFO, "after");
	file_has("b.log", "logs/a.log cannot be opened: No such file", 1);
	file_has("old/a.log", "after\n", 1);
	pc__log_reopen();
	pc__log("test", PC_INFO, "again");
	file_has("b.log", "cannot be opened again, and what was open is kept: No such file", 1);
	file_has("old/a.log", "again\n", 1);
	free(from);
	from = folder_file(&folder, "old/a.log");
	unlink(from);
	rmdir(to);
	free(from);
	free(to);
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
		TEST(forms),        TEST(wrong_forms), TEST(sources),      TEST(escaping),
		TEST(long_lines),   TEST(reopened),    TEST(a_stuck_pipe), TEST(a_full_disk),
		TEST(many_threads), TEST(formats),     TEST(long_objects), TEST(datagrams),
		TEST(kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
