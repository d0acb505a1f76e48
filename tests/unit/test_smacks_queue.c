/* What is not acknowledged yet (XEP-0198): counters that go round, and the ring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../modules/lib_smacks/queue.c"

#include "xml/frame.h"

static void add(struct queue *q, unsigned n)
{
	pc_stanza *st = pc_stanza_message("chat", "a@b", NULL);
	pc__body *body = pc__body_of(st);

	for (unsigned i = 0; i < n; i++) {
		pc_frame *frame = pc__frame_new(body, "a@b");

		queue_add(q, frame, (int64_t)queue_sent(q) + 1);
		pc_frame_unref(&frame);
	}
	pc__body_unref(&body);
	pc_stanza_free(&st);
}

static void test_empty(void **state)
{
	struct queue q = { 0 };

	(void)state;
	assert_int_equal(queue_sent(&q), 0);
	assert_int_equal(queue_judge(&q, 0), 0);
	assert_int_equal(queue_judge(&q, 1), PC_ELIMIT);
	assert_int_equal(queue_judge(&q, UINT32_MAX), PC_ENOENT);
	queue_free(&q);
}

/* Each start, before, at and behind the end of the numbers. */
static void test_round(void **state)
{
	static const uint32_t starts[] = { 0,         7, INT32_MAX, UINT32_MAX - 7, UINT32_MAX - 1,
		                           UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
		uint32_t s = starts[i];
		struct queue q = { .acked = s };

		add(&q, 10);
		assert_int_equal(queue_sent(&q), s + 10);
		for (uint32_t h = 0; h <= 10; h++)
			assert_int_equal(queue_judge(&q, s + h), h);
		assert_int_equal(queue_judge(&q, s + 11), PC_ELIMIT);
		assert_int_equal(queue_judge(&q, s + INT32_MAX), PC_ELIMIT);
		assert_int_equal(queue_judge(&q, s + INT32_MAX + 1), PC_ENOENT);
		assert_int_equal(queue_judge(&q, s - 1), PC_ENOENT);
		queue_drop(&q, 4);
		assert_int_equal(q.acked, s + 4);
		assert_int_equal(q.n, 6);
		assert_int_equal(queue_sent(&q), s + 10);
		assert_int_equal(queue_at(&q, 0)->when, s + 5);
		assert_int_equal(queue_judge(&q, s + 3), PC_ENOENT);
		queue_free(&q);
		assert_int_equal(q.bytes, 0);
	}
}

/* Adding and dropping in turns, so that the ring's end lies anywhere when it grows. */
static void test_ring(void **state)
{
	struct queue q = { 0 };
	uint32_t dropped = 0;

	(void)state;
	for (unsigned turn = 1; turn < 60; turn++) {
		add(&q, turn % 13 + 3);
		for (uint32_t i = 0; i < q.n; i++)
			assert_int_equal(queue_at(&q, i)->when, dropped + i + 1);
		queue_drop(&q, turn % 7 + 1);
		dropped += turn % 7 + 1;
		assert_int_equal(q.acked, dropped);
	}
	queue_drop(&q, UINT32_MAX);
	assert_int_equal(q.n, 0);
	assert_int_equal(q.bytes, 0);
	assert_int_equal(q.size, 0); /* a ring that was large is given back */
	add(&q, 1);
	queue_free(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
