/* New streams wait while turns of the loop are long, and no longer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../core/latency.c"

struct pc__server pc__server;

static uv_loop_t loop;
static unsigned pauses;

void pc__io_pause_new(pc__io *io, bool pause)
{
	(void)io;
	pauses += pause;
	if (!pause)
		uv_stop(&loop);
}

pc_metric *pc__histogram(const char *section, const char *name, const char *help, double least)
{
	(void)section, (void)name, (void)help, (void)least;
	return NULL;
}

void pc_metric_observe(pc_metric *metric, double value)
{
	(void)metric, (void)value;
}

static void take_long(uv_async_t *handle)
{
	uint64_t until = uv_hrtime() + 2 * LAG_NS;

	while (uv_hrtime() < until)
		;
	uv_close((uv_handle_t *)handle, NULL);
}

static void give_up(uv_timer_t *handle)
{
	*(bool *)handle->data = true;
}

/* Nobody says anything behind a long turn: the pause ends all the same. */
static void test_pause_ends_by_itself(void **state)
{
	bool late = false;
	uv_async_t work;
	uv_timer_t deadline;

	(void)state;
	uv_loop_init(&loop);
	pc__latency_start(&loop);
	uv_async_init(&loop, &work, take_long);
	uv_timer_init(&loop, &deadline);
	deadline.data = &late;
	uv_timer_start(&deadline, give_up, 5000, 0);
	uv_async_send(&work);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_false(late);
	assert_int_equal(pauses, 1);
	pc__latency_stop();
	uv_close((uv_handle_t *)&after_poll, NULL);
	uv_close((uv_handle_t *)&before_poll, NULL);
	uv_close((uv_handle_t *)&again, NULL);
	uv_close((uv_handle_t *)&deadline, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pause_ends_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
