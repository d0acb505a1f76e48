#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include <prosody-c/codec.h>
#include <prosody-c/scram.h>

#include "util/mem.h"
#include "util/scram_exchange.h"

#define STR(s)                                                                                     \
	{                                                                                          \
		(s), sizeof(s) - 1                                                                 \
	}

static const pc_scram_policy no_policy;
static const pc_scram_policy plus_policy = { .plus_offered = true };

static void make_keys(pc_scram_keys *keys, pc_scram_hash hash, const char *password,
                      const char *salt)
{
	*keys = (pc_scram_keys){ .hash = hash, .iterations = 4096 };
	keys->salt_len =
	        (size_t)pc_base64_decode(salt, strlen(salt), keys->salt, sizeof(keys->salt));
	assert_int_equal(pc_scram_derive(password, keys), PC_OK);
}

/* ---- the examples of RFC 5802, RFC 7677 and XEP-0474; SHA-512 by another implementation. */

struct vector {
	pc_scram_hash hash;
	bool plus;
	pc_scram_policy policy;
	const char *salt, *server_nonce, *bound;
	const char *first, *challenge, *final, *success;
};

static const struct vector vectors[] = {
	{
	        .hash = PC_SCRAM_SHA_1,
	        .salt = "QSXCR+Q6sek8bf92",
	        .server_nonce = "3rfcNHYJY1ZVvWVs7j",
	        .first = "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
	        .challenge = "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,"
	                     "i=4096",
	        .final = "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
	                 "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
	        .success = "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
	},
	{
	        .hash = PC_SCRAM_SHA_256,
	        .salt = "W22ZaJ0SNY7soEsUEjb6gQ==",
	        .server_nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
	        .first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
	        .challenge = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	                     "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
	        .final = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	                 "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	        .success = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
	},
	{
	        .hash = PC_SCRAM_SHA_512,
	        .salt = "W22ZaJ0SNY7soEsUEjb6gQ==",
	        .server_nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
	        .first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
	        .challenge = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	                     "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
	        .final = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	                 "p=gMGXRcevScNtxZ6/"
	                 "8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==",
	        .success = "v=ZQnYEgWQMFmmsM8aQMF0nDDCy/"
	                   "AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==",
	},
	{
	        .hash = PC_SCRAM_SHA_1,
	        .plus = true,
	        .policy = { .plus_offered = true,
	                    .mechanisms = STR("SCRAM-SHA-1-PLUS,SCRAM-SHA-1"),
	                    .bindings = STR("tls-server-end-point,tls-exporter") },
	        .salt = "QSXCR+Q6sek8bf92",
	        .server_nonce = "a09117a6-ac50-4f2f-93f1-93799c2bddf6",
	        .bound = "THIS IS FAKE CB DATA",
	        .first = "p=tls-exporter,,n=user,r=12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6",
	        .challenge = "r=12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6a09117a6-ac50-4f2f-93f1-"
	                     "93799c2bddf6,s=QSXCR+Q6sek8bf92,i=4096,"
	                     "h=G6k/rBLDqgOhRRaCuuatSDFkJ08=",
	        .final = "c=cD10bHMtZXhwb3J0ZXIsLFRISVMgSVMgRkFLRSBDQiBEQVRB,"
	                 "r=12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6a09117a6-ac50-4f2f-93f1-"
	                 "93799c2bddf6,x=19C6532F-1CF4-4A27-A18D-DC9CEA41BBB3,"
	                 "p=M/SIDjT+dfcxUh89jZEypRvFxB4=",
	        .success = "v=MQrMPvv7yv4x4Cq4W4Ih25EqS2c=",
	},
};

/* The exchange through bytes, as a reload does it. */
static void through_bytes(pc_scram **sc)
{
	size_t len;
	uint8_t *bytes = pc_scram_save(*sc, &len);

	pc_scram_free(sc);
	*sc = pc_scram_restore(bytes, len);
	assert_non_null(*sc);
	free(bytes);
}

