/* Connections and their limits: output that piles up, time, overload, parsers, fairness. */
#include "io_host.h"

#include <sys/resource.h>

static const pc__io_kind xmpp = { .framing = PC__XMPP, .content_ns = "jabber:client" };
static const pc__io_kind raw = { .framing = PC__RAW };

/* A peer that does not read: piled, drained when it does, and the limit. */
static void test_slow_reader(void **state)
{
	static const pc__io_kind kind = { .framing = PC__RAW, .send_limit = 16 << 20 };
	struct host h;
	struct peer p;
	char *block = pc__alloc(1 << 20);
	size_t sent = 0;

	(void)state;
	host_start(&h);
	host_listen(&h, "127.0.0.1", &kind);
	peer_connect(&h, &p);
	uv_poll_stop(&p.poll);
	UNTIL(&h, h.accepted == 1);
	for (; sent < 30 && h.piled == 0; sent++) {
		pc__io_send(h.io, h.conn, block, 1 << 20);
		host_settle(&h);
	}
	assert_int_equal(h.piled, 1);
	assert_true(host_stats(&h).unsent > (8 << 20));
	assert_true(host_stats(&h).unsent < (10 << 20));
	peer_watch(&p);
	UNTIL(&h, h.drained == 1);
	UNTIL(&h, p.in.len == sent << 20);
	assert_int_equal(host_stats(&h).unsent, 0);
	uv_poll_stop(&p.poll);
	for (int i = 0; i < 40 && h.closed == 0; i++) {
		pc__io_send(h.io, h.conn, block, 1 << 20);
		host_settle(&h);
	}
	UNTIL(&h, h.closed == 1);
	assert_string_equal(h.reason, "too much unsent");
	assert_int_equal(host_stats(&h).unsent, 0);
	free(block);
	peer_close(&p);
	host_stop(&h);
}

/* A mark is passed when all before it has left: at once, or when the peer has read. One that is not
 * passed before the end is not told. */
static void test_marks(void **state)
{
	struct host h;
	struct peer p;
	char *block = pc__alloc(6 << 20);

	(void)state;
	host_start(&h);
	host_listen(&h, "127.0.0.1", &raw);
	peer_connect(&h, &p);
	UNTIL(&h, h.accepted == 1);
	pc__io_mark(h.io, h.conn);
	pc__io_send(h.io, h.conn, "a", 1);
	pc__io_mark(h.io, h.conn);
	UNTIL(&h, h.written == 2);
	uv_poll_stop(&p.poll);
	pc__io_send(h.io, h.conn, block, 6 << 20);
	pc__io_mark(h.io, h.conn);
	host_settle(&h);
	assert_int_equal(h.written, 2);
	peer_watch(&p);
	UNTIL(&h, h.written == 3);
	UNTIL(&h, p.in.len == (6 << 20) + 1);
	uv_poll_stop(&p.poll);
	pc__io_send(h.io, h.conn, block, 6 << 20);
	pc__io_mark(h.io, h.conn);
	host_settle(&h);
	peer_close(&p);
	UNTIL(&h, h.closed == 1);
	assert_int_equal(h.written, 3);
	free(block);
	host_stop(&h);
}

static void test_idle(void **state)
{
	static const pc__io_kind kind = { .framing = PC__RAW, .idle_seconds = 0.05 };
	struct host h;
	struct peer p;

	(void)state;
	host_start(&h);
	host_listen(&h, "127.0.0.1", &kind);
	peer_connect(&h, &p);
	UNTIL(&h, h.idles == 2);
	pc__io_set_idle(h.io, h.conn, 0);
	host_settle(&h);
	peer_close(&p);
	UNTIL(&h, h.closed == 1);
	host_stop(&h);
}

static void test_parking(void **state)
{
	struct host h;
	struct peer p;

	(void)state;
	if (host_threads > 1)
		skip(); /* it takes its time */
	host_start(&h);
	h.go_on = h.lower = true;
	host_listen(&h, "127.0.0.1", &xmpp);
	peer_connect(&h, &p);
	peer_send(&p, HEADER "<a/>");
	UNTIL(&h, h.elements == 1);
	assert_int_equal(host_stats(&h).parsers, 1);
	UNTIL(&h, host_stats(&h).parsers == 0);
	peer_send(&p, "<b><c/></b>");
	UNTIL(&h, h.elements == 2);
	assert_int_equal(host_stats(&h).parsers, 1);
	peer_close(&p);
	UNTIL(&h, h.closed == 1);
	assert_int_equal(host_stats(&h).parsers, 0);
	host_stop(&h);
}

/* Many streams that talk at once hold a bounded number of parsers. */
static void test_parsers_bounded(void **state)
{
	enum { N = 700 };
	struct host h;
	struct peer *p = pc__alloc(N * sizeof(*p));

	(void)state;
	host_start(&h);
	h.go_on = h.lower = true;
	host_listen(&h, "127.0.0.1", &xmpp);
	for (int i = 0; i < N; i++) {
		peer_connect(&h, &p[i]);
		uv_poll_stop(&p[i].poll);
		peer_send(&p[i], HEADER "<a/>");
		if (i % 32 == 0)
			host_settle(&h);
	}
	UNTIL(&h, h.elements == N);
	assert_true(host_stats(&h).parsers <= 512u * (host_threads ? host_threads : 1));
	for (int i = 0; i < N; i++)
		peer_send(&p[i], "<b/>");
	UNTIL(&h, h.elements == 2 * N);
	assert_true(host_stats(&h).parsers <= 512u * (host_threads ? host_threads : 1));
	for (int i = 0; i < N; i++)
		peer_close(&p[i]);
	UNTIL(&h, h.closed == N);
	free(p);
	host_stop(&h);
}

