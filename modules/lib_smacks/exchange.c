#include "exchange.h"

#define UNASKED 50     /* unasked, we acknowledge after so many: the peer keeps what is not */
#define UNASKED_FOR 50 /* so many are asked for before the interval is over */
#define OWED_MS 2000   /* an <a/> waits so long for what is being handled before it */

void exchange_read_limits(pc_module *m, struct exchange_limits *l)
{
	*l = (struct exchange_limits){
		.unacked = pc_opt_int(m, "smacks_max_unacked_stanzas"),
		.request_interval = pc_opt_seconds(m, "smacks_ack_request_interval"),
		.request_delay = pc_opt_seconds(m, "smacks_ack_request_delay"),
		.timeout = pc_opt_seconds(m, "smacks_ack_timeout"),
	};
}

bool exchange_has_passed(int64_t since, double seconds)
{
	return (double)(pc_now_ms() - since) >= 1000 * seconds;
}

double exchange_pace(const struct exchange_limits *l, double least)
{
	if (l->request_interval > 0 && l->request_interval < least)
		least = l->request_interval;
	least = l->request_delay < least ? l->request_delay : least;
	least = l->timeout < least ? l->timeout : least;
	return least > 4 ? 1 : least < 0.04 ? 0.01 : least / 4;
}

void exchange_restart(struct exchange *e, const struct queue *q)
{
	e->asked = e->owes = false;
	e->since = e->asked_at = 0;
	e->asked_for = q->acked;
}

/* ------------------------------------------------------------ our questions */

void exchange_note_sent(struct exchange *e, const struct queue *q)
{
	if (q->n > 0 && e->since == 0)
		e->since = pc_now_ms();
}

/* Of much that goes one by one, each needs no question of its own: the answers would cost the peer
 * and us as much as the stanzas. One after a pause is asked for as it is sent, in one packet. */
static bool is_too_soon(const struct exchange *e, const struct queue *q,
                        const struct exchange_limits *l)
{
	return q->n < UNASKED_FOR && !exchange_has_passed(e->asked_at, l->request_interval);
}

/* Who does not get on, but answers, is not asked again at once for the same. */
bool exchange_asks(const struct exchange *e, const struct queue *q, const struct exchange_limits *l,
                   int64_t unacked, bool full)
{
	if (e->asked || e->asked_for == queue_sent(q))
		return false;
	return full || (q->n > unacked && !is_too_soon(e, q, l));
}

bool exchange_asks_late(const struct exchange *e, const struct exchange_limits *l)
{
	return !e->asked && e->since && exchange_has_passed(e->since, l->request_delay);
}

void exchange_note_asked(struct exchange *e, const struct queue *q)
{
	e->asked = true;
	e->asked_for = queue_sent(q);
	e->since = e->asked_at = pc_now_ms();
}

void exchange_note_answered(struct exchange *e)
{
	e->asked = false;
	e->since = 0;
}

bool exchange_is_dead(const struct exchange *e, const struct exchange_limits *l)
{
	return e->asked && exchange_has_passed(e->since, l->timeout);
}

/* ------------------------------------------------------------ our answers */

void exchange_owe(struct exchange *e, uint32_t received)
{
	if (!e->owes)
		e->owed_since = pc_now_ms();
	e->owes = true;
	e->owed_at = received;
}

/* Counters go round. An <a/> that is sent for other reasons leaves the one that is owed for all
 * that came before its <r/>. */
bool exchange_answers(struct exchange *e, uint32_t handled)
{
	bool waits = e->owes && handled - e->owed_at >= UINT32_MAX / 2;
	bool due = e->owes && !waits;

	e->owes = waits;
	return due || handled - e->told >= UNASKED;
}

bool exchange_answers_late(struct exchange *e)
{
	bool late = e->owes && pc_now_ms() - e->owed_since >= OWED_MS;

	e->owes = e->owes && !late;
	return late;
}

void exchange_note_told(struct exchange *e, uint32_t handled)
{
	e->told = handled;
}

bool exchange_rests(const struct exchange *e, const struct queue *q)
{
	return !e->owes && !e->asked && q->n == 0;
}
