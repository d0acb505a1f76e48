/*
 * failure.c - what becomes of a queue whose client does not come back (XEP-0198 section 4: as if it
 * were sent to a resource that is not available).
 *
 * Messages to people go where they would go now, unless another module says that somebody has them:
 * to the other sessions of the account that have not had them, else to whoever keeps messages for
 * later. Requests and messages of rooms go back to who sent them; presence is worth nothing later.
 * It is done in slices: a queue may be long.
 */
#include <stdlib.h>
#include <string.h>

#include "smacks.h"

#define NS_CARBONS "urn:xmpp:carbons:2"
#define SLICE 100

struct estate {
	struct estate *next;
	struct queue queue;
	char *username, *jid;
	int8_t priority;
	bool orphan;
};

static char *copy(const char *text)
{
	char *c = strdup(text);

	if (c == NULL)
		abort();
	return c;
}

/* ------------------------------------------------------------ back to the sender */

static void send_back(struct smacks *x, const char *jid, pc_stanza *st)
{
	const char *from = pc_stanza_get(st, "from");

	if (from == NULL || strcmp(from, jid) == 0)
		return;
	if (pc_stanza_get(st, "to") == NULL)
		pc_stanza_set(st, "to", jid);
	pc_send(x->m, pc_stanza_error(st, NULL, "recipient-unavailable", NULL));
}

/* ------------------------------------------------------------ messages to people */

static void on_offline_ended(pc_event *ev, pc_result result, void *data)
{
	struct smacks *x = data;
	pc_stanza *st = pc_event_stanza(ev);

	if (result == PC_PASS || result < 0)
		send_back(x, "", st);
}

static void keep_for_later(struct smacks *x, const struct estate *e, pc_stanza *st, int64_t when)
{
	if (e->orphan) {
		send_back(x, e->jid, st);
		return;
	}
	pc_fire_wait(x->m, "message/offline/handle",
	             &(pc_fire_args){ .stanza = st,
	                              .args = (pc_arg[]){ PC_STR("username", e->username),
	                                                  PC_INT("when", when) },
	                              .n_args = 2 },
	             on_offline_ended, x);
}

/* One without a connection takes them as long as something queues for it. */
static bool takes_messages(struct smacks *x, const pc_session *s)
{
	return pc_session_is_available(s) && s->priority >= 0 && (s->conn || smacks_of(s, x->m));
}

/* A message to the account went to all that were first then, and maybe copies to others. */
static bool has_had_it(struct smacks *x, const struct estate *e, const pc_session *s, pc_stanza *st,
                       int64_t when)
{
	const char *to = pc_stanza_get(st, "to");
	bool to_account = to == NULL || strchr(to, '/') == NULL;

	if (to_account && s->bound_time <= when && s->priority >= e->priority)
		return true;
	return pc_fire(x->m, "delivery/again",
	               &(pc_fire_args){ .origin = s,
	                                .stanza = st,
	                                .args = (pc_arg[]){ PC_INT("queued", when) },
	                                .n_args = 1 },
	               NULL, NULL) == PC_HANDLED;
}

static bool is_stamped(const pc_stanza *st, const char *host)
{
	for (const pc_stanza *c = pc_stanza_first(st); c; c = pc_stanza_next(c)) {
		const char *from = pc_stanza_get(c, "from");

		if (pc_stanza_is(c, "delay", "urn:xmpp:delay") && from && strcmp(from, host) == 0)
			return true;
	}
	return false;
}

static void give_to_others(struct smacks *x, const pc_session *first, int8_t priority,
                           pc_stanza *st, int64_t when)
{
	const char *host = pc_module_host_name(x->m);

	if (!is_stamped(st, host))
		pc_stanza_delay(st, host, when, NULL);
	for (const pc_session *s = first; s; s = pc_session_next(s))
		if (takes_messages(x, s) && s->priority == priority)
			pc_session_send(s, st);
}

static void send_again(struct smacks *x, const struct estate *e, pc_stanza *st, int64_t when)
{
	const pc_session *first = pc_session_first(pc_module_host(x->m), e->username);
	int8_t highest = -1;

	for (const pc_session *s = first; s; s = pc_session_next(s)) {
		if (!takes_messages(x, s))
			continue;
		if (has_had_it(x, e, s, st, when))
			return;
		if (s->priority > highest)
			highest = s->priority;
	}
	if (highest >= 0)
		give_to_others(x, first, highest, st, when);
	else
		keep_for_later(x, e, st, when);
}

