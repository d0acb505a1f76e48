/*
 * peers.c - remote domains: the life of the stream to one, what becomes of what waits for it when
 * there will be none, and when the next attempt may be made.
 */
#include <stdlib.h>
#include <string.h>

#include "s2s.h"

#define REST_MOST 300.0  /* seconds between attempts */
#define FRUITLESS_MOST 4 /* streams that break with nothing acknowledged, one after the other */

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

static bool is_in_use(const struct peer *p)
{
	return p->state != PEER_NONE || p->streams > 0 || p->line.n > 0 || p->managed || p->left ||
	       p->questions || (p->in && pc_session_find(p->in));
}

static bool is_needed(const struct peer *p)
{
	return is_in_use(p) || peer_rests(p);
}

static void peer_free(struct peer *p)
{
	struct peer *const gone = p;

	HASH_DEL(gone->own->peers, gone);
	p->asker->peers--;
	asker_settle(p->own, p->asker);
	pc_timer_stop(&p->deadline);
	pc_dial_free(&p->dial);
	free(p->id);
	free(p->said);
	pc_module_free(gone->own->m, gone);
}

/* `a` has counted the one that there shall be room for. */
static bool has_room(const struct s2s *own, const struct asker *a)
{
	return asker_may(own, a, a->peers - 1, HASH_COUNT(own->peers),
	                 pc_opt_int(own->m, "s2s_max_domains"));
}

static void drop_others(struct s2s *own, bool (*stays)(const struct peer *p))
{
	struct peer *p, *next;

	HASH_ITER(hh, own->peers, p, next)
	if (!stays(p))
		peer_free(p);
}

/* Not at each stanza: it is a walk over all. Strangers can name any number of domains that are out
 * of reach, so what is known of these keeps nobody from writing to another one. */
static void make_room(struct s2s *own, const struct asker *a)
{
	if (pc_now_ms() - own->dropped < 1000)
		return;
	own->dropped = pc_now_ms();
	drop_others(own, is_needed);
	if (!has_room(own, a))
		drop_others(own, is_in_use);
}

static struct peer *peer_new(struct s2s *own, const char *domain, struct asker *a)
{
	size_t len = strlen(domain);
	struct peer *p = pc_module_alloc(own->m, sizeof(*p) + len + 1);

	memcpy(p->domain, domain, len + 1);
	p->own = own;
	p->asker = a;
	line_init(&p->line);
	p->used = pc_now_ms();
	HASH_ADD_STR(own->peers, domain, p);
	return p;
}

struct peer *peer_get(struct s2s *own, const char *domain, const char *asker)
{
	struct peer *p = peer_find(own, domain);
	struct asker *a;

	if (p)
		return p;
	a = asker_get(own, asker);
	a->peers++;
	if (!has_room(own, a))
		make_room(own, a);
	if (has_room(own, a))
		return peer_new(own, domain, a);
	a->peers--;
	asker_settle(own, a);
	return NULL;
}

/* ------------------------------------------------------------ the stream's life */

void peer_let_go(struct peer *p)
{
	pc_stream *s = p->out;

	p->out = NULL;
	p->state = PEER_NONE;
	p->asked = PROOF_NONE;
	p->proved = p->opened = p->bidi = p->offers_external = p->offers_bidi = false;
	p->tls_asked = p->refused = p->certified = false;
	p->begun = 0;
	pc_timer_stop(&p->deadline);
	p->target = NULL;
	pc_dial_free(&p->dial);
	free(p->id);
	free(p->said);
	p->id = p->said = NULL;
	if (s)
		pc_stream_close(s);
}

void peer_close(struct peer *p)
{
	if (p->managed) {
		managed_finish(p->managed);
		managed_free(p->managed);
		p->managed = NULL;
	}
	peer_let_go(p);
}

