/* Certificates that the DNS names (RFC 6698, RFC 7671). */
#include "made_certs.h"

#include <gnutls/abstract.h>
#include <stdio.h>
#include <unistd.h>

#include "io/tls.h"

enum who { ROOT, MIDDLE, LEAF, EXPIRED, OWN, ELSE, NOBODY };

static struct made made[NOBODY];
static pc_str ders[NOBODY];
static pc__tls *tls;
static char roots[] = "/tmp/pc-test-dane-XXXXXX";

/* ---- records */

static size_t content(enum who who, unsigned selector, unsigned char *out, size_t size)
{
	gnutls_pubkey_t key;
	gnutls_datum_t spki;
	size_t len;

	if (selector == 0) {
		memcpy(out, ders[who].p, ders[who].len);
		return ders[who].len;
	}
	gnutls_pubkey_init(&key);
	assert_int_equal(gnutls_pubkey_import_x509(key, made[who].crt, 0), 0);
	assert_int_equal(gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &spki), 0);
	assert_true(spki.size <= size);
	memcpy(out, spki.data, spki.size);
	len = spki.size;
	gnutls_free(spki.data);
	gnutls_pubkey_deinit(key);
	return len;
}

static pc_str record(unsigned usage, unsigned selector, unsigned matching, enum who who)
{
	unsigned char bytes[4096];
	unsigned char *r = pc__alloc(sizeof(bytes) + 3);
	size_t len = content(who, selector, bytes, sizeof(bytes));
	gnutls_datum_t d = { bytes, (unsigned)len };

	r[0] = (unsigned char)usage;
	r[1] = (unsigned char)selector;
	r[2] = (unsigned char)matching;
	if (matching == 0) {
		memcpy(r + 3, bytes, len);
	} else {
		len = sizeof(bytes);
		assert_int_equal(
		        gnutls_fingerprint(matching == 1 ? GNUTLS_DIG_SHA256 : GNUTLS_DIG_SHA512,
		                           &d, r + 3, &len),
		        0);
	}
	return (pc_str){ (char *)r, len + 3 };
}

static char *judge(const pc__dane_claim *of, const enum who *chain)
{
	pc__dane_claim claim = *of;
	pc_str certs[8];
	char *fault;

	for (claim.n = 0; chain[claim.n] != NOBODY; claim.n++)
		certs[claim.n] = ders[chain[claim.n]];
	claim.chain = certs;
	claim.tls = tls;
	if (claim.domain == NULL)
		claim.domain = "a.example";
	fault = pc__dane_judge(&claim);
	return fault;
}

/* ---- what fits */

#define WRONG "not the one"
#define UNTRUSTED "nobody knows it"

