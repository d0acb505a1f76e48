/* TLS on connections: STARTTLS, direct TLS, certificates, channel binding, hostile peers. */
#include "io_host.h"

#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <sys/stat.h>

#define STARTTLS "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"

static const pc__io_kind plain = { .framing = PC__XMPP, .content_ns = "jabber:client" };
static const pc__io_kind direct = {
	.framing = PC__XMPP,
	.content_ns = "jabber:client",
	.direct_tls = true,
	.alpn = "xmpp-client",
};
static const pc__io_kind raw = { .framing = PC__RAW, .direct_tls = true };

static char folder[] = "/tmp/pc-test-tls-XXXXXX";

static const char *path(const char *name, const char *suffix)
{
	static char paths[4][128];
	static unsigned next;
	char *p = paths[next++ % 4];

	snprintf(p, sizeof(paths[0]), "%s/%s.%s", folder, name, suffix);
	return p;
}

static void make_certificate(const char *file, const char *name)
{
	char *error = NULL;

	unlink(path(file, "crt"));
	unlink(path(file, "key"));
	assert_int_equal(pc__tls_self_signed(name, path(file, "crt"), path(file, "key"), &error),
	                 PC_OK);
}

static void write_file(const char *file, const void *bytes, size_t len)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
}

static void make_rsa(const char *file, const char *name, gnutls_pk_algorithm_t algorithm,
                     gnutls_digest_algorithm_t digest)
{
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
	char pem[8192];
	size_t len = sizeof(pem);

	gnutls_x509_crt_init(&crt);
	gnutls_x509_privkey_init(&key);
	assert_int_equal(gnutls_x509_privkey_generate(key, algorithm,
	                                              algorithm == GNUTLS_PK_RSA ? 2048 : 256, 0),
	                 0);
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, "\1", 1);
	gnutls_x509_crt_set_activation_time(crt, time(NULL) - 100);
	gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 86400);
	gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name,
	                              (unsigned)strlen(name));
	gnutls_x509_crt_set_key(crt, key);
	assert_int_equal(gnutls_x509_crt_sign2(crt, crt, key, digest, 0), 0);
	gnutls_x509_crt_export(crt, GNUTLS_X509_FMT_PEM, pem, &len);
	write_file(path(file, "crt"), pem, len);
	len = sizeof(pem);
	gnutls_x509_privkey_export_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, pem,
	                                 &len);
	write_file(path(file, "key"), pem, len);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
}

static void add(pc__tls *tls, const char *name, const char *file)
{
	char *error = NULL;

	if (pc__tls_add(tls, name, path(file, "crt"), path(file, "key"), &error) != PC_OK)
		fail_msg("%s", error);
}

static pc__tls *snapshot(pc__tls_profile profile)
{
	pc__tls_settings settings = { .profile = profile };
	pc__tls *tls;
	char *error = NULL;

	assert_int_equal(pc__tls_new(&tls, &settings, &error), PC_OK);
	return tls;
}

/* localhost, a.example, *.wild.example, and an RSA certificate for everybody else. */
static void give_tls(struct host *h)
{
	pc__tls *tls = snapshot(PC__TLS_INTERMEDIATE);

	add(tls, "localhost", "localhost");
	add(tls, "a.example", "a");
	add(tls, "*.wild.example", "wild");
	add(tls, "", "rsa");
	pc__io_set_tls(h->io, tls);
	pc__tls_unref(&tls);
}

static void begin(struct host *h, struct peer *p, const pc__io_kind *kind)
{
	host_start(h);
	h->go_on = true;
	give_tls(h);
	host_listen(h, "127.0.0.1", kind);
	peer_connect(h, p);
}

static void end(struct host *h, struct peer *p)
{
	peer_close(p);
	UNTIL(h, h->closed >= 1);
	host_stop(h);
}

static bool cert_is_for(struct peer *p, const char *name)
{
	unsigned n;
	const gnutls_datum_t *certs = gnutls_certificate_get_peers(p->tls, &n);
	gnutls_x509_crt_t crt;
	bool is;

	assert_non_null(certs);
	gnutls_x509_crt_init(&crt);
	gnutls_x509_crt_import(crt, certs, GNUTLS_X509_FMT_DER);
	is = gnutls_x509_crt_check_hostname(crt, name) != 0;
	gnutls_x509_crt_deinit(crt);
	return is;
}

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

static void check_name(const char *sni, const char *expected, const char *priorities)
{
	struct host h;
	struct peer p;

	begin(&h, &p, &direct);
	peer_starttls(&p, sni, priorities, NULL);
	UNTIL(&h, p.secure);
	assert_true(cert_is_for(&p, expected));
	end(&h, &p);
}

static void test_sni(void **state)
{
	(void)state;
	check_name("a.example", "a.example", NULL);
	check_name("A.Example", "a.example", NULL);
	check_name("b.wild.example", "b.wild.example", NULL);
	check_name("c.b.wild.example", "everybody", NULL);
	check_name("elsewhere", "everybody", NULL);
	check_name(NULL, "everybody", NULL);
	check_name("b.wild.example", "b.wild.example", "NORMAL:-VERS-ALL:+VERS-TLS1.2");
}

