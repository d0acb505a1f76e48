/* Connections in the clear: framing, barriers, credit, output, time, ends. */
#include "io_host.h"

static const pc__io_kind xmpp = { .framing = PC__XMPP, .content_ns = "jabber:client" };
static const pc__io_kind raw = { .framing = PC__RAW };

static void test_raw_echo(void **state)
{
	struct host h;
	struct peer p;

	(void)state;
	host_start(&h);
	h.echo = true;
	host_listen(&h, "127.0.0.1", &raw);
	peer_connect(&h, &p);
	peer_send(&p, "GET /");
	UNTIL(&h, peer_has(&p, "GET /"));
	assert_string_equal(h.ip, "127.0.0.1");
	shutdown(p.fd, SHUT_WR);
	UNTIL(&h, h.closed == 1 && p.eof);
	assert_string_equal(h.reason, "connection closed by the peer");
	assert_int_equal(host_stats(&h).connections, 0);
	peer_close(&p);
	host_stop(&h);
}

static void test_echo(void **state)
{
	struct host h;
	struct peer p;

	(void)state;
	host_start(&h);
	h.echo = h.go_on = true;
	host_listen(&h, "127.0.0.1", &xmpp);
	peer_connect(&h, &p);
	peer_send(&p,
	          HEADER "<message><body>one</body></message><message><body>two</body></message>"
	                 "</stream:stream>");
	UNTIL(&h, peer_has(&p, "two") && h.ends == 1);
	assert_string_equal(host_log(&h),
	                    "accepted header=localhost element=message element=message end ");
	pc__io_close(h.io, h.conn, "bye");
	UNTIL(&h, p.eof);
	shutdown(p.fd, SHUT_WR);
	UNTIL(&h, h.closed == 1);
	assert_string_equal(h.reason, "bye");
	peer_close(&p);
	host_stop(&h);
}

static void test_every_cut(void **state)
{
	static const char text[] = HEADER "<a x='1'>\xc3\xa4</a> <b/></stream:stream>";

	(void)state;
	for (size_t cut = 1; cut < sizeof(text) - 1; cut += 3) {
		struct host h;
		struct peer p;

		host_start(&h);
		h.go_on = true;
		host_listen(&h, "127.0.0.1", &xmpp);
		peer_connect(&h, &p);
		peer_send_n(&p, text, cut);
		UNTIL(&h, host_stats(&h).bytes_in == cut);
		peer_send(&p, text + cut);
		UNTIL(&h, h.ends == 1);
		assert_string_equal(host_log(&h),
		                    "accepted header=localhost element=a element=b end ");
		peer_close(&p);
		host_stop(&h);
	}
}

static void test_barrier(void **state)
{
	struct host h;
	struct peer p;

	(void)state;
	host_start(&h);
	host_listen(&h, "127.0.0.1", &xmpp);
	peer_connect(&h, &p);
	peer_send(&p, HEADER "<a/><b/><c/>");
	UNTIL(&h, h.headers == 1);
	host_settle(&h);
	assert_int_equal(h.elements, 0);
	for (unsigned i = 1; i <= 2; i++) {
		pc__io_continue(h.io, h.conn);
		UNTIL(&h, h.elements == i);
		host_settle(&h);
		assert_int_equal(h.elements, i);
	}
	pc__io_restart(h.io, h.conn);
	UNTIL(&h, h.errors == 1); /* <c/> is no stream header */
	peer_close(&p);
	host_stop(&h);
}

/* Of an element that is on its way to main it stays true that the parser waits. */
static void test_barrier_lowered_meanwhile(void **state)
{
	struct host h;
	struct peer p;

	(void)state;
	host_start(&h);
	host_listen(&h, "127.0.0.1", &xmpp);
	peer_connect(&h, &p);
	peer_send(&p, HEADER "<a/><b/>");
	UNTIL(&h, h.headers == 1);
	pc__io_continue(h.io, h.conn);
	pc__io_barrier(h.io, h.conn, false);
	UNTIL(&h, h.elements == 1);
	host_settle(&h);
	assert_int_equal(h.elements, 1);
	assert_int_equal(h.waits, 1);
	pc__io_continue(h.io, h.conn);
	UNTIL(&h, h.elements == 2);
	assert_int_equal(h.waits, 1);
	peer_close(&p);
	host_stop(&h);
}