static const enum who whole[] = { LEAF, MIDDLE, ROOT, NOBODY };
static const enum who usual[] = { LEAF, MIDDLE, NOBODY };
static const enum who alone[] = { LEAF, NOBODY };
static const enum who old[] = { EXPIRED, MIDDLE, NOBODY };
static const enum who own[] = { OWN, NOBODY };
static const enum who pasted[] = { OWN, MIDDLE, ROOT, NOBODY };
static const struct {
	unsigned usage, selector, matching;
	enum who who;
	const enum who *chain;
	const char *domain, *host, *root_fault, *fault;
} fits[] = {
	/* the certificate itself: no names, no dates, no roots */
	{ 3, 0, 0, OWN, own, "b.example", NULL, UNTRUSTED, NULL },
	{ 3, 0, 1, OWN, own, NULL, NULL, UNTRUSTED, NULL },
	{ 3, 0, 2, OWN, own, NULL, NULL, UNTRUSTED, NULL },
	{ 3, 1, 0, OWN, own, NULL, NULL, UNTRUSTED, NULL },
	{ 3, 1, 1, OWN, own, NULL, NULL, UNTRUSTED, NULL },
	{ 3, 1, 2, OWN, own, NULL, NULL, UNTRUSTED, NULL },
	{ 3, 1, 1, EXPIRED, old, NULL, NULL, UNTRUSTED, NULL },
	{ 3, 1, 1, OWN, usual, NULL, NULL, NULL, WRONG },
	{ 3, 1, 1, MIDDLE, usual, NULL, NULL, NULL, WRONG },
	/* an authority of the DNS's own: names and dates, no roots */
	{ 2, 0, 1, MIDDLE, usual, NULL, NULL, UNTRUSTED, NULL },
	{ 2, 1, 1, MIDDLE, whole, NULL, NULL, UNTRUSTED, NULL },
	{ 2, 1, 2, ROOT, whole, NULL, NULL, UNTRUSTED, NULL },
	{ 2, 0, 0, ROOT, usual, NULL, NULL, UNTRUSTED, NULL },
	{ 2, 0, 0, MIDDLE, alone, NULL, NULL, UNTRUSTED, NULL },
	{ 2, 1, 1, ROOT, usual, NULL, NULL, NULL, WRONG },
	{ 2, 1, 1, MIDDLE, alone, NULL, NULL, NULL, WRONG },
	{ 2, 1, 1, LEAF, usual, NULL, NULL, NULL, WRONG },
	{ 2, 1, 1, MIDDLE, usual, "b.example", NULL, NULL, "another name" },
	{ 2, 1, 1, MIDDLE, usual, "b.example", "a.example", NULL, NULL },
	{ 2, 1, 1, MIDDLE, old, NULL, NULL, NULL, "expired" },
	{ 2, 1, 1, MIDDLE, pasted, NULL, NULL, NULL, "issuer is unknown" },
	{ 2, 1, 1, ROOT, pasted, NULL, NULL, NULL, "issuer is unknown" },
	{ 2, 0, 0, ROOT, own, NULL, NULL, NULL, "issuer is unknown" },
	/* constraints upon what the roots say */
	{ 1, 1, 1, LEAF, usual, NULL, NULL, NULL, NULL },
	{ 1, 1, 1, LEAF, usual, NULL, NULL, UNTRUSTED, UNTRUSTED },
	{ 1, 1, 1, LEAF, usual, "b.example", NULL, NULL, "another name" },
	{ 1, 1, 1, LEAF, usual, "b.example", "a.example", NULL, NULL },
	{ 1, 1, 1, MIDDLE, usual, NULL, NULL, NULL, WRONG },
	{ 0, 1, 1, MIDDLE, usual, NULL, NULL, NULL, NULL },
	{ 0, 1, 1, ROOT, usual, NULL, NULL, NULL, NULL }, /* it is not sent along */
	{ 0, 0, 0, ROOT, usual, NULL, NULL, NULL, NULL },
	{ 0, 1, 1, ELSE, usual, NULL, NULL, NULL, WRONG },
	{ 0, 1, 1, MIDDLE, usual, NULL, NULL, UNTRUSTED, UNTRUSTED },
	{ 0, 1, 1, MIDDLE, usual, "b.example", NULL, NULL, "another name" },
	{ 0, 1, 1, MIDDLE, pasted, NULL, NULL, NULL, "issuer is unknown" },
};

static void test_fits(void **state)
{
	(void)state;
	for (size_t i = 0; i < PC__COUNT(fits); i++) {
		pc_str r = record(fits[i].usage, fits[i].selector, fits[i].matching, fits[i].who);
		pc__dane_claim claim = { .records = &r,
			                 .n_records = 1,
			                 .domain = fits[i].domain,
			                 .host = fits[i].host,
			                 .fault = fits[i].root_fault };
		char *fault = judge(&claim, fits[i].chain);

		if (!fault != !fits[i].fault || (fault && !strstr(fault, fits[i].fault)))
			fail_msg("row %zu: %s", i, fault ? fault : "it fits");
		free(fault);
		free((void *)(uintptr_t)r.p);
	}
}

/* One that fits is enough, and what is told is what stands in the way of the nearest. */
static void test_several(void **state)
{
	static const enum who chain[] = { EXPIRED, MIDDLE, NOBODY };
	pc_str r[] = { record(3, 1, 1, OWN), record(2, 1, 1, MIDDLE), record(3, 0, 2, OWN),
		       record(3, 1, 1, EXPIRED) };
	char *fault;

	(void)state;
	assert_null(judge(&(pc__dane_claim){ .records = r, .n_records = 4 }, chain));
	fault = judge(&(pc__dane_claim){ .records = r, .n_records = 3 }, chain);
	assert_non_null(strstr(fault, "expired"));
	free(fault);
	for (size_t i = 0; i < PC__COUNT(r); i++)
		free((void *)(uintptr_t)r[i].p);
}

