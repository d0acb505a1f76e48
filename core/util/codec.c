#include <prosody-c/codec.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char hex[] = "0123456789abcdef";

static size_t encode(const uint8_t *bytes, size_t len, const char *alphabet, char *out)
{
	char *p = out;
	size_t i = 0;

	for (; len - i >= 3; i += 3) {
		uint32_t v = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 | bytes[i + 2];

		*p++ = alphabet[v >> 18];
		*p++ = alphabet[v >> 12 & 63];
		*p++ = alphabet[v >> 6 & 63];
		*p++ = alphabet[v & 63];
	}
	if (i < len) {
		uint32_t v = (uint32_t)bytes[i] << 16;

		if (len - i == 2)
			v |= (uint32_t)bytes[i + 1] << 8;
		*p++ = alphabet[v >> 18];
		*p++ = alphabet[v >> 12 & 63];
		*p++ = len - i == 2 ? alphabet[v >> 6 & 63] : '=';
		*p++ = '=';
	}
	*p = '\0';
	return (size_t)(p - out);
}

size_t pc_base64_encode(const uint8_t *bytes, size_t len, char *out)
{
	return encode(bytes, len, base64, out);
}

/* 0..63, or -1: ranges instead of a table, which would tell by the cache what was looked up. */
static int value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* The 24 bits of a group whose last `pad` characters stand for nothing, or -1. */
static int32_t group(const char *text, size_t pad)
{
	int32_t v = 0;

	for (size_t i = 0; i < 4; i++) {
		int six = i < 4 - pad ? value(text[i]) : 0;

		if (six < 0)
			return -1;
		v = v << 6 | six;
	}
	/* Bits that no byte takes must be zero, or one value would have several spellings. */
	return v & ((1 << 8 * pad) - 1) ? -1 : v;
}

static size_t padding(const char *text, size_t len)
{
	if (text[len - 1] != '=')
		return 0;
	return text[len - 2] == '=' ? 2 : 1;
}

ssize_t pc_base64_decode(const char *text, size_t len, uint8_t *out, size_t out_size)
{
	size_t pad, n = 0;

	if (len == 0)
		return 0;
	if (len % 4 != 0)
		return PC_EINVAL;
	pad = padding(text, len);
	if (len / 4 * 3 - pad > out_size)
		return PC_EINVAL;
	for (size_t i = 0; i < len; i += 4) {
		size_t missing = i + 4 == len ? pad : 0;
		int32_t v = group(text + i, missing);

		if (v < 0)
			return PC_EINVAL;
		for (size_t k = 0; k < 3 - missing; k++)
			out[n++] = (uint8_t)(v >> (16 - 8 * k));
	}
	return (ssize_t)n;
}

void pc_hex_encode(const uint8_t *bytes, size_t len, char *out)
{
	for (size_t i = 0; i < len; i++) {
		*out++ = hex[bytes[i] >> 4];
		*out++ = hex[bytes[i] & 15];
	}
	*out = '\0';
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

ssize_t pc_hex_decode(const char *text, size_t len, uint8_t *out, size_t out_size)
{
	if (len % 2 != 0 || len / 2 > out_size)
		return PC_EINVAL;
	for (size_t i = 0; i < len; i += 2) {
		int high = nibble(text[i]), low = nibble(text[i + 1]);

		if (high < 0 || low < 0)
			return PC_EINVAL;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	return (ssize_t)(len / 2);
}

bool pc_equal_secret(const void *a, const void *b, size_t len)
{
	return gnutls_memcmp(a, b, len) == 0;
}

void pc_random_bytes(void *out, size_t len)
{
	if (gnutls_rnd(GNUTLS_RND_RANDOM, out, len) < 0) {
		fputs("prosody-c: no random numbers\n", stderr);
		abort();
	}
}

void pc_random_id(char out[static PC_ID_SIZE])
{
	uint8_t bytes[16];
	char text[pc_base64_size(sizeof(bytes))];

	do { /* one that begins with a hyphen would be an option to programs that are given it */
		pc_random_bytes(bytes, sizeof(bytes));
		encode(bytes, sizeof(bytes), base64url, text);
	} while (text[0] == '-');
	memcpy(out, text, PC_ID_SIZE - 1); /* without the padding */
	out[PC_ID_SIZE - 1] = '\0';
}

/* GnuTLS gives the digest and the MAC of a hash the same number. */
static gnutls_digest_algorithm_t digest_find(const char *algorithm)
{
	static const struct {
		const char *name;
		gnutls_digest_algorithm_t id;
	} known[] = {
		{ "SHA-1", GNUTLS_DIG_SHA1 },        { "SHA-256", GNUTLS_DIG_SHA256 },
		{ "SHA-512", GNUTLS_DIG_SHA512 },    { "SHA-224", GNUTLS_DIG_SHA224 },
		{ "SHA-384", GNUTLS_DIG_SHA384 },    { "SHA3-256", GNUTLS_DIG_SHA3_256 },
		{ "SHA3-512", GNUTLS_DIG_SHA3_512 }, { "MD5", GNUTLS_DIG_MD5 },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcasecmp(algorithm, known[i].name) == 0)
			return known[i].id;
	return GNUTLS_DIG_UNKNOWN;
}

ssize_t pc_digest(const char *algorithm, const void *data, size_t len,
                  uint8_t out[static PC_DIGEST_MAX])
{
	gnutls_digest_algorithm_t id = digest_find(algorithm);

	/* MD5 is refused where the system's policy is FIPS 140. */
	if (id == GNUTLS_DIG_UNKNOWN || gnutls_hash_fast(id, len ? data : "", len, out) < 0)
		return PC_ENOTSUP;
	return (ssize_t)gnutls_hash_get_len(id);
}

ssize_t pc_hmac(const char *algorithm, const void *key, size_t key_len, const void *data,
                size_t len, uint8_t out[static PC_DIGEST_MAX])
{
	gnutls_digest_algorithm_t id = digest_find(algorithm);

	if (id == GNUTLS_DIG_UNKNOWN || gnutls_hmac_fast((gnutls_mac_algorithm_t)id, key, key_len,
	                                                 len ? data : "", len, out) < 0)
		return PC_ENOTSUP;
	return (ssize_t)gnutls_hash_get_len(id);
}

/* What begins as digests do is never taken for one. */
void pc_short_id(const char *text, char out[static PC_SHORT_ID_SIZE])
{
	size_t len = strlen(text);
	uint8_t digest[PC_DIGEST_MAX];

	if (len > 0 && len < PC_SHORT_ID_SIZE && *text != '#') {
		memcpy(out, text, len + 1);
		return;
	}
	pc_digest("SHA-256", text, len, digest);
	out[0] = '#';
	pc_hex_encode(digest, (PC_SHORT_ID_SIZE - 2) / 2, out + 1);
}
