#include "util/scram_keys.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <prosody-c/codec.h>
#include <prosody-c/jid.h>

static const struct {
	size_t size;
	gnutls_mac_algorithm_t mac;
	gnutls_digest_algorithm_t digest;
	const char *name, *plus;
} hashes[PC_SCRAM_HASHES] = {
	[PC_SCRAM_SHA_1] = { 20, GNUTLS_MAC_SHA1, GNUTLS_DIG_SHA1, "SCRAM-SHA-1",
	                     "SCRAM-SHA-1-PLUS" },
	[PC_SCRAM_SHA_256] = { 32, GNUTLS_MAC_SHA256, GNUTLS_DIG_SHA256, "SCRAM-SHA-256",
	                       "SCRAM-SHA-256-PLUS" },
	[PC_SCRAM_SHA_512] = { 64, GNUTLS_MAC_SHA512, GNUTLS_DIG_SHA512, "SCRAM-SHA-512",
	                       "SCRAM-SHA-512-PLUS" },
};

size_t pc_scram_hash_size(pc_scram_hash hash)
{
	return hashes[hash].size;
}

const char *pc_scram_name(pc_scram_hash hash, bool plus)
{
	return plus ? hashes[hash].plus : hashes[hash].name;
}

const char *pc_binding_name(pc_binding binding)
{
	switch (binding) {
	case PC_BINDING_TLS_EXPORTER:
		return "tls-exporter";
	case PC_BINDING_TLS_SERVER_END_POINT:
		return "tls-server-end-point";
	case PC_BINDING_NONE:
		break;
	}
	return "";
}

void pc__wipe(void *secret, size_t len)
{
	gnutls_memset(secret, 0, len);
}

/* Fails for want of memory, or where a policy of the system forbids the hash: going on with bytes
 * that are not a MAC would let anybody in. */
static void must(int err)
{
	if (err < 0) {
		fprintf(stderr, "prosody-c: a hash function failed: %s\n", gnutls_strerror(err));
		abort();
	}
}

void pc__scram_hmac(pc_scram_hash hash, const void *key, size_t key_len, const void *data,
                    size_t len, uint8_t out[static PC_SCRAM_KEY_MAX])
{
	must(gnutls_hmac_fast(hashes[hash].mac, key, key_len, data, len, out));
}

void pc__scram_digest(pc_scram_hash hash, const void *data, size_t len,
                      uint8_t out[static PC_SCRAM_KEY_MAX])
{
	must(gnutls_hash_fast(hashes[hash].digest, data, len, out));
}

bool pc__scram_keys_valid(const pc_scram_keys *keys)
{
	return (unsigned)keys->hash < PC_SCRAM_HASHES && keys->salt_len > 0 &&
	       keys->salt_len <= PC_SCRAM_SALT_MAX && keys->iterations >= PC_SCRAM_ITERATIONS_MIN &&
	       keys->iterations <= PC_SCRAM_ITERATIONS_MAX;
}

/* RFC 5802 section 3, from SaltedPassword on. */
static void keys_of_salted(const uint8_t *salted, pc_scram_keys *keys)
{
	size_t size = hashes[keys->hash].size;
	uint8_t client_key[PC_SCRAM_KEY_MAX];

	pc__scram_hmac(keys->hash, salted, size, "Client Key", 10, client_key);
	pc__scram_digest(keys->hash, client_key, size, keys->stored_key);
	pc__scram_hmac(keys->hash, salted, size, "Server Key", 10, keys->server_key);
	pc__wipe(client_key, sizeof(client_key));
}

int pc_scram_from_salted(const uint8_t *salted, size_t len, pc_scram_keys *keys)
{
	if (!pc__scram_keys_valid(keys) || len != hashes[keys->hash].size)
		return PC_EINVAL;
	keys_of_salted(salted, keys);
	return PC_OK;
}

int pc_scram_derive(const char *password, pc_scram_keys *keys)
{
	char prepared[PC_JID_PART_MAX + 1];
	uint8_t salted[PC_SCRAM_KEY_MAX];
	gnutls_datum_t key, salt;

	if (!pc__scram_keys_valid(keys) || pc_saslprep(password, prepared) < 0)
		return PC_EINVAL;
	key = (gnutls_datum_t){ (unsigned char *)prepared, (unsigned)strlen(prepared) };
	salt = (gnutls_datum_t){ keys->salt, (unsigned)keys->salt_len };
	must(gnutls_pbkdf2(hashes[keys->hash].mac, &key, &salt, keys->iterations, salted,
	                   hashes[keys->hash].size));
	keys_of_salted(salted, keys);
	pc__wipe(prepared, sizeof(prepared));
	pc__wipe(salted, sizeof(salted));
	return PC_OK;
}

bool pc_scram_check(const char *password, const pc_scram_keys *keys)
{
	pc_scram_keys mine = *keys;
	bool fits = pc_scram_derive(password, &mine) == PC_OK &&
	            pc_equal_secret(mine.stored_key, keys->stored_key, hashes[keys->hash].size);

	pc__wipe(&mine, sizeof(mine));
	return fits;
}

/* 64 bytes that nobody can tell from random ones who does not know the secret. */
static void fake(const char *username, const uint8_t *secret, unsigned hash, char what,
                 uint8_t out[static PC_SCRAM_KEY_MAX])
{
	uint8_t key[PC_SCRAM_KEY_MAX];
	const char label[2] = { what, (char)('0' + hash) };

	pc__scram_hmac(PC_SCRAM_SHA_512, secret, 32, label, sizeof(label), key);
	pc__scram_hmac(PC_SCRAM_SHA_512, key, sizeof(key), username, strlen(username), out);
	pc__wipe(key, sizeof(key));
}

static void fake_salt(const uint8_t *bytes, pc_scram_keys *keys)
{
	bool is_text = keys->salt[0] != 0;

	for (size_t i = 0; i < keys->salt_len; i++) {
		if (!is_text)
			keys->salt[i] = bytes[i];
		else if (keys->salt[i] == 'x')
			keys->salt[i] = (uint8_t) "0123456789abcdef"[bytes[i] % 16];
		else if (keys->salt[i] == 'y')
			keys->salt[i] = (uint8_t) "89ab"[bytes[i] % 4];
	}
}

/* The stored key is a hash whose preimage nobody knows. */
void pc_scram_fake_keys(const char *username, const uint8_t secret[static 32], pc_scram_keys *keys)
{
	size_t size = hashes[keys->hash].size;
	uint8_t bytes[PC_SCRAM_KEY_MAX];

	fake(username, secret, keys->hash, 's', bytes);
	fake_salt(bytes, keys);
	fake(username, secret, keys->hash, 'c', bytes);
	memcpy(keys->stored_key, bytes, size);
	fake(username, secret, keys->hash, 'v', bytes);
	memcpy(keys->server_key, bytes, size);
	pc__wipe(bytes, sizeof(bytes));
}

uint32_t pc_scram_fake_die(const char *username, const uint8_t secret[static 32])
{
	uint8_t bytes[PC_SCRAM_KEY_MAX];

	fake(username, secret, 0, 'd', bytes);
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}
