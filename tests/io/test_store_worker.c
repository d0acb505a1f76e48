/* The threads of a database, over a driver that only counts. */
#include "fake_driver.h"

static void test_one_write(void **state)
{
	struct world *s = world_new(&threads);
	pc_ticket t = put(s, 1, "romeo", "k");

	(void)state;
	assert_int_equal(pc__ticket_index(t), 3);
	assert_int_equal(s->n, 0);
	assert_false(pc__worker_committed(s->w, t));
	run(s);
	assert_int_equal(s->n, 1);
	assert_int_equal(s->log[0].err, PC_OK);
	assert_true(pc__worker_committed(s->w, t));
	assert_false(pc__worker_committed(s->w, t + 1));
	assert_int_equal(s->db.committed, 1);
	world_free(s);
}

static void test_group(void **state)
{
	struct world *s = world_new(&threads);
	struct pc__worker_stats stats;

	(void)state;
	hold(s, true);
	put(s, 0, "romeo", "k");
	wait_commit(s);
	for (int i = 1; i <= 300; i++)
		put(s, i, "romeo", "k");
	hold(s, false);
	run(s);
	assert_int_equal(s->n, 301);
	for (int i = 0; i < s->n; i++)
		assert_int_equal(s->log[i].number, i);
	/* one for the first, one for all that gathered meanwhile (more on a slow machine: 5 ms) */
	assert_in_range(s->db.commits, 2, 20);
	pc__worker_stats(s->w, &stats);
	assert_int_equal(stats.writes, 301);
	assert_int_equal(stats.commits, s->db.commits);
	assert_int_equal(stats.queued, 0);
	assert_int_equal(stats.queued_bytes, 0);
	world_free(s);
}

static void test_ten_thousand(void **state)
{
	struct world *s = world_new(&threads);

	(void)state;
	for (int i = 0; i < 10000; i++) {
		char user[16];

		snprintf(user, sizeof(user), "user%d", i % 50);
		put(s, i, user, "k");
		if (i % 10 == 0)
			uv_run(&s->loop, UV_RUN_NOWAIT);
	}
	run(s);
	assert_int_equal(s->n, 10000);
	for (int i = 0; i < s->n; i++) {
		assert_int_equal(s->log[i].number, i);
		assert_int_equal(s->log[i].err, PC_OK);
	}
	assert_int_equal(s->db.committed, 10000);
	world_free(s);
}

static void test_one_fails(void **state)
{
	struct world *s = world_new(&threads);
	pc_ticket good, bad, last;

	(void)state;
	hold(s, true);
	good = put(s, 1, "romeo", "k");
	bad = put(s, 2, "romeo", "bad");
	last = put(s, 3, "romeo", "k");
	pc__worker_wait(s->w, new_job(s, 12), bad);
	pc__worker_wait(s->w, new_job(s, 13), last);
	pc__worker_wait(s->w, new_job(s, 11), good);
	hold(s, false);
	run(s);
	assert_int_equal(s->n, 6);
	for (int i = 0; i < s->n; i++) {
		bool of_bad = s->log[i].number % 10 == 2;

		assert_int_equal(s->log[i].err, of_bad ? PC_ELIMIT : PC_OK);
		/* each callback, then who waited for its ticket */
		assert_int_equal(s->log[i].number, 1 + i / 2 + (i % 2 ? 10 : 0));
	}
	assert_true(pc__worker_committed(s->w, good));
	assert_false(pc__worker_committed(s->w, bad));
	assert_int_equal(s->db.committed, 2);
	/* asked late: the same answers, at the next turn; and of a number that never was */
	s->n = 0;
	pc__worker_wait(s->w, new_job(s, 21), good);
	pc__worker_wait(s->w, new_job(s, 22), bad);
	pc__worker_wait(s->w, new_job(s, 23), last + 1);
	pc__worker_wait(s->w, new_job(s, 24), 0);
	assert_int_equal(s->n, 0);
	run(s);
	assert_int_equal(s->n, 4);
	assert_int_equal(s->log[0].err, PC_OK);
	assert_int_equal(s->log[1].err, PC_ELIMIT);
	assert_int_equal(s->log[2].err, PC_EINVAL);
	assert_int_equal(s->log[3].err, PC_OK);
	world_free(s);
}

