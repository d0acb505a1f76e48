/* TLS on connections: STARTTLS, direct TLS, connecting, hostile peers. */
#include "tls_host.h"

/* ---- */

static void ask_for_tls(struct host *h, struct peer *p, const char *more)
{
	h->go_on = false;
	peer_send(p, HEADER);
	UNTIL(h, h->headers == 1);
	pc__io_continue(h->io, h->conn);
	peer_send(p, STARTTLS);
	if (more != NULL)
		peer_send(p, more);
	UNTIL(h, h->elements == 1);
	if (more != NULL)
		UNTIL(h, host_stats(h).bytes_in == strlen(HEADER STARTTLS) + strlen(more));
	pc__io_send(h->io, h->conn, "<proceed/>", 10);
	pc__io_starttls(h->io, h->conn, "localhost");
}

static void test_starttls(void **state)
{
	struct host h;
	struct peer p;

	(void)state;
	begin(&h, &p, &plain);
	ask_for_tls(&h, &p, NULL);
	UNTIL(&h, peer_has(&p, "<proceed/>"));
	h.go_on = h.echo = true;
	peer_starttls(&p, "localhost", NULL, NULL);
	UNTIL(&h, p.secure && h.info != NULL);
	assert_true(cert_is_for(&p, "localhost"));
	assert_string_equal(h.info->version, "TLS1.3");
	assert_string_equal(h.info->server_name, "localhost");
	assert_non_null(h.info->cipher);
	peer_send(&p, HEADER "<message><body>hi</body></message>");
	UNTIL(&h, peer_has(&p, "<body>hi</body>"));
	assert_int_equal(host_stats(&h).handshakes, 0);
	gnutls_bye(p.tls, GNUTLS_SHUT_WR);
	UNTIL(&h, h.closed == 1);
	assert_string_equal(h.reason, "connection closed by the peer");
	end(&h, &p);
}

static void test_starttls_injection(void **state)
{
	struct host h;
	struct peer p;

	(void)state;
	begin(&h, &p, &plain);
	ask_for_tls(&h, &p, "<message><body>not mine</body></message>");
	UNTIL(&h, h.closed == 1);
	assert_string_equal(h.reason, "data came behind the request for TLS");
	UNTIL(&h, p.eof);
	assert_string_equal(pc__buf_str(&p.in), "<proceed/>");
	assert_int_equal(h.elements, 1);
	end(&h, &p);
}

/* The beginning of an element in the parser's hands is as bad. */
static void test_starttls_injection_partial(void **state)
{
	struct host h;
	struct peer p;

	(void)state;
	begin(&h, &p, &plain);
	ask_for_tls(&h, &p, "<mess");
	UNTIL(&h, h.closed == 1);
	assert_string_equal(h.reason, "data came behind the request for TLS");
	end(&h, &p);
}

static void test_starttls_plain_text(void **state)
{
	struct host h;
	struct peer p;

	(void)state;
	begin(&h, &p, &plain);
	ask_for_tls(&h, &p, NULL);
	UNTIL(&h, peer_has(&p, "<proceed/>"));
	peer_send(&p, "<message/>");
	UNTIL(&h, h.closed == 1);
	assert_int_equal(h.elements, 1);
	end(&h, &p);
}

static void test_direct(void **state)
{
	struct host h;
	struct peer p;

	(void)state;
	begin(&h, &p, &direct);
	h.echo = true;
	peer_starttls(&p, "a.example", NULL, "xmpp-client");
	UNTIL(&h, p.secure);
	assert_true(cert_is_for(&p, "a.example"));
	peer_send(&p, HEADER "<a/>");
	UNTIL(&h, peer_has(&p, "<a"));
	assert_string_equal(host_log(&h), "accepted tls header=localhost element=a ");
	pc__io_close(h.io, h.conn, "done");
	UNTIL(&h, p.eof);
	assert_int_equal(p.tls_error, 0); /* our end of TLS came */
	end(&h, &p);
	assert_string_equal(h.reason, "done");
}

static void test_alpn(void **state)
{
	struct host h;
	struct peer p;

	(void)state;
	begin(&h, &p, &direct);
	peer_starttls(&p, "localhost", NULL, "http/1.1");
	UNTIL(&h, h.closed == 1 && p.eof);
	assert_int_equal(p.tls_error, GNUTLS_E_FATAL_ALERT_RECEIVED);
	assert_int_equal(gnutls_alert_get(p.tls), GNUTLS_A_NO_APPLICATION_PROTOCOL);
	end(&h, &p);
	begin(&h, &p, &direct);
	peer_starttls(&p, "localhost", NULL, NULL);
	UNTIL(&h, p.secure && h.info != NULL);
	end(&h, &p);
}

/* Bytes that trickle in, records cut anywhere, and several in one segment. */
static ssize_t trickle(gnutls_transport_ptr_t ptr, const void *bytes, size_t len)
{
	struct peer *p = ptr;

	if (len > 3)
		len = 3;
	return send(p->fd, bytes, len, MSG_NOSIGNAL);
}