/* A peer that never ends its side is dropped two seconds after we have. */
static void test_close_deadline(void **state)
{
	struct host h;
	struct peer p;

	(void)state;
	host_start(&h);
	host_listen(&h, "127.0.0.1", &raw);
	peer_connect(&h, &p);
	UNTIL(&h, h.accepted == 1);
	pc__io_send(h.io, h.conn, "end", 3);
	pc__io_close(h.io, h.conn, "ours");
	UNTIL(&h, p.eof);
	assert_true(peer_has(&p, "end"));
	peer_send(&p, "what comes now is thrown away");
	assert_int_equal(h.closed, 0);
	UNTIL(&h, h.closed == 1);
	assert_string_equal(h.reason, "ours");
	assert_int_equal(h.bytes.len, 0);
	peer_close(&p);
	host_stop(&h);
}

static void test_slow(void **state)
{
	struct host h;
	struct peer p;
	uint64_t start;

	(void)state;
	host_start(&h);
	h.go_on = true;
	host_listen(&h, "127.0.0.1", &xmpp);
	peer_connect(&h, &p);
	peer_send(&p, HEADER);
	UNTIL(&h, h.headers == 1);
	pc__io_slow(h.io, h.conn, 60);
	pc__io_drain(h.io);
	start = uv_hrtime();
	peer_send(&p, "<a/>");
	UNTIL(&h, h.elements == 1);
	assert_true(uv_hrtime() - start > 30000000);
	peer_close(&p);
	host_stop(&h);
}

static void test_pause(void **state)
{
	struct host h;
	struct peer p, q;

	(void)state;
	host_start(&h);
	h.go_on = true;
	host_listen(&h, "127.0.0.1", &xmpp);
	peer_connect(&h, &p);
	UNTIL(&h, h.accepted == 1);
	pc__io_pause_new(h.io, true);
	host_settle(&h);
	peer_connect(&h, &q);
	peer_send(&p, HEADER);
	host_settle(&h);
	assert_int_equal(h.accepted, 1);
	assert_int_equal(h.headers, 0);
	pc__io_pause_new(h.io, false);
	UNTIL(&h, h.accepted == 2 && h.headers == 1);
	peer_close(&p);
	peer_close(&q);
	host_stop(&h);
}

/* Out of descriptors: whoever waits is let in and out again, and it goes on when there are some. */
static void test_no_descriptors(void **state)
{
	struct host h;
	struct peer p, q;
	struct rlimit old, low;
	int next;

	(void)state;
	host_start(&h);
	host_listen(&h, "127.0.0.1", &raw);
	peer_connect(&h, &p);
	next = dup(0);
	close(next);
	getrlimit(RLIMIT_NOFILE, &old);
	low = old;
	low.rlim_cur = (rlim_t)next;
	setrlimit(RLIMIT_NOFILE, &low);
	UNTIL(&h, p.eof);
	assert_int_equal(h.accepted, 0);
	setrlimit(RLIMIT_NOFILE, &old);
	peer_connect(&h, &q);
	UNTIL(&h, h.accepted == 1);
	peer_close(&p);
	peer_close(&q);
	host_stop(&h);
}

/* One that floods does not keep others waiting: 16 elements a turn. */
static void test_fair_turns(void **state)
{
	struct host h;
	struct peer p;
	struct pc__buf out = { 0 };
	unsigned before, most = 0;

	(void)state;
	if (host_threads != 0)
		skip(); /* turns of another thread are not seen from here */
	host_start(&h);
	h.go_on = h.lower = h.give_back = true;
	host_listen(&h, "127.0.0.1", &xmpp);
	peer_connect(&h, &p);
	pc__buf_adds(&out, HEADER);
	for (int i = 0; i < 200; i++)
		pc__buf_adds(&out, "<message><body>x</body></message>");
	peer_send_n(&p, out.p, out.len);
	host_deadline(&h);
	while (h.elements < 200 && !h.late) {
		before = h.elements;
		uv_run(&h.loop, UV_RUN_ONCE);
		most = h.elements - before > most ? h.elements - before : most;
	}
	uv_timer_stop(&h.deadline);
	assert_int_equal(h.elements, 200);
	assert_int_equal(most, 16);
	pc__buf_free(&out);
	peer_close(&p);
	host_stop(&h);
}

static int threads_0(void **state)
{
	(void)state;
	host_threads = 0;
	return 0;
}

static int threads_1(void **state)
{
	(void)state;
	host_threads = 1;
	return 0;
}

static int threads_3(void **state)
{
	(void)state;
	host_threads = 3;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slow_reader),    cmocka_unit_test(test_idle),
		cmocka_unit_test(test_parking),        cmocka_unit_test(test_parsers_bounded),
		cmocka_unit_test(test_close_deadline), cmocka_unit_test(test_slow),
		cmocka_unit_test(test_pause),          cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_fair_turns),     cmocka_unit_test(test_marks),
	};

	return cmocka_run_group_tests_name("threads=0", tests, threads_0, NULL) +
	       cmocka_run_group_tests_name("threads=1", tests, threads_1, NULL) +
	       cmocka_run_group_tests_name("threads=3", tests, threads_3, NULL);
}
