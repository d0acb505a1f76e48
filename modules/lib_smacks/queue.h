/*
 * queue.h - what was sent on a managed stream and is not acknowledged (XEP-0198 section 4), in the
 * order of sending, and the two counters of that way. Frames, never trees.
 */
#pragma once

#include <prosody-c/session.h>

struct queued {
	pc_frame *frame;
	int64_t when; /* milliseconds since 1970 */
	uint32_t tag; /* of a request, by which its answer is known; else 0 */
	bool answered;
};

/* A ring; without memory of its own while it is empty for long. */
struct queue {
	struct queued *ring;
	uint32_t size; /* a power of two, or 0 */
	uint32_t head; /* where the first one is */
	uint32_t n;
	uint32_t acked; /* by the peer's last h: the first one is number acked + 1, mod 2^32 */
	size_t bytes;
};

/* Takes a reference to the frame. */
void queue_add(struct queue *q, pc_frame *frame, int64_t when);
/* Of the last one that was added. */
void queue_tag(struct queue *q, uint32_t tag);
/* The request of that tag has its answer, whether it is acknowledged or not. */
void queue_answered(struct queue *q, uint32_t tag);
/* From 0 to n - 1. */
const struct queued *queue_at(const struct queue *q, uint32_t i);
/* The number of the last one that was added. */
uint32_t queue_sent(const struct queue *q);
/* The peer has handled all up to h; how many are acknowledged by that. PC_ELIMIT: so many were
 * never sent. PC_ENOENT: it once told of more, which are gone. */
int64_t queue_judge(const struct queue *q, uint32_t h);
/* Those are done with: `n` as queue_judge() gave it. */
void queue_drop(struct queue *q, uint32_t n);
void queue_free(struct queue *q);