static void test_commit_fails(void **state)
{
	struct world *s = world_new(&threads);
	pc_ticket first, t;

	(void)state;
	hold(s, true);
	first = put(s, 0, "romeo", "k");
	wait_commit(s);
	put(s, 1, "romeo", "k");
	put(s, 2, "juliet", "bad");
	t = put(s, 3, "juliet", "k");
	pc__worker_wait(s->w, new_job(s, 4), t);
	ask(s, 5, "nurse");
	s->db.fail_commit = true;
	hold(s, false);
	run(s);
	assert_int_equal(s->n, 6);
	for (int i = 0; i < 5; i++)
		assert_int_equal(s->log[i].err, s->log[i].number == 2 ? PC_ELIMIT : PC_EIO);
	assert_int_equal(s->log[5].number, 5);
	assert_int_equal(s->log[5].value, 0);
	assert_false(pc__worker_committed(s->w, first));
	assert_false(pc__worker_committed(s->w, t));
	assert_in_range(s->db.rollbacks, 2, 4);
	/* and goes on when the disk does */
	s->db.fail_commit = false;
	s->n = 0;
	t = put(s, 6, "romeo", "k");
	run(s);
	assert_int_equal(s->log[0].err, PC_OK);
	assert_true(pc__worker_committed(s->w, t));
	assert_false(pc__worker_committed(s->w, first));
	s->db.fail_begin = true;
	t = put(s, 7, "romeo", "k");
	run(s);
	assert_int_equal(s->log[1].err, PC_EIO);
	assert_false(pc__worker_committed(s->w, t));
	world_free(s);
}

static void test_batch(void **state)
{
	struct world *s = world_new(&threads);
	pc__job *job = new_job(s, 1);
	pc_ticket t;

	(void)state;
	hold(s, true);
	put(s, 0, "romeo", "k");
	add_set(job, "romeo", "k");
	add_set(job, "juliet", "k");
	add_set(job, "romeo", "bad");
	t = pc__worker_submit(s->w, job);
	job = new_job(s, 2);
	add_set(job, "romeo", "k");
	add_set(job, "juliet", "k");
	add_set(job, "romeo", "k");
	pc__worker_submit(s->w, job);
	put(s, 3, "juliet", "k");
	hold(s, false);
	run(s);
	assert_int_equal(s->n, 4);
	for (int i = 0; i < s->n; i++) {
		assert_int_equal(s->log[i].number, i);
		assert_int_equal(s->log[i].err, i == 1 ? PC_ELIMIT : PC_OK);
	}
	assert_false(pc__worker_committed(s->w, t));
	assert_int_equal(s->db.undone, 2);
	assert_int_equal(s->db.committed, 5);
	world_free(s);
}

/* Reads are not told before the writes that were called before them are there. */
static void test_read_follows_write(void **state)
{
	struct world *s = world_new(&threads);

	(void)state;
	ask(s, 0, "romeo");
	run(s);
	assert_int_equal(s->log[0].value, 0);
	for (int i = 1; i <= 500; i++) {
		put(s, 2 * i - 1, "romeo", "k");
		ask(s, 2 * i, i % 2 ? "romeo" : "juliet");
	}
	run(s);
	assert_int_equal(s->n, 1001);
	for (int i = 1; i < s->n; i++) {
		if (s->log[i].value >= 0)
			assert_in_range(s->log[i].value, s->log[i].number / 2, 500);
	}
	assert_int_equal(s->db.committed, 500);
	world_free(s);
}

static void search(struct world *s, int number, const char *user)
{
	pc__job *job = new_job(s, number);
	pc__op *op = pc__job_add(job, PC__OP_SEARCH, "host", user, "archive");

	pc__op_search(op, &(pc_search){ .size = sizeof(pc_search) });
	pc__worker_submit(s->w, job);
}

static void hold_searches(struct world *s, bool held)
{
	uv_mutex_lock(&s->db.lock);
	s->db.hold_searches = held;
	uv_cond_broadcast(&s->db.changed);
	while (held && s->db.searching == 0)
		uv_cond_wait(&s->db.changed, &s->db.lock);
	uv_mutex_unlock(&s->db.lock);
}

/* However many searches wait and however long one takes, neither short reads nor writes do; and the
 * searches come in the order of asking. */
