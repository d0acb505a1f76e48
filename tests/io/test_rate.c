/* The bucket of tokens behind limits of bytes a second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/rate.h"

static void test_burst_then_rate(void **state)
{
	struct pc__rate r;

	(void)state;
	pc__rate_init(&r, 1000, 2000, 5);
	assert_int_equal(pc__rate_spend(&r, 1500, 5), 0);
	assert_int_equal(pc__rate_spend(&r, 500, 5), 0);
	assert_int_equal(pc__rate_spend(&r, 100, 5), 100);
	assert_int_equal(pc__rate_spend(&r, 0, 55), 50);
	assert_int_equal(pc__rate_spend(&r, 0, 105), 0);
	assert_int_equal(pc__rate_spend(&r, 1, 105), 1);
}

static void test_fills_up_to_its_burst(void **state)
{
	struct pc__rate r;

	(void)state;
	pc__rate_init(&r, 1000, 2000, 0);
	pc__rate_spend(&r, 2000, 0);
	assert_int_equal(pc__rate_spend(&r, 2000, 1000000), 0);
	assert_int_equal(pc__rate_spend(&r, 10, 1000000), 10);
}

static void test_slow_and_huge(void **state)
{
	struct pc__rate r;

	(void)state;
	pc__rate_init(&r, 0, 0, 0);
	assert_int_equal(pc__rate_spend(&r, 10, 0), 10000);
	pc__rate_init(&r, UINT64_MAX, UINT64_MAX, 0);
	assert_int_equal(pc__rate_spend(&r, 65536, UINT64_MAX), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst_then_rate),
		cmocka_unit_test(test_fills_up_to_its_burst),
		cmocka_unit_test(test_slow_and_huge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
