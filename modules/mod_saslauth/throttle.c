/*
 * throttle.c - failures by address.
 */
#include "throttle.h"

#include <arpa/inet.h>
#include <string.h>

/* One number for what counts as one peer; 0 when `ip` is no address. */
static uint64_t key_of(const char *ip)
{
	unsigned char b[16];
	uint64_t key = 0;
	int n = 8;

	if (inet_pton(AF_INET, ip, b) == 1)
		n = 4;
	else if (inet_pton(AF_INET6, ip, b) != 1)
		return 0;
	else if (memcmp(b, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0) {
		memmove(b, b + 12, 4);
		n = 4;
	}
	for (int i = 0; i < n; i++)
		key = key << 8 | b[i];
	/* Keeps IPv4 apart from /64s, and ::1 (whose /64 is zero) from "no address". */
	return n == 4 ? key | (uint64_t)1 << 32 : key | (uint64_t)1 << 63;
}

static struct sasl_bucket *set_of(struct sasl_throttle *t, uint64_t key)
{
	uint64_t h = (key ^ key >> 29) * t->seed;

	h = (h ^ h >> 32) * t->seed;
	return t->buckets[(h >> 40) % THROTTLE_SETS];
}

static double level_now(const struct sasl_bucket *b, const struct sasl_limit *by)
{
	double drained = (double)(by->now - b->when) / 1000.0 * by->limit / by->period;

	return b->level > drained ? b->level - drained : 0;
}

bool throttle_allows(const struct sasl_throttle *t, const char *ip, const struct sasl_limit *by)
{
	uint64_t key = key_of(ip);
	const struct sasl_bucket *set;

	if (key == 0 || by->limit <= 0)
		return true;
	set = set_of((struct sasl_throttle *)t, key);
	for (int i = 0; i < THROTTLE_WAYS; i++)
		if (set[i].key == key)
			return level_now(&set[i], by) + 1 <= by->limit;
	return true;
}

void throttle_add(struct sasl_throttle *t, const char *ip, const struct sasl_limit *by)
{
	uint64_t key = key_of(ip);
	struct sasl_bucket *set, *at;

	if (key == 0 || by->limit <= 0)
		return;
	at = set = set_of(t, key);
	for (int i = 0; i < THROTTLE_WAYS; i++) {
		if (set[i].key == key) {
			at = &set[i];
			break;
		}
		if (level_now(&set[i], by) < level_now(at, by))
			at = &set[i];
	}
	at->level = at->key == key ? level_now(at, by) + 1 : 1;
	at->key = key;
	at->when = by->now;
}