static void test_credit(void **state)
{
	struct host h;
	struct peer p;
	struct pc__buf out = { 0 };

	(void)state;
	host_start(&h);
	h.go_on = h.lower = true;
	host_listen(&h, "127.0.0.1", &xmpp);
	peer_connect(&h, &p);
	pc__buf_adds(&out, HEADER);
	for (int i = 0; i < 1000; i++)
		pc__buf_adds(&out, "<message><body>x</body></message>");
	peer_send_n(&p, out.p, out.len);
	UNTIL(&h, h.elements >= 32);
	host_settle(&h);
	assert_int_equal(h.elements, 32);
	h.give_back = true;
	pc__io_credit(h.io, h.conn, 32, h.element_bytes);
	UNTIL(&h, h.elements == 1000);
	assert_true(h.element_bytes <= out.len && h.element_bytes > out.len - 400);
	pc__buf_free(&out);
	peer_close(&p);
	host_stop(&h);
}

static void test_error(void **state)
{
	struct host h;
	struct peer p;

	(void)state;
	host_start(&h);
	h.go_on = true;
	host_listen(&h, "127.0.0.1", &xmpp);
	peer_connect(&h, &p);
	peer_send(&p, HEADER "<a></b>");
	UNTIL(&h, h.errors == 1);
	pc__io_send(h.io, h.conn, "</stream:stream>", 16);
	pc__io_close(h.io, h.conn, "broken");
	UNTIL(&h, p.eof);
	assert_true(peer_has(&p, "</stream:stream>"));
	peer_close(&p);
	UNTIL(&h, h.closed == 1);
	host_stop(&h);
}

static void test_connect(void **state)
{
	struct host h;

	(void)state;
	host_start(&h);
	h.echo = true;
	host_listen(&h, "127.0.0.1", &raw);
	h.client = pc__io_connect(h.io, "127.0.0.1", pc__io_listener_port(h.listener), 5, &raw,
	                          NULL, NULL);
	pc__io_send(h.io, h.client, "early", 5);
	UNTIL(&h, h.bytes.len >= 5);
	assert_memory_equal(h.bytes.p, "early", 5);
	pc__io_abort(h.io, h.client, "enough");
	UNTIL(&h, h.closed == 2);
	h.client = pc__io_connect(h.io, "not an address", 1, 5, &raw, NULL, NULL);
	UNTIL(&h, h.closed == 3);
	h.client = pc__io_connect(h.io, "127.0.0.1", 1, 5, &raw, NULL, NULL);
	UNTIL(&h, h.closed == 4);
	host_stop(&h);
}

static void test_unix_socket(void **state)
{
	char path[64];
	struct host h;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/pc-test-io-%d", (int)getpid());
	host_start(&h);
	host_listen(&h, path, &raw);
	h.client = pc__io_connect(h.io, path, 0, 5, &raw, NULL, NULL);
	pc__io_send(h.io, h.client, "hello", 5);
	UNTIL(&h, h.bytes.len == 5);
	assert_string_equal(h.ip, "");
	pc__io_close(h.io, h.conn, "bye");
	UNTIL(&h, h.closed == 2);
	host_stop(&h);
	assert_int_equal(access(path, F_OK), -1);
}

/* What is said to connections that have gone, or that main has ended, has no effect. */
static void test_dead_generations(void **state)
{
	struct host h;
	struct peer p[8];
	pc_conn_id old;

	(void)state;
	host_start(&h);
	h.go_on = true;
	host_listen(&h, "127.0.0.1", &xmpp);
	for (int i = 0; i < 8; i++) {
		unsigned headers = h.headers;

		peer_connect(&h, &p[i]);
		peer_send(&p[i], HEADER);
		UNTIL(&h, h.headers == headers + 1);
		old = h.conn;
		peer_send(&p[i], "<a/><a/>");
		pc__io_abort(h.io, old, "test");
		pc__io_abort(h.io, old, "again");
		pc__io_close(h.io, old, "again");
		pc__io_send(h.io, old, "x", 1);
		UNTIL(&h, h.closed == (unsigned)i + 1);
		assert_string_equal(h.reason, "test");
		pc__io_send(h.io, old, "x", 1);
		pc__buf_adds(pc__io_send_begin(h.io, old), "x");
		pc__io_send_end(h.io);
		pc__io_continue(h.io, old);
		pc__io_starttls(h.io, old, "h");
		pc__io_close(h.io, old, "late");
		host_settle(&h);
		assert_int_equal(p[i].in.len, 0);
	}
	assert_int_equal(h.elements, 0);
	assert_int_equal(h.closed, 8);
	for (int i = 0; i < 8; i++)
		peer_close(&p[i]);
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
		cmocka_unit_test(test_raw_echo),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_barrier),
		cmocka_unit_test(test_barrier_lowered_meanwhile),
		cmocka_unit_test(test_credit),
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_unix_socket),
		cmocka_unit_test(test_dead_generations),
	};

	return cmocka_run_group_tests_name("threads=0", tests, threads_0, NULL) +
	       cmocka_run_group_tests_name("threads=1", tests, threads_1, NULL) +
	       cmocka_run_group_tests_name("threads=3", tests, threads_3, NULL);
}
