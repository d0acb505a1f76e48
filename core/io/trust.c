#include "io/trust.h"

#include <gnutls/x509.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <uv.h>

#include "util/mem.h"

#define CHAIN_MOST 10
#define KEY_BITS_MOST 8192
#define EXPONENT_BYTES_MOST 5 /* 65537 and a sign; some CAs have used 2^32 + 1 */

struct pc__trust {
	gnutls_x509_trust_list_t list;
	uv_mutex_t lock; /* while the system's roots are read */
	atomic_bool ready;
};

/* ---- roots */

static char *add_named(pc__trust *trust, const char *cafile, const char *capath)
{
	int n = 0;

	if (cafile != NULL)
		n = gnutls_x509_trust_list_add_trust_file(trust->list, cafile, NULL,
		                                          GNUTLS_X509_FMT_PEM, 0, 0);
	if (n < 0 || (cafile != NULL && n == 0))
		return pc__printf("%s: %s", cafile, n ? gnutls_strerror(n) : "no certificate");
	if (capath != NULL)
		n = gnutls_x509_trust_list_add_trust_dir(trust->list, capath, NULL,
		                                         GNUTLS_X509_FMT_PEM, 0, 0);
	if (n <= 0 && capath != NULL)
		return pc__printf("%s: %s", capath, n ? gnutls_strerror(n) : "no certificate");
	return NULL;
}

pc__trust *pc__trust_new(const char *cafile, const char *capath, char **error_r)
{
	pc__trust *trust = pc__alloc(sizeof(*trust));
	char *error;

	gnutls_x509_trust_list_init(&trust->list, 0);
	uv_mutex_init(&trust->lock);
	atomic_init(&trust->ready, cafile != NULL || capath != NULL);
	error = add_named(trust, cafile, capath);
	if (error == NULL)
		return trust;
	pc__trust_free(&trust);
	if (error_r != NULL)
		*error_r = error;
	else
		free(error);
	return NULL;
}

void pc__trust_free(pc__trust **trust)
{
	if (*trust == NULL)
		return;
	gnutls_x509_trust_list_deinit((*trust)->list, 1);
	uv_mutex_destroy(&(*trust)->lock);
	pc__free(trust);
}

static void get_ready(pc__trust *trust)
{
	if (atomic_load_explicit(&trust->ready, memory_order_acquire))
		return;
	uv_mutex_lock(&trust->lock);
	if (!atomic_load_explicit(&trust->ready, memory_order_relaxed))
		gnutls_x509_trust_list_add_system_trust(trust->list, 0, 0);
	atomic_store_explicit(&trust->ready, true, memory_order_release);
	uv_mutex_unlock(&trust->lock);
}

/* ---- verdicts */

static bool rsa_is_cheap(gnutls_x509_crt_t crt)
{
	gnutls_datum_t modulus, exponent;
	bool cheap;

	if (gnutls_x509_crt_get_pk_rsa_raw(crt, &modulus, &exponent) != 0)
		return false;
	cheap = modulus.size <= KEY_BITS_MOST / 8 + 1 && exponent.size <= EXPONENT_BYTES_MOST;
	gnutls_free(modulus.data);
	gnutls_free(exponent.data);
	return cheap;
}

static bool key_is_cheap(gnutls_x509_crt_t crt)
{
	switch (gnutls_x509_crt_get_pk_algorithm(crt, NULL)) {
	case GNUTLS_PK_RSA:
	case GNUTLS_PK_RSA_PSS:
		return rsa_is_cheap(crt);
	case GNUTLS_PK_ECDSA: /* the curves are those that GnuTLS knows */
	case GNUTLS_PK_EDDSA_ED25519:
	case GNUTLS_PK_EDDSA_ED448:
		return true;
	default:
		return false;
	}
}

bool pc__trust_is_cheap(const gnutls_datum_t *der)
{
	gnutls_x509_crt_t crt;
	bool cheap;

	gnutls_x509_crt_init(&crt);
	cheap = gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) == 0 && key_is_cheap(crt);
	gnutls_x509_crt_deinit(crt);
	return cheap;
}

