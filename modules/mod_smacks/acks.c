/*
 * acks.c - <r/> and <a/> in both directions, and what time does to them.
 *
 * One request is under way at most. It goes out right behind the stanza that makes it due, so that
 * both leave in one write; what was sent behind it is asked for when its answer comes. So a client
 * is asked once a round trip, however much it gets.
 */
#include "smacks.h"

/* Unasked, we acknowledge after so many: clients keep what is not. */
#define UNASKED 50
/* So many that are not acknowledged are asked for before the interval is over. */
#define UNASKED_FOR 50
/* An <a/> waits so long for what is being handled before it, in milliseconds. */
#define OWED_MS 2000

/* ------------------------------------------------------------ to the peer */

static void answer(const pc_session *s, struct sm *sm)
{
	pc_stream *stream = pc_session_stream(s);
	pc_stanza *a;

	sm->owes = false;
	if (stream == NULL)
		return;
	sm->told = pc_session_safe(s);
	a = smacks_counted("a", smacks_ns(sm), sm->told);
	pc_stream_send(stream, a);
	pc_stanza_free(&a);
}

static void ask(const pc_session *s, struct smacks *x, struct sm *sm)
{
	pc_stream *stream = pc_session_stream(s);

	if (stream == NULL || pc_stream_send(stream, x->request[sm->version - 2]) != PC_OK)
		return;
	sm->asked = true;
	sm->complained = false;
	sm->asked_for = queue_sent(&sm->queue);
	sm->since = sm->asked_at = pc_now_ms();
	acks_watch(x, sm);
}

/* Of much that comes one by one, each needs no question of its own: the answers would cost the
 * client and us as much as the stanzas. One after a pause is asked for as it is sent, in one
 * packet. */
static bool is_too_soon(const struct smacks *x, const struct sm *sm)
{
	return sm->queue.n < UNASKED_FOR &&
	       (double)(pc_now_ms() - sm->asked_at) < 1000 * x->limits.request_interval;
}

/* A client that does not get on, but answers, is not asked again at once for the same. */
static bool is_due(const struct smacks *x, const struct sm *sm)
{
	int64_t limit = sm->inactive ? x->limits.unacked_inactive : x->limits.unacked;

	return sm->state == SM_CONNECTED && !sm->asked && sm->asked_for != queue_sent(&sm->queue) &&
	       sm->queue.n > limit && !is_too_soon(x, sm);
}

void acks_sent(const pc_session *s, struct smacks *x, struct sm *sm)
{
	if (sm->queue.n > 0 && sm->since == 0)
		sm->since = pc_now_ms();
	if (is_due(x, sm))
		ask(s, x, sm);
	acks_watch(x, sm);
}

void acks_handled(const pc_session *s, struct smacks *x, struct sm *sm)
{
	uint32_t handled = pc_session_safe(s);
	bool waits = sm->owes && handled - sm->owed_at >= UINT32_MAX / 2;

	if ((sm->owes && !waits) || handled - sm->told >= UNASKED)
		answer(s, sm);
	sm->owes = waits; /* for all that came before it */
	acks_watch(x, sm);
}

/* ------------------------------------------------------------ from the peer */

pc_result acks_on_request(pc_event *ev, void *data)
{
	struct smacks *x = data;
	const pc_session *s = pc_event_origin(ev);
	struct sm *sm = smacks_of(s, x->m);

	if (sm == NULL)
		return PC_HANDLED;
	if (!sm->owes)
		sm->owed_since = pc_now_ms();
	sm->owes = true;
	sm->owed_at = pc_session_received(s);
	acks_handled(s, x, sm);
	return PC_HANDLED;
}

static void take_answer(const pc_session *s, struct smacks *x, struct sm *sm, uint32_t n)
{
	queue_drop(&sm->queue, n);
	pc_journal_acked(s, sm->queue.acked);
	sm->written = n < sm->written ? sm->written - n : 0;
	sm->asked = false;
	sm->since = 0;
	acks_sent(s, x, sm);
}

pc_result acks_on_answer(pc_event *ev, void *data)
{
	struct smacks *x = data;
	const pc_session *s = pc_event_origin(ev);
	struct sm *sm = smacks_of(s, x->m);
	uint32_t h;
	int64_t n;

	if (sm == NULL)
		return PC_HANDLED;
	if (!smacks_number(pc_stanza_get(pc_event_stanza(ev), "h"), &h)) {
		pc_session_close(s, "invalid-xml", "an acknowledgement needs its h");
		return PC_HANDLED;
	}
	n = queue_judge(&sm->queue, h);
	if (n == PC_ELIMIT)
		smacks_too_high(s, sm, h);
	else
		take_answer(s, x, sm, n > 0 ? (uint32_t)n : 0);
	return PC_HANDLED;
}

/* ------------------------------------------------------------ what the client tells of itself */

