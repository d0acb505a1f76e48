#include "service_host.h"

#include <math.h>

#include "timers.h"

static int fired;

static void on_fire(void *data)
{
	fired++;
	if (data != NULL)
		pc_timer_stop(data);
}

static int open_world(void **state)
{
	fired = 0;
	*state = module_new();
	return 0;
}

static int close_world(void **state)
{
	module_end(*state, PC__DEAD);
	return 0;
}

static void test_once(void **state)
{
	int64_t before = (uv_update_time(&loop), pc_now_ms());

	pc_after(*state, 0.05, on_fire, NULL);
	assert_int_equal(fired, 0);
	assert_true(run_until(&fired, 1));
	assert_true(pc_now_ms() - before >= 50);
}

/* A module that forgets that its timer has run may stop it in there. */
static void test_stopped_in_its_own_call(void **state)
{
	pc_timer *once = NULL, *often = NULL;

	once = pc_after(*state, 0, on_fire, &once);
	assert_true(run_until(&fired, 1));
	assert_null(once);
	often = pc_every(*state, 0.001, on_fire, &often);
	assert_true(run_until(&fired, 2));
	assert_null(often);
	pc_timer_stop(&often);
}

static void test_every(void **state)
{
	pc_timer *t = pc_every(*state, 0.001, on_fire, NULL);

	assert_true(run_until(&fired, 3));
	pc_timer_stop(&t);
	assert_null(t);
}

static int later;

static void on_later(void *data)
{
	(void)data;
	later++;
}

static void test_ends_with_its_module(void **state)
{
	pc_module *other = module_new();

	later = 0;
	pc_after(other, 0.02, on_fire, NULL);
	pc_every(other, 0.02, on_fire, NULL);
	module_end(other, PC__DEAD);
	pc_after(*state, 0.1, on_later, NULL);
	assert_true(run_until(&later, 1));
	assert_int_equal(fired, 0);
}

struct owner {
	struct pc__timer timer;
};

static void on_node(struct pc__timer *t)
{
	fired++;
	free(PC__CONTAINER(t, struct owner, timer));
}

static void test_nodes(void **state)
{
	struct owner *owner = pc__alloc(sizeof(*owner));

	(void)state;
	assert_false(pc__timer_is_set(&owner->timer));
	pc__timer_clear(&owner->timer);
	pc__timer_set(&owner->timer, 1000, on_node);
	assert_true(pc__timer_is_set(&owner->timer));
	pc__timer_set(&owner->timer, INFINITY, on_node);
	assert_false(pc__timer_is_set(&owner->timer));
	pc__timer_set(&owner->timer, 0, on_node);
	assert_int_equal(fired, 0);
	assert_true(run_until(&fired, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_once, open_world, close_world),
		cmocka_unit_test_setup_teardown(test_stopped_in_its_own_call, open_world,
		                                close_world),
		cmocka_unit_test_setup_teardown(test_every, open_world, close_world),
		cmocka_unit_test_setup_teardown(test_ends_with_its_module, open_world, close_world),
		cmocka_unit_test_setup_teardown(test_nodes, open_world, close_world),
	};
	int failed;

	loop_open();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	pc__timers_stop();
	loop_end();
	return failed;
}
