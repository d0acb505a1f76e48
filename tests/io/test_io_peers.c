/* Certificates of peers: asked for, bounded, judged; and whom they are for. */
#include <signal.h>

#include "made_certs.h"
#include "tls_host.h"

static struct made root, below, stranger;

/* ---- connections */

static const pc__io_kind asks = { .framing = PC__RAW,
	                          .direct_tls = true,
	                          .ask_cert = PC__ASK_CERT };
static const pc__io_kind asks_server = {
	.framing = PC__RAW, .direct_tls = true, .ask_cert = PC__ASK_CERT, .peer_is_server = true
};
static const pc__io_kind requires = { .framing = PC__RAW,
	                              .direct_tls = true,
	                              .ask_cert = PC__REQUIRE_CERT };

static void give_one(struct host *h, const char *cafile)
{
	pc__tls_settings settings = { .profile = PC__TLS_INTERMEDIATE, .cafile = cafile };
	char *error = NULL;
	pc__tls *tls;

	assert_int_equal(pc__tls_new(&tls, &settings, &error), PC_OK);
	add(tls, "", "localhost");
	pc__io_set_tls(h->io, tls);
	pc__tls_unref(&tls);
}

static void trusting(struct host *h, const pc__io_kind *kind)
{
	host_start(h);
	give_one(h, path("root", "crt"));
	host_listen(h, "127.0.0.1", kind);
}

/* A peer that shows `m`, with `between` behind it; `priorities` NULL: TLS 1.3. */
static void show(struct host *h, struct peer *p, struct made *m, struct made *between,
                 const char *priorities)
{
	gnutls_x509_crt_t chain[2] = { m ? m->crt : NULL, between ? between->crt : NULL };

	peer_connect(h, p);
	peer_begin_tls(p, "localhost", priorities, NULL);
	if (m != NULL)
		assert_int_equal(gnutls_certificate_set_x509_key(p->credentials, chain,
		                                                 between ? 2 : 1, m->key),
		                 0);
	peer_tls_read(p);
}

static void quit(struct host *h, struct peer *p)
{
	peer_close(p);
	UNTIL(h, h->closed >= 1);
	host_stop(h);
}

static const char *const versions[] = { NULL, "NORMAL:-VERS-ALL:+VERS-TLS1.2" };

static void test_verdicts(void **state)
{
	static const struct {
		struct wish wish;
		bool with_between;
		const pc__io_kind *kind;
		const char *fault; /* a part of it; NULL: none */
	} rows[] = {
		{ { .cn = "a", .purposes = CLIENT, .by = &root }, false, &asks, NULL },
		{ { .cn = "a", .by = &root }, false, &asks, NULL }, /* for anything */
		{ { .cn = "a", .purposes = CLIENT, .by = &below }, true, &asks, NULL },
		{ { .cn = "a", .purposes = CLIENT, .by = &below }, false, &asks, "issuer" },
		{ { .cn = "a", .purposes = CLIENT, .by = &stranger }, false, &asks, "issuer" },
		{ { .cn = "a", .purposes = CLIENT }, false, &asks, "issuer" },
		{ { .cn = "a", .by = &root, .expired = true }, false, &asks, "expired" },
		{ { .cn = "a", .purposes = SERVER, .by = &root }, false, &asks, "purpose" },
		{ { .cn = "a", .purposes = SERVER, .by = &root }, false, &asks_server, NULL },
		{ { .cn = "a", .purposes = CLIENT, .by = &root }, false, &asks_server, NULL },
	};

	(void)state;
	for (size_t i = 0; i < 2 * PC__COUNT(rows); i++) {
		const char *fault = rows[i / 2].fault;
		struct made m = { NULL, NULL };
		struct host h;
		struct peer p;

		make(&m, &rows[i / 2].wish);
		trusting(&h, rows[i / 2].kind);
		show(&h, &p, &m, rows[i / 2].with_between ? &below : NULL, versions[i % 2]);
		UNTIL(&h, p.secure && h.info != NULL);
		assert_int_equal(h.info->n_peer_certs, rows[i / 2].with_between ? 2 : 1);
		if (fault == NULL && h.info->peer_fault != NULL)
			fail_msg("row %zu: %s", i / 2, h.info->peer_fault);
		if (fault != NULL &&
		    (h.info->peer_fault == NULL || strstr(h.info->peer_fault, fault) == NULL))
			fail_msg("row %zu: %s, not %s", i / 2, h.info->peer_fault, fault);
		quit(&h, &p);
		unmake(&m);
	}
}

