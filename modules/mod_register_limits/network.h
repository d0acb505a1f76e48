/*
 * network.h - IP addresses and networks, pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* 16 bytes for both families: IPv4 as ::ffff:a.b.c.d. */
struct network {
	uint8_t bytes[16];
	unsigned bits; /* of the 128 that count */
};

/* "192.0.2.1", "2001:db8::1", or with "/BITS" of the own family. Bits that do not count become 0.
 * False: it is none. */
bool network_parse(const char *text, struct network *network_r);
/* Is all of `inner` in `outer`? */
bool network_has(const struct network *outer, const struct network *inner);
/* The network around an address: `v4` bits of IPv4, `v6` of IPv6. */
struct network network_around(const struct network *address, unsigned v4, unsigned v6);