static void run_vector(const struct vector *v, bool reload)
{
	char out[PC_SCRAM_MESSAGE_MAX];
	pc_scram_keys keys;
	pc_scram *sc;

	make_keys(&keys, v->hash, "pencil", v->salt);
	assert_int_equal(pc_scram_start(&sc, v->hash, v->plus, &v->policy), PC_OK);
	memcpy(sc->server_nonce, v->server_nonce, strlen(v->server_nonce) + 1);
	if (reload)
		through_bytes(&sc);
	assert_int_equal(pc_scram_client_first(sc, v->first, strlen(v->first)), PC_OK);
	assert_string_equal(pc_scram_username(sc), "user");
	assert_null(pc_scram_authzid(sc));
	assert_int_equal(pc_scram_binding(sc), v->plus ? PC_BINDING_TLS_EXPORTER : PC_BINDING_NONE);
	if (reload)
		through_bytes(&sc);
	assert_int_equal(pc_scram_server_first(sc, &keys, out), strlen(v->challenge));
	assert_string_equal(out, v->challenge);
	if (v->bound)
		pc_scram_set_binding(sc, (const uint8_t *)v->bound, strlen(v->bound));
	if (reload)
		through_bytes(&sc);
	assert_int_equal(pc_scram_client_final(sc, v->final, strlen(v->final), out),
	                 strlen(v->success));
	assert_string_equal(out, v->success);
	assert_int_equal(pc_scram_client_final(sc, v->final, strlen(v->final), out), PC_ESTATE);
	if (reload)
		through_bytes(&sc);
	assert_int_equal(pc_scram_client_final(sc, v->final, strlen(v->final), out), PC_ESTATE);
	pc_scram_free(&sc);
	assert_null(sc);
}

static void published_exchanges(void **state)
{
	(void)state;
	for (size_t i = 0; i < PC__COUNT(vectors); i++) {
		run_vector(&vectors[i], false);
		run_vector(&vectors[i], true);
	}
}

/* ---- client-final, by a client of our own */

struct client {
	pc_scram *sc;
	pc_scram_hash hash;
	const char *header, *bare;
	char challenge[PC_SCRAM_MESSAGE_MAX];
	char nonce[256];
	uint8_t salted[64];
};

static const gnutls_mac_algorithm_t macs[] = { GNUTLS_MAC_SHA1, GNUTLS_MAC_SHA256,
	                                       GNUTLS_MAC_SHA512 };

/* Up to the challenge. */
static void begin(struct client *c, pc_scram_hash hash, bool plus, const char *header,
                  const char *password)
{
	gnutls_datum_t secret = { (unsigned char *)pc__strdup(password),
		                  (unsigned)strlen(password) };
	gnutls_datum_t salt;
	pc_scram_keys keys;
	char msg[256];

	make_keys(&keys, hash, "pencil", "W22ZaJ0SNY7soEsUEjb6gQ==");
	c->hash = hash;
	c->header = header;
	c->bare = "n=user,r=clientnonce";
	assert_int_equal(pc_scram_start(&c->sc, hash, plus, plus ? &plus_policy : &no_policy),
	                 PC_OK);
	snprintf(msg, sizeof(msg), "%s%s", header, c->bare);
	assert_int_equal(pc_scram_client_first(c->sc, msg, strlen(msg)), PC_OK);
	if (plus)
		pc_scram_set_binding(c->sc, (const uint8_t *)"0123456789abcdef", 16);
	assert_true(pc_scram_server_first(c->sc, &keys, c->challenge) > 0);
	snprintf(c->nonce, sizeof(c->nonce), "%.*s", (int)strcspn(c->challenge + 2, ","),
	         c->challenge + 2);
	assert_memory_equal(c->nonce, "clientnonce", 11);
	assert_int_equal(strlen(c->nonce), 11 + PC_ID_SIZE - 1);
	salt = (gnutls_datum_t){ keys.salt, (unsigned)keys.salt_len };
	gnutls_pbkdf2(macs[hash], &secret, &salt, keys.iterations, c->salted,
	              pc_scram_hash_size(hash));
	free(secret.data);
}

