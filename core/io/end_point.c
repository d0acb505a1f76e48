/* The tls-server-end-point of certificates (RFC 5929 section 4.1), ours worked out beforehand. */
#include "io/end_point.h"

#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

struct pc__end_point {
	gnutls_datum_t der;
	uint8_t hash[64];
	size_t len;
};

/* The hash of the certificate's signature, but for the weak ones; Ed25519 and Ed448 have none. */
static gnutls_digest_algorithm_t end_point_hash(int signature)
{
	gnutls_digest_algorithm_t hash =
	        signature < 0 ? GNUTLS_DIG_UNKNOWN : gnutls_sign_get_hash_algorithm(signature);

	if (signature == GNUTLS_SIGN_EDDSA_ED25519 || signature == GNUTLS_SIGN_EDDSA_ED448)
		return GNUTLS_DIG_UNKNOWN;
	if (hash == GNUTLS_DIG_MD5 || hash == GNUTLS_DIG_SHA1)
		return GNUTLS_DIG_SHA256;
	return hash;
}

size_t pc__tls_end_point(const gnutls_datum_t *der, uint8_t out[64])
{
	gnutls_x509_crt_t crt;
	gnutls_digest_algorithm_t hash = GNUTLS_DIG_UNKNOWN;
	size_t len = 0;

	gnutls_x509_crt_init(&crt);
	if (gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) == 0)
		hash = end_point_hash(gnutls_x509_crt_get_signature_algorithm(crt));
	gnutls_x509_crt_deinit(crt);
	if (hash == GNUTLS_DIG_UNKNOWN || hash == GNUTLS_DIG_NULL)
		return 0;
	len = gnutls_hash_get_len((gnutls_digest_algorithm_t)hash);
	if (len == 0 || len > 64 || gnutls_hash_fast(hash, der->data, der->size, out) != 0)
		return 0;
	return len;
}

/* ---- ours */

static const struct pc__end_point *find(const struct pc__end_points *points,
                                        const gnutls_datum_t *der)
{
	for (size_t i = 0; i < points->n; i++) {
		const struct pc__end_point *k = &points->at[i];

		if (k->der.size == der->size && memcmp(k->der.data, der->data, der->size) == 0)
			return k;
	}
	return NULL;
}

void pc__end_points_add(struct pc__end_points *points, gnutls_x509_crt_t crt)
{
	struct pc__end_point k = { 0 };

	if (gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &k.der) < 0)
		return;
	if (find(points, &k.der) != NULL) {
		gnutls_free(k.der.data);
		return;
	}
	k.len = pc__tls_end_point(&k.der, k.hash);
	points->at = pc__realloc(points->at, (points->n + 1) * sizeof(*points->at));
	points->at[points->n++] = k;
}

size_t pc__end_points_get(const struct pc__end_points *points, const gnutls_datum_t *der,
                          uint8_t out[64])
{
	const struct pc__end_point *k = find(points, der);

	if (k == NULL)
		return pc__tls_end_point(der, out);
	memcpy(out, k->hash, k->len);
	return k->len;
}

void pc__end_points_clear(struct pc__end_points *points)
{
	for (size_t i = 0; i < points->n; i++)
		gnutls_free(points->at[i].der.data);
	free(points->at);
	*points = (struct pc__end_points){ 0 };
}
