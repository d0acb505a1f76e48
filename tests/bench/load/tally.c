#include "tally.h"

#include <stdbool.h>
#include <stdlib.h>

#include "clock.h"

void tally_add(struct tally *t, uint64_t since)
{
	uint64_t now = clock_now(), us = now > since ? (now - since) / 1000 : 0;

	if (t->done == t->size) {
		t->size = t->size ? t->size * 2 : 4096;
		t->taken = realloc(t->taken, t->size * sizeof *t->taken);
		if (!t->taken)
			abort();
	}
	t->taken[t->done++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

bool tally_complete(void *tally)
{
	const struct tally *t = tally;

	return t->done >= t->total;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

uint32_t tally_quantile(struct tally *t, unsigned per_mille)
{
	if (t->done == 0)
		return 0;
	qsort(t->taken, t->done, sizeof *t->taken, by_size);
	uint64_t rank = (t->done * per_mille + 999) / 1000;
	return t->taken[rank > 0 ? rank - 1 : 0];
}

void tally_free(struct tally *t)
{
	free(t->taken);
	*t = (struct tally){ 0 };
}