static void prove(const struct client *c, const char *without_proof, char proof[static 100])
{
	size_t size = pc_scram_hash_size(c->hash);
	char *auth = pc__printf("%s,%s,%s", c->bare, c->challenge, without_proof);
	gnutls_mac_algorithm_t mac = macs[c->hash];
	uint8_t key[64], stored[64], signature[64];

	gnutls_hmac_fast(mac, c->salted, size, "Client Key", 10, key);
	gnutls_hash_fast((gnutls_digest_algorithm_t)mac, key, size, stored);
	gnutls_hmac_fast(mac, stored, size, auth, strlen(auth), signature);
	for (size_t i = 0; i < size; i++)
		key[i] ^= signature[i];
	pc_base64_encode(key, size, proof);
	free(auth);
}

/* Sends `format` with the nonce for its %s, rightly proven. */
static ssize_t answer(struct client *c, const char *format)
{
	char without[512], msg[1024], proof[100], out[PC_SCRAM_MESSAGE_MAX];
	const char *before = strstr(format, "%s");
	ssize_t result;

	if (before)
		snprintf(without, sizeof(without), "%.*s%s%s", (int)(before - format), format,
		         c->nonce, before + 2);
	else
		snprintf(without, sizeof(without), "%s", format);
	prove(c, without, proof);
	snprintf(msg, sizeof(msg), "%s,p=%s", without, proof);
	result = pc_scram_client_final(c->sc, msg, strlen(msg), out);
	pc_scram_free(&c->sc);
	return result;
}

static void final_messages(void **state)
{
	static const struct {
		const char *format;
		ssize_t result; /* PC_OK: a length */
	} rows[] = {
		{ "c=biws,r=%s", PC_OK },
		{ "c=biws,r=%s,x=y", PC_OK },
		{ "c=biws,r=%s,x=y,z=1", PC_OK },
		{ "c=biws,r=%s,m=y", PC_EINVAL },
		{ "c=biws,r=%s,x=", PC_EINVAL },
		{ "c=biws,r=%s,", PC_EINVAL },
		{ "c=biws,r=%s,p=eA==", PC_EINVAL },
		{ "r=%s,c=biws", PC_EINVAL },
		{ "x=y,c=biws,r=%s", PC_EINVAL },
		{ "c=biws,x=y,r=%s", PC_EINVAL },
		{ "c=,r=%s", PC_EINVAL },
		{ "c=biw,r=%s", PC_EINVAL },
		{ "c= biws,r=%s", PC_EINVAL },
		{ "r=%s", PC_EINVAL },
		{ "c=biws", PC_EINVAL },
		{ "c=biws,r=", PC_EINVAL },
		{ "c=eSws,r=%s", PC_EPERM },     /* y,, */
		{ "c=biwsAA==,r=%s", PC_EPERM }, /* data where none is */
		{ "c=bix=,r=%s", PC_EINVAL },
		{ "c=biw=,r=%s", PC_EPERM }, /* cut */
		{ "c=biws,r=%sx", PC_EAUTH },
		{ "c=biws,r=x%s", PC_EAUTH },
		{ "c=biws,r=clientnonce", PC_EAUTH },
	};

	(void)state;
	for (size_t i = 0; i < PC__COUNT(rows); i++) {
		struct client c;
		ssize_t result;

		begin(&c, PC_SCRAM_SHA_256, false, "n,,", "pencil");
		result = answer(&c, rows[i].format);
		if (rows[i].result == PC_OK ? result != 2 + 44 : result != rows[i].result)
			fail_msg("%s: %d", rows[i].format, (int)result);
	}
}

