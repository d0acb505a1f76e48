/*
 * manage.c - what is counted on a managed stream (XEP-0198 section 4), and what time does to it.
 *
 * What goes out is noted right before it is written (a tap); what comes in is counted by the core
 * until it is handled and what was written meanwhile is committed (session.h: pc_session_count).
 */
#include <stdlib.h>
#include <string.h>

#include "s2s.h"

/* ------------------------------------------------------------ one stream */

static struct managed *of_instance(const pc_session *s, const struct s2s *own)
{
	const struct inbound *block = pc_session_data_if(s, own->m);

	return block ? block->managed : NULL;
}

struct managed *managed_of(const pc_session *s)
{
	const struct s2s *own = s ? s2s_of(pc_session_host(s)) : NULL;

	return own ? of_instance(s, own) : NULL;
}

struct managed *managed_new(struct s2s *own, const char *remote, unsigned version)
{
	size_t len = strlen(remote);
	struct managed *sm = calloc(1, sizeof(*sm) + len + 1);

	if (sm == NULL)
		abort();
	memcpy(sm->remote, remote, len + 1);
	sm->own = own;
	sm->version = (uint8_t)version;
	return sm;
}

void managed_free(struct managed *sm)
{
	managed_unwatch(sm);
	if (sm->place)
		*sm->place = NULL;
	queue_free(&sm->queue);
	free(sm->token);
	free(sm);
}

void managed_say(pc_stream *s, pc_stanza *st)
{
	pc_stream_send(s, st);
	pc_stanza_free(&st);
}

/* Its session while that has a stream; else NULL. */
static const pc_session *connected(const struct managed *sm)
{
	const pc_session *s = sm->session ? pc_session_find(sm->session) : NULL;

	return s && pc_session_stream(s) ? s : NULL;
}

/* ------------------------------------------------------------ what goes out */

bool managed_is_full(const struct managed *sm)
{
	const struct limits *l = &sm->own->limits;

	return sm->queue.n >= l->queue || (int64_t)sm->queue.bytes >= l->queue_bytes;
}

static void ask(struct managed *sm, const pc_session *s)
{
	pc_stanza *r = pc_stanza_new("r", smacks_version_ns(sm->version));

	managed_say(pc_session_stream(s), r);
	exchange_note_asked(&sm->exchange, &sm->queue);
}

static bool is_due(const struct managed *sm)
{
	const struct exchange_limits *l = &sm->own->limits.acks;

	return sm->state == MANAGED_ON &&
	       exchange_asks(&sm->exchange, &sm->queue, l, l->unacked, managed_is_full(sm));
}

void managed_sent(struct managed *sm)
{
	const pc_session *s = connected(sm);

	exchange_note_sent(&sm->exchange, &sm->queue);
	if (s && is_due(sm))
		ask(sm, s);
	managed_watch(sm);
}

bool managed_on_idle(pc_stream *s)
{
	struct managed *sm = managed_of(pc_stream_session(s));

	if (sm == NULL || sm->state != MANAGED_ON || sm->exchange.asked)
		return pc_stream_write(s, " ", 1) == PC_OK;
	ask(sm, pc_stream_session(s));
	managed_watch(sm);
	return true;
}

void managed_hurry(struct managed *sm)
{
	const pc_session *s = connected(sm);

	if (s && sm->state == MANAGED_ON && !sm->exchange.asked && sm->queue.n > 0) {
		ask(sm, s);
		managed_watch(sm);
	}
}

/* The frame is ours from here on, whatever becomes of the stream: hence PC_HOLD. */
static pc_verdict on_frame(const pc_session *s, pc_frame *frame, void *data)
{
	struct managed *sm = of_instance(s, data);

	if (sm == NULL || pc_frame_kind(frame) == PC_OTHER)
		return PC_KEEP;
	queue_add(&sm->queue, frame, pc_time_ms());
	queue_tag(&sm->queue, answers_tag(pc_tap_stanza(frame)));
	pc_session_send_frame(s, frame, 0);
	managed_sent(sm);
	return PC_HOLD;
}

int managed_send_frame(const pc_session *s, pc_frame *frame, int64_t when)
{
	struct managed *sm = managed_of(s);
	int err = pc_session_send_frame(s, frame, when);

	if (err == PC_OK && sm) {
		queue_add(&sm->queue, frame, when);
		managed_sent(sm);
	}
	return err;
}

