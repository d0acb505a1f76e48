/*
 * peers.c - remote domains: what waits for the stream to one, what becomes of it when there will be
 * none, and when the next attempt may be made.
 */
#include <stdlib.h>
#include <string.h>

#include "s2s.h"

#define REST_MOST 300.0 /* seconds between attempts */

/* ------------------------------------------------------------ the table */

struct peer *peer_find(struct s2s *own, const char *domain)
{
	struct peer *p = NULL;

	HASH_FIND_STR(own->peers, domain, p);
	return p;
}

bool peer_rests(const struct peer *p)
{
	return p->state == PEER_NONE && p->failures > 0 && pc_now_ms() < p->retry;
}

static bool is_needed(const struct peer *p)
{
	return p->streams > 0 || p->first || p->questions || peer_rests(p) ||
	       (p->in && pc_session_find(p->in));
}

static void peer_free(struct peer *p)
{
	struct peer *const gone = p;

	HASH_DEL(gone->own->peers, gone);
	pc_timer_stop(&p->deadline);
	pc_dial_free(&p->dial);
	free(p->id);
	free(p->said);
	pc_module_free(gone->own->m, gone);
}

static bool is_full(const struct s2s *own)
{
	return HASH_COUNT(own->peers) >= (unsigned)pc_opt_int(own->m, "s2s_max_domains");
}

static void drop_unneeded(struct s2s *own)
{
	struct peer *p, *next;

	own->dropped = pc_now_ms();
	HASH_ITER(hh, own->peers, p, next)
	if (!is_needed(p))
		peer_free(p);
}

/* Not at each stanza: it is a walk over all. */
static void make_room(struct s2s *own)
{
	if (pc_now_ms() - own->dropped >= 1000)
		drop_unneeded(own);
}

struct peer *peer_get(struct s2s *own, const char *domain)
{
	struct peer *p = peer_find(own, domain);
	size_t len = strlen(domain);

	if (p)
		return p;
	if (is_full(own))
		make_room(own);
	if (is_full(own))
		return NULL;
	p = pc_module_alloc(own->m, sizeof(*p) + len + 1);
	memcpy(p->domain, domain, len + 1);
	p->own = own;
	p->last = &p->first;
	p->used = pc_now_ms();
	HASH_ADD_STR(own->peers, domain, p);
	return p;
}

/* ------------------------------------------------------------ what waits */

/* Answers are not answered, nor is presence that asks for nothing (RFC 6120 8.3.1). */
static bool is_told(const pc_stanza *st)
{
	switch (pc_stanza_type(st)) {
	case PC_TYPE_ERROR:
	case PC_TYPE_RESULT:
	case PC_TYPE_PROBE:
	case PC_TYPE_UNAVAILABLE:
	case PC_TYPE_UNSUBSCRIBED:
		return false;
	default:
		return true;
	}
}

static void add_waiting(struct peer *p, pc_stanza *st, size_t bytes)
{
	struct waiting *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		pc_stanza_free(&st);
		return;
	}
	*w = (struct waiting){ .st = st, .bytes = bytes };
	*p->last = w;
	p->last = &w->next;
	p->n_waiting++;
	p->bytes += bytes;
}

static pc_stanza *take_waiting(struct peer *p)
{
	struct waiting *w = p->first;
	pc_stanza *st = w->st;

	p->first = w->next;
	if (p->first == NULL)
		p->last = &p->first;
	p->n_waiting--;
	p->bytes -= w->bytes;
	free(w);
	return st;
}

/* RFC 6120 10.4: to whoever sent it, in the name of whom it was for. */
static void give_back(struct peer *p, pc_stanza *st, const char *condition, const char *text)
{
	if (is_told(st)) {
		pc_metric_add(p->own->returned, 1);
		pc_send(p->own->m, pc_stanza_error(st, NULL, condition, text));
	}
	pc_stanza_free(&st);
}

static size_t give_all_back(struct peer *p, const char *condition, const char *text)
{
	size_t n = p->n_waiting;

	for (size_t i = 0; i < n; i++)
		give_back(p, take_waiting(p), condition, text);
	return n;
}

/* ------------------------------------------------------------ the stream's life */

void peer_let_go(struct peer *p)
{
	pc_stream *s = p->out;

	p->out = NULL;
	p->state = PEER_NONE;
	p->asked = PROOF_NONE;
	p->proved = p->opened = p->bidi = p->offers_external = p->offers_bidi = false;
	p->tls_asked = p->refused = false;
	pc_timer_stop(&p->deadline);
	p->target = NULL;
	pc_dial_free(&p->dial);
	free(p->id);
	free(p->said);
	p->id = p->said = NULL;
	if (s)
		pc_stream_close(s);
}

void peer_ready(struct peer *p)
{
	const pc_session *session = pc_stream_session(p->out);

	p->state = PEER_READY;
	p->failures = 0;
	p->used = pc_now_ms();
	pc_timer_stop(&p->deadline);
	p->target = NULL;
	pc_dial_free(&p->dial);
	pc_stream_set_limit(p->out, (size_t)pc_opt_int(p->own->m, "s2s_stanza_size_limit"));
	dialback_ask(p);
	while (p->first && session) {
		pc_stanza *st = take_waiting(p);

		pc_session_send(session, st);
		pc_stanza_free(&st);
	}
}

