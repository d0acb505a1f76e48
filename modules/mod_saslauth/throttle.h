/*
 * throttle.h - how many log-ins failed from an address, over time.
 *
 * A leaky bucket an address: each failure adds one, and `limit` of them drain in `period` seconds.
 * Addresses of IPv6 count by /64, which is what one customer has. The table is of a fixed size;
 * where it is full the emptiest bucket of the same set gives way.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define THROTTLE_SETS 512
#define THROTTLE_WAYS 4

struct sasl_bucket {
	uint64_t key; /* 0: free */
	int64_t when; /* ms, of `level` */
	double level;
};

struct sasl_throttle {
	uint64_t seed; /* odd; set by the first who uses the table */
	struct sasl_bucket buckets[THROTTLE_SETS][THROTTLE_WAYS];
};

/* What a table is asked for; `limit` 0 never refuses. */
struct sasl_limit {
	double limit;
	double period;
	int64_t now; /* ms, monotonic */
};

/* May this address try? True for text that is no address. */
bool throttle_allows(const struct sasl_throttle *t, const char *ip, const struct sasl_limit *by);
void throttle_add(struct sasl_throttle *t, const char *ip, const struct sasl_limit *by);
