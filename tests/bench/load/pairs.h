/*
 * pairs.h - sessions 0, 2, ... of a crowd send chat messages to sessions 1, 3, ...
 */
#pragma once

#include "crowd.h"
#include "tally.h"

struct pairs {
	struct crowd crowd; /* first: a session's owner is both */
	struct tally tally; /* messages that arrived */
	bool closed; /* a message that arrives makes its sender send the next, up to `count` */
	/* An open loop. */
	uint64_t begun, planned;
};

/* All log in, and the server comes to rest. False: some failed. */
bool pairs_gather(struct pairs *p, const struct options *o);
void pairs_send(struct pairs *p, unsigned pair, uint64_t since);
/* Sends tally.total messages at the rate, from now on; pairs_stop() when they have arrived. */
void pairs_start(struct pairs *p);
void pairs_stop(struct pairs *p);
bool pairs_go(struct pairs *p);
