/* What targets have in common. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer's, or replay.c's where seeds are only run through. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The property that the target is about. */
static inline void must(bool truth)
{
	if (!truth)
		abort();
}

/* In a block of its exact size, so that reading beyond the end is seen. */
static inline char *copy_exact(const void *bytes, size_t len)
{
	char *p = malloc(len + (len == 0));

	must(p != NULL);
	if (len > 0)
		memcpy(p, bytes, len);
	return p;
}

/* With a zero behind it. */
static inline char *copy_text(const void *bytes, size_t len)
{
	char *p = malloc(len + 1);

	must(p != NULL);
	if (len > 0)
		memcpy(p, bytes, len);
	p[len] = '\0';
	return p;
}
