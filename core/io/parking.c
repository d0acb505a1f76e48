/*
 * Parsers of idle streams are parked: a stream that is silent holds a pointer. Those at hand stand
 * in a list, the longest silent first; one that cannot be parked now (in mid-stanza) leaves the
 * list and comes back with its next bytes, which alone can change that.
 */
#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "io/conn.h"
#include "io/lane.h"

#define TRIES 4

static void count(struct pc__io_lane *lane, size_t n)
{
	lane->n_parsers = n;
	atomic_store_explicit(&lane->counters.parsers, n, memory_order_relaxed);
}

static void park(struct pc__conn *c)
{
	pc__conn_list_remove(&c->lane->parsers, c, PC__PARSERS);
	if (c->keep_parser || !pc__xml_idle(c->parser))
		return;
	c->root = pc__xml_park(&c->parser, c->lane->roots);
	if (c->root == NULL)
		c->keep_parser = true;
	else
		count(c->lane, c->lane->n_parsers - 1);
	c->lane->parked++;
}

/* Some may lie about for the whole five seconds; of more, those go that are silent for a moment,
 * so that a crowd that logs in leaves no crowd of parsers. */
static bool is_spare(const struct pc__io_lane *lane)
{
	const struct pc__conn *c = lane->parsers.first;

	if (c == NULL || lane->n_parsers < PC__LANE_FEW)
		return false;
	return lane->n_parsers >= PC__LANE_PARSERS ||
	       c->last_read + PC__LANE_MOMENT_MS <= pc__lane_now(c->lane);
}

static void make_room(struct pc__io_lane *lane)
{
	for (int i = 0; i < TRIES && is_spare(lane); i++)
		park(lane->parsers.first);
}

static void make(struct pc__conn *c)
{
	struct pc__io_lane *lane = c->lane;

	make_room(lane);
	if (c->root != NULL)
		c->parser = pc__xml_unpark(&c->root, lane->roots, &pc__reader_callbacks,
		                           c->kind->content_ns, &c->limits, c);
	else
		c->parser = pc__xml_new(&pc__reader_callbacks, c->kind->content_ns, &c->limits, c);
	count(lane, lane->n_parsers + 1);
}

void pc__parking_borrow(struct pc__conn *c)
{
	struct pc__io_lane *lane = c->lane;
	bool first = lane->parsers.first == NULL;

	if (c->parser == NULL)
		make(c);
	if (lane->parsers.last != c) {
		pc__conn_list_remove(&lane->parsers, c, PC__PARSERS);
		pc__conn_list_add(&lane->parsers, c, PC__PARSERS);
	}
	if (first)
		pc__lane_rearm(lane);
}

void pc__parking_drop(struct pc__conn *c)
{
	if (c->root != NULL)
		pc__xml_root_drop(&c->root, c->lane->roots);
	if (c->parser == NULL)
		return;
	pc__conn_list_remove(&c->lane->parsers, c, PC__PARSERS);
	pc__xml_free(&c->parser);
	count(c->lane, c->lane->n_parsers - 1);
}

/* What a crowd needed while it came lies in pages between what it keeps: the system gets them back
 * when the crowd has become silent. */
static void give_back_memory(struct pc__io_lane *lane)
{
	uint64_t now = pc__lane_now(lane);

	/* It walks all that is free: not so often that somebody could make a load of it. */
	if (lane->parsers.first != NULL || lane->parked < PC__LANE_CROWD ||
	    now < lane->trimmed + PC__LANE_TRIM_MS)
		return;
	lane->trimmed = now;
	lane->parked = 0;
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

void pc__parking_sweep(struct pc__io_lane *lane)
{
	uint64_t now = pc__lane_now(lane);

	while (lane->parsers.first != NULL &&
	       lane->parsers.first->last_read + PC__LANE_PARK_MS <= now)
		park(lane->parsers.first);
	give_back_memory(lane);
}

uint64_t pc__parking_due(const struct pc__io_lane *lane)
{
	if (lane->parsers.first != NULL)
		return lane->parsers.first->last_read + PC__LANE_PARK_MS;
	return lane->parked >= PC__LANE_CROWD ? lane->trimmed + PC__LANE_TRIM_MS : 0;
}
