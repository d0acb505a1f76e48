#include "io/rate.h"

/* No sum overflows: a day fills every bucket, and a terabyte is no rate. */
#define MOST ((uint64_t)1000 * 1000 * 1000 * 1000)
#define DAY_MS ((uint64_t)86400 * 1000)

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void pc__rate_init(struct pc__rate *r, uint64_t rate, uint64_t burst, uint64_t now_ms)
{
	r->rate = least(rate > 0 ? rate : 1, MOST / 1000);
	r->burst = least(burst, MOST);
	r->tokens = (int64_t)(r->burst * 1000);
	r->filled = now_ms;
}

static void fill(struct pc__rate *r, uint64_t now_ms)
{
	int64_t full = (int64_t)(r->burst * 1000);

	r->tokens += (int64_t)(r->rate * least(now_ms - r->filled, DAY_MS));
	if (r->tokens > full)
		r->tokens = full;
	r->filled = now_ms;
}

uint64_t pc__rate_spend(struct pc__rate *r, size_t bytes, uint64_t now_ms)
{
	fill(r, now_ms);
	r->tokens -= (int64_t)bytes * 1000;
	if (r->tokens >= 0)
		return 0;
	return ((uint64_t)-r->tokens + r->rate - 1) / r->rate;
}
