#include "util/srv.h"

#include <stdlib.h>
#include <string.h>

/* A name that is not compressed, as resolvers give it. */
static bool read_name(const uint8_t *p, const uint8_t *end, char out[static PC__IDNA_SIZE])
{
	size_t at = 0;

	while (p < end && *p != 0) {
		size_t len = *p++;

		if (len > 63 || (size_t)(end - p) < len || at + len + 2 > PC__IDNA_SIZE ||
		    memchr(p, '\0', len) || memchr(p, '.', len))
			return false;
		if (at > 0)
			out[at++] = '.';
		memcpy(out + at, p, len);
		at += len;
		p += len;
	}
	out[at] = '\0';
	return p + 1 == end;
}

static uint16_t number(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

bool pc__srv_read(const void *data, size_t len, struct pc__srv *srv_r)
{
	const uint8_t *p = data;

	if (len < 7)
		return false;
	*srv_r = (struct pc__srv){ .priority = number(p),
		                   .weight = number(p + 2),
		                   .port = number(p + 4) };
	return read_name(p + 6, p + len, srv_r->target);
}

static int by_priority(const void *a, const void *b)
{
	const struct pc__srv *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	/* Those of weight 0 first, so that they have a small chance (RFC 2782). */
	return (x->weight > 0) - (y->weight > 0);
}

static void swap(struct pc__srv *a, struct pc__srv *b)
{
	struct pc__srv c = *a;

	*a = *b;
	*b = c;
}

/* The next one of those of one priority comes to the front; the others stay in their order. */
static void draw(struct pc__srv *srvs, size_t n, pc__srv_random_fn *random)
{
	uint32_t sum = 0, at;
	size_t i = 0;

	for (size_t k = 0; k < n; k++)
		sum += srvs[k].weight;
	at = random(sum);
	for (sum = 0; i < n; i++) {
		sum += srvs[i].weight;
		if (sum >= at)
			break;
	}
	for (; i > 0 && i < n; i--)
		swap(&srvs[i], &srvs[i - 1]);
}

void pc__srv_order(struct pc__srv *srvs, size_t n, pc__srv_random_fn *random)
{
	size_t end;

	if (n > 0)
		qsort(srvs, n, sizeof(*srvs), by_priority);
	for (size_t begin = 0; begin < n; begin = end) {
		end = begin + 1;
		while (end < n && srvs[end].priority == srvs[begin].priority)
			end++;
		for (size_t i = begin; end - i > 1; i++)
			draw(srvs + i, end - i, random);
	}
}
