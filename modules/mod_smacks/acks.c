/*
 * acks.c - <r/> and <a/> in both directions, and what time does to them.
 */
#include "smacks.h"

/* ------------------------------------------------------------ to the peer */

static void answer(const pc_session *s, struct sm *sm)
{
	pc_stream *stream = pc_session_stream(s);
	pc_stanza *a;

	if (stream == NULL)
		return;
	exchange_note_told(&sm->exchange, pc_session_safe(s));
	a = smacks_counted("a", smacks_ns(sm), sm->exchange.told);
	pc_stream_send(stream, a);
	pc_stanza_free(&a);
}

static void ask(const pc_session *s, struct smacks *x, struct sm *sm)
{
	pc_stream *stream = pc_session_stream(s);

	if (stream == NULL || pc_stream_send(stream, x->request[sm->version - 2]) != PC_OK)
		return;
	exchange_note_asked(&sm->exchange, &sm->queue);
	sm->complained = false;
	acks_watch(x, sm);
}

static bool is_due(const struct smacks *x, const struct sm *sm)
{
	const struct exchange_limits *l = &x->limits.acks;
	int64_t unacked = sm->inactive ? x->limits.unacked_inactive : l->unacked;

	return sm->state == SM_CONNECTED &&
	       exchange_asks(&sm->exchange, &sm->queue, l, unacked, false);
}

void acks_sent(const pc_session *s, struct smacks *x, struct sm *sm)
{
	exchange_note_sent(&sm->exchange, &sm->queue);
	if (is_due(x, sm))
		ask(s, x, sm);
	acks_watch(x, sm);
}

void acks_handled(const pc_session *s, struct smacks *x, struct sm *sm)
{
	if (exchange_answers(&sm->exchange, pc_session_safe(s)))
		answer(s, sm);
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
	exchange_owe(&sm->exchange, pc_session_received(s));
	acks_handled(s, x, sm);
	return PC_HANDLED;
}

static void take_answer(const pc_session *s, struct smacks *x, struct sm *sm, uint32_t n)
{
	queue_drop(&sm->queue, n);
	pc_journal_acked(s, sm->queue.acked);
	sm->written = n < sm->written ? sm->written - n : 0;
	exchange_note_answered(&sm->exchange);
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

	if (sm == NULL || sm->state != SM_CONNECTED || sm->exchange.asked)
		return PC_PASS;
	ask(s, x, sm);
	return sm->exchange.asked ? PC_HANDLED : PC_PASS;
}

/* Before we end a stream, the client learns what it need not send again. */
pc_result acks_on_close(pc_event *ev, void *data)
{
	struct smacks *x = data;
	const pc_session *s = pc_event_origin(ev);
	struct sm *sm = smacks_of(s, x->m);

	if (sm && pc_session_safe(s) != sm->exchange.told)
		answer(s, sm);
	return PC_PASS;
}

/* ------------------------------------------------------------ time */

static double pace(const struct limits *l)
{
	return exchange_pace(&l->acks,
	                     l->ack_delay < l->hibernation ? l->ack_delay : l->hibernation);
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
	exchange_note_answered(&sm->exchange);
	pc_stream_lost(pc_session_stream(s), "no acknowledgement came");
}

static void look_at_connected(struct smacks *x, const pc_session *s, struct sm *sm)
{
	struct exchange *e = &sm->exchange;

	if (exchange_answers_late(e))
		answer(s, sm);
	if (exchange_is_dead(e, &x->limits.acks))
		give_up(x, s, sm);
	else if (e->asked && !sm->complained && exchange_has_passed(e->since, x->limits.ack_delay))
		complain(x, s, sm);
	else if (is_due(x, sm) || exchange_asks_late(e, &x->limits.acks))
		ask(s, x, sm);
	if (exchange_rests(e, &sm->queue))
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
		x->sweep = pc_every(x->m, pace(&x->limits), sweep, x);
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
	x->sweep = pc_every(x->m, pace(&x->limits), sweep, x);
}