pc__trust *pc__trust_of(const gnutls_datum_t *der)
{
	pc__trust *trust = pc__alloc(sizeof(*trust));
	gnutls_x509_crt_t crt;

	gnutls_x509_trust_list_init(&trust->list, 0);
	uv_mutex_init(&trust->lock);
	atomic_init(&trust->ready, true);
	gnutls_x509_crt_init(&crt);
	if (gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) == 0 && key_is_cheap(crt) &&
	    gnutls_x509_trust_list_add_cas(trust->list, &crt, 1, 0) == 1)
		return trust; /* whose the certificate is now */
	gnutls_x509_crt_deinit(crt);
	pc__trust_free(&trust);
	return NULL;
}

bool pc__trust_issuer(pc__trust *trust, const gnutls_datum_t *der, gnutls_datum_t *issuer_r)
{
	gnutls_x509_crt_t crt, issuer = NULL;
	bool found;

	get_ready(trust);
	gnutls_x509_crt_init(&crt);
	found = gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) == 0 &&
	        gnutls_x509_trust_list_get_issuer(trust->list, crt, &issuer, GNUTLS_TL_GET_COPY) ==
	                0 &&
	        gnutls_x509_crt_export2(issuer, GNUTLS_X509_FMT_DER, issuer_r) == 0;
	gnutls_x509_crt_deinit(crt);
	if (issuer != NULL)
		gnutls_x509_crt_deinit(issuer);
	return found;
}

static unsigned status_of(pc__trust *trust, gnutls_x509_crt_t *crts, unsigned n,
                          const char *purpose)
{
	gnutls_typed_vdata_st data = { .type = GNUTLS_DT_KEY_PURPOSE_OID,
		                       .data = (unsigned char *)(uintptr_t)purpose };
	unsigned status = 0;

	if (gnutls_x509_trust_list_verify_crt2(trust->list, crts, n, &data, 1,
	                                       GNUTLS_PROFILE_TO_VFLAGS(GNUTLS_PROFILE_MEDIUM),
	                                       &status, NULL) != 0)
		status |= GNUTLS_CERT_INVALID;
	return status;
}

static char *judge(pc__trust *trust, gnutls_x509_crt_t *crts, unsigned n, pc__peer peer)
{
	unsigned status = status_of(trust, crts, n,
	                            peer == PC__PEER_CLIENT ? GNUTLS_KP_TLS_WWW_CLIENT
	                                                    : GNUTLS_KP_TLS_WWW_SERVER);
	gnutls_datum_t text;
	char *fault;

	if (peer == PC__PEER_SERVER && (status & GNUTLS_CERT_PURPOSE_MISMATCH) != 0)
		status = status_of(trust, crts, n, GNUTLS_KP_TLS_WWW_CLIENT);
	if (status == 0)
		return NULL;
	if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) != 0)
		return pc__strdup("it is not trusted");
	fault = pc__strdup((char *)text.data);
	gnutls_free(text.data);
	return fault;
}

char *pc__trust_judge(pc__trust *trust, const gnutls_datum_t *chain, unsigned n, pc__peer peer)
{
	gnutls_x509_crt_t crts[CHAIN_MOST];
	bool usable = n <= CHAIN_MOST;
	unsigned made = 0;
	char *fault;

	get_ready(trust);
	for (; usable && made < n; made++) {
		gnutls_x509_crt_init(&crts[made]);
		usable = gnutls_x509_crt_import(crts[made], &chain[made], GNUTLS_X509_FMT_DER) ==
		                 0 &&
		         key_is_cheap(crts[made]);
	}
	fault = usable ? judge(trust, crts, n, peer)
	               : pc__strdup("a chain or a key of it is too long");
	while (made > 0)
		gnutls_x509_crt_deinit(crts[--made]);
	return fault;
}