static void every_hash(void **state)
{
	struct client c;

	(void)state;
	for (unsigned hash = 0; hash < PC_SCRAM_HASHES; hash++) {
		begin(&c, (pc_scram_hash)hash, false, "n,,", "pencil");
		assert_true(answer(&c, "c=biws,r=%s") > 0);
		begin(&c, (pc_scram_hash)hash, false, "n,,", "pencils");
		assert_int_equal(answer(&c, "c=biws,r=%s"), PC_EAUTH);
		begin(&c, (pc_scram_hash)hash, false, "y,,", "pencil");
		assert_true(answer(&c, "c=eSws,r=%s") > 0);
		begin(&c, (pc_scram_hash)hash, false, "n,a=you,", "pencil");
		assert_true(answer(&c, "c=bixhPXlvdSw=,r=%s") > 0);
		begin(&c, (pc_scram_hash)hash, false, "n,a=you,", "pencil");
		assert_int_equal(answer(&c, "c=biws,r=%s"), PC_EPERM);
	}
}

static ssize_t answer_bound(const char *bound, const char *header, bool forget)
{
	char whole[256], base64[512], format[600];
	struct client c;

	begin(&c, PC_SCRAM_SHA_256, true, "p=tls-exporter,,", "pencil");
	if (forget)
		pc_scram_set_binding(c.sc, NULL, 0);
	snprintf(whole, sizeof(whole), "%s%s", header, bound);
	pc_base64_encode((const uint8_t *)whole, strlen(whole), base64);
	snprintf(format, sizeof(format), "c=%s,r=%%s", base64);
	return answer(&c, format);
}

static void channel_bindings(void **state)
{
	(void)state;
	assert_true(answer_bound("0123456789abcdef", "p=tls-exporter,,", false) > 0);
	assert_int_equal(answer_bound("0123456789abcdeF", "p=tls-exporter,,", false), PC_EPERM);
	assert_int_equal(answer_bound("0123456789abcde", "p=tls-exporter,,", false), PC_EPERM);
	assert_int_equal(answer_bound("0123456789abcdef0", "p=tls-exporter,,", false), PC_EPERM);
	assert_int_equal(answer_bound("", "p=tls-exporter,,", false), PC_EPERM);
	assert_int_equal(answer_bound("0123456789abcdef", "n,,", false), PC_EPERM);
	assert_int_equal(answer_bound("0123456789abcdef", "p=tls-server-end-point,,", false),
	                 PC_EPERM);
	/* Who has no binding data lets nobody in by it. */
	assert_int_equal(answer_bound("", "p=tls-exporter,,", true), PC_EPERM);
}

static void only_offered_bindings(void **state)
{
	static const pc_scram_policy policy = { .plus_offered = true,
		                                .bindings = STR("tls-server-end-point") };
	pc_scram *sc;

	(void)state;
	pc_scram_start(&sc, PC_SCRAM_SHA_1, true, &policy);
	assert_int_equal(pc_scram_client_first(sc, "p=tls-exporter,,n=a,r=b", 23), PC_EINVAL);
	pc_scram_free(&sc);
	pc_scram_start(&sc, PC_SCRAM_SHA_1, true, &policy);
	assert_int_equal(pc_scram_client_first(sc, "p=tls-server-end-point,,n=a,r=b", 31), PC_OK);
	assert_int_equal(pc_scram_binding(sc), PC_BINDING_TLS_SERVER_END_POINT);
	pc_scram_free(&sc);
}

static void proofs_of_any_length(void **state)
{
	char proof[400], msg[800], out[PC_SCRAM_MESSAGE_MAX];

	(void)state;
	for (size_t len = 0; len <= 130; len++) {
		uint8_t zeros[130] = { 0 };
		struct client c;
		ssize_t result;

		begin(&c, PC_SCRAM_SHA_512, false, "n,,", "pencil");
		pc_base64_encode(zeros, len, proof);
		snprintf(msg, sizeof(msg), "c=biws,r=%s,p=%s", c.nonce, proof);
		result = pc_scram_client_final(c.sc, msg, strlen(msg), out);
		assert_int_equal(result, len == 64 ? PC_EAUTH : PC_EINVAL);
		pc_scram_free(&c.sc);
	}
}