/* Twice as long each time, and a fifth more or less, so that not everybody comes at once. */
static int64_t rest_of(const struct peer *p)
{
	double seconds = pc_opt_seconds(p->own->m, "s2s_retry_after");
	uint8_t dice;

	pc_random_bytes(&dice, 1);
	for (unsigned i = 1; i < p->failures && seconds < REST_MOST; i++)
		seconds *= 2;
	if (seconds > REST_MOST)
		seconds = REST_MOST;
	return (int64_t)(seconds * (800 + dice * 400 / 255.0));
}

void peer_fail(struct peer *p, const char *condition, const char *why)
{
	size_t n = p->n_waiting;

	p->failures++;
	p->condition = condition;
	p->retry = pc_now_ms() + rest_of(p);
	pc_metric_add(p->own->out_failed, 1);
	pc_log(p->own->m, PC_INFO, "no stream to %s: %s (%s; %zu stanzas go back)", p->domain, why,
	       condition, n);
	peer_let_go(p);
	give_all_back(p, condition, NULL);
	dialback_fail(p, condition);
}

void peer_settled(struct peer *p)
{
	if (p->state == PEER_USABLE && p->asked == PROOF_NONE && p->questions == NULL &&
	    p->first == NULL)
		peer_let_go(p);
}

/* ------------------------------------------------------------ stanzas for it */

static pc_result refuse(pc_event *ev, struct s2s *own, const char *condition, const char *text)
{
	if (!is_told(pc_event_stanza(ev)))
		return PC_HANDLED;
	pc_metric_add(own->returned, 1);
	return pc_reply_error(ev, NULL, condition, text);
}

static pc_result wait_for_stream(pc_event *ev, struct peer *p)
{
	pc_module *m = p->own->m;
	size_t len = 0;
	char *text = pc_stanza_write(pc_event_stanza(ev), &len);

	free(text);
	if (p->n_waiting >= (size_t)pc_opt_int(m, "s2s_send_queue_size") ||
	    p->bytes + len > (size_t)pc_opt_int(m, "s2s_send_queue_bytes"))
		return refuse(ev, p->own, "resource-constraint",
		              "Too much is waiting for that server");
	add_waiting(p, pc_event_take(ev), len);
	if (p->state == PEER_NONE)
		outgoing_start(p);
	else
		outgoing_prove(p);
	return PC_HANDLED;
}

static bool sent_by(pc_event *ev, const pc_session *s)
{
	if (s == NULL || pc_session_send(s, pc_event_stanza(ev)) != PC_OK)
		return false;
	pc_event_defer(ev);
	return true;
}

/* On our stream; one that is closing already is none. */
static bool sent_out(pc_event *ev, struct peer *p)
{
	if (p->state != PEER_READY)
		return false;
	if (sent_by(ev, pc_stream_session(p->out)))
		return true;
	peer_let_go(p);
	dialback_fail(p, "remote-server-timeout");
	return false;
}

/* On an inbound that takes stanzas as well, where one was proved. */
static bool sent_back(pc_event *ev, struct peer *p)
{
	const pc_session *s = p->in ? pc_session_find(p->in) : NULL;
	pc_stream *stream = s ? pc_session_stream(s) : NULL;

	if (stream == NULL || !sent_by(ev, s)) {
		p->in = 0;
		return false;
	}
	((struct inbound *)inbound_of(stream))->used = p->used;
	return true;
}

pc_result peer_route(pc_event *ev, void *data)
{
	struct s2s *own = data;
	const char *domain = pc_event_to(ev)->domain;
	struct peer *p;

	if (!policy_allows(own, domain))
		return refuse(ev, own, "not-allowed", "Not with that server");
	p = peer_get(own, domain);
	if (p == NULL)
		return refuse(ev, own, "resource-constraint", "Too many servers are written to");
	p->used = pc_now_ms();
	if (sent_out(ev, p) || sent_back(ev, p))
		return PC_HANDLED;
	if (own->stopping)
		return refuse(ev, own, "remote-server-timeout", NULL);
	if (peer_rests(p))
		return refuse(ev, own, p->condition, NULL);
	return wait_for_stream(ev, p);
}

/* ------------------------------------------------------------ now and then */

void peer_sweep(void *data)
{
	struct s2s *own = data;
	double idle = pc_opt_seconds(own->m, "s2s_idle_timeout");
	int64_t before = pc_now_ms() - (int64_t)(idle < 1e9 ? idle * 1000 : 1e12);
	struct peer *p, *next;

	HASH_ITER(hh, own->peers, p, next)
	{
		if (p->state == PEER_READY && p->used < before && p->questions == NULL) {
			pc_log(own->m, PC_DEBUG, "the stream to %s is idle: closed", p->domain);
			peer_let_go(p);
		}
	}
	drop_unneeded(own);
	incoming_sweep(own, before);
}

/* Streams that close may have their peers still: those go with the instance. */
void peer_leave_all(struct s2s *own)
{
	struct peer *p, *next;

	HASH_ITER(hh, own->peers, p, next)
	{
		peer_let_go(p);
		give_all_back(p, "remote-server-not-found", NULL);
		dialback_fail(p, "remote-server-timeout");
		HASH_DEL(own->peers, p);
	}
}