/* ECDSA where the client can, RSA where it cannot; whichever was added first. */
static void test_two_keys(void **state)
{
	static const char *only_rsa = "NORMAL:-SIGN-ALL:+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-SHA256";
	static const char *old_rsa = "NORMAL:-VERS-ALL:+VERS-TLS1.2:-ECDHE-ECDSA";

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct host h;
		struct peer p;
		pc__tls *tls = snapshot(PC__TLS_INTERMEDIATE);
		gnutls_x509_crt_t crt;
		unsigned n;
		const char *priorities = i < 2 ? NULL : i < 4 ? only_rsa : old_rsa;

		host_start(&h);
		add(tls, "localhost", i % 2 ? "localhost" : "rsa");
		add(tls, "localhost", i % 2 ? "rsa" : "localhost");
		pc__io_set_tls(h.io, tls);
		pc__tls_unref(&tls);
		host_listen(&h, "127.0.0.1", &direct);
		peer_connect(&h, &p);
		peer_starttls(&p, NULL, priorities, NULL);
		UNTIL(&h, p.secure && h.info != NULL);
		gnutls_x509_crt_init(&crt);
		gnutls_x509_crt_import(crt, gnutls_certificate_get_peers(p.tls, &n),
		                       GNUTLS_X509_FMT_DER);
		assert_int_equal(gnutls_x509_crt_get_pk_algorithm(crt, NULL),
		                 i < 2 ? GNUTLS_PK_ECDSA : GNUTLS_PK_RSA);
		gnutls_x509_crt_deinit(crt);
		end(&h, &p);
	}
}

static void check_bindings(const char *priorities, bool has_exporter)
{
	struct host h;
	struct peer p;
	gnutls_datum_t cb = { 0 };
	const gnutls_datum_t *cert;
	unsigned n;
	uint8_t hash[32];

	begin(&h, &p, &direct);
	peer_starttls(&p, "localhost", priorities, NULL);
	UNTIL(&h, p.secure && h.info != NULL);
	assert_int_equal(h.info->has_exporter, has_exporter);
	if (has_exporter) {
		assert_int_equal(gnutls_session_channel_binding(p.tls, GNUTLS_CB_TLS_EXPORTER, &cb),
		                 0);
		assert_int_equal(cb.size, 32);
		assert_memory_equal(cb.data, h.info->exporter, 32);
		gnutls_free(cb.data);
	}
	cert = gnutls_certificate_get_peers(p.tls, &n);
	gnutls_hash_fast(GNUTLS_DIG_SHA256, cert->data, cert->size, hash);
	assert_int_equal(h.info->end_point_len, 32);
	assert_memory_equal(h.info->end_point, hash, 32);
	end(&h, &p);
}

static void test_bindings(void **state)
{
	(void)state;
	check_bindings(NULL, true);
	check_bindings("NORMAL:-VERS-ALL:+VERS-TLS1.2", true);
	check_bindings("NORMAL:-VERS-ALL:+VERS-TLS1.2:%NO_SESSION_HASH", false);
}

static void check_end_point(const char *file, size_t len)
{
	struct host h;
	struct peer p;
	pc__tls *tls = snapshot(PC__TLS_MODERN);

	host_start(&h);
	add(tls, "", file);
	pc__io_set_tls(h.io, tls);
	pc__tls_unref(&tls);
	host_listen(&h, "127.0.0.1", &direct);
	peer_connect(&h, &p);
	peer_starttls(&p, NULL, NULL, NULL);
	UNTIL(&h, p.secure && h.info != NULL);
	assert_int_equal(h.info->end_point_len, len);
	end(&h, &p);
}

static void test_end_point(void **state)
{
	(void)state;
	make_rsa("sha512", "x", GNUTLS_PK_RSA, GNUTLS_DIG_SHA512);
	make_rsa("ed", "x", GNUTLS_PK_EDDSA_ED25519, GNUTLS_DIG_SHA512);
	check_end_point("sha512", 64);
	check_end_point("rsa", 32);
	check_end_point("ed", 0);
}

