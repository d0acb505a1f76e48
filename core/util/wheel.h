/*
 * wheel.h - time-outs by the hundred thousand: a timer wheel of nodes that their owners embed.
 *
 * Setting, moving and stopping a node costs a few stores, however many there are and however far
 * off they expire. A node never expires early and at most PC__WHEEL_TICK late, the delay of the
 * caller aside. Nodes of the same tick expire in the order in which they were set, mostly.
 *
 * A zeroed node with `fn` is a stopped one; a node is in one wheel at most. The wheel must not move
 * in memory. No clock and no locks: the caller brings the time, in milliseconds that do not go
 * back (they may stand still), and one thread owns a wheel.
 */
#pragma once

#include <prosody-c/base.h>

#define PC__WHEEL_TICK 16 /* ms */
#define PC__WHEEL_LEVELS 7
#define PC__WHEEL_SLOTS 64

struct pc__wheel_link {
	struct pc__wheel_link *next, *prev;
};

struct pc__wheel_node {
	struct pc__wheel_link link; /* next is NULL while stopped */
	uint64_t tick;              /* when it expires */
	void (*fn)(struct pc__wheel_node *node);
};

struct pc__wheel {
	uint64_t tick;                  /* everything up to here has expired */
	uint64_t map[PC__WHEEL_LEVELS]; /* which slots hold something */
	struct pc__wheel_link slots[PC__WHEEL_LEVELS][PC__WHEEL_SLOTS];
	struct pc__wheel_link late;   /* was in the past when it was set: the next run's */
	struct pc__wheel_link firing; /* this run's */
};

void pc__wheel_init(struct pc__wheel *wheel, uint64_t now_ms);
/* Sets or moves. What is in the past expires in the next run, never within this call. */
void pc__wheel_set(struct pc__wheel *wheel, struct pc__wheel_node *node, uint64_t when_ms);
/* A stopped node stays one. A stopped node is not called any more, not even by a run under way. */
void pc__wheel_stop(struct pc__wheel *wheel, struct pc__wheel_node *node);
static inline bool pc__wheel_is_set(const struct pc__wheel_node *node)
{
	return node->link.next != NULL;
}

/* Calls fn of all that has expired; each is stopped before its call. fn may set and stop any node,
 * and free the one that it got; it must not run the wheel. */
void pc__wheel_run(struct pc__wheel *wheel, uint64_t now_ms);
/* Milliseconds until pc__wheel_run() has something to do, 0: at once; -1: nothing is set. A node
 * that is far off may ask for some runs before its own that call nothing. */
int64_t pc__wheel_next(const struct pc__wheel *wheel, uint64_t now_ms);
