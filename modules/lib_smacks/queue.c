#include "queue.h"

#include <stdlib.h>
#include <string.h>

#define LEAST 4
#define KEPT 64 /* entries of an empty ring that are not given back */

static struct queued *slot(const struct queue *q, uint32_t i)
{
	return &q->ring[(q->head + i) & (q->size - 1)];
}

static void grow(struct queue *q)
{
	uint32_t size = q->size ? q->size * 2 : LEAST;
	struct queued *ring = calloc(size, sizeof(*ring));

	if (ring == NULL)
		abort();
	for (uint32_t i = 0; i < q->n; i++)
		ring[i] = *slot(q, i);
	free(q->ring);
	q->ring = ring;
	q->size = size;
	q->head = 0;
}

void queue_add(struct queue *q, pc_frame *frame, int64_t when)
{
	if (q->n == q->size)
		grow(q);
	*slot(q, q->n++) = (struct queued){ .frame = pc_frame_ref(frame), .when = when };
	q->bytes += pc_frame_size(frame);
}

void queue_tag(struct queue *q, uint32_t tag)
{
	slot(q, q->n - 1)->tag = tag;
}

/* Of several with one tag the first: they are answered in the order of their asking. */
void queue_answered(struct queue *q, uint32_t tag)
{
	uint32_t i = 0;

	while (i < q->n && (slot(q, i)->tag != tag || slot(q, i)->answered))
		i++;
	if (tag && i < q->n)
		slot(q, i)->answered = true;
}

const struct queued *queue_at(const struct queue *q, uint32_t i)
{
	return slot(q, i);
}

uint32_t queue_sent(const struct queue *q)
{
	return q->acked + q->n;
}

/* Counters go round, so that of two the later one is less than half a turn ahead. */
int64_t queue_judge(const struct queue *q, uint32_t h)
{
	uint32_t ahead = h - q->acked;

	if (ahead <= q->n)
		return ahead;
	return ahead <= UINT32_MAX / 2 ? PC_ELIMIT : PC_ENOENT;
}

void queue_drop(struct queue *q, uint32_t n)
{
	for (uint32_t i = 0; i < n && q->n > 0; i++) {
		struct queued *first = slot(q, 0);

		q->bytes -= pc_frame_size(first->frame);
		pc_frame_unref(&first->frame);
		q->head = (q->head + 1) & (q->size - 1);
		q->n--;
		q->acked++;
	}
	if (q->n == 0 && q->size > KEPT) {
		free(q->ring);
		q->ring = NULL;
		q->size = q->head = 0;
	}
}

void queue_free(struct queue *q)
{
	queue_drop(q, q->n);
	free(q->ring);
	q->ring = NULL;
	q->size = q->head = 0;
}