static void test_search_holds_up_nobody(void **state)
{
	static const char *const users[] = { "romeo", "juliet", "nurse", "tybalt" };
	struct world *s = world_new(&threads);

	(void)state;
	s->db.hold_searches = true;
	for (int i = 0; i < 100; i++)
		search(s, i, users[i % 4]);
	hold_searches(s, true);
	for (int i = 0; i < 20; i++) {
		put(s, 1000 + i, "paris", "k");
		ask(s, 2000 + i, "paris");
	}
	while (s->n < 40)
		uv_run(&s->loop, UV_RUN_ONCE);
	for (int i = 0; i < s->n; i++)
		assert_true(s->log[i].number >= 1000);
	hold_searches(s, false);
	run(s);
	assert_int_equal(s->n, 140);
	assert_int_equal(s->db.searching_most, 1);
	for (int i = 0; i < 100; i++)
		assert_int_equal(s->log[40 + i].number, i);
	world_free(s);
}

/* With two readers and a writer, what one user asked comes back in the order of asking. */
static void test_order_of_a_user(void **state)
{
	static const char *const users[] = { "romeo", "juliet", "nurse", "tybalt", "paris" };
	struct world *s = world_new(&threads);
	int last[PC__COUNT(users)] = { 0 };

	(void)state;
	for (int i = 1; i <= 5000; i++) {
		const char *user = users[i % 5];

		if (i % 3 == 0)
			put(s, i, user, i % 7 ? "k" : "bad");
		else
			ask(s, i, user);
		if (i % 100 == 0)
			uv_run(&s->loop, UV_RUN_NOWAIT);
	}
	run(s);
	assert_int_equal(s->n, 5000);
	for (int i = 0; i < s->n; i++) {
		int *of_user = &last[s->log[i].number % 5];

		assert_true(s->log[i].number > *of_user);
		*of_user = s->log[i].number;
	}
	world_free(s);
}

static void test_one_thread(void **state)
{
	pc_store_driver driver = threads;
	struct world *s;

	(void)state;
	driver.one_thread = true;
	s = world_new(&driver);
	for (int i = 0; i < 100; i++) {
		put(s, 2 * i, "romeo", "k");
		ask(s, 2 * i + 1, "romeo");
	}
	run(s);
	assert_int_equal(s->n, 200);
	for (int i = 0; i < s->n; i++) {
		assert_int_equal(s->log[i].number, i);
		assert_int_equal(s->log[i].value, i % 2 ? i / 2 + 1 : -1);
	}
	world_free(s);
}

static void test_full(void **state)
{
	struct world *s = world_new(&threads);
	struct pc__worker_stats stats;
	char *big = pc__alloc(1024 * 1024);
	pc_item item = { "k", big, 1024 * 1024 };
	pc_ticket accepted = 0, refused = 0;

	(void)state;
	hold(s, true);
	for (int i = 0; i < 70; i++) {
		pc__job *job = new_job(s, i);

		pc__op_items(pc__job_add(job, PC__OP_SET, "host", "romeo", "store"), &item, 1);
		refused = pc__worker_submit(s->w, job);
		if (i == 60)
			accepted = refused;
	}
	ask(s, 70, "romeo");
	pc__worker_wait(s->w, new_job(s, 100), accepted);
	pc__worker_wait(s->w, new_job(s, 101), refused);
	/* what is too much is told at once, in as many turns as that takes */
	for (int i = 0; i < 100 && s->n < 8; i++)
		uv_run(&s->loop, UV_RUN_NOWAIT);
	assert_int_equal(s->n, 8);
	for (int i = 0; i < s->n; i++) {
		assert_int_equal(s->log[i].err, PC_EBUSY);
		assert_int_equal(s->log[i].number, i < 7 ? 64 + i : 101);
	}
	pc__worker_stats(s->w, &stats);
	assert_in_range(stats.queued_bytes, PC__WORKER_BYTES, PC__WORKER_BYTES + 1024 * 1024);
	s->n = 0;
	hold(s, false);
	run(s);
	assert_int_equal(s->n, 65);
	for (int i = 0; i < s->n; i++)
		assert_int_equal(s->log[i].err, PC_OK);
	assert_true(pc__worker_committed(s->w, accepted));
	assert_false(pc__worker_committed(s->w, refused));
	accepted = put(s, 72, "romeo", "k");
	run(s);
	assert_true(pc__worker_committed(s->w, accepted));
	assert_false(pc__worker_committed(s->w, refused));
	free(big);
	world_free(s);
}

