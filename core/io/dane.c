/*
 * TLSA records held against a chain (RFC 6698 section 2.1, RFC 7671 section 5).
 *
 * GnuTLS' own libgnutls-dane says only whether a record is of a certificate: names, dates, roots
 * and what a peer's key may cost would be left to us, one damaged record makes it refuse all, and
 * each of its states reads resolv.conf.
 */
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "io/snapshot.h"
#include "util/mem.h"

#define CHAIN_MOST 10
#define WHOLE_MOST 2 /* authorities that stand in records as a whole: more are not tried */

enum usage { PKIX_TA, PKIX_EE, DANE_TA, DANE_EE };
enum selector { CERT, SPKI };
enum matching { EXACT, SHA256, SHA512 };

struct record {
	uint8_t usage, selector, matching;
	gnutls_datum_t data;
};

struct trial {
	const pc__dane_claim *claim;
	gnutls_datum_t chain[CHAIN_MOST + 1]; /* behind its end the root, where one is wanted */
	unsigned n, n_root;
	char *under[CHAIN_MOST + 1]; /* why it does not come from that one, once that was asked */
	bool asked[CHAIN_MOST + 1];
	unsigned n_whole;
	char *fault; /* of the first record that names something of the chain */
};

/* ---- one record, one certificate */

static bool read_record(const pc_str *from, struct record *r)
{
	static const size_t sizes[] = { [SHA256] = 32, [SHA512] = 64 };
	const unsigned char *p = (const unsigned char *)from->p;

	if (from->len < 4)
		return false;
	*r = (struct record){
		p[0], p[1], p[2], { (unsigned char *)(uintptr_t)p + 3, (unsigned)from->len - 3 }
	};
	return r->usage <= DANE_EE && r->selector <= SPKI && r->matching <= SHA512 &&
	       (r->matching == EXACT || r->data.size == sizes[r->matching]);
}

bool pc__tlsa_is_usable(const pc_str *record)
{
	struct record r;

	return read_record(record, &r);
}

static bool is_same(const gnutls_datum_t *a, const void *p, size_t len)
{
	return a->size == len && memcmp(a->data, p, len) == 0;
}

static bool key_fits(const struct record *r, gnutls_x509_crt_t crt)
{
	unsigned char id[64];
	size_t len = sizeof(id);
	gnutls_pubkey_t key;
	gnutls_datum_t spki = { NULL, 0 };
	bool fits;

	if (r->matching != EXACT)
		return gnutls_x509_crt_get_key_id(crt,
		                                  r->matching == SHA256 ? GNUTLS_KEYID_USE_SHA256
		                                                        : GNUTLS_KEYID_USE_SHA512,
		                                  id, &len) == 0 &&
		       is_same(&r->data, id, len);
	gnutls_pubkey_init(&key);
	fits = gnutls_pubkey_import_x509(key, crt, 0) == 0 &&
	       gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &spki) == 0 &&
	       is_same(&r->data, spki.data, spki.size);
	gnutls_free(spki.data);
	gnutls_pubkey_deinit(key);
	return fits;
}

static bool cert_fits(const struct record *r, const gnutls_datum_t *der)
{
	unsigned char digest[64];
	size_t len = sizeof(digest);

	if (r->matching == EXACT)
		return is_same(&r->data, der->data, der->size);
	return gnutls_fingerprint(r->matching == SHA256 ? GNUTLS_DIG_SHA256 : GNUTLS_DIG_SHA512,
	                          der, digest, &len) == 0 &&
	       is_same(&r->data, digest, len);
}

static bool fits(const struct record *r, const gnutls_datum_t *der)
{
	gnutls_x509_crt_t crt;
	bool does;

	if (r->selector == CERT)
		return cert_fits(r, der);
	gnutls_x509_crt_init(&crt);
	does = gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) == 0 && key_fits(r, crt);
	gnutls_x509_crt_deinit(crt);
	return does;
}

/* ---- one record, the chain */

/* True: there is no fault. Else the first of them is what is told. */
static bool is_clear(struct trial *t, char *fault)
{
	if (fault == NULL)
		return true;
	if (t->fault == NULL)
		t->fault = fault;
	else
		free(fault);
	return false;
}