static ssize_t take(gnutls_transport_ptr_t ptr, void *to, size_t len)
{
	return recv(((struct peer *)ptr)->fd, to, len, 0);
}

static void test_trickle(void **state)
{
	struct host h;
	struct peer p;
	int on = 1;

	(void)state;
	begin(&h, &p, &direct);
	h.echo = true;
	setsockopt(p.fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &on, sizeof(on));
	gnutls_init(&p.tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK);
	gnutls_set_default_priority(p.tls);
	gnutls_certificate_allocate_credentials(&p.credentials);
	gnutls_credentials_set(p.tls, GNUTLS_CRD_CERTIFICATE, p.credentials);
	gnutls_transport_set_ptr(p.tls, &p);
	gnutls_transport_set_push_function(p.tls, trickle);
	gnutls_transport_set_pull_function(p.tls, take);
	peer_tls_read(&p);
	UNTIL(&h, p.secure);
	peer_send(&p, HEADER "<a/>");
	peer_send(&p, "<b/>");
	UNTIL(&h, peer_has(&p, "<b"));
	end(&h, &p);
}

static void test_large(void **state)
{
	enum { SIZE = 5 << 20 };
	struct host h;
	struct peer p;
	char *block = pc__alloc(SIZE);
	bool same = true;

	(void)state;
	for (size_t i = 0; i < SIZE; i++)
		block[i] = (char)(i * 7 >> 3);
	begin(&h, &p, &raw);
	peer_starttls(&p, NULL, NULL, NULL);
	UNTIL(&h, p.secure);
	pc__io_send(h.io, h.conn, block, SIZE);
	UNTIL(&h, p.in.len == SIZE);
	for (size_t i = 0; i < SIZE; i++)
		same = same && p.in.p[i] == block[i];
	assert_true(same);
	free(block);
	end(&h, &p);
}

static void test_handshake_timeout(void **state)
{
	static const pc__io_kind kind = {
		.framing = PC__RAW,
		.direct_tls = true,
		.handshake_seconds = 0.1,
	};
	struct host h;
	struct peer p;

	(void)state;
	begin(&h, &p, &kind);
	peer_send_n(&p, "\x16\x03\x01\x02\x00\x01", 6);
	UNTIL(&h, h.closed == 1);
	assert_string_equal(h.reason, "TLS: the handshake took too long");
	assert_int_equal(host_stats(&h).handshakes, 0);
	end(&h, &p);
}

static void test_not_tls(void **state)
{
	static const struct {
		const char *p;
		size_t len;
	} cases[] = {
		{ "GET / HTTP/1.0\r\n\r\n", 18 },
		{ "\x16\x03\x01\xff\xff", 5 },
		{ "\x16\x03\x01\x00\x04\x01\x00\x00\x00", 9 },
		{ "\x17\x03\x03\x00\x01x", 6 },
		{ "\x80\x2e\x01\x03\x01", 5 },
	};

	(void)state;
	for (size_t i = 0; i < PC__COUNT(cases); i++) {
		struct host h;
		struct peer p;

		begin(&h, &p, &direct);
		peer_send_n(&p, cases[i].p, cases[i].len);
		UNTIL(&h, h.closed == 1 && p.eof);
		end(&h, &p);
	}
}

static void test_damaged_record(void **state)
{
	struct host h;
	struct peer p;

	(void)state;
	begin(&h, &p, &direct);
	peer_starttls(&p, NULL, NULL, NULL);
	UNTIL(&h, p.secure && h.info != NULL);
	send(p.fd,
	     "\x17\x03\x03\x00\x20"
	     "0123456789abcdef0123456789abcdef",
	     37, 0);
	UNTIL(&h, h.closed == 1 && p.eof);
	assert_int_equal(p.tls_error, GNUTLS_E_FATAL_ALERT_RECEIVED);
	end(&h, &p);
}

static void test_cut(void **state)
{
	struct host h;
	struct peer p;

	(void)state;
	begin(&h, &p, &direct);
	peer_starttls(&p, NULL, NULL, NULL);
	UNTIL(&h, p.secure && h.info != NULL);
	shutdown(p.fd, SHUT_RDWR);
	UNTIL(&h, h.closed == 1);
	assert_string_equal(h.reason, "connection cut without the end of TLS");
	end(&h, &p);
}

static void test_renegotiation(void **state)
{
	struct host h;
	struct peer p;

	(void)state;
	begin(&h, &p, &direct);
	peer_starttls(&p, NULL, "NORMAL:-VERS-ALL:+VERS-TLS1.2", NULL);
	UNTIL(&h, p.secure && h.info != NULL);
	gnutls_handshake(p.tls);
	UNTIL(&h, h.closed == 1);
	end(&h, &p);
}

