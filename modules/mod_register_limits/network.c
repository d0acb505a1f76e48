/*
 * network.c - IP addresses and networks.
 */
#include "network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool is_v4(const struct network *n)
{
	return n->bits >= 96 && memcmp(n->bytes, mapped, sizeof(mapped)) == 0;
}

static void cut(struct network *n, unsigned bits)
{
	n->bits = bits;
	for (unsigned i = 0; i < 16; i++) {
		if (bits >= 8 * (i + 1))
			continue;
		n->bytes[i] =
		        (uint8_t)(bits <= 8 * i ? 0 : n->bytes[i] & 0xff << (8 * (i + 1) - bits));
	}
}

/* 0 to `most`, without signs or space; -1: it is no such number. */
static int read_bits(const char *text, int most)
{
	int bits = 0;

	if (*text == '\0' || strlen(text) > 3)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		bits = bits * 10 + (*text - '0');
	}
	return bits <= most ? bits : -1;
}

bool network_parse(const char *text, struct network *n)
{
	char address[INET6_ADDRSTRLEN];
	size_t len = strcspn(text, "/");
	int bits, family_bits = 128;

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	*n = (struct network){ .bits = 128 };
	if (inet_pton(AF_INET, address, n->bytes + 12) == 1) {
		memcpy(n->bytes, mapped, sizeof(mapped));
		family_bits = 32;
	} else if (inet_pton(AF_INET6, address, n->bytes) != 1) {
		return false;
	}
	if (text[len] == '\0')
		return true;
	bits = read_bits(text + len + 1, family_bits);
	if (bits < 0)
		return false;
	cut(n, (unsigned)(128 - family_bits + bits));
	return true;
}

bool network_has(const struct network *outer, const struct network *inner)
{
	struct network n = *inner;

	if (inner->bits < outer->bits)
		return false;
	cut(&n, outer->bits);
	return memcmp(n.bytes, outer->bytes, sizeof(n.bytes)) == 0;
}

struct network network_around(const struct network *address, unsigned v4, unsigned v6)
{
	struct network n = *address;

	cut(&n, is_v4(address) ? 96 + v4 : v6);
	return n;
}