void peer_ready(struct peer *p)
{
	p->state = PEER_READY;
	p->failures = 0;
	p->used = pc_now_ms();
	pc_timer_stop(&p->deadline);
	p->target = NULL;
	pc_dial_free(&p->dial);
	dialback_ask(p);
	s2s_notify(p->own, p->out, "s2sout-established", p->domain, NULL);
	route_go(p);
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

/* One line, with each target that was tried. */
static void tell_failure(const struct peer *p, const char *condition, const char *why)
{
	const char *tried = p->dial ? pc_dial_tried(p->dial) : "";

	if (why && p->dial && p->target) {
		pc_dial_note(p->dial, why);
		why = NULL;
	}
	complain(p->own, NULL, PC_INFO, "no stream to %s: %s%s%s (%s; %zu stanzas go back)",
	         p->domain, tried, *tried && why ? "; " : "", why ? why : "", condition, p->line.n);
}

const char *peer_error_type(const struct peer *p)
{
	return p->lasting ? "cancel" : NULL;
}

static void give_up(struct peer *p, const char *condition, const char *why)
{
	p->streams++; /* it stays until the end, whatever the errors set going */
	resume_give_up(p);
	p->fruitless = 0;
	p->failures++;
	p->condition = condition;
	p->retry = pc_now_ms() + rest_of(p);
	pc_metric_add(p->own->out_failed, 1);
	tell_failure(p, condition, why);
	peer_let_go(p);
	line_give_all_back(&p->line, p->own, condition, peer_error_type(p));
	dialback_fail(p, condition);
	p->streams--;
}

void peer_fail(struct peer *p, const char *condition, const char *why)
{
	p->lasting = false;
	give_up(p, condition, why);
}

void peer_refuse(struct peer *p, const char *why)
{
	p->lasting = true;
	give_up(p, "remote-server-timeout", why);
}

/* It may have been for nothing, but not again and again, nor for long. */
static bool is_worth_another(struct peer *p)
{
	const struct managed *sm = p->managed;
	int64_t since = sm->queue.n > 0 ? queue_at(&sm->queue, 0)->when : INT64_MAX;
	bool is_late = pc_time_ms() - since >= (int64_t)(p->own->limits.timeout * 1000);

	p->fruitless = sm->progressed ? 0 : p->fruitless + 1;
	return p->fruitless < (is_late ? 2 : FRUITLESS_MOST);
}

/* What is not acknowledged, or what the other way has, is worth a stream of its own. */
static void lost_managed(struct peer *p, bool orderly)
{
	struct managed *sm = p->managed;
	bool needed = sm->queue.n > 0 || p->line.n > 0;
	bool again = is_worth_another(p);

	sm->progressed = false;
	managed_unwatch(sm);
	if (!again && needed) {
		peer_fail(p, "remote-server-timeout",
		          "its streams break, and nothing comes of them");
	} else if (p->own->stopping || !again || (!needed && !sm->both)) {
		p->fruitless = 0;
		p->managed = NULL;
		managed_free(sm);
	} else if (orderly || sm->token == NULL) {
		resume_give_up(p);
	} else {
		sm->state = MANAGED_BROKEN;
	}
}

void peer_lost(struct peer *p, bool orderly)
{
	peer_let_go(p);
	dialback_fail(p, "remote-server-timeout");
	if (p->managed)
		lost_managed(p, orderly);
	if (p->managed && p->state == PEER_NONE)
		reach_want(p, s2s_host(p->own));
	else
		route_go(p);
}

void peer_settled(struct peer *p)
{
	bool has_time = p->state == PEER_USABLE ? p->asked == PROOF_NONE : reach_waits(p);

	if (has_time && p->questions == NULL && p->line.n == 0 && p->managed == NULL)
		peer_let_go(p);
}

/* ------------------------------------------------------------ now and then */

static struct peer *first_expired(struct s2s *own)
{
	struct peer *p, *next;

	HASH_ITER(hh, own->peers, p, next)
	{
		if (p->state == PEER_READY && p->certified && policy_cert_is_over(p->out))
			return p;
	}
	return NULL;
}

/* What is not acknowledged goes by the next stream; what others do of that may change the table. */
static void reset_expired(struct s2s *own)
{
	struct peer *p;

	while ((p = first_expired(own)) != NULL) {
		complain(own, NULL, PC_INFO,
		         "the certificate of %s has expired: the stream to it begins anew",
		         p->domain);
		if (p->managed)
			managed_finish(p->managed);
		pc_stream_error(p->out, "reset", "Your certificate has expired");
		peer_lost(p, false);
	}
}

static void close_idle(struct peer *p, int64_t before)
{
	if (p->used >= before || p->questions || (p->managed && p->managed->queue.n > 0))
		return;
	pc_log(p->own->m, PC_DEBUG, "the stream to %s is idle: closed", p->domain);
	peer_close(p);
}

void peer_sweep(void *data)
{
	struct s2s *own = data;
	double idle = pc_opt_seconds(own->m, "s2s_idle_timeout");
	int64_t before = pc_now_ms() - (int64_t)(idle < 1e9 ? idle * 1000 : 1e12);
	struct peer *p, *next;

	reset_expired(own);
	HASH_ITER(hh, own->peers, p, next)
	{
		if (p->state == PEER_READY)
			close_idle(p, before);
	}
	drop_others(own, is_needed);
	incoming_sweep(own, before);
}

/* Streams that close may have their peers still: those go with the instance. */
void peer_leave_all(struct s2s *own)
{
	struct peer *p, *next;

	stop_now(own);
	HASH_ITER(hh, own->peers, p, next)
	{
		peer_close(p);
		if (p->left)
			managed_free(p->left);
		p->left = NULL;
		dialback_fail(p, "remote-server-timeout");
		HASH_DEL(own->peers, p);
	}
	HASH_CLEAR(hh, own->askers);
}