static void set_inactive(pc_event *ev, struct smacks *x, bool inactive)
{
	const pc_session *s = pc_event_origin(ev);
	struct sm *sm = smacks_of(s, x->m);

	if (sm == NULL)
		return;
	sm->inactive = inactive;
	acks_sent(s, x, sm);
}

pc_result acks_on_active(pc_event *ev, void *data)
{
	set_inactive(ev, data, false);
	return PC_PASS;
}

pc_result acks_on_inactive(pc_event *ev, void *data)
{
	set_inactive(ev, data, true);
	return PC_PASS;
}

/* Where nothing was heard for long, a question tells more than white space. */
pc_result acks_on_silence(pc_event *ev, void *data)
{
	struct smacks *x = data;
	const pc_session *s = pc_event_origin(ev);
	struct sm *sm = smacks_of(s, x->m);

	if (sm == NULL || sm->state != SM_CONNECTED || sm->asked)
		return PC_PASS;
	ask(s, x, sm);
	return sm->asked ? PC_HANDLED : PC_PASS;
}

/* Before we end a stream, the client learns what it need not send again. */
pc_result acks_on_close(pc_event *ev, void *data)
{
	struct smacks *x = data;
	const pc_session *s = pc_event_origin(ev);
	struct sm *sm = smacks_of(s, x->m);

	if (sm && pc_session_safe(s) != sm->told)
		answer(s, sm);
	return PC_PASS;
}

/* ------------------------------------------------------------ time */

static double least_of(const struct limits *l)
{
	double least = l->request_delay < l->ack_delay ? l->request_delay : l->ack_delay;

	if (l->request_interval > 0 && l->request_interval < least)
		least = l->request_interval;
	least = l->ack_timeout < least ? l->ack_timeout : least;
	least = l->hibernation < least ? l->hibernation : least;
	return least > 4 ? 1 : least < 0.04 ? 0.01 : least / 4;
}

static bool has_passed(int64_t since, double seconds)
{
	return (double)(pc_now_ms() - since) >= 1000 * seconds;
}

static void complain(struct smacks *x, const pc_session *s, struct sm *sm)
{
	sm->complained = true;
	pc_notify(x->m, "smacks-ack-delayed",
	          &(pc_fire_args){ .origin = s,
	                           .args = (pc_arg[]){ PC_INT("unacked", sm->queue.n) },
	                           .n_args = 1 });
}

static void give_up(struct smacks *x, const pc_session *s, struct sm *sm)
{
	pc_log_session(x->m, s, PC_INFO, "%s: no acknowledgement came, its connection is dead",
	               s->full_jid);
	pc_metric_add(x->lost, 1);
	sm->asked = false;
	sm->since = 0;
	pc_stream_lost(pc_session_stream(s), "no acknowledgement came");
}

static void look_at_connected(struct smacks *x, const pc_session *s, struct sm *sm)
{
	if (sm->owes && pc_now_ms() - sm->owed_since >= OWED_MS)
		answer(s, sm);
	if (sm->asked && has_passed(sm->since, x->limits.ack_timeout))
		give_up(x, s, sm);
	else if (sm->asked && !sm->complained && has_passed(sm->since, x->limits.ack_delay))
		complain(x, s, sm);
	else if (is_due(x, sm) ||
	         (!sm->asked && sm->since && has_passed(sm->since, x->limits.request_delay)))
		ask(s, x, sm);
	if (!sm->owes && !sm->asked && sm->queue.n == 0)
		acks_unwatch(sm);
}

static void look_at(struct smacks *x, struct sm *sm)
{
	const pc_session *s = pc_session_find(sm->id);

	if (s == NULL) {
		acks_unwatch(sm);
	} else if (sm->state != SM_HIBERNATED) {
		if (pc_session_stream(s))
			look_at_connected(x, s, sm);
	} else if (pc_now_ms() >= sm->deadline) {
		acks_unwatch(sm);
		pc_metric_add(x->expired, 1);
		pc_session_destroy(s, "its client did not come back");
	}
}

static void sweep(void *data)
{
	struct smacks *x = data;

	for (struct sm *sm = x->watched, *next; sm; sm = next) {
		next = sm->next;
		look_at(x, sm);
	}
	if (x->watched == NULL)
		pc_timer_stop(&x->sweep);
}

void acks_watch(struct smacks *x, struct sm *sm)
{
	if (sm->at == NULL) {
		sm->next = x->watched;
		sm->at = &x->watched;
		if (sm->next)
			sm->next->at = &sm->next;
		x->watched = sm;
	}
	if (x->sweep == NULL)
		x->sweep = pc_every(x->m, least_of(&x->limits), sweep, x);
}

void acks_unwatch(struct sm *sm)
{
	if (sm->at == NULL)
		return;
	*sm->at = sm->next;
	if (sm->next)
		sm->next->at = sm->at;
	sm->at = NULL;
}

void acks_retime(struct smacks *x)
{
	if (x->sweep == NULL)
		return;
	pc_timer_stop(&x->sweep);
	x->sweep = pc_every(x->m, least_of(&x->limits), sweep, x);
}
