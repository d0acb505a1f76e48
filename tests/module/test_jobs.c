#include "service_host.h"

#include "jobs.h"

static int done;
static uv_thread_t main_thread;

struct sum {
	int n, result;
	bool elsewhere;
};

static void add_up(void *data)
{
	struct sum *s = data;
	uv_thread_t self = uv_thread_self();

	for (int i = 1; i <= s->n; i++)
		s->result += i;
	s->elsewhere = !uv_thread_equal(&self, &main_thread);
}

static void on_done(int err, void *data)
{
	uv_thread_t self = uv_thread_self();

	assert_int_equal(err, PC_OK);
	assert_true(uv_thread_equal(&self, &main_thread));
	assert_non_null(data);
	done++;
}

static int open_world(void **state)
{
	done = 0;
	main_thread = uv_thread_self();
	loop_open();
	*state = module_new();
	return 0;
}

static int close_world(void **state)
{
	if (*state != NULL)
		module_end(*state, PC__DEAD);
	pc__jobs_stop();
	loop_end();
	return 0;
}

static void test_work_and_done(void **state)
{
	struct sum sums[100] = { 0 };

	for (int i = 0; i < 100; i++) {
		sums[i].n = i;
		assert_int_equal(pc_run_job(*state, add_up, on_done, &sums[i]), PC_OK);
	}
	assert_int_equal(done, 0);
	assert_true(run_until(&done, 100));
	assert_int_equal(pc__jobs_pending(), 0);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(sums[i].result, i * (i + 1) / 2);
		assert_true(sums[i].elsewhere);
	}
}

/* A gate that holds both threads. */
static uv_sem_t gate;

static void wait_at_gate(void *data)
{
	(void)data;
	uv_sem_wait(&gate);
}

static void test_bounded(void **state)
{
	uv_sem_init(&gate, 0);
	for (int i = 0; i < PC__JOBS_MAX; i++)
		assert_int_equal(pc_run_job(*state, wait_at_gate, on_done, &gate), PC_OK);
	assert_int_equal(pc_run_job(*state, wait_at_gate, on_done, &gate), PC_EBUSY);
	for (int i = 0; i < PC__JOBS_MAX; i++)
		uv_sem_post(&gate);
	assert_true(run_until(&done, PC__JOBS_MAX));
	uv_sem_destroy(&gate);
}

/* A module that is unloaded is not told; one that was replaced by a reload still is. */
static void test_module_gone(void **state)
{
	static struct sum sum;
	pc_module *retired = module_new();

	uv_sem_init(&gate, 0);
	pc_run_job(*state, wait_at_gate, on_done, &gate);
	pc_run_job(retired, wait_at_gate, on_done, &gate);
	module_end(*state, PC__DEAD);
	*state = NULL;
	module_end(retired, PC__RETIRED);
	uv_sem_post(&gate);
	uv_sem_post(&gate);
	pc_run_job(NULL, add_up, on_done, &sum);
	assert_true(run_until(&done, 2));
	while (pc__jobs_pending() > 0)
		uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(done, 2);
	uv_sem_destroy(&gate);
}

/* The end does not wait for what is queued. */
static void test_stop_forgets(void **state)
{
	static struct sum sums[500];

	for (int i = 0; i < 500; i++) {
		sums[i].n = 10000;
		pc_run_job(*state, add_up, on_done, &sums[i]);
	}
	pc__jobs_stop();
	assert_int_equal(pc__jobs_pending(), 0);
	assert_int_equal(done, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_work_and_done, open_world, close_world),
		cmocka_unit_test_setup_teardown(test_bounded, open_world, close_world),
		cmocka_unit_test_setup_teardown(test_module_gone, open_world, close_world),
		cmocka_unit_test_setup_teardown(test_stop_forgets, open_world, close_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