static void steps_in_order(void **state)
{
	char out[PC_SCRAM_MESSAGE_MAX];
	pc_scram_keys keys;
	pc_scram *sc;

	(void)state;
	make_keys(&keys, PC_SCRAM_SHA_1, "pencil", "QSXCR+Q6sek8bf92");
	pc_scram_start(&sc, PC_SCRAM_SHA_1, false, &no_policy);
	assert_int_equal(pc_scram_server_first(sc, &keys, out), PC_ESTATE);
	assert_int_equal(pc_scram_client_final(sc, "c=biws,r=a,p=eA==", 17, out), PC_ESTATE);
	assert_null(pc_scram_username(sc));
	assert_int_equal(pc_scram_client_first(sc, "n,,n=a,r=b", 10), PC_OK);
	assert_int_equal(pc_scram_client_first(sc, "n,,n=a,r=b", 10), PC_ESTATE);
	assert_int_equal(pc_scram_client_final(sc, "c=biws,r=a,p=eA==", 17, out), PC_ESTATE);
	keys.hash = PC_SCRAM_SHA_256;
	assert_int_equal(pc_scram_server_first(sc, &keys, out), PC_EINVAL);
	pc_scram_free(&sc);
	pc_scram_free(&sc);
	assert_int_equal(pc_scram_start(&sc, (pc_scram_hash)3, false, &no_policy), PC_EINVAL);
	assert_null(sc);
}

/* ---- saved exchanges that are damaged */

static void damaged_bytes(void **state)
{
	struct client c;
	uint8_t *bytes, *copy;
	size_t len;
	pc_scram *sc;

	(void)state;
	begin(&c, PC_SCRAM_SHA_256, true, "p=tls-exporter,a=x,", "pencil");
	bytes = pc_scram_save(c.sc, &len);
	for (size_t i = 0; i < len; i++) {
		copy = pc__malloc(i);
		memcpy(copy, bytes, i);
		assert_null(pc_scram_restore(copy, i));
		free(copy);
	}
	copy = pc__malloc(len + 1);
	memcpy(copy, bytes, len);
	copy[len] = 0;
	assert_null(pc_scram_restore(copy, len + 1));
	for (size_t i = 0; i < len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			memcpy(copy, bytes, len);
			copy[i] ^= (uint8_t)(1 << bit);
			sc = pc_scram_restore(copy, len);
			pc_scram_free(&sc); /* or NULL: no reading beyond the end is what counts */
		}
	}
	memcpy(copy, bytes, len);
	copy[0]++;
	assert_null(pc_scram_restore(copy, len));
	free(copy);
	free(bytes);
	pc_scram_free(&c.sc);
}

/* A binding belongs to a client's first message: without one there is none. */
static void saved_against_its_state(void **state)
{
	pc_scram *sc;
	uint8_t *bytes;
	size_t len;

	(void)state;
	pc_scram_start(&sc, PC_SCRAM_SHA_1, false, &no_policy);
	sc->binding = PC_BINDING_TLS_EXPORTER;
	bytes = pc_scram_save(sc, &len);
	assert_null(pc_scram_restore(bytes, len));
	free(bytes);
	sc->binding = PC_BINDING_NONE;
	sc->state = PC__SCRAM_CHALLENGED;
	bytes = pc_scram_save(sc, &len);
	assert_null(pc_scram_restore(bytes, len));
	free(bytes);
	pc_scram_free(&sc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_exchanges),
		cmocka_unit_test(final_messages),
		cmocka_unit_test(every_hash),
		cmocka_unit_test(channel_bindings),
		cmocka_unit_test(only_offered_bindings),
		cmocka_unit_test(proofs_of_any_length),
		cmocka_unit_test(steps_in_order),
		cmocka_unit_test(damaged_bytes),
		cmocka_unit_test(saved_against_its_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