/* A root by another name (cross-signed) that ended long ago says nothing of when the chain does. */
static void test_end(void **state)
{
	struct made m = { NULL, NULL }, old = { .key = root.key };
	struct host h;
	struct peer p;

	(void)state;
	make(&m, &(struct wish){ .cn = "a", .by = &root });
	make(&old,
	     &(struct wish){ .cn = "root", .by = &stranger, .expired = true, .authority = true });
	trusting(&h, &asks);
	show(&h, &p, &m, &old, NULL);
	UNTIL(&h, p.secure && h.info != NULL);
	assert_int_equal(h.info->n_peer_certs, 2);
	assert_null(h.info->peer_fault);
	assert_int_equal(h.info->peer_expires, gnutls_x509_crt_get_expiration_time(m.crt) + 1);
	quit(&h, &p);
	unmake(&m);
	gnutls_x509_crt_deinit(old.crt);
}

static void test_none(void **state)
{
	struct host h;
	struct peer p;

	(void)state;
	trusting(&h, &asks);
	show(&h, &p, NULL, NULL, NULL);
	UNTIL(&h, p.secure && h.info != NULL);
	assert_int_equal(h.info->n_peer_certs, 0);
	assert_null(h.info->peer_fault);
	quit(&h, &p);
}

static void test_required(void **state)
{
	static const struct wish fine = { .cn = "a", .by = &root }, bad = { .cn = "a" };

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct made m = { NULL, NULL };
		struct host h;
		struct peer p;

		make(&m, i / 2 == 0 ? &fine : &bad);
		trusting(&h, &requires);
		show(&h, &p, i / 2 == 2 ? NULL : &m, NULL, versions[i % 2]);
		if (i / 2 == 0) {
			UNTIL(&h, h.info != NULL);
			assert_null(h.info->peer_fault);
		} else {
			UNTIL(&h, h.closed == 1 && p.eof);
			assert_null(h.info);
			assert_non_null(strstr(h.reason, "ertificate"));
		}
		quit(&h, &p);
		unmake(&m);
	}
}

/* The ticket of a session brings its certificates back, and they are judged anew. */
static void test_resumption(void **state)
{
	static const struct wish wish = { .cn = "a", .by = &stranger };
	struct made m = { NULL, NULL };
	gnutls_datum_t ticket = { NULL, 0 };
	struct host h;
	struct peer p;

	(void)state;
	make(&m, &wish);
	trusting(&h, &asks);
	h.echo = true;
	show(&h, &p, &m, NULL, versions[1]);
	UNTIL(&h, p.secure && h.info != NULL);
	assert_int_equal(gnutls_session_get_data2(p.tls, &ticket), 0);
	peer_close(&p);
	UNTIL(&h, h.closed == 1);
	pc__io_tls_info_free(&h.info);
	peer_connect(&h, &p);
	peer_begin_tls(&p, "localhost", versions[1], NULL);
	gnutls_session_set_data(p.tls, ticket.data, ticket.size);
	peer_tls_read(&p);
	UNTIL(&h, p.secure && h.info != NULL);
	assert_true(gnutls_session_is_resumed(p.tls));
	assert_int_equal(h.info->n_peer_certs, 1);
	assert_non_null(h.info->peer_fault);
	gnutls_free(ticket.data);
	peer_close(&p);
	UNTIL(&h, h.closed == 2);
	host_stop(&h);
	unmake(&m);
}

/* The two exponents of an RSA key change places: what the peer signs is right, and to check it
 * costs as much as to sign. */
static void test_costly_key(void **state)
{
	static const struct wish wish = { .cn = "a", .by = &root };
	gnutls_datum_t n, e, d, p_, q, u, e1, e2;
	gnutls_x509_privkey_t usual;
	struct made m = { NULL, NULL };

	(void)state;
	gnutls_x509_privkey_init(&usual);
	assert_int_equal(gnutls_x509_privkey_generate(usual, GNUTLS_PK_RSA, 2048, 0), 0);
	gnutls_x509_privkey_export_rsa_raw2(usual, &n, &e, &d, &p_, &q, &u, &e1, &e2);
	gnutls_x509_privkey_init(&m.key);
	assert_int_equal(gnutls_x509_privkey_import_rsa_raw(m.key, &n, &d, &e, &p_, &q, &u), 0);
	make(&m, &wish);
	for (int i = 0; i < 2; i++) {
		struct host h;
		struct peer p;

		trusting(&h, &asks);
		show(&h, &p, &m, NULL, versions[i]);
		UNTIL(&h, h.closed == 1 && p.eof);
		assert_null(h.info);
		if (strstr(h.reason, "key is too long") == NULL)
			fail_msg("%s", h.reason);
		quit(&h, &p);
	}
	unmake(&m);
	gnutls_x509_privkey_deinit(usual);
	for (gnutls_datum_t *at[] = { &n, &e, &d, &p_, &q, &u, &e1, &e2 }, **x = at; x < at + 8;
	     x++)
		gnutls_free((*x)->data);
}

