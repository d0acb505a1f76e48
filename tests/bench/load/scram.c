#include "scram.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>

static void encode(const char *text, char *out)
{
	pc_base64_encode((const uint8_t *)text, strlen(text), out);
}

static bool decode(const char *text, char *out, size_t size)
{
	ssize_t n = pc_base64_decode(text, strlen(text), (uint8_t *)out, size - 1);

	out[n < 0 ? 0 : n] = '\0';
	return n >= 0;
}

static void hmac(const uint8_t *key, const char *text, uint8_t *out)
{
	gnutls_hmac_fast(GNUTLS_MAC_SHA1, key, SCRAM_SIZE, text, strlen(text), out);
}

void scram_begin(struct scram *s, const char *user, char out[static SCRAM_MESSAGE])
{
	char message[sizeof s->first + 4];

	*s = (struct scram){ 0 };
	pc_random_id(s->nonce);
	snprintf(s->first, sizeof s->first, "n=%s,r=%s", user, s->nonce);
	snprintf(message, sizeof message, "n,,%s", s->first);
	encode(message, out);
}

static bool derive(struct scram_keys *keys, const char *password, const char *salt,
                   unsigned iterations)
{
	uint8_t raw[sizeof keys->salt], salted[SCRAM_SIZE];

	if (keys->iterations == iterations && strcmp(keys->salt, salt) == 0)
		return true;
	ssize_t n = pc_base64_decode(salt, strlen(salt), raw, sizeof raw);
	if (n <= 0 || iterations == 0)
		return false;
	gnutls_datum_t secret = { (unsigned char *)password, (unsigned)strlen(password) };
	gnutls_datum_t salting = { raw, (unsigned)n };
	if (gnutls_pbkdf2(GNUTLS_MAC_SHA1, &secret, &salting, iterations, salted, SCRAM_SIZE) < 0)
		return false;
	hmac(salted, "Client Key", keys->client);
	hmac(salted, "Server Key", keys->server);
	snprintf(keys->salt, sizeof keys->salt, "%s", salt);
	keys->iterations = iterations;
	return true;
}

static void prove(struct scram *s, const struct scram_keys *keys, const char *text,
                  uint8_t proof[static SCRAM_SIZE])
{
	uint8_t stored[SCRAM_SIZE];

	gnutls_hash_fast(GNUTLS_DIG_SHA1, keys->client, SCRAM_SIZE, stored);
	hmac(stored, text, proof);
	for (unsigned i = 0; i < SCRAM_SIZE; i++)
		proof[i] ^= keys->client[i];
	hmac(keys->server, text, s->signature);
}

bool scram_answer(struct scram *s, struct scram_keys *keys, const char *password,
                  const char *challenge, char out[static SCRAM_MESSAGE])
{
	char first[512], nonce[256], salt[sizeof keys->salt], text[1024], message[512];
	uint8_t proof[SCRAM_SIZE];
	char proof64[pc_base64_size(SCRAM_SIZE)];
	unsigned iterations;

	if (s->answered || !decode(challenge, first, sizeof first) ||
	    sscanf(first, "r=%255[^,],s=%63[^,],i=%7u", nonce, salt, &iterations) != 3 ||
	    strncmp(nonce, s->nonce, strlen(s->nonce)) != 0 ||
	    !derive(keys, password, salt, iterations))
		return false;
	snprintf(text, sizeof text, "%s,%s,c=biws,r=%s", s->first, first, nonce);
	prove(s, keys, text, proof);
	pc_base64_encode(proof, sizeof proof, proof64);
	snprintf(message, sizeof message, "c=biws,r=%s,p=%s", nonce, proof64);
	encode(message, out);
	s->answered = true;
	return true;
}

bool scram_proved(const struct scram *s, const char *text)
{
	char message[256];
	uint8_t got[SCRAM_SIZE];

	return s->answered && decode(text, message, sizeof message) &&
	       strncmp(message, "v=", 2) == 0 &&
	       pc_base64_decode(message + 2, strlen(message + 2), got, sizeof got) == SCRAM_SIZE &&
	       memcmp(got, s->signature, SCRAM_SIZE) == 0;
}