/* Copies, and what an archive was asked for, are of use to this session alone. */
static bool is_wrapped(const pc_stanza *st)
{
	return pc_stanza_child(st, "result", "urn:xmpp:mam:2") ||
	       pc_stanza_child(st, "received", NS_CARBONS) ||
	       pc_stanza_child(st, "sent", NS_CARBONS);
}

/* ------------------------------------------------------------ one stanza */

static void route_message(struct smacks *x, const struct estate *e, pc_stanza *st, int64_t when)
{
	switch (pc_stanza_type(st)) {
	case PC_TYPE_ERROR:
	case PC_TYPE_HEADLINE:
		break;
	case PC_TYPE_GROUPCHAT:
		send_back(x, e->jid, st);
		break;
	default:
		if (!is_wrapped(st))
			send_again(x, e, st, when);
		break;
	}
}

static bool is_claimed(struct smacks *x, const struct estate *e, pc_stanza *st, int64_t when)
{
	return pc_fire(x->m, "delivery/failure",
	               &(pc_fire_args){ .stanza = st,
	                                .args = (pc_arg[]){ PC_STR("username", e->username),
	                                                    PC_STR("jid", e->jid),
	                                                    PC_INT("queued", when) },
	                                .n_args = 3 },
	               NULL, NULL) == PC_HANDLED;
}

static void route(struct smacks *x, const struct estate *e, const struct queued *q)
{
	pc_stanza *st = pc_frame_stanza(q->frame);
	pc_type type;

	pc_metric_add(x->again, 1);
	if (st == NULL || is_claimed(x, e, st, q->when)) {
		pc_stanza_free(&st);
		return;
	}
	type = pc_stanza_type(st);
	if (pc_stanza_kind(st) == PC_MESSAGE)
		route_message(x, e, st, q->when);
	else if (pc_stanza_kind(st) == PC_IQ && (type == PC_TYPE_GET || type == PC_TYPE_SET))
		send_back(x, e->jid, st);
	pc_stanza_free(&st);
}

/* ------------------------------------------------------------ all of them, slice by slice */

static void do_slice(struct smacks *x, struct estate *e, uint32_t most)
{
	for (uint32_t n = 0; n < most && e->queue.n > 0; n++) {
		struct queued first = *queue_at(&e->queue, 0);

		pc_frame_ref(first.frame);
		queue_drop(&e->queue, 1);
		route(x, e, &first);
		pc_frame_unref(&first.frame);
	}
}

static void free_estate(struct estate *e)
{
	queue_free(&e->queue);
	free(e->username);
	free(e->jid);
	free(e);
}

static void on_timer(void *data)
{
	struct smacks *x = data;
	struct estate *e = x->estates;

	if (e) {
		do_slice(x, e, SLICE);
		if (e->queue.n == 0) {
			x->estates = e->next;
			free_estate(e);
		}
	}
	x->estate_timer = x->estates ? pc_after(x->m, 0, on_timer, x) : NULL;
}

void failure_begin(struct smacks *x, const pc_session *s, struct sm *sm)
{
	struct estate *e, **at = &x->estates;

	if (sm->queue.n == 0)
		return;
	e = calloc(1, sizeof(*e));
	if (e == NULL)
		abort();
	*e = (struct estate){ .queue = sm->queue,
		              .username = copy(s->username),
		              .jid = copy(s->full_jid),
		              .priority = s->priority,
		              .orphan = sm->orphan };
	sm->queue = (struct queue){ 0 };
	do_slice(x, e, x->stopping ? UINT32_MAX : SLICE);
	if (e->queue.n == 0) {
		free_estate(e);
		return;
	}
	while (*at)
		at = &(*at)->next;
	*at = e;
	if (x->estate_timer == NULL)
		x->estate_timer = pc_after(x->m, 0, on_timer, x);
}

void failure_finish(struct smacks *x)
{
	while (x->estates) {
		struct estate *e = x->estates;

		do_slice(x, e, UINT32_MAX);
		x->estates = e->next;
		free_estate(e);
	}
	pc_timer_stop(&x->estate_timer);
}
