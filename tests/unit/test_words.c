#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/mem.h"
#include "util/words.h"

/* Parses a copy without anything behind it, so that reading too far shows. */
static int parse(const char *text, size_t len, struct pc__request *r, char **line_r)
{
	*line_r = pc__malloc(len + 1);
	memcpy(*line_r, text, len);
	(*line_r)[len] = '\n';
	return pc__words_parse(*line_r, len, r);
}

static void test_there_and_back(void **state)
{
	const char *const words[] = { "adduser", "a b@example.org", "", "pass\303\244word" };
	struct pc__buf b = { 0 };
	struct pc__request r;

	(void)state;
	assert_int_equal(pc__words_add(&b, "17", words, 4), PC_OK);
	assert_int_equal(b.p[b.len - 1], '\n');
	assert_int_equal(pc__words_parse(b.p, b.len - 1, &r), PC_OK);
	assert_string_equal(r.tag, "17");
	assert_int_equal(r.n, 4);
	for (size_t i = 0; i < 4; i++)
		assert_string_equal(r.words[i], words[i]);
	pc__buf_free(&b);
}

static void test_not_to_be_sent(void **state)
{
	const char *bad[] = { "a\nb", "a\x1f", "a\x7f", "\t" };
	const char *many[PC__WORDS_MAX + 1];
	char *large = pc__alloc(PC__WORDS_LINE_MAX + 1);
	struct pc__buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < PC__COUNT(bad); i++)
		assert_int_equal(pc__words_add(&b, "1", &bad[i], 1), PC_EINVAL);
	for (size_t i = 0; i < PC__COUNT(many); i++)
		many[i] = "x";
	assert_int_equal(pc__words_add(&b, "1", many, PC__COUNT(many)), PC_EINVAL);
	assert_int_equal(pc__words_add(&b, "1", many, 0), PC_EINVAL);
	assert_int_equal(pc__words_add(&b, "", many, 1), PC_EINVAL);
	assert_int_equal(pc__words_add(&b, "a b", many, 1), PC_EINVAL);
	memset(large, 'x', PC__WORDS_LINE_MAX);
	many[0] = large;
	assert_int_equal(pc__words_add(&b, "1", many, 1), PC_EINVAL);
	assert_int_equal(b.len, 0);
	assert_int_equal(pc__words_add(&b, "1", many + 1, PC__WORDS_MAX), PC_OK);
	pc__buf_free(&b);
	free(large);
}

static void test_no_requests(void **state)
{
	static const struct {
		const char *text;
		size_t len;
	} bad[] = {
		{ "", 0 },
		{ "1", 1 },
		{ "\x1f", 1 },
		{ "\x1fstatus", 7 },
		{ "a-b\x1fstatus", 10 },
		{ "12345678901234567\x1fstatus", 24 },
		{ "1\x1fsta\0tus", 9 },
		{ "1\x1fsta\rtus", 9 },
		{ "GET / HTTP/1.1\r", 15 },
	};
	struct pc__request r;
	char *line;

	(void)state;
	for (size_t i = 0; i < PC__COUNT(bad); i++) {
		assert_int_equal(parse(bad[i].text, bad[i].len, &r, &line), PC_EINVAL);
		free(line);
	}
	assert_int_equal(parse("1\x1f", 2, &r, &line), PC_OK);
	assert_int_equal(r.n, 1);
	assert_string_equal(r.words[0], "");
	free(line);
}

static void test_too_many_words(void **state)
{
	char text[2 * PC__WORDS_MAX + 3] = "1";
	struct pc__request r;
	char *line;

	(void)state;
	for (size_t i = 0; i < PC__WORDS_MAX + 1; i++)
		memcpy(text + 1 + 2 * i, "\x1fx", 2);
	assert_int_equal(parse(text, 1 + 2 * PC__WORDS_MAX, &r, &line), PC_OK);
	assert_int_equal(r.n, PC__WORDS_MAX);
	free(line);
	assert_int_equal(parse(text, 1 + 2 * (PC__WORDS_MAX + 1), &r, &line), PC_EINVAL);
	free(line);
}

static void test_answers(void **state)
{
	struct pc__buf b = { 0 };
	struct pc__answer a;
	char *end;

	(void)state;
	pc__words_output(&b, "7", "one\ntwo\tx\x1b[2J\n");
	pc__words_output(&b, "7", "");
	pc__words_end(&b, "7", PC_EEXIST, "there is one");
	assert_string_equal(pc__buf_str(&b), "O 7 one\nO 7 two x?[2J\nO 7 \nE 7 3 there is one\n");
	end = strchr(b.p, 'E');
	assert_int_equal(pc__words_answer(b.p, 7, &a), PC_OK);
	assert_int_equal(a.kind, 'O');
	assert_string_equal(a.tag, "7");
	assert_string_equal(a.text, "one");
	assert_int_equal(pc__words_answer(end, 18, &a), PC_OK);
	assert_int_equal(a.kind, 'E');
	assert_int_equal(a.code, PC_EEXIST);
	assert_string_equal(a.text, "there is one");
	pc__buf_free(&b);
}

static void test_no_answers(void **state)
{
	static const char *const bad[] = {
		"",      "O",        "O 1",     "X 1 text", "O  text", "E 1 ok",         "E 1 x ok",
		"E 1 0", "E 1 -3 x", "O1 text", "E 1  x",   "O 1\tx",  "E 1 99999999 x", "E 1 +3 x"
	};
	struct pc__answer a;
	char line[64];

	(void)state;
	for (size_t i = 0; i < PC__COUNT(bad); i++) {
		memcpy(line, bad[i], strlen(bad[i]) + 1);
		assert_int_equal(pc__words_answer(line, strlen(line), &a), PC_EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_not_to_be_sent),
		cmocka_unit_test(test_no_requests),    cmocka_unit_test(test_too_many_words),
		cmocka_unit_test(test_answers),        cmocka_unit_test(test_no_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
