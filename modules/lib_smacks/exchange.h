/*
 * exchange.h - <r/> and <a/> in both directions (XEP-0198 section 4): when they are due.
 *
 * One request is under way at most. It goes out right behind the stanza that makes it due, so that
 * both leave in one write; what was sent behind it is asked for when its answer comes. So a peer is
 * asked once a round trip, however much it gets. Sending is the caller's.
 */
#pragma once

#include <prosody-c/prosody-c.h>

#include "queue.h"

/* Options that are asked for with every stanza, in seconds but for the first. */
struct exchange_limits {
	int64_t unacked;
	double request_interval, request_delay, timeout;
};

/* All zero at the begin. Times are pc_now_ms()'s. */
struct exchange {
	int64_t since; /* of the <r/>, or of the first stanza that is unacknowledged; 0: none is */
	int64_t asked_at; /* the last <r/> */
	int64_t owed_since;
	uint32_t asked_for; /* queue_sent() at the last <r/> */
	uint32_t told;      /* the last h that the peer has */
	uint32_t owed_at;   /* an <a/> is owed as soon as so many are handled */
	bool asked;         /* an <r/> is not answered yet */
	bool owes;          /* an <a/> */
};

void exchange_read_limits(pc_module *m, struct exchange_limits *l);
bool exchange_has_passed(int64_t since, double seconds);
/* How often time is to be looked at: seconds. `least` is the shortest of the caller's own times. */
double exchange_pace(const struct exchange_limits *l, double least);

/* On another connection: whatever was asked on the one before is void. */
void exchange_restart(struct exchange *e, const struct queue *q);

/* ---- our questions */

/* The queue has grown. */
void exchange_note_sent(struct exchange *e, const struct queue *q);
/* More than `unacked` are worth a question; where `full`, no other stanza can be sent before. */
bool exchange_asks(const struct exchange *e, const struct queue *q, const struct exchange_limits *l,
                   int64_t unacked, bool full);
/* The few that no question was worth have waited for long. */
bool exchange_asks_late(const struct exchange *e, const struct exchange_limits *l);
void exchange_note_asked(struct exchange *e, const struct queue *q);
void exchange_note_answered(struct exchange *e);
/* No answer has come, and none will. */
bool exchange_is_dead(const struct exchange *e, const struct exchange_limits *l);

/* ---- our answers; `handled` is pc_session_safe() */

/* An <r/> came, behind so many stanzas. */
void exchange_owe(struct exchange *e, uint32_t received);
/* More is handled: is an <a/> to be sent now? */
bool exchange_answers(struct exchange *e, uint32_t handled);
/* What was before the <r/> takes long: an <a/> for less is better than none, and settles it. */
bool exchange_answers_late(struct exchange *e);
void exchange_note_told(struct exchange *e, uint32_t handled);
/* Nothing is waited for. */
bool exchange_rests(const struct exchange *e, const struct queue *q);
