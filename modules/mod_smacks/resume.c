/*
 * resume.c - <resume/> (XEP-0198 section 5).
 *
 * Whoever resumes waits until all is done with that the session's last connection had brought: only
 * then is its h the whole truth, and nothing that the client sends again is handled twice. Where
 * that connection is still there, it ends first. A session that is resumed twice at once is resumed
 * twice, one after the other.
 *
 * The queue is written in pieces, so that a long one neither fills the connection's buffer nor
 * takes a turn of the loop; what comes meanwhile joins its end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smacks.h"

#define PIECE ((size_t)64 * 1024)
#define BETWEEN_SECONDS 60 /* what a session without a connection has left at least, meanwhile */

struct resuming {
	struct resuming *next;
	pc_token token; /* of the event that <resume/> is */
	pc_session_id to;
	uint32_t h;
};

/* ------------------------------------------------------------ the queue again */

struct piece {
	pc_module *m;
	pc_session_id session;
};

static void write_piece(struct smacks *x, const pc_session *s, struct sm *sm);

static void on_written(int err, void *data)
{
	struct piece p = *(struct piece *)data;
	const pc_session *s = pc_session_find(p.session);
	struct sm *sm = smacks_of(s, p.m);

	pc_module_free(p.m, data);
	if (err == PC_OK && sm && sm->state == SM_RESUMING)
		write_piece(pc_module_data(p.m), s, sm);
}

static void write_piece(struct smacks *x, const pc_session *s, struct sm *sm)
{
	struct piece *p;
	size_t bytes = 0;

	while (sm->written < sm->queue.n && bytes < PIECE) {
		const struct queued *q = queue_at(&sm->queue, sm->written++);

		pc_session_send_frame(s, q->frame, q->when);
		bytes += pc_frame_size(q->frame);
	}
	if (sm->written < sm->queue.n) {
		p = pc_module_alloc(x->m, sizeof(*p));
		*p = (struct piece){ x->m, s->id };
		pc_session_written(x->m, s, on_written, p);
		return;
	}
	sm->state = SM_CONNECTED;
	acks_sent(s, x, sm);
}

/* ------------------------------------------------------------ the end of a <resume/> */

static void refuse(struct smacks *x, const pc_session *from, const char *ns, const char *condition)
{
	pc_metric_add(x->refused, 1);
	smacks_failed(from, ns, condition, NULL);
}

static void answer(const pc_session *s, struct sm *sm, const pc_stanza *request)
{
	pc_stanza *resumed = pc_stanza_new("resumed", pc_stanza_ns(request));
	char h[16];

	sm->told = pc_session_safe(s);
	snprintf(h, sizeof(h), "%u", sm->told);
	pc_stanza_set(resumed, "h", h);
	pc_stanza_set(resumed, "previd", pc_stanza_get(request, "previd"));
	pc_stream_send(pc_session_stream(s), resumed);
	pc_stanza_free(&resumed);
}

/* Others write to it from take_over() on, which must come behind <resumed/>: they only queue. */
static void resume(struct smacks *x, const pc_session *to, struct sm *sm, const pc_session *from,
                   pc_event *ev)
{
	const char *ns = pc_stanza_ns(pc_event_stanza(ev));

	sm->state = SM_RESUMING;
	sm->version = strcmp(ns, NS_SM2) == 0 ? 2 : 3;
	sm->written = 0;
	sm->asked = sm->owes = false;
	sm->asked_for = sm->queue.acked;
	sm->since = 0;
	if (pc_session_take_over(to, from) != PC_OK) {
		sm->state = SM_HIBERNATED;
		refuse(x, from, ns, "item-not-found");
		return;
	}
	answer(to, sm, pc_event_stanza(ev));
	hibernate_over(x, to, sm);
	pc_metric_add(x->resumed, 1);
	pc_log_session(x->m, to, PC_DEBUG, "%s is back, %u stanzas are sent again", to->full_jid,
	               sm->queue.n);
	write_piece(x, to, sm);
}

/* ------------------------------------------------------------ may it, and may it now? */

