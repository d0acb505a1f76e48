#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/mem.h"
#include "util/wheel.h"

#define HOUR UINT64_C(3600000)

struct item {
	struct pc__wheel_node node;
	struct pc__wheel *wheel;
	uint64_t when;
	unsigned calls;
	struct item *other;
	uint64_t again;
};

static uint64_t now;
static unsigned order[16], n_order;

static void count(struct pc__wheel_node *node)
{
	struct item *item = PC__CONTAINER(node, struct item, node);

	assert_false(pc__wheel_is_set(node));
	item->calls++;
}

static void set(struct pc__wheel *w, struct item *item, uint64_t when)
{
	item->wheel = w;
	item->when = when;
	if (item->node.fn == NULL)
		item->node.fn = count;
	pc__wheel_set(w, &item->node, when);
}

static void expires_on_time(void **state)
{
	static const uint64_t delays[] = { 1,    15,        16,        17,         1000,
		                           1023, 1024,      1025,      65536,      5000,
		                           HOUR, 24 * HOUR, 99 * HOUR, 9000 * HOUR };
	static const uint64_t starts[] = { 0, 7, 1023, 65535, 67108863, UINT64_C(1754000000123) };
	struct pc__wheel w;

	(void)state;
	for (size_t s = 0; s < PC__COUNT(starts); s++) {
		for (size_t d = 0; d < PC__COUNT(delays); d++) {
			struct item item = { 0 };
			uint64_t when = starts[s] + delays[d];

			pc__wheel_init(&w, starts[s]);
			set(&w, &item, when);
			pc__wheel_run(&w, when - 1);
			assert_int_equal(item.calls, 0);
			assert_true(pc__wheel_is_set(&item.node));
			pc__wheel_run(&w, when + PC__WHEEL_TICK - 1);
			assert_int_equal(item.calls, 1);
			assert_int_equal(pc__wheel_next(&w, when), -1);
		}
	}
}

/* Sleeping as long as the wheel says is enough, and takes few steps. */
static void sleeping_finds_the_time(void **state)
{
	static const uint64_t delays[] = { 1, 16, 5000, 77777, HOUR, 99 * HOUR, 9000 * HOUR };
	struct pc__wheel w;

	(void)state;
	for (size_t d = 0; d < PC__COUNT(delays); d++) {
		struct item item = { 0 };
		uint64_t time = 12345;
		unsigned steps = 0;

		pc__wheel_init(&w, time);
		set(&w, &item, time + delays[d]);
		while (item.calls == 0) {
			int64_t sleep = pc__wheel_next(&w, time);

			assert_true(sleep > 0);
			time += (uint64_t)sleep;
			pc__wheel_run(&w, time);
			steps++;
		}
		assert_in_range(time, item.when, item.when + PC__WHEEL_TICK - 1);
		assert_true(steps <= PC__WHEEL_LEVELS);
	}
}

static void the_past_expires_in_the_next_run(void **state)
{
	struct item item = { 0 };
	struct pc__wheel w;

	(void)state;
	pc__wheel_init(&w, 1000);
	assert_int_equal(pc__wheel_next(&w, 1000), -1);
	set(&w, &item, 0);
	assert_int_equal(item.calls, 0);
	assert_int_equal(pc__wheel_next(&w, 1000), 0);
	pc__wheel_run(&w, 1000);
	assert_int_equal(item.calls, 1);
	set(&w, &item, 0);
	pc__wheel_stop(&w, &item.node);
	assert_int_equal(pc__wheel_next(&w, 1000), -1);
	pc__wheel_run(&w, 1000);
	assert_int_equal(item.calls, 1);
}

static void never_is_far_off(void **state)
{
	struct item item = { 0 };
	struct pc__wheel w;

	(void)state;
	pc__wheel_init(&w, 0);
	set(&w, &item, UINT64_MAX);
	pc__wheel_run(&w, 1000000 * HOUR);
	assert_int_equal(item.calls, 0);
	pc__wheel_run(&w, UINT64_MAX);
	assert_int_equal(item.calls, 1);
}

static void moved_and_stopped(void **state)
{
	struct item a = { 0 }, b = { 0 };
	struct pc__wheel w;

	(void)state;
	pc__wheel_init(&w, 0);
	set(&w, &a, 100);
	set(&w, &b, 100);
	set(&w, &a, 5000);
	pc__wheel_run(&w, 200);
	assert_int_equal(a.calls, 0);
	assert_int_equal(b.calls, 1);
	set(&w, &a, 300);
	pc__wheel_run(&w, 400);
	assert_int_equal(a.calls, 1);
	set(&w, &a, 500);
	pc__wheel_stop(&w, &a.node);
	pc__wheel_stop(&w, &a.node);
	assert_false(pc__wheel_is_set(&a.node));
	assert_int_equal(pc__wheel_next(&w, 400), -1);
	pc__wheel_run(&w, HOUR);
	assert_int_equal(a.calls, 1);
}

