#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/mem.h"
#include "util/number.h"

static void integers(void **state)
{
	static const struct {
		const char *text;
		int64_t value;
	} good[] = {
		{ "0", 0 },
		{ "-0", 0 },
		{ "007", 7 },
		{ "-1", -1 },
		{ "9223372036854775807", INT64_MAX },
		{ "-9223372036854775808", INT64_MIN },
	};
	static const char *const bad[] = { "",
		                           "-",
		                           "--1",
		                           "+1",
		                           " 1",
		                           "1 ",
		                           "1.0",
		                           "1e3",
		                           "0x1",
		                           "1a",
		                           "a",
		                           "9223372036854775808",
		                           "-9223372036854775809",
		                           "99999999999999999999999999" };
	int64_t value = 42;

	(void)state;
	for (size_t i = 0; i < PC__COUNT(good); i++) {
		assert_int_equal(pc__number_int(good[i].text, strlen(good[i].text), INT64_MIN,
		                                INT64_MAX, &value),
		                 PC_OK);
		assert_true(value == good[i].value);
	}
	value = 42;
	for (size_t i = 0; i < PC__COUNT(bad); i++)
		assert_int_equal(
		        pc__number_int(bad[i], strlen(bad[i]), INT64_MIN, INT64_MAX, &value),
		        PC_EINVAL);
	assert_int_equal(pc__number_int("-1", 2, 0, 10, &value), PC_EINVAL);
	assert_int_equal(pc__number_int("-0", 2, 0, 10, &value), PC_EINVAL);
	assert_int_equal(pc__number_int("11", 2, 0, 10, &value), PC_EINVAL);
	assert_int_equal(pc__number_int("-3", 2, -2, 10, &value), PC_EINVAL);
	assert_int_equal(pc__number_int("4", 1, 5, 10, &value), PC_EINVAL);
	assert_true(value == 42);
	assert_int_equal(pc__number_int("123", 2, 0, 100, &value), PC_OK);
	assert_true(value == 12);
}

static void unsigned_integers(void **state)
{
	uint64_t value;

	(void)state;
	assert_int_equal(pc__number_uint("18446744073709551615", 20, UINT64_MAX, &value), PC_OK);
	assert_true(value == UINT64_MAX);
	assert_int_equal(pc__number_uint("18446744073709551616", 20, UINT64_MAX, &value),
	                 PC_EINVAL);
	assert_int_equal(pc__number_uint("-1", 2, UINT64_MAX, &value), PC_EINVAL);
	assert_int_equal(pc__number_uint("4294967295", 10, UINT32_MAX, &value), PC_OK);
	assert_int_equal(pc__number_uint("4294967296", 10, UINT32_MAX, &value), PC_EINVAL);
	assert_int_equal(pc__number_uint("5", 1, 4, &value), PC_EINVAL);
	assert_int_equal(pc__number_uint("\0", 1, 4, &value), PC_EINVAL);
}

static void doubles(void **state)
{
	static const char *const bad[] = { "",      ".",        ".5",  "5.",    "-",     "+1",
		                           " 1",    "1 ",       "nan", "inf",   "0x1p3", "1e",
		                           "1e+",   "1,5",      "1..", "1e999", "1-",    "--1",
		                           "1e5.0", "infinity", "1d" };
	double value;

	(void)state;
	assert_int_equal(pc__number_double("0.5", false, &value), PC_OK);
	assert_true(value == 0.5);
	assert_int_equal(pc__number_double("-12.25e-1", true, &value), PC_OK);
	assert_true(value == -1.225);
	assert_int_equal(pc__number_double("1E+3", false, &value), PC_OK);
	assert_true(value == 1000);
	assert_int_equal(pc__number_double("-1", false, &value), PC_EINVAL);
	for (size_t i = 0; i < PC__COUNT(bad); i++)
		assert_int_equal(pc__number_double(bad[i], true, &value), PC_EINVAL);
}

