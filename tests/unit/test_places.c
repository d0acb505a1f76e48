/* Places shared fairly: who takes how many, and whose turn it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "util/places.h"

#define MANY 1000

static struct pc__place crowd[MANY], others[MANY];
static struct pc__places all;

static int begin(void **state)
{
	(void)state;
	memset(crowd, 0, sizeof(crowd));
	memset(others, 0, sizeof(others));
	all = (struct pc__places){ .most = 8 };
	return 0;
}

static int end(void **state)
{
	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		pc__places_leave(&all, &crowd[i]);
		pc__places_leave(&all, &others[i]);
	}
	return all.held == 0 && all.askers == NULL && all.first == NULL && all.last == NULL ? 0
	                                                                                    : -1;
}

static size_t ask_all(const char *asker)
{
	size_t n = 0;

	for (size_t i = 0; i < MANY; i++)
		n += pc__places_ask(&all, &crowd[i], asker);
	return n;
}

/* One asker gets half, the next one half of what is left, and there is one more for a third. */
static void test_nobody_takes_all(void **state)
{
	(void)state;
	assert_int_equal(ask_all("a"), 4);
	assert_true(pc__places_ask(&all, &others[0], "b"));
	assert_true(pc__places_ask(&all, &others[1], "b"));
	assert_false(pc__places_ask(&all, &others[2], "b"));
	assert_true(pc__places_ask(&all, &others[3], "c"));
	assert_null(pc__places_next(&all));
	assert_true(pc__places_ask(&all, &others[0], "a")); /* it has one */
}

static void test_alone_in_the_world(void **state)
{
	(void)state;
	all.most = 1;
	assert_true(pc__places_ask(&all, &crowd[0], "a"));
	assert_false(pc__places_ask(&all, &crowd[1], "a"));
	assert_false(pc__places_ask(&all, &others[0], "b"));
	assert_null(pc__places_next(&all));
	pc__places_leave(&all, &crowd[0]);
	assert_ptr_equal(pc__places_next(&all), &crowd[1]);
	pc__places_leave(&all, &crowd[1]);
	assert_ptr_equal(pc__places_next(&all), &others[0]);
}

/* More askers than places: each is served once before anybody is served twice. */
static void test_turns(void **state)
{
	char name[16];

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "first%zu", i);
		assert_true(pc__places_ask(&all, &crowd[i], name));
	}
	for (size_t i = 8; i < 100; i++)
		assert_false(pc__places_ask(&all, &crowd[i], "greedy"));
	for (size_t i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "one%zu", i);
		assert_false(pc__places_ask(&all, &others[i], name));
	}
	pc__places_leave(&all, &crowd[0]);
	assert_ptr_equal(pc__places_next(&all), &crowd[8]);
	assert_null(pc__places_next(&all));
	for (size_t i = 0; i < 7; i++) {
		pc__places_leave(&all, &crowd[i + 1]);
		assert_ptr_equal(pc__places_next(&all), &others[i]);
		assert_null(pc__places_next(&all));
	}
}

/* Deep in the line of one, and first in that of another. */
static void test_two_want_the_same(void **state)
{
	(void)state;
	ask_all("a");
	assert_true(pc__places_ask(&all, &crowd[MANY - 1], "b"));
	assert_true(pc__places_ask(&all, &others[0], "b"));
	assert_false(pc__places_ask(&all, &crowd[MANY - 2], "b"));
	assert_false(pc__places_ask(&all, &crowd[MANY - 2], "b")); /* stands there once */
	pc__places_leave(&all, &others[0]);
	assert_ptr_equal(pc__places_next(&all), &crowd[MANY - 2]);
	assert_null(pc__places_next(&all));
	for (size_t i = 0; i < MANY - 2; i++) { /* it has left the line of the first */
		pc__places_leave(&all, &crowd[i]);
		for (struct pc__place *p; (p = pc__places_next(&all)) != NULL;)
			assert_true(p > &crowd[i] && p < &crowd[MANY - 2]);
	}
}

static void test_leaves_the_lines(void **state)
{
	(void)state;
	ask_all("a");
	for (size_t i = 5; i < MANY; i++)
		pc__places_leave(&all, &crowd[i]);
	pc__places_leave(&all, &crowd[0]);
	assert_ptr_equal(pc__places_next(&all), &crowd[4]);
	assert_null(pc__places_next(&all));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nobody_takes_all, begin, end),
		cmocka_unit_test_setup_teardown(test_alone_in_the_world, begin, end),
		cmocka_unit_test_setup_teardown(test_turns, begin, end),
		cmocka_unit_test_setup_teardown(test_two_want_the_same, begin, end),
		cmocka_unit_test_setup_teardown(test_leaves_the_lines, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