/* After a long pause without runs a time-out still counts from the caller's clock. */
static void set_long_after_the_last_run(void **state)
{
	struct item item = { 0 };
	struct pc__wheel w;

	(void)state;
	pc__wheel_init(&w, 0);
	set(&w, &item, 10 * HOUR + 5000);
	assert_true(pc__wheel_next(&w, 10 * HOUR) <= 5000 + PC__WHEEL_TICK);
	pc__wheel_run(&w, 10 * HOUR);
	assert_int_equal(item.calls, 0);
	pc__wheel_run(&w, 10 * HOUR + 5016);
	assert_int_equal(item.calls, 1);
}

static void meddle(struct pc__wheel_node *node)
{
	struct item *item = PC__CONTAINER(node, struct item, node);

	item->calls++;
	if (item->other)
		pc__wheel_stop(item->wheel, &item->other->node);
	if (item->again != UINT64_MAX)
		pc__wheel_set(item->wheel, node, item->again);
}

static void callbacks_may_meddle(void **state)
{
	struct item a = { .node.fn = meddle, .again = UINT64_MAX }, b = a, self = a;
	struct pc__wheel w;

	(void)state;
	pc__wheel_init(&w, 0);
	a.other = &b;
	b.other = &a;
	set(&w, &a, 160); /* both in one slot: one of them wins */
	set(&w, &b, 160);
	pc__wheel_run(&w, 200);
	assert_int_equal(a.calls + b.calls, 1);
	/* One that asks for the past again and again gets one call a run. */
	self.again = 0;
	set(&w, &self, 0);
	for (unsigned i = 1; i < 5; i++) {
		pc__wheel_run(&w, 200);
		assert_int_equal(self.calls, i);
	}
	pc__wheel_stop(&w, &self.node);
	assert_int_equal(pc__wheel_next(&w, 200), -1);
}

static void free_self(struct pc__wheel_node *node)
{
	free(PC__CONTAINER(node, struct item, node));
}

static void callbacks_may_free(void **state)
{
	struct pc__wheel w;

	(void)state;
	pc__wheel_init(&w, 0);
	for (unsigned i = 0; i < 100; i++) {
		struct item *item = pc__alloc(sizeof(*item));

		item->node.fn = free_self;
		set(&w, item, 10 * i);
	}
	pc__wheel_run(&w, 2000);
	assert_int_equal(pc__wheel_next(&w, 2000), -1);
}

static void note(struct pc__wheel_node *node)
{
	order[n_order++] = (unsigned)PC__CONTAINER(node, struct item, node)->again;
}

static void equal_ones_keep_their_order(void **state)
{
	struct item items[8] = { 0 };
	struct pc__wheel w;

	(void)state;
	pc__wheel_init(&w, 0);
	for (unsigned i = 0; i < PC__COUNT(items); i++) {
		items[i].node.fn = note;
		items[i].again = i;
		set(&w, &items[i], 9000);
	}
	pc__wheel_run(&w, 9010);
	assert_int_equal(n_order, PC__COUNT(items));
	for (unsigned i = 0; i < n_order; i++)
		assert_int_equal(order[i], i);
}

static void on_time(struct pc__wheel_node *node)
{
	struct item *item = PC__CONTAINER(node, struct item, node);

	assert_in_range(now, item->when, item->when + 2 * PC__WHEEL_TICK + 100);
	item->calls++;
	set(item->wheel, item, now + (uint64_t)random() % (random() % 8 ? 5000 : 4 * HOUR));
}

/* Against the clock, with moves and stops at random. */
static void many_at_random(void **state)
{
	enum { N = 2000 };
	struct item *items = pc__alloc(N * sizeof(*items));
	struct pc__wheel w;
	unsigned calls = 0;

	(void)state;
	srandom(1);
	now = 1700000000;
	pc__wheel_init(&w, now);
	for (unsigned i = 0; i < N; i++) {
		items[i].node.fn = on_time;
		set(&w, &items[i], now + (uint64_t)random() % HOUR);
	}
	for (unsigned turn = 0; turn < 5000; turn++) {
		struct item *item = &items[random() % N];
		int64_t next = pc__wheel_next(&w, now);

		now += next >= 0 && next < 100 ? (uint64_t)next : (uint64_t)random() % 100;
		pc__wheel_run(&w, now);
		if (turn % 3 == 0)
			pc__wheel_stop(&w, &item->node);
		else
			set(&w, item, now + (uint64_t)random() % 10000);
		if (turn % 100 == 0)
			for (unsigned i = 0; i < N; i++)
				assert_true(!pc__wheel_is_set(&items[i].node) ||
				            items[i].when + 2 * PC__WHEEL_TICK > now);
	}
	for (unsigned i = 0; i < N; i++) {
		calls += items[i].calls;
		pc__wheel_stop(&w, &items[i].node);
	}
	assert_true(calls > 100);
	assert_int_equal(pc__wheel_next(&w, now), -1);
	free(items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expires_on_time),
		cmocka_unit_test(sleeping_finds_the_time),
		cmocka_unit_test(the_past_expires_in_the_next_run),
		cmocka_unit_test(never_is_far_off),
		cmocka_unit_test(moved_and_stopped),
		cmocka_unit_test(set_long_after_the_last_run),
		cmocka_unit_test(callbacks_may_meddle),
		cmocka_unit_test(callbacks_may_free),
		cmocka_unit_test(equal_ones_keep_their_order),
		cmocka_unit_test(many_at_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
