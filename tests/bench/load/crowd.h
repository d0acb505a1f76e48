/*
 * crowd.h - many sessions that come and go together.
 */
#pragma once

#include "session.h"

struct crowd {
	const struct options *options;
	struct session *all;
	unsigned size;
	unsigned goal; /* log-ins in all; those above `size` are of sessions that have left */
	unsigned at_once;
	int opened, readied, ended;
	int failed; /* of those that ended */
	bool stays; /* who is ready stays; else leaves at once */
	bool quiet; /* about failures */
	/* NULL where nobody cares. */
	void (*on_ready)(struct session *s);
	void (*on_stanza)(struct session *s, const struct stanza *st);
};

/* Accounts from `first` on. Nothing is opened yet. */
void crowd_init(struct crowd *c, const struct options *o, unsigned first, unsigned size);
/* Opens sessions as the loop turns, `at_once` under way at a time, until there have been `goal`. */
void crowd_come(struct crowd *c, unsigned goal, unsigned at_once);
/* All come to stay; waits until they are ready. False: some failed. */
bool crowd_gather(struct crowd *c);
/* Waits until each log-in of the goal has come to its end; false: some failed. */
bool crowd_finish(struct crowd *c);
/* Waits until nothing has come, to any session, for a while. */
void crowd_settle(void);
/* Who is there leaves; memory is freed. False: some had failed. */
bool crowd_go(struct crowd *c);
/* Of one of the crowd's addresses; NULL: it is none. */
struct session *crowd_find(struct crowd *c, const char *jid);