/* RFC 7671 section 9: of two digests the longer one counts; each usage and selector for itself. */
static void test_digests(void **state)
{
	static const enum who chain[] = { OWN, NOBODY };
	pc_str r[] = { record(3, 1, 1, OWN), record(3, 1, 2, LEAF), record(3, 0, 2, LEAF) };
	char *fault = judge(&(pc__dane_claim){ .records = r, .n_records = 2 }, chain);

	(void)state;
	assert_non_null(strstr(fault, WRONG));
	free(fault);
	*(char *)(uintptr_t)r[1].p = 2;
	assert_null(judge(&(pc__dane_claim){ .records = r, .n_records = 3 }, chain));
	for (size_t i = 0; i < PC__COUNT(r); i++)
		free((void *)(uintptr_t)r[i].p);
}

/* ---- records that nobody can use (RFC 7671 section 4.1) */

static void test_usable(void **state)
{
	static const enum who chain[] = { OWN, NOBODY };
	char bytes[3 + 65] = { 3, 1, 1 };

	(void)state;
	for (size_t len = 0; len <= sizeof(bytes); len++)
		for (char matching = 0; matching < 4; matching++) {
			pc_str r = { bytes, len };
			bool usable = matching == 0   ? len > 3
			              : matching == 1 ? len == 35
			                              : matching == 2 && len == 67;
			char *fault;

			bytes[2] = matching;
			assert_int_equal(pc__tlsa_is_usable(&r), usable);
			fault = judge(&(pc__dane_claim){ .records = &r, .n_records = 1 }, chain);
			assert_non_null(fault);
			free(fault);
		}
	bytes[2] = 1;
	assert_true(pc__tlsa_is_usable(&(pc_str){ bytes, 35 }));
	bytes[0] = 4;
	assert_false(pc__tlsa_is_usable(&(pc_str){ bytes, 35 }));
	bytes[0] = (char)255; /* PrivCert */
	assert_false(pc__tlsa_is_usable(&(pc_str){ bytes, 35 }));
	bytes[0] = 3;
	bytes[1] = 2;
	assert_false(pc__tlsa_is_usable(&(pc_str){ bytes, 35 }));
}

/* An authority in a record that is no certificate, or too many of them. */
static void test_whole(void **state)
{
	static const enum who chain[] = { LEAF, NOBODY };
	pc_str r[] = { { "\2\0\0rubbish", 10 }, record(2, 0, 0, ELSE), record(2, 0, 0, MIDDLE) };
	char *fault = judge(&(pc__dane_claim){ .records = r, .n_records = 3 }, chain);

	(void)state;
	assert_non_null(strstr(fault, "cannot be used"));
	free(fault);
	assert_null(judge(&(pc__dane_claim){ .records = r + 1, .n_records = 2 }, chain));
	free((void *)(uintptr_t)r[1].p);
	free((void *)(uintptr_t)r[2].p);
}

/* ---- certificates */

static int set_up(void **state)
{
	static const struct wish wishes[] = {
		[ROOT] = { .cn = "root", .authority = true },
		[MIDDLE] = { .cn = "middle", .by = &made[ROOT], .authority = true },
		[LEAF] = { .cn = "leaf", .dns = "a.example", .by = &made[MIDDLE] },
		[EXPIRED] = { .dns = "a.example", .by = &made[MIDDLE], .expired = true },
		[OWN] = { .cn = "own", .dns = "a.example" },
		[ELSE] = { .cn = "else", .authority = true },
	};
	pc__tls_settings settings = { .profile = PC__TLS_INTERMEDIATE, .cafile = roots };
	gnutls_datum_t pem;
	int fd = mkstemp(roots);

	(void)state;
	for (int i = 0; i < NOBODY; i++) {
		make(&made[i], &wishes[i]);
		ders[i] = der_of(&made[i]);
	}
	assert_int_equal(gnutls_x509_crt_export2(made[ROOT].crt, GNUTLS_X509_FMT_PEM, &pem), 0);
	assert_int_equal(write(fd, pem.data, pem.size), pem.size);
	gnutls_free(pem.data);
	close(fd);
	return pc__tls_new(&tls, &settings, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < NOBODY; i++) {
		free((void *)(uintptr_t)ders[i].p);
		unmake(&made[i]);
	}
	pc__tls_unref(&tls);
	return unlink(roots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fits),    cmocka_unit_test(test_several),
		cmocka_unit_test(test_digests), cmocka_unit_test(test_usable),
		cmocka_unit_test(test_whole),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