static void periods(void **state)
{
	static const struct {
		const char *text;
		double seconds;
		bool ambiguous;
	} good[] = {
		{ "0", 0, false },
		{ "90", 90, false },
		{ "1s", 1, false },
		{ "2 sec", 2, false },
		{ "2 secs", 2, false },
		{ "1.5 seconds", 1.5, false },
		{ "1min", 60, false },
		{ "1 minute", 60, false },
		{ "5 mins", 300, false },
		{ "5 mi", 300, true },
		{ "2h", 7200, false },
		{ "2 Hours", 7200, false },
		{ "3hrs", 10800, false },
		{ "1d", 86400, false },
		{ "2 days", 172800, false },
		{ "1w", 604800, false },
		{ "3 weeks", 1814400, false },
		{ "1 month", 2678400, false },
		{ "1mon", 2678400, false },
		{ "1m", 2678400, true },
		{ "1mo", 2678400, true },
		{ "1 year", 31556952, false },
		{ "never", INFINITY, false },
		{ "Never", INFINITY, false },
	};
	static const char *const bad[] = { "",          "two weeks", "1 x",        "s",   "1 ",
		                           " 1",        "-1 s",      "1 s ",       "1.s", "1dd",
		                           "1 h 5 min", "nevermore", "1 secondss", "1e5" };
	double seconds;
	bool ambiguous;

	(void)state;
	for (size_t i = 0; i < PC__COUNT(good); i++) {
		assert_int_equal(pc__number_period(good[i].text, &seconds, &ambiguous), PC_OK);
		if (seconds != good[i].seconds || ambiguous != good[i].ambiguous)
			fail_msg("%s: %f", good[i].text, seconds);
	}
	for (size_t i = 0; i < PC__COUNT(bad); i++)
		if (pc__number_period(bad[i], &seconds, NULL) != PC_EINVAL)
			fail_msg("accepted: %s", bad[i]);
}

static void sizes(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} good[] = {
		{ "0", 0 },
		{ "10000", 10000 },
		{ "12 B", 12 },
		{ "10kb", 10000 },
		{ "10 kB", 10000 },
		{ "10k", 10000 },
		{ "256 KiB", 262144 },
		{ "1Ki", 1024 },
		{ "1 MB", 1000000 },
		{ "1MiB", 1048576 },
		{ "1.5 GB", 1500000000 },
		{ "2gib", INT64_C(2147483648) },
		{ "1T", INT64_C(1000000000000) },
		{ "1 TiB", INT64_C(1099511627776) },
	};
	static const char *const bad[] = { "",
		                           "k",
		                           "-1",
		                           "1 kk",
		                           "1 K iB",
		                           "1kbb",
		                           "1 ",
		                           " 1",
		                           "1 x",
		                           "10kb/s",
		                           "9999999999999999999",
		                           "8388608 TiB" };
	int64_t bytes;

	(void)state;
	for (size_t i = 0; i < PC__COUNT(good); i++) {
		assert_int_equal(pc__number_size(good[i].text, &bytes), PC_OK);
		assert_true(bytes == good[i].bytes);
	}
	for (size_t i = 0; i < PC__COUNT(bad); i++)
		if (pc__number_size(bad[i], &bytes) != PC_EINVAL)
			fail_msg("accepted: %s", bad[i]);
	assert_int_equal(pc__number_rate("10kb/s", &bytes), PC_OK);
	assert_true(bytes == 10000);
	assert_int_equal(pc__number_rate("30 KiB/s", &bytes), PC_OK);
	assert_true(bytes == 30720);
	assert_int_equal(pc__number_rate("500", &bytes), PC_OK);
	assert_true(bytes == 500);
	assert_int_equal(pc__number_rate("10kb/h", &bytes), PC_EINVAL);
	assert_int_equal(pc__number_rate("/s", &bytes), PC_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers), cmocka_unit_test(unsigned_integers),
		cmocka_unit_test(doubles),  cmocka_unit_test(periods),
		cmocka_unit_test(sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
