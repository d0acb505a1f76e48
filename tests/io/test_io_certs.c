/* Certificates: which one is shown, channel binding, reloading, snapshots. */
#include "tls_host.h"

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
		cmocka_unit_test(test_sni),      cmocka_unit_test(test_two_keys),
		cmocka_unit_test(test_bindings), cmocka_unit_test(test_end_point),
		cmocka_unit_test(test_reload),   cmocka_unit_test(test_snapshot),
	};

	return cmocka_run_group_tests_name("threads=0", tests, threads_0, NULL) +
	       cmocka_run_group_tests_name("threads=1", tests, threads_1, clean);
}
