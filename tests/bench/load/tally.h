/*
 * tally.h - units of work done, and how long each took.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct tally {
	uint64_t done, total;
	uint32_t *taken; /* microseconds of each */
	unsigned size;
};

void tally_add(struct tally *t, uint64_t since);
/* loop_until()'s. */
bool tally_complete(void *tally);
/* The least time that so many per mille of the units did not exceed; sorts. 0: no units. */
uint32_t tally_quantile(struct tally *t, unsigned per_mille);
void tally_free(struct tally *t);