/* True: it is settled, one way or the other. */
static bool try(struct smacks *x, const struct resuming *r, pc_event *ev, const pc_session *from)
{
	const pc_session *to = pc_session_find(r->to);
	struct sm *sm = smacks_of(to, x->m);
	const char *ns = pc_stanza_ns(pc_event_stanza(ev));
	int64_t n = sm ? queue_judge(&sm->queue, r->h) : PC_ENOENT;

	if (n == PC_ELIMIT) {
		pc_metric_add(x->refused, 1);
		smacks_too_high(from, sm, r->h);
		return true;
	}
	if (n < 0) {
		refuse(x, from, ns, "item-not-found");
		return true;
	}
	if (sm->state != SM_HIBERNATED) {
		pc_session_detach(to, "conflict", "resumed by another connection");
		hibernate_begin(x, to, sm, BETWEEN_SECONDS);
	}
	if (pc_session_safe(to) != pc_session_received(to))
		return false;
	queue_drop(&sm->queue, (uint32_t)n);
	pc_journal_acked(to, sm->queue.acked);
	resume(x, to, sm, from, ev);
	return true;
}

/* The event may have ended by its deadline, and the stream that it came on. */
static bool is_settled(struct smacks *x, const struct resuming *r)
{
	pc_event *ev = pc_token_event(r->token);
	const pc_session *from = ev ? pc_event_origin(ev) : NULL;

	if (from == NULL || pc_session_stream(from) == NULL)
		return true;
	return try(x, r, ev, from);
}

void resume_go_on(struct smacks *x, pc_session_id to)
{
	struct resuming **at = &x->resuming;

	while (*at) {
		struct resuming *r = *at;

		if (r->to != to || !is_settled(x, r)) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		pc_event_resume(r->token, PC_HANDLED);
		free(r);
		at = &x->resuming; /* it may have changed */
	}
}

/* ------------------------------------------------------------ <resume/> */

/* Its account's own sessions are all that are asked for: nobody else's can be found. */
static const pc_session *find(struct smacks *x, const pc_session *from, const char *token)
{
	const pc_session *s, *found = NULL;
	uint8_t digest[SM_DIGEST];

	smacks_digest(token, digest);
	s = pc_session_first(pc_module_host(x->m), from->username);
	for (; s; s = pc_session_next(s)) {
		const struct sm *sm = smacks_of(s, x->m);

		if (sm && sm->resumable && pc_equal_secret(sm->digest, digest, SM_DIGEST))
			found = s;
	}
	return found;
}

static void enqueue(struct smacks *x, const struct resuming *r)
{
	struct resuming *copy = malloc(sizeof(*copy)), **at = &x->resuming;

	if (copy == NULL)
		abort();
	*copy = *r;
	copy->next = NULL;
	while (*at)
		at = &(*at)->next;
	*at = copy;
}

static pc_result begin(struct smacks *x, pc_event *ev, const pc_session *from, const char *token,
                       uint32_t h)
{
	const pc_session *to = find(x, from, token);
	struct resuming r = { .to = to ? to->id : 0, .h = h };

	if (to && try(x, &r, ev, from))
		return PC_HANDLED;
	r.token = pc_event_suspend(ev);
	if (to) {
		enqueue(x, &r);
	} else {
		pc_metric_add(x->refused, 1);
		old_answer(x, from, token, r.token);
	}
	return PC_SUSPENDED;
}

pc_result resume_on_element(pc_event *ev, void *data)
{
	struct smacks *x = data;
	const pc_session *s = pc_event_origin(ev);
	const pc_stanza *st = pc_event_stanza(ev);
	const char *token = pc_stanza_get(st, "previd");
	uint32_t h;

	if (s == NULL || pc_session_stream(s) == NULL)
		return PC_HANDLED;
	if (s->type != PC_C2S_UNBOUND) {
		refuse(x, s, pc_stanza_ns(st), "unexpected-request");
		return PC_HANDLED;
	}
	if (token == NULL || !smacks_number(pc_stanza_get(st, "h"), &h)) {
		refuse(x, s, pc_stanza_ns(st), "bad-request");
		return PC_HANDLED;
	}
	return begin(x, ev, s, token, h);
}

/* ------------------------------------------------------------ over a reload */

void resume_save(struct smacks *x, pc_state *state)
{
	struct resuming all[64];
	size_t n = 0;

	for (const struct resuming *r = x->resuming; r && n < sizeof(all) / sizeof(all[0]);
	     r = r->next)
		all[n++] = *r;
	pc_state_put(state, "resuming", all, n * sizeof(all[0]));
}

void resume_restore(struct smacks *x, const pc_state *state)
{
	size_t len;
	const struct resuming *all = pc_state_get(state, "resuming", &len);

	for (size_t i = 0; all && len % sizeof(*all) == 0 && i < len / sizeof(*all); i++)
		enqueue(x, &all[i]);
}

void resume_clear(struct smacks *x)
{
	while (x->resuming) {
		struct resuming *r = x->resuming;

		x->resuming = r->next;
		free(r);
	}
}