static void test_damaged(void **state)
{
	struct world *s = world_new(&threads);
	pc__job *job = new_job(s, 0);

	(void)state;
	s->db.damaged = true;
	pc__job_add(job, PC__OP_CHECK, "", NULL, "");
	pc__worker_submit(s->w, job);
	run(s);
	assert_int_equal(s->log[0].err, PC_EIO);
	put(s, 1, "romeo", "k");
	ask(s, 2, "romeo");
	run(s);
	assert_int_equal(s->log[1].err, PC_EIO);
	assert_int_equal(s->log[2].err, PC_OK);
	assert_int_equal(s->db.committed, 0);
	world_free(s);
}

static void submit_again(pc__job *job)
{
	struct note *note = job->data;
	struct world *s = note->s;

	if (note->number > 0)
		put(s, note->number, "romeo", "k");
	free(note);
}

static void test_flush_and_free(void **state)
{
	struct world *s = world_new(&threads);
	struct note *note = pc__alloc(sizeof(*note));
	pc__job *job;

	(void)state;
	for (int i = 0; i < 1000; i++)
		put(s, i, "romeo", "k");
	pc__worker_flush(s->w);
	assert_int_equal(s->n, 1000);
	assert_int_equal(s->db.committed, 1000);
	/* freeing carries out what is queued; what callbacks then submit is refused */
	*note = (struct note){ s, 2001 };
	job = pc__job_new(0, submit_again, note);
	add_set(job, "romeo", "k");
	pc__worker_submit(s->w, job);
	ask(s, 2000, "romeo");
	pc__worker_wait(s->w, new_job(s, 2002), put(s, 1000, "juliet", "k"));
	pc__worker_free(&s->w);
	assert_int_equal(s->db.committed, 1002);
	assert_int_equal(s->n, 1004);
	for (int i = 1000; i < s->n; i++)
		assert_int_equal(s->log[i].err, s->log[i].number == 2001 ? PC_ECANCELED : PC_OK);
	world_free(s);
}

/* What is ready at once does not keep the loop from going round. */
static void test_callbacks_take_turns(void **state)
{
	struct world *s = world_new(&threads);
	int before = 0, most = 0;

	(void)state;
	hold(s, true);
	put(s, 0, "romeo", "k");
	wait_commit(s);
	for (int i = 1; i < 20; i++)
		put(s, i, "romeo", "k");
	hold(s, false);
	s->callback_ns = 3000000;
	while (s->n < 20) {
		uv_run(&s->loop, UV_RUN_ONCE);
		most = s->n - before > most ? s->n - before : most;
		before = s->n;
	}
	assert_int_equal(most, 1);
	for (int i = 0; i < 20; i++)
		assert_int_equal(s->log[i].number, i);
	world_free(s);
}

static void test_no_driver(void **state)
{
	struct world *s = world_new(NULL);
	pc_ticket t = put(s, 0, "romeo", "k");

	(void)state;
	ask(s, 1, "romeo");
	pc__worker_wait(s->w, new_job(s, 2), t);
	assert_int_equal(s->n, 0);
	run(s);
	assert_int_equal(s->n, 3);
	for (int i = 0; i < s->n; i++)
		assert_int_equal(s->log[i].err, PC_ENOTSUP);
	world_free(s);
}

/* Failures older than those remembered never turn into successes. */
static void test_forgotten_failures(void **state)
{
	struct world *s = world_new(&threads);
	pc_ticket bad = put(s, 0, "romeo", "bad"), good;

	(void)state;
	for (int i = 1; i <= PC__TICKETS_FAILED; i++)
		put(s, i, "romeo", "bad");
	good = put(s, PC__TICKETS_FAILED + 1, "romeo", "k");
	run(s);
	assert_false(pc__worker_committed(s->w, bad));
	assert_true(pc__worker_committed(s->w, good));
	world_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_write),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_ten_thousand),
		cmocka_unit_test(test_one_fails),
		cmocka_unit_test(test_commit_fails),
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_read_follows_write),
		cmocka_unit_test(test_search_holds_up_nobody),
		cmocka_unit_test(test_order_of_a_user),
		cmocka_unit_test(test_one_thread),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_flush_and_free),
		cmocka_unit_test(test_callbacks_take_turns),
		cmocka_unit_test(test_no_driver),
		cmocka_unit_test(test_forgotten_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