void managed_send_all(struct managed *sm, const pc_session *s)
{
	for (uint32_t i = 0; i < sm->queue.n; i++) {
		const struct queued *q = queue_at(&sm->queue, i);

		pc_session_send_frame(s, q->frame, q->when);
		pc_metric_add(sm->own->again, 1);
	}
	managed_sent(sm);
}

/* ------------------------------------------------------------ what comes in */

static void answer(struct managed *sm, const pc_session *s)
{
	uint32_t handled = pc_session_safe(s);

	exchange_note_told(&sm->exchange, handled);
	managed_say(pc_session_stream(s),
	            smacks_counted("a", smacks_version_ns(sm->version), handled));
}

static void answer_what_is_due(struct managed *sm, const pc_session *s)
{
	if (exchange_answers(&sm->exchange, pc_session_safe(s)))
		answer(sm, s);
	managed_watch(sm);
}

static void on_handled(const pc_session *s, void *data)
{
	struct managed *sm = of_instance(s, data);

	if (sm == NULL)
		return;
	sm->progressed = true;
	if (pc_session_stream(s))
		answer_what_is_due(sm, s);
}

void managed_finish(struct managed *sm)
{
	const pc_session *s = connected(sm);

	if (s && sm->counting && (sm->exchange.owes || pc_session_safe(s) != sm->exchange.told))
		answer(sm, s);
}

/* ------------------------------------------------------------ the session's begin and end */

void managed_tap(struct managed *sm, const pc_session *s)
{
	struct inbound *block = pc_session_data(s, sm->own->m);

	block->managed = sm;
	sm->place = &block->managed;
	sm->session = s->id;
	sm->counting = sm->progressed = false;
	exchange_restart(&sm->exchange, &sm->queue);
	pc_tap(sm->own->m, s, on_frame, -1000);
}

void managed_count(struct managed *sm, const pc_session *s, uint32_t from)
{
	sm->counting = true;
	exchange_note_told(&sm->exchange, from);
	sm->state = MANAGED_ON;
	pc_session_count(sm->own->m, s, from, on_handled);
}

void managed_detach(struct managed *sm, const pc_session *s)
{
	if (sm->counting)
		sm->handled = pc_session_safe(s);
	*sm->place = NULL;
	sm->place = NULL;
	sm->session = 0;
}

void managed_move(struct managed *sm, struct s2s *own)
{
	managed_unwatch(sm);
	sm->own = own;
	managed_watch(sm);
}

static bool adopt_one(const pc_session *s, void *data)
{
	struct s2s *own = data;
	struct managed *sm =
	        pc_session_host(s) == pc_module_host(own->m) ? of_instance(s, own) : NULL;

	if (sm == NULL)
		return true;
	managed_move(sm, own);
	pc_tap(own->m, s, on_frame, -1000);
	if (sm->counting)
		pc_session_count_on(own->m, s, on_handled);
	return true;
}

void managed_adopt(struct s2s *own)
{
	pc_each_unbound_session(adopt_one, own);
}

static bool finish_one(const pc_session *s, void *data)
{
	struct managed *sm = of_instance(s, data);

	if (sm)
		managed_finish(sm);
	return true;
}

void managed_finish_all(struct s2s *own)
{
	pc_each_unbound_session(finish_one, own);
}

/* ------------------------------------------------------------ <r/> and <a/> */

static void on_request(struct managed *sm, const pc_session *s)
{
	exchange_owe(&sm->exchange, pc_session_received(s));
	answer_what_is_due(sm, s);
}

bool managed_acked(struct managed *sm, pc_stream *s, uint32_t h)
{
	int64_t n = queue_judge(&sm->queue, h);
	pc_stanza *detail;
	char text[100];

	if (n == PC_ELIMIT) {
		detail = smacks_too_high_detail(smacks_version_ns(sm->version), h,
		                                queue_sent(&sm->queue), text);
		complain(sm->own, pc_stream_session(s), PC_WARN,
		         "%s has counted more stanzas than there were", sm->remote);
		pc_stream_error_with(s, "undefined-condition", text, detail);
		pc_stanza_free(&detail);
		free(sm->token); /* its count is worth nothing */
		sm->token = NULL;
		return false;
	}
	if (n > 0) {
		queue_drop(&sm->queue, (uint32_t)n);
		sm->progressed = true;
	}
	return true;
}

