/*
 * rate.h - how fast a peer may send: a bucket of tokens, one a byte.
 *
 * The bucket fills at the rate up to its burst, and what is read is taken out, which may leave it
 * in debt: a read is not cut short. While it is in debt nothing is read, so the peer's TCP slows
 * down.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct pc__rate {
	uint64_t rate;   /* bytes a second */
	uint64_t burst;  /* bytes that may come at once */
	int64_t tokens;  /* thousandths of a byte */
	uint64_t filled; /* ms: up to when tokens were added */
};

void pc__rate_init(struct pc__rate *r, uint64_t rate, uint64_t burst, uint64_t now_ms);
/* So many bytes were read; in how many milliseconds the next may be: 0 is now. */
uint64_t pc__rate_spend(struct pc__rate *r, size_t bytes, uint64_t now_ms);