/* RFC 7673 section 4: where the SRV records are signed, the name that they give is good, too. */
static bool has_name(struct trial *t)
{
	const pc__dane_claim *c = t->claim;

	if (pc__cert_is_for(&c->chain[0], c->domain, c->service) ||
	    (c->host != NULL && pc__cert_is_for(&c->chain[0], c->host, NULL)))
		return true;
	return is_clear(t, pc__strdup("its certificate is for another name"));
}

static bool has_root(struct trial *t)
{
	return is_clear(t, pc__strdup(t->claim->fault));
}

/* Dates, constraints and signatures from the leaf up to that authority. */
static char *path_fault(struct trial *t, const gnutls_datum_t *authority)
{
	pc__trust *trust = pc__trust_of(authority);
	char *fault;

	if (trust == NULL)
		return pc__strdup("a TLSA record names an authority that cannot be used");
	fault = pc__trust_judge(trust, t->chain, t->n, PC__PEER_SERVER);
	pc__trust_free(&trust);
	return fault;
}

/* Each authority is tried once, however many records name it. */
static bool comes_from(struct trial *t, unsigned at)
{
	if (!t->asked[at])
		t->under[at] = path_fault(t, &t->chain[at]);
	t->asked[at] = true;
	return is_clear(t, pc__strdup(t->under[at]));
}

static bool leaf_is_good(struct trial *t, const struct record *r)
{
	if (!fits(r, &t->chain[0]))
		return false;
	/* RFC 7671 5.1: names and dates are those of the DNS */
	return r->usage == DANE_EE || (has_root(t) && has_name(t));
}

static bool comes_from_whole(struct trial *t, const struct record *r)
{
	return r->usage == DANE_TA && r->selector == CERT && r->matching == EXACT &&
	       t->n_whole++ < WHOLE_MOST && is_clear(t, path_fault(t, &r->data));
}

static bool authority_is_good(struct trial *t, const struct record *r)
{
	unsigned end = r->usage == PKIX_TA ? t->n + t->n_root : t->n, i = 1;

	while (i < end && !(fits(r, &t->chain[i]) && comes_from(t, i)))
		i++;
	if (i >= end && !comes_from_whole(t, r))
		return false;
	return (r->usage == DANE_TA || has_root(t)) && has_name(t);
}

/* ---- all records */

static void take_chain(struct trial *t)
{
	const pc__dane_claim *c = t->claim;

	for (; t->n < c->n && t->n < CHAIN_MOST; t->n++)
		t->chain[t->n] = (gnutls_datum_t){ (unsigned char *)(uintptr_t)c->chain[t->n].p,
			                           (unsigned)c->chain[t->n].len };
}

/* The root is seldom sent along. */
static void add_root(struct trial *t)
{
	if (t->n_root == 0 && t->claim->fault == NULL &&
	    pc__trust_issuer(pc__tls_trust(t->claim->tls), &t->chain[t->n - 1], &t->chain[t->n]))
		t->n_root = 1;
}

/* RFC 7671 section 9: the longer digest has the last word where there are both. */
static bool is_outdone(const pc__dane_claim *c, const struct record *r)
{
	struct record other;

	for (size_t i = 0; r->matching == SHA256 && i < c->n_records; i++)
		if (read_record(&c->records[i], &other) && other.matching == SHA512 &&
		    other.usage == r->usage && other.selector == r->selector)
			return true;
	return false;
}

static bool is_good(struct trial *t, const pc_str *record)
{
	struct record r;

	if (!read_record(record, &r) || is_outdone(t->claim, &r))
		return false;
	if (r.usage == PKIX_EE || r.usage == DANE_EE)
		return leaf_is_good(t, &r);
	if (r.usage == PKIX_TA)
		add_root(t);
	return authority_is_good(t, &r);
}

char *pc__dane_judge(const pc__dane_claim *claim)
{
	struct trial t = { .claim = claim };
	bool good = false;

	take_chain(&t);
	for (size_t i = 0; t.n > 0 && i < claim->n_records && !good; i++)
		good = is_good(&t, &claim->records[i]);
	for (unsigned i = 0; i <= CHAIN_MOST; i++)
		free(t.under[i]);
	if (t.n_root > 0)
		gnutls_free(t.chain[t.n].data);
	if (!good && t.fault == NULL)
		return pc__strdup("its certificate is not the one that its TLSA records name");
	if (!good)
		return t.fault;
	free(t.fault);
	return NULL;
}
