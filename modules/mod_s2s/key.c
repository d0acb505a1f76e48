/*
 * key.c - dialback keys (XEP-0185): an HMAC over both domains and the stream's id, with a space
 * between each two, so that no other triple gives the same text.
 */
#include <stdlib.h>
#include <string.h>

#include "s2s.h"

/* Section 2: the key of the HMAC is the hexadecimal SHA-256 of the secret. */
void key_secret(char out[static S2S_KEY_SIZE], const char *configured)
{
	uint8_t random[32], digest[PC_DIGEST_MAX];

	pc_random_bytes(random, sizeof(random));
	if (configured)
		pc_digest("SHA-256", configured, strlen(configured), digest);
	else
		pc_digest("SHA-256", random, sizeof(random), digest);
	pc_hex_encode(digest, 32, out);
	explicit_bzero(random, sizeof(random));
}

void key_make(const char *secret, const char *receiving, const char *originating, const char *id,
              char out[static S2S_KEY_SIZE])
{
	const char *parts[] = { receiving, " ", originating, " ", id };
	char text[2 * PC_JID_PART_MAX + S2S_ID_MOST + 3];
	uint8_t mac[PC_DIGEST_MAX];
	size_t len = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		size_t n = strlen(parts[i]);

		if (n > sizeof(text) - len)
			n = sizeof(text) - len;
		memcpy(text + len, parts[i], n);
		len += n;
	}
	pc_hmac("SHA-256", secret, strlen(secret), text, len, mac);
	pc_hex_encode(mac, 32, out);
}
