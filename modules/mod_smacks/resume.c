/*
 * resume.c - <resume/> (XEP-0198 section 5), also along with a log-in (section 9.2).
 *
 * Whoever resumes waits until all is done with that the session's last connection had brought: only
 * then is its h the whole truth, and nothing that the client sends again is handled twice. Where
 * that connection is still there, it ends first. A session that is resumed twice at once is resumed
 * twice, one after the other.
 *
 * The queue is written in pieces, so that a long one neither fills the connection's buffer nor
 * takes a turn of the loop; what comes meanwhile joins its end.
 */
#include <stdlib.h>
#include <string.h>

#include <prosody-c/sasl.h>

#include "smacks.h"

#define PIECE ((size_t)64 * 1024)

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

/* Along with a log-in by SASL2: what is said stands in its <success/>. */
static bool is_inlined(const pc_event *ev)
{
	return pc_stanza_is(pc_event_stanza(ev), "success", PC_NS_SASL2);
}

static const pc_stanza *request_of(const pc_event *ev)
{
	const pc_stanza *login = pc_event_ptr(ev, "request");

	if (!is_inlined(ev))
		return pc_event_stanza(ev);
	return login ? pc_stanza_child(login, "resume", NS_SM3) : NULL;
}

static pc_result settled(const pc_event *ev)
{
	return is_inlined(ev) ? PC_PASS : PC_HANDLED;
}

static void answer(pc_event *ev, const pc_session *s, pc_stanza *st)
{
	if (!is_inlined(ev)) {
		smacks_say(s, st);
		return;
	}
	pc_stanza_append(pc_event_edit(ev), st);
	pc_stanza_free(&st);
}

void resume_refuse(struct smacks *x, pc_event *ev, const pc_session *from, const char *condition,
                   const char *h)
{
	const pc_stanza *request = request_of(ev);

	pc_metric_add(x->refused, 1);
	if (request)
		answer(ev, from, smacks_failed(pc_stanza_ns(request), condition, h));
}

void resume_settle(struct smacks *x, pc_token token)
{
	const pc_event *ev = pc_token_event(token);

	(void)x;
	if (ev)
		pc_event_resume(token, settled(ev));
}

static pc_stanza *make_resumed(const pc_session *s, struct sm *sm, const pc_stanza *request)
{
	pc_stanza *resumed;

	exchange_note_told(&sm->exchange, pc_session_safe(s));
	resumed = smacks_counted("resumed", pc_stanza_ns(request), sm->exchange.told);
	pc_stanza_set(resumed, "previd", pc_stanza_get(request, "previd"));
	return resumed;
}

static void connect(struct smacks *x, const pc_session *to, struct sm *sm, pc_event *ev)
{
	const pc_stanza *request = request_of(ev);

	sm->version = strcmp(pc_stanza_ns(request), NS_SM2) == 0 ? 2 : 3;
	answer(ev, to, make_resumed(to, sm, request));
	hibernate_over(x, to, sm);
	pc_metric_add(x->resumed, 1);
	pc_log_session(x->m, to, PC_DEBUG, "%s is back, %u stanzas are sent again", to->full_jid,
	               sm->queue.n);
	if (is_inlined(ev))
		pc_event_set_int(ev, "session", (int64_t)to->id);
	else
		write_piece(x, to, sm);
}

/* Others write to it from take_over() on, which must come behind <resumed/>: they only queue. */
static void resume(struct smacks *x, const pc_session *to, struct sm *sm, const pc_session *from,
                   pc_event *ev)
{
	sm->state = SM_RESUMING;
	sm->written = 0;
	exchange_restart(&sm->exchange, &sm->queue);
	if (pc_session_take_over(to, from) == PC_OK) {
		connect(x, to, sm, ev);
		return;
	}
	sm->state = SM_HIBERNATED;
	resume_refuse(x, ev, from, "item-not-found", NULL);
}

/* ------------------------------------------------------------ may it, and may it now? */

/* True: it is settled, one way or the other. */
static bool try(struct smacks *x, const struct resuming *r, pc_event *ev, const pc_session *from)
{
	const pc_session *to = pc_session_find(r->to);
	struct sm *sm = smacks_of(to, x->m);
	int64_t n = sm ? queue_judge(&sm->queue, r->h) : PC_ENOENT;

	if (n == PC_ELIMIT) {
		pc_metric_add(x->refused, 1);
		smacks_too_high(from, sm, r->h);
		return true;
	}
	if (n < 0) {
		resume_refuse(x, ev, from, "item-not-found", NULL);
		return true;
	}
	if (sm->state != SM_HIBERNATED) {
		pc_session_detach(to, "conflict", "resumed by another connection");
		hibernate_begin(x, to, sm, hibernate_seconds(x, sm));
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
		resume_settle(x, r->token);
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
		return settled(ev);
	r.token = pc_event_suspend(ev);
	if (to)
		enqueue(x, &r);
	else
		old_answer(x, from, token, r.token);
	return PC_SUSPENDED;
}

static pc_result take_request(struct smacks *x, pc_event *ev, const pc_session *s,
                              const pc_stanza *request)
{
	const char *token = pc_stanza_get(request, "previd");
	uint32_t h;

	if (s->type != PC_C2S_UNBOUND)
		resume_refuse(x, ev, s, "unexpected-request", NULL);
	else if (token == NULL || !smacks_number(pc_stanza_get(request, "h"), &h))
		resume_refuse(x, ev, s, "bad-request", NULL);
	else
		return begin(x, ev, s, token, h);
	return settled(ev);
}

pc_result resume_on_element(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);

	if (s == NULL || pc_session_stream(s) == NULL)
		return PC_HANDLED;
	return take_request(data, ev, s, pc_event_stanza(ev));
}

/* ------------------------------------------------------------ along with a log-in (XEP-0388) */

pc_result resume_on_sasl2_features(pc_event *ev, void *data)
{
	(void)data;
	pc_stanza_open(pc_event_stanza(ev), "sm", NS_SM3);
	return PC_PASS;
}

pc_result resume_on_sasl2_success(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	const pc_stanza *request = request_of(ev);

	if (s == NULL || request == NULL || pc_session_stream(s) == NULL)
		return PC_PASS;
	return take_request(data, ev, s, request);
}

/* What was to come behind <resumed/> or <enabled/> may. */
pc_result resume_on_sasl2_succeeded(pc_event *ev, void *data)
{
	struct smacks *x = data;
	const pc_session *s = pc_event_origin(ev);
	struct sm *sm = smacks_of(s, x->m);

	if (sm && sm->state == SM_RESUMING && sm->written == 0)
		write_piece(x, s, sm);
	return PC_PASS;
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
