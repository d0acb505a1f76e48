/*
 * replies.c - answers to events, and iqs of our own whose answers are waited for.
 */
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "config.h"
#include "event_internal.h"
#include "events.h"
#include "hosts.h"
#include "modules.h"
#include "router.h"
#include "stores.h"
#include "timers.h"
#include "util/killpoint.h"
#include "util/mem.h"

/* A message did not arrive: who follows the conversation is told, for the error passes no router.
 */
static void tell_of_error(const pc_session *s, pc_stanza *error)
{
	pc_host *host = pc_session_host(s);

	if (host && pc_stanza_kind(error) == PC_MESSAGE && pc_stanza_type(error) == PC_TYPE_ERROR)
		pc__fire_name(
		        host->bus, "message-returned",
		        &(struct pc__firing){
		                .host = host, .origin = s->id, .stanza = error, .notice = true });
}

void pc__send_back(pc_session_id origin, pc_stanza *reply)
{
	const pc_session *s = origin ? pc_session_find(origin) : NULL;
	bool by_address = s ? pc__session_is_servers(s) : origin == 0;

	if (s && !by_address) {
		tell_of_error(s, reply);
		pc_session_send(s, reply);
		pc_stanza_free(&reply);
	} else if (by_address && pc_stanza_get(reply, "to")) {
		pc__route_stanza(reply);
	} else {
		pc_stanza_free(&reply);
	}
}

pc_result pc_reply(pc_event *ev, pc_stanza *reply)
{
	pc__event_set_answered(ev);
	pc__send_back(ev->origin, reply);
	return PC_HANDLED;
}

pc_result pc_reply_error(pc_event *ev, const char *type, const char *condition, const char *text)
{
	pc_type is = pc_stanza_type(ev->stanza);

	pc__event_set_answered(ev);
	if (is != PC_TYPE_ERROR && is != PC_TYPE_RESULT)
		pc__send_back(ev->origin, pc_stanza_error(ev->stanza, type, condition, text));
	return PC_HANDLED;
}

struct held_reply {
	pc_session_id origin;
	pc_stanza *reply;
};

static void on_committed(int err, void *data)
{
	struct held_reply *h = data;

	PC__KILLPOINT("before-reply");
	if (err == PC_OK) {
		pc__send_back(h->origin, h->reply);
	} else {
		/* The reply's addresses are right already: only what it says changes. */
		pc_stanza *error = pc_stanza_iq("error", pc_stanza_get(h->reply, "id"),
		                                pc_stanza_get(h->reply, "to"),
		                                pc_stanza_get(h->reply, "from"));
		pc_stanza *e = pc_stanza_open(error, "error", NULL);

		pc_stanza_set(e, "type", "wait");
		pc_stanza_open(e, "internal-server-error", PC_NS_STANZA_ERRORS);
		pc__send_back(h->origin, error);
		pc_stanza_free(&h->reply);
	}
	PC__KILLPOINT("after-reply");
	free(h);
}

pc_result pc_reply_after(pc_event *ev, pc_ticket ticket, pc_stanza *reply)
{
	struct held_reply *h;

	if (ticket == 0)
		return pc_reply(ev, reply);
	h = pc__alloc(sizeof(*h));
	pc__event_set_answered(ev);
	*h = (struct held_reply){ ev->origin, reply };
	pc__ticket_wait(ticket, on_committed, h);
	return PC_HANDLED;
}

pc_result pc_deliver(pc_event *ev, const pc_session *to)
{
	pc__event_set_answered(ev);
	pc_session_send(to, ev->stanza);
	return PC_HANDLED;
}

/* ------------------------------------------------------------ pc_send_iq */

/* Waits for iq-result/HOST or iq-error of that id from that address. */
struct query {
	struct pc__owned owned;
	struct query *next;
	char id[PC_ID_SIZE];
	char *peer; /* who must answer, as addressed */
	struct pc__timer timer;
	pc_iq_fn *fn;
	void *data;
};
static struct query *queries;

static int64_t count_of(const pc_module *m)
{
	int64_t n = 0;

	for (struct query *q = queries; q; q = q->next)
		n += q->owned.m == m;
	return n;
}

static void unlink_query(struct query *q)
{
	struct query **at = &queries;

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	pc__timer_clear(&q->timer);
	pc__disown(&q->owned);
}

static void end_query(struct query *q, const pc_stanza *reply)
{
	unlink_query(q);
	q->fn(reply, q->data);
	free(q->peer);
	free(q);
}

static void drop_query(struct pc__owned *o)
{
	end_query(PC__CONTAINER(o, struct query, owned), NULL);
}

static void on_timeout(struct pc__timer *t)
{
	end_query(PC__CONTAINER(t, struct query, timer), NULL);
}

int pc_send_iq(pc_module *m, pc_stanza *iq, double timeout, pc_iq_fn *fn, void *data)
{
	struct query *q;

	bool too_many = count_of(m) >= pc__opt_int(NULL, "max_queries");

	if (too_many)
		pc__bound_reached(PC__BOUND_QUERIES);
	if (too_many || pc_stanza_get(iq, "to") == NULL) {
		pc_stanza_free(&iq);
		return PC_ELIMIT;
	}
	q = pc__alloc(sizeof(*q));
	pc_random_id(q->id);
	q->peer = pc__strdup(pc_stanza_get(iq, "to"));
	q->fn = fn;
	q->data = data;
	q->next = queries;
	queries = q;
	pc__own(m, &q->owned, drop_query);
	pc__timer_set(&q->timer, timeout, on_timeout);
	pc_stanza_set(iq, "id", q->id);
	pc__route_stanza(iq);
	return PC_OK;
}

/* Our own host or account answers without `from`, or as itself: the peer must be who was asked. */
bool pc__query_answered(const pc_stanza *reply)
{
	const char *id = pc_stanza_get(reply, "id"), *from = pc_stanza_get(reply, "from");

	if (id == NULL || from == NULL)
		return false;
	for (struct query *q = queries; q; q = q->next) {
		if (strcmp(q->id, id) == 0 && strcmp(q->peer, from) == 0) {
			end_query(q, reply);
			return true;
		}
	}
	return false;
}