/* A ticket of the old snapshot is good with the new one, and gives no end point. */
static void test_reload(void **state)
{
	struct host h;
	struct peer p, q;
	pc__tls_settings settings = { .profile = PC__TLS_INTERMEDIATE };
	pc__tls *old = snapshot(PC__TLS_INTERMEDIATE), *tls;
	gnutls_datum_t session = { 0 };

	(void)state;
	host_start(&h);
	h.echo = true;
	add(old, "", "localhost");
	pc__io_set_tls(h.io, old);
	host_listen(&h, "127.0.0.1", &raw);
	peer_connect(&h, &p);
	peer_starttls(&p, NULL, NULL, NULL);
	UNTIL(&h, p.secure);
	peer_send(&p, "one");
	UNTIL(&h, peer_has(&p, "one"));
	assert_int_equal(gnutls_session_get_data2(p.tls, &session), 0);
	settings.ticket_key = pc__tls_ticket_key(old, &settings.ticket_key_len);
	assert_int_equal(pc__tls_new(&tls, &settings, NULL), PC_OK);
	pc__tls_unref(&old);
	add(tls, "", "a");
	pc__io_set_tls(h.io, tls);
	pc__tls_unref(&tls);
	host_settle(&h);
	peer_send(&p, "two");
	UNTIL(&h, peer_has(&p, "onetwo"));
	peer_connect(&h, &q);
	gnutls_init(&q.tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK);
	gnutls_set_default_priority(q.tls);
	gnutls_certificate_allocate_credentials(&q.credentials);
	gnutls_credentials_set(q.tls, GNUTLS_CRD_CERTIFICATE, q.credentials);
	gnutls_session_set_data(q.tls, session.data, session.size);
	gnutls_transport_set_int(q.tls, q.fd);
	peer_tls_read(&q);
	pc__io_tls_info_free(&h.info);
	UNTIL(&h, q.secure && h.info != NULL);
	assert_true(gnutls_session_is_resumed(q.tls));
	assert_int_equal(h.info->end_point_len, 0);
	assert_true(h.info->has_exporter);
	gnutls_free(session.data);
	peer_close(&p);
	end(&h, &q);
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
		.want_peer_cert = true,
	};
	struct host h;

	(void)state;
	host_start(&h);
	h.echo = true;
	give_tls(&h);
	host_listen(&h, "127.0.0.1", &asks);
	h.client = pc__io_connect(h.io, "127.0.0.1", pc__io_listener_port(h.listener), 5, &raw,
	                          "a.example");
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

/* ---- snapshots by themselves */

static void count_name(const char *name, void *data)
{
	assert_string_equal(name, "localhost");
	(*(int *)data)++;
}

static void test_snapshot(void **state)
{
	pc__tls_settings bad = { .priorities = "NONSENSE" };
	pc__tls_settings no_ca = { .cafile = "/nowhere/at/all" };
	struct stat st;
	char *error = NULL;
	pc__tls *tls;
	int n = 0;

	(void)state;
	assert_int_equal(pc__tls_new(&tls, &bad, &error), PC_EINVAL);
	assert_non_null(error);
	pc__free(&error);
	assert_int_equal(pc__tls_new(&tls, &no_ca, &error), PC_EINVAL);
	pc__free(&error);
	tls = snapshot(PC__TLS_MODERN);
	assert_int_equal(pc__tls_expires(tls, "localhost"), -1);
	assert_int_equal(pc__tls_add(tls, "x", path("a", "crt"), path("rsa", "key"), &error),
	                 PC_EINVAL);
	pc__free(&error);
	assert_int_equal(pc__tls_add(tls, "x", "/nowhere", "/nowhere", &error), PC_EINVAL);
	pc__free(&error);
	assert_int_equal(pc__tls_expires(tls, "x"), -1);
	add(tls, "localhost", "localhost");
	assert_true(pc__tls_expires(tls, "localhost") > time(NULL) + 86400);
	pc__tls_unref(&tls);
	assert_int_equal(pc__tls_names(path("localhost", "crt"), count_name, &n), PC_OK);
	assert_int_equal(n, 1);
	assert_int_not_equal(pc__tls_names("/nowhere", count_name, &n), PC_OK);
	assert_int_equal(stat(path("localhost", "key"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(
	        pc__tls_self_signed("x", path("localhost", "crt"), path("new", "key"), &error),
	        PC_EINVAL);
	assert_int_not_equal(access(path("new", "key"), F_OK), 0);
	pc__free(&error);
}

static int make_all(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	make_certificate("localhost", "localhost");
	make_certificate("a", "a.example");
	make_certificate("wild", "*.wild.example");
	make_rsa("rsa", "everybody", GNUTLS_PK_RSA, GNUTLS_DIG_SHA256);
	return 0;
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

static int clean(void **state)
{
	static const char *names[] = { "localhost", "a", "wild", "rsa", "sha512", "ed" };

	(void)state;
	for (size_t i = 0; i < PC__COUNT(names); i++) {
		unlink(path(names[i], "crt"));
		unlink(path(names[i], "key"));
	}
	rmdir(folder);
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
		cmocka_unit_test(test_sni),
		cmocka_unit_test(test_two_keys),
		cmocka_unit_test(test_bindings),
		cmocka_unit_test(test_end_point),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_trickle),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_handshake_timeout),
		cmocka_unit_test(test_not_tls),
		cmocka_unit_test(test_damaged_record),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_renegotiation),
		cmocka_unit_test(test_credit_under_tls),
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_many_handshakes),
		cmocka_unit_test(test_snapshot),
	};

	return cmocka_run_group_tests_name("threads=0", tests, threads_0, NULL) +
	       cmocka_run_group_tests_name("threads=1", tests, threads_1, clean);
}