static void test_credit_under_tls(void **state)
{
	struct host h;
	struct peer p;

	(void)state;
	begin(&h, &p, &direct);
	h.lower = true;
	peer_starttls(&p, NULL, NULL, NULL);
	UNTIL(&h, p.secure);
	peer_send(&p, HEADER);
	for (int i = 0; i < 500; i++)
		peer_send(&p, "<message><body>0123456789</body></message>");
	UNTIL(&h, h.elements >= 32);
	host_settle(&h);
	assert_int_equal(h.elements, 32);
	h.give_back = true;
	pc__io_credit(h.io, h.conn, 32, h.element_bytes);
	UNTIL(&h, h.elements == 500);
	end(&h, &p);
}

/* The two ends in one server: a client of ours with a certificate, seen by the other. */
static void test_connect(void **state)
{
	static const pc__io_kind asks = {
		.framing = PC__RAW,
		.direct_tls = true,
		.ask_cert = PC__ASK_CERT,
	};
	struct host h;

	(void)state;
	host_start(&h);
	h.echo = true;
	give_tls(&h);
	host_listen(&h, "127.0.0.1", &asks);
	h.client = pc__io_connect(h.io, "127.0.0.1", pc__io_listener_port(h.listener), 5, &raw,
	                          "a.example", NULL);
	UNTIL(&h, h.info != NULL && h.client_info != NULL);
	assert_string_equal(h.info->server_name, "a.example");
	assert_int_equal(h.info->n_peer_certs, 1);
	assert_int_equal(h.client_info->n_peer_certs, 1);
	assert_memory_equal(h.info->exporter, h.client_info->exporter, 32);
	assert_int_equal(h.info->end_point_len, h.client_info->end_point_len);
	assert_memory_equal(h.info->end_point, h.client_info->end_point, 32);
	pc__io_send(h.io, h.client, "x", 1);
	UNTIL(&h, h.bytes.len >= 10);
	pc__io_close(h.io, h.client, "enough");
	UNTIL(&h, h.closed == 2);
	host_stop(&h);
}

static void test_connect_starttls(void **state)
{
	static const pc__io_kind clear = { .framing = PC__RAW };
	struct host h;

	(void)state;
	host_start(&h);
	give_tls(&h);
	host_listen(&h, "127.0.0.1", &clear);
	h.client = pc__io_connect(h.io, "127.0.0.1", pc__io_listener_port(h.listener), 5, &clear,
	                          NULL, NULL);
	UNTIL(&h, h.accepted == 1);
	pc__io_starttls(h.io, h.conn, "localhost");
	host_settle(&h);
	pc__io_starttls(h.io, h.client, "a.example");
	pc__io_send(h.io, h.client, "secret", 6);
	UNTIL(&h, h.bytes.len == 6);
	assert_non_null(h.info);
	assert_string_equal(h.info->server_name, "a.example");
	pc__io_starttls(h.io, h.client, NULL); /* twice is once too often */
	UNTIL(&h, h.closed == 2);
	host_stop(&h);
}

/* Many at once: all are served, a few a turn. */
static void test_many_handshakes(void **state)
{
	enum { N = 40 };
	struct host h;
	struct peer p[N];
	int secure;

	(void)state;
	host_start(&h);
	give_tls(&h);
	host_listen(&h, "127.0.0.1", &raw);
	for (int i = 0; i < N; i++) {
		peer_connect(&h, &p[i]);
		peer_starttls(&p[i], "localhost", NULL, NULL);
	}
	host_deadline(&h);
	do {
		uv_run(&h.loop, UV_RUN_ONCE);
		secure = 0;
		for (int i = 0; i < N; i++)
			secure += p[i].secure;
	} while (secure < N && !h.late);
	uv_timer_stop(&h.deadline);
	assert_int_equal(secure, N);
	for (int i = 0; i < N; i++)
		peer_close(&p[i]);
	UNTIL(&h, h.closed == N);
	host_stop(&h);
}

static int threads_0(void **state)
{
	host_threads = 0;
	return make_all(state);
}

static int threads_1(void **state)
{
	(void)state;
	host_threads = 1;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_starttls),
		cmocka_unit_test(test_starttls_injection),
		cmocka_unit_test(test_starttls_injection_partial),
		cmocka_unit_test(test_starttls_plain_text),
		cmocka_unit_test(test_direct),
		cmocka_unit_test(test_alpn),
		cmocka_unit_test(test_trickle),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_handshake_timeout),
		cmocka_unit_test(test_not_tls),
		cmocka_unit_test(test_damaged_record),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_renegotiation),
		cmocka_unit_test(test_credit_under_tls),
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_connect_starttls),
		cmocka_unit_test(test_many_handshakes),
	};

	return cmocka_run_group_tests_name("threads=0", tests, threads_0, NULL) +
	       cmocka_run_group_tests_name("threads=1", tests, threads_1, clean);
}