/* Stanzas wait while too much is not acknowledged. */
static void go_on(pc_stream *s, const struct managed *sm)
{
	const struct inbound *in = sm->ours ? NULL : inbound_of(s);
	struct peer *p = sm->ours ? peer_find(sm->own, sm->remote) : NULL;

	if (p)
		route_go(p);
	for (const struct pair *pair = in ? in->pairs : NULL; pair; pair = pair->next) {
		struct s2s *own = s2s_of(pc_host_find(pair->host));

		p = own ? peer_find(own, pair->remote) : NULL;
		if (p)
			route_go(p);
	}
}

static void on_answer(struct managed *sm, pc_stream *s, const pc_stanza *st)
{
	uint32_t h;

	if (!smacks_number(pc_stanza_get(st, "h"), &h)) {
		pc_stream_error(s, "invalid-xml", "an acknowledgement needs its h");
		return;
	}
	if (!managed_acked(sm, s, h))
		return;
	exchange_note_answered(&sm->exchange);
	managed_sent(sm);
	go_on(s, sm);
}

bool managed_on_ack(pc_stream *s, const pc_stanza *st)
{
	const char *name = pc_stanza_name(st);
	const pc_session *session = pc_stream_session(s);
	struct managed *sm = managed_of(session);
	bool is_request = strcmp(name, "r") == 0;

	if (!is_request && strcmp(name, "a") != 0)
		return false;
	if (sm && is_request && sm->counting)
		on_request(sm, session);
	else if (sm && !is_request)
		on_answer(sm, s, st);
	return true;
}

/* ------------------------------------------------------------ time */

static void look_at_connected(struct managed *sm, const pc_session *s)
{
	const struct exchange_limits *l = &sm->own->limits.acks;

	if (exchange_answers_late(&sm->exchange))
		answer(sm, s);
	if (exchange_is_dead(&sm->exchange, l)) {
		complain(sm->own, s, PC_INFO,
		         "%s acknowledges nothing: its connection is taken for dead", sm->remote);
		pc_metric_add(sm->own->silent, 1);
		managed_unwatch(sm);
		pc_stream_abort(pc_session_stream(s), "no acknowledgement came");
		return;
	}
	if (is_due(sm) || (sm->state == MANAGED_ON && exchange_asks_late(&sm->exchange, l)))
		ask(sm, s);
	if (exchange_rests(&sm->exchange, &sm->queue))
		managed_unwatch(sm);
}

static void look_at(struct managed *sm)
{
	const pc_session *s = connected(sm);
	struct peer *p;

	if (s) {
		look_at_connected(sm, s);
	} else if (sm->state != MANAGED_BROKEN || sm->ours) {
		managed_unwatch(sm);
	} else if (pc_now_ms() >= sm->deadline) {
		p = peer_find(sm->own, sm->remote);
		managed_unwatch(sm);
		pc_log(sm->own->m, PC_DEBUG, "%s has not come back to its stream", sm->remote);
		if (p && p->left == sm)
			left_release(p);
	}
}

/* Looking at one may end another: whoever is next is asked for again. */
static void look_at_all(void *data)
{
	struct s2s *own = data;
	struct managed *all = own->watched;

	own->watched = NULL;
	if (all)
		all->at = &all;
	while (all) {
		struct managed *sm = all;

		managed_unwatch(sm);
		managed_watch(sm);
		look_at(sm);
	}
	if (own->watched == NULL)
		pc_timer_stop(&own->watch);
}

void managed_watch(struct managed *sm)
{
	struct s2s *own = sm->own;
	const struct limits *l = &own->limits;

	if (sm->at == NULL) {
		sm->next = own->watched;
		sm->at = &own->watched;
		if (sm->next)
			sm->next->at = &sm->next;
		own->watched = sm;
	}
	if (own->watch == NULL)
		own->watch =
		        pc_every(own->m, exchange_pace(&l->acks, l->resume > 0 ? l->resume : 3600),
		                 look_at_all, own);
}

void managed_unwatch(struct managed *sm)
{
	if (sm->at == NULL)
		return;
	*sm->at = sm->next;
	if (sm->next)
		sm->next->at = sm->at;
	sm->at = NULL;
}
