/* made_certs.h - certificates as an authority makes them, for tests. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <prosody-c/base.h>

#include "util/mem.h"

#define OID_SRV "1.3.6.1.5.5.7.8.7"
#define OID_XMPP "1.3.6.1.5.5.7.8.5"

struct made {
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
};

enum { CLIENT = 1, SERVER = 2 };

struct wish {
	const char *cn, *dns, *srv, *xmpp;
	unsigned purposes;
	const struct made *by; /* NULL: by itself */
	bool expired, authority;
};

/* The IA5String that a SRVName is. */
static inline void add_srv(gnutls_x509_crt_t crt, const char *name)
{
	unsigned char der[130] = { 0x16, (unsigned char)strlen(name) };

	memcpy(der + 2, name, strlen(name));
	assert_int_equal(gnutls_x509_crt_set_subject_alt_othername(crt, OID_SRV, der, der[1] + 2u,
	                                                           GNUTLS_FSAN_APPEND),
	                 0);
}

static inline void name_it(gnutls_x509_crt_t crt, const struct wish *w)
{
	if (w->cn != NULL)
		gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, w->cn,
		                              (unsigned)strlen(w->cn));
	if (w->dns != NULL)
		gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, w->dns,
		                                     (unsigned)strlen(w->dns), GNUTLS_FSAN_APPEND);
	if (w->srv != NULL)
		add_srv(crt, w->srv);
	if (w->xmpp != NULL)
		assert_int_equal(gnutls_x509_crt_set_subject_alt_othername(
		                         crt, OID_XMPP, w->xmpp, (unsigned)strlen(w->xmpp),
		                         GNUTLS_FSAN_APPEND | GNUTLS_FSAN_ENCODE_UTF8_STRING),
		                 0);
}

static inline void fill(gnutls_x509_crt_t crt, const struct wish *w)
{
	static unsigned char serial;
	time_t now = time(NULL);

	serial++;
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, &serial, 1);
	gnutls_x509_crt_set_activation_time(crt, now - 2000);
	gnutls_x509_crt_set_expiration_time(crt, w->expired ? now - 1000 : now + 86400);
	gnutls_x509_crt_set_basic_constraints(crt, w->authority, -1);
	gnutls_x509_crt_set_key_usage(crt, w->authority ? GNUTLS_KEY_KEY_CERT_SIGN
	                                                : GNUTLS_KEY_DIGITAL_SIGNATURE);
	if (w->purposes & CLIENT)
		gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_CLIENT, 0);
	if (w->purposes & SERVER)
		gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
	name_it(crt, w);
}

static inline pc_str der_of(const struct made *m)
{
	gnutls_datum_t d;
	char *copy;

	assert_int_equal(gnutls_x509_crt_export2(m->crt, GNUTLS_X509_FMT_DER, &d), 0);
	copy = pc__malloc(d.size);
	memcpy(copy, d.data, d.size);
	gnutls_free(d.data);
	return (pc_str){ copy, d.size };
}

/* As read: a certificate that was made lacks some of what one has that was read. */
static inline void read_again(struct made *m)
{
	pc_str der = der_of(m);
	gnutls_datum_t d = { (unsigned char *)(uintptr_t)der.p, (unsigned)der.len };

	gnutls_x509_crt_deinit(m->crt);
	gnutls_x509_crt_init(&m->crt);
	assert_int_equal(gnutls_x509_crt_import(m->crt, &d, GNUTLS_X509_FMT_DER), 0);
	free(d.data);
}

/* With the key that is there already, or a new one. */
static inline void make(struct made *m, const struct wish *w)
{
	gnutls_x509_crt_init(&m->crt);
	if (m->key == NULL) {
		gnutls_x509_privkey_init(&m->key);
		assert_int_equal(gnutls_x509_privkey_generate(
		                         m->key, GNUTLS_PK_ECDSA,
		                         GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
		                 0);
	}
	fill(m->crt, w);
	assert_int_equal(gnutls_x509_crt_set_key(m->crt, m->key), 0);
	assert_int_equal(gnutls_x509_crt_sign2(m->crt, w->by ? w->by->crt : m->crt,
	                                       w->by ? w->by->key : m->key, GNUTLS_DIG_SHA256, 0),
	                 0);
	read_again(m);
}

static inline void unmake(struct made *m)
{
	gnutls_x509_crt_deinit(m->crt);
	gnutls_x509_privkey_deinit(m->key);
	*m = (struct made){ NULL, NULL };
}
