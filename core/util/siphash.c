#include "util/siphash.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <prosody-c/codec.h>

static uint64_t process_key[2];

/* Before main() and before any thread: the hash itself then needs no look at whether it is there.
 */
__attribute__((constructor)) static void make_key(void)
{
	ssize_t n;

	do
		n = getrandom(process_key, sizeof(process_key), 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(process_key)) {
		fputs("prosody-c: no random numbers\n", stderr);
		abort();
	}
}

static inline uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void mix(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

static inline void absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	mix(v);
	v[0] ^= word;
}

uint64_t pc__siphash(const uint64_t key[static 2], const void *bytes, size_t len)
{
	uint64_t v[4] = { key[0] ^ UINT64_C(0x736f6d6570736575),
		          key[1] ^ UINT64_C(0x646f72616e646f6d),
		          key[0] ^ UINT64_C(0x6c7967656e657261),
		          key[1] ^ UINT64_C(0x7465646279746573) };
	const uint8_t *p = bytes;
	uint64_t last = (uint64_t)len << 56, word;
	size_t left = len;

	for (; left >= 8; left -= 8, p += 8) {
		memcpy(&word, p, 8);
		absorb(v, le64toh(word));
	}
	for (size_t i = 0; i < left; i++)
		last |= (uint64_t)p[i] << (8 * i);
	absorb(v, last);
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		mix(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t pc_hash(const void *bytes, size_t len)
{
	return pc__siphash(process_key, bytes, len);
}
