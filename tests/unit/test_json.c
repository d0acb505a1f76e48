#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/json.h"
#include "util/mem.h"

static void test_strings(void **state)
{
	static const struct {
		const char *text, *json;
	} rows[] = {
		{ "", "\"\"" },
		{ NULL, "null" },
		{ "plain", "\"plain\"" },
		{ "say \"a\\b\"", "\"say \\\"a\\\\b\\\"\"" },
		{ "a\nb\tc\x1b\x7f", "\"a\\nb\\u0009c\\u001b\\u007f\"" },
		{ "\303\244 \342\202\254 \360\237\230\200",
		  "\"\303\244 \342\202\254 \360\237\230\200\"" },
		{ "\300\257", "\"\\ufffd\\ufffd\"" },
		{ "cut \342\202", "\"cut \\ufffd\\ufffd\"" },
		{ "\355\240\200!", "\"\\ufffd\\ufffd\\ufffd!\"" },
	};

	(void)state;
	for (size_t i = 0; i < PC__COUNT(rows); i++) {
		struct pc__buf b = { 0 };

		pc__json_string(&b, rows[i].text);
		assert_string_equal(pc__buf_str(&b), rows[i].json);
		pc__buf_free(&b);
	}
}

static void test_numbers(void **state)
{
	static const struct {
		double number;
		const char *json;
	} rows[] = {
		{ 0, "0" },           { -3, "-3" },
		{ 0.5, "0.5" },       { 1234567890123, "1234567890123" },
		{ INFINITY, "null" }, { NAN, "null" },
	};

	(void)state;
	for (size_t i = 0; i < PC__COUNT(rows); i++) {
		struct pc__buf b = { 0 };

		pc__json_number(&b, rows[i].number);
		assert_string_equal(pc__buf_str(&b), rows[i].json);
		pc__buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
