/* tls_host.h - certificates and snapshots for tests of TLS on connections. */
#pragma once

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

static inline const char *path(const char *name, const char *suffix)
{
	static char paths[4][128];
	static unsigned next;
	char *p = paths[next++ % 4];

	snprintf(p, sizeof(paths[0]), "%s/%s.%s", folder, name, suffix);
	return p;
}

static inline void make_certificate(const char *file, const char *name)
{
	char *error = NULL;

	unlink(path(file, "crt"));
	unlink(path(file, "key"));
	assert_int_equal(pc__tls_self_signed(name, path(file, "crt"), path(file, "key"), &error),
	                 PC_OK);
}

static inline void write_file(const char *file, const void *bytes, size_t len)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, len, f), len);
	fclose(f);
}

static inline void make_rsa(const char *file, const char *name, gnutls_pk_algorithm_t algorithm,
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

static inline void add(pc__tls *tls, const char *name, const char *file)
{
	char *error = NULL;

	if (pc__tls_add(tls, name, path(file, "crt"), path(file, "key"), &error) != PC_OK)
		fail_msg("%s", error);
}

static inline pc__tls *snapshot(pc__tls_profile profile)
{
	pc__tls_settings settings = { .profile = profile };
	pc__tls *tls;
	char *error = NULL;

	assert_int_equal(pc__tls_new(&tls, &settings, &error), PC_OK);
	return tls;
}

/* localhost, a.example, *.wild.example, and an RSA certificate for everybody else. */
static inline void give_tls(struct host *h)
{
	pc__tls *tls = snapshot(PC__TLS_INTERMEDIATE);

	add(tls, "localhost", "localhost");
	add(tls, "a.example", "a");
	add(tls, "*.wild.example", "wild");
	add(tls, "", "rsa");
	pc__io_set_tls(h->io, tls);
	pc__tls_unref(&tls);
}

static inline void begin(struct host *h, struct peer *p, const pc__io_kind *kind)
{
	host_start(h);
	h->go_on = true;
	give_tls(h);
	host_listen(h, "127.0.0.1", kind);
	peer_connect(h, p);
}

static inline void end(struct host *h, struct peer *p)
{
	peer_close(p);
	UNTIL(h, h->closed >= 1);
	host_stop(h);
}

static inline bool cert_is_for(struct peer *p, const char *name)
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

static inline int make_all(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	make_certificate("localhost", "localhost");
	make_certificate("a", "a.example");
	make_certificate("wild", "*.wild.example");
	make_rsa("rsa", "everybody", GNUTLS_PK_RSA, GNUTLS_DIG_SHA256);
	return 0;
}

static inline int clean(void **state)
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