/* Who we connect to is judged as well. */
static void test_connecting(void **state)
{
	struct host h;

	(void)state;
	trusting(&h, &asks);
	h.client = pc__io_connect(h.io, "127.0.0.1", pc__io_listener_port(h.listener), 5, &raw,
	                          "localhost", NULL);
	UNTIL(&h, h.info != NULL && h.client_info != NULL);
	assert_int_equal(h.client_info->n_peer_certs, 1);
	assert_non_null(h.client_info->peer_fault);
	assert_true(pc__cert_is_for(&h.client_info->peer_certs[0], "localhost", NULL));
	pc__io_close(h.io, h.client, "enough");
	UNTIL(&h, h.closed == 2);
	host_stop(&h);
}

/* Where none are named; each thread may be the first to want them. */
static void test_roots_of_the_system(void **state)
{
	enum { N = 8 };
	static const struct wish wish = { .cn = "a", .by = &root };
	struct made m = { NULL, NULL };
	struct peer p[N];
	struct host h;

	(void)state;
	make(&m, &wish);
	host_start(&h);
	give_one(&h, NULL);
	host_listen(&h, "127.0.0.1", &asks);
	for (int i = 0; i < N; i++)
		show(&h, &p[i], &m, NULL, NULL);
	for (int i = 0; i < N; i++)
		UNTIL(&h, p[i].secure);
	UNTIL(&h, h.info != NULL);
	assert_non_null(strstr(h.info->peer_fault, "issuer"));
	for (int i = 0; i < N; i++)
		peer_close(&p[i]);
	UNTIL(&h, h.closed == N);
	host_stop(&h);
	unmake(&m);
}

static void test_no_roots(void **state)
{
	static const struct pc__tls_settings bad[] = { { .cafile = "/nowhere/ca.pem" },
		                                       { .capath = "/nowhere" },
		                                       { .cafile = "/dev/null" } };
	pc__tls *tls;

	(void)state;
	for (size_t i = 0; i < PC__COUNT(bad); i++) {
		char *error = NULL;

		assert_int_equal(pc__tls_new(&tls, &bad[i], &error), PC_EINVAL);
		assert_non_null(error);
		free(error);
	}
}

/* ---- */

/* The server does without that signal, too. */
static int make_authorities(void **state)
{
	gnutls_datum_t pem;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_non_null(mkdtemp(folder));
	make_certificate("localhost", "localhost");
	make(&root, &(struct wish){ .cn = "root", .authority = true });
	make(&below, &(struct wish){ .cn = "below", .by = &root, .authority = true });
	make(&stranger, &(struct wish){ .cn = "stranger", .authority = true });
	gnutls_x509_crt_export2(root.crt, GNUTLS_X509_FMT_PEM, &pem);
	write_file(path("root", "crt"), pem.data, pem.size);
	gnutls_free(pem.data);
	return 0;
}

static int clean_up(void **state)
{
	(void)state;
	unmake(&root);
	unmake(&below);
	unmake(&stranger);
	unlink(path("root", "crt"));
	unlink(path("localhost", "crt"));
	unlink(path("localhost", "key"));
	rmdir(folder);
	return 0;
}

static int with_threads(void **state)
{
	(void)state;
	host_threads = 2;
	return 0;
}

int main(void)
{
	const struct CMUnitTest connections[] = {
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_required),
		cmocka_unit_test(test_resumption),
		cmocka_unit_test(test_costly_key),
		cmocka_unit_test(test_connecting),
		cmocka_unit_test(test_no_roots),
		cmocka_unit_test(test_roots_of_the_system),
	};
	int failed = cmocka_run_group_tests_name("threads=0", connections, make_authorities, NULL);
	return failed +
	       cmocka_run_group_tests_name("threads=2", connections, with_threads, clean_up);
}
