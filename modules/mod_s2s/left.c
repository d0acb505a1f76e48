/*
 * left.c - stream management on the streams that are opened to us: enabled (XEP-0198 section 3),
 * and resumed by who opened them (section 5).
 *
 * A stream that broke waits for the other server as `left` of its peer, and holds what is written
 * to that as long as it has something unacknowledged itself (XEP-0288). A peer has one at most.
 * What is not fetched goes by another stream (resume.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s2s.h"

/* ------------------------------------------------------------ nobody comes back to it */

/* The peers of what was taken back. */
static void go_all(const struct queue *q)
{
	for (uint32_t i = 0; i < q->n; i++) {
		pc_stanza *st = pc_frame_stanza(queue_at(q, i)->frame);
		struct peer *of = st ? resume_peer_of(st) : NULL;

		pc_stanza_free(&st);
		if (of)
			route_go(of);
	}
}

/* A peer is there as long as it has something: that is why it keeps the stream until the end. */
void left_release(struct peer *p)
{
	struct managed *sm = p->left;

	if (sm == NULL)
		return;
	resume_take_back(sm, p);
	p->left = NULL;
	go_all(&sm->queue);
	managed_free(sm);
}

/* Nobody may come back to it. */
static void give_up(struct managed *sm)
{
	struct peer *p = peer_find(sm->own, sm->remote);

	if (p && p->left == NULL) {
		p->left = sm;
		left_release(p);
		return;
	}
	resume_take_back(sm, p);
	go_all(&sm->queue);
	managed_free(sm);
}

bool left_holds(const struct peer *p)
{
	return p->left && p->left->queue.n > 0;
}

/* ------------------------------------------------------------ <enable/> */

/* The domain that a stream stands for, once it is proved; NULL: it is not only one. */
static const char *remote_of(pc_stream *s, const struct s2s *own)
{
	const struct inbound *in = inbound_of(s);
	const struct pair *only = in->n_pairs == 1 ? in->pairs : NULL;

	return only && strcmp(only->host, s2s_host(own)) == 0 ? only->remote : NULL;
}

static void refuse(pc_stream *s, const pc_stanza *request, const char *condition)
{
	managed_say(s, smacks_failed(pc_stanza_ns(request), condition, NULL));
}

/* What speaks against it; NULL: nothing. */
static const char *fault_of(pc_stream *s, const struct s2s *own)
{
	if (inbound_of(s)->n_pairs == 0 || managed_of(pc_stream_session(s)))
		return "unexpected-request";
	return own->limits.managed ? NULL : "feature-not-implemented";
}

static void say_enabled(pc_stream *s, struct managed *sm)
{
	pc_stanza *st = pc_stanza_new("enabled", smacks_version_ns(sm->version));
	char token[PC_ID_SIZE], number[16];
	double most = sm->own->limits.resume;

	if (sm->resumable) {
		pc_random_id(token);
		smacks_digest(token, sm->digest);
		pc_stanza_set(st, "id", token);
		pc_stanza_set(st, "resume", "true");
		snprintf(number, sizeof(number), "%.0f", most < 1 ? 1 : most);
		pc_stanza_set(st, "max", number);
	}
	managed_say(s, st);
}

/* Who begins anew does not come back to the old one. */
static void forget_left(struct s2s *own, const char *remote)
{
	struct peer *p = remote ? peer_find(own, remote) : NULL;

	if (p)
		left_release(p);
}

static void on_enable(pc_stream *s, struct s2s *own, const pc_stanza *st)
{
	const char *fault = fault_of(s, own), *remote = remote_of(s, own);
	const pc_session *session = pc_stream_session(s);
	struct managed *sm;
	bool resume;

	if (managed_of(session)) { /* section 3, at its end */
		pc_stream_error(s, "policy-violation", "stream management is enabled once");
		return;
	}
	if (fault == NULL && !smacks_boolean(pc_stanza_get(st, "resume"), &resume))
		fault = "bad-request";
	if (fault) {
		refuse(s, st, fault);
		return;
	}
	sm = managed_new(own, remote ? remote : "", smacks_version(st));
	sm->both = inbound_of(s)->bidi;
	sm->resumable = resume && remote && own->limits.resume > 0;
	pc_metric_add(own->enabled, 1);
	say_enabled(s, sm);
	managed_tap(sm, session);
	managed_count(sm, session, 0);
	forget_left(own, remote);
}

/* ------------------------------------------------------------ <resume/> */

static void resume(struct managed *sm, struct peer *p, pc_stream *s, uint32_t h, unsigned version,
                   const char *token)
{
	const pc_session *session = pc_stream_session(s);
	bool is_both = inbound_of(s)->bidi;
	pc_stanza *st;

	if (queue_judge(&sm->queue, h) == PC_ENOENT) { /* that was acknowledged, and is gone */
		managed_say(s, smacks_failed(smacks_version_ns(version), "item-not-found", NULL));
		return;
	}
	if (!managed_acked(sm, s, h))
		return;
	p->left = NULL;
	pc_metric_add(sm->own->resumed, 1);
	complain(sm->own, session, PC_INFO,
	         "the stream from %s is resumed, %u stanzas are sent again", sm->remote,
	         sm->queue.n);
	sm->version = (uint8_t)version;
	st = smacks_counted("resumed", smacks_version_ns(version), sm->handled);
	pc_stanza_set(st, "previd", token);
	managed_say(s, st);
	if (!is_both) { /* it takes nothing: another stream has to */
		resume_take_back(sm, p);
		queue_drop(&sm->queue, sm->queue.n);
	}
	sm->both = is_both;
	sm->lost = false;
	managed_tap(sm, session);
	managed_count(sm, session, sm->handled);
	managed_send_all(sm, session);
	route_go(p);
}

struct search {
	const struct s2s *own;
	const char *remote;
	uint8_t digest[SM_DIGEST];
	struct managed *found;
};

static bool is_meant(const struct managed *sm, const struct search *search)
{
	return sm && !sm->ours && sm->resumable && sm->own == search->own &&
	       strcmp(sm->remote, search->remote) == 0 &&
	       pc_equal_secret(sm->digest, search->digest, SM_DIGEST);
}

static bool look_at(const pc_session *s, void *data)
{
	struct search *search = data;
	struct managed *sm = s->type == PC_S2SIN ? managed_of(s) : NULL;

	if (is_meant(sm, search))
		search->found = sm;
	return search->found == NULL;
}

static pc_stream *claimant_of(const struct managed *sm)
{
	const pc_session *s = sm->claimant ? pc_session_find(sm->claimant) : NULL;
	pc_stream *stream = s ? pc_session_stream(s) : NULL;

	return stream && inbound_of(stream)->claims ? stream : NULL;
}

/* Another one claims it: the last one has it. */
static void drop_claim(struct managed *sm)
{
	pc_stream *s = claimant_of(sm);
	struct inbound *in = s ? inbound_of(s) : NULL;

	sm->claimant = 0;
	if (in == NULL)
		return;
	refuse(s, in->claims, "item-not-found");
	pc_stanza_free(&in->claims);
}

/* The old stream is there yet, or what came on it is being handled: it is resumed by what the
 * session's end finds (end_inbound). */
static void claim(struct managed *sm, pc_stream *s, uint32_t h)
{
	const pc_session *old = pc_session_find(sm->session);
	pc_stream *old_stream = old ? pc_session_stream(old) : NULL;

	drop_claim(sm);
	sm->claimant = pc_stream_session(s)->id;
	sm->claim_h = h;
	sm->lost = true;
	if (old_stream)
		pc_stream_error(old_stream, "conflict", "resumed by another stream");
}

/* The server's own: nobody else's can be found. */
static struct managed *find(struct s2s *own, const char *remote, const char *token)
{
	const struct peer *p = peer_find(own, remote);
	struct search search = { own, remote, { 0 }, NULL };

	smacks_digest(token, search.digest);
	if (p && is_meant(p->left, &search))
		return p->left;
	pc_each_unbound_session(look_at, &search);
	return search.found;
}

/* NULL: it may. */
static const char *resume_fault(pc_stream *s, const struct s2s *own, const pc_stanza *st,
                                uint32_t *h_r)
{
	const char *fault = fault_of(s, own);

	if (fault == NULL && inbound_of(s)->claims)
		fault = "unexpected-request";
	else if (fault == NULL && (pc_stanza_get(st, "previd") == NULL ||
	                           !smacks_number(pc_stanza_get(st, "h"), h_r)))
		fault = "bad-request";
	return fault;
}

static void on_resume(pc_stream *s, struct s2s *own, const pc_stanza *st)
{
	const char *token = pc_stanza_get(st, "previd"), *remote = remote_of(s, own), *fault;
	struct managed *sm = NULL;
	uint32_t h = 0;

	fault = resume_fault(s, own, st, &h);
	if (fault == NULL && remote)
		sm = find(own, remote, token);
	if (sm == NULL) {
		refuse(s, st, fault ? fault : "item-not-found");
	} else if (sm->state == MANAGED_BROKEN) {
		resume(sm, peer_find(own, remote), s, h, smacks_version(st), token);
	} else {
		inbound_of(s)->claims = pc_stanza_clone(st);
		claim(sm, s, h);
	}
}

void left_on_inbound(pc_stream *s, struct s2s *own, const pc_stanza *st)
{
	const char *name = pc_stanza_name(st);

	if (managed_on_ack(s, st))
		return;
	if (strcmp(name, "enable") == 0)
		on_enable(s, own, st);
	else if (strcmp(name, "resume") == 0)
		on_resume(s, own, st);
	else
		pc_stream_error(s, "unsupported-stanza-type", NULL);
}

/* ------------------------------------------------------------ a session has ended */

/* Whoever wanted it has waited until now. */
static void hand_over(struct managed *sm, struct peer *p)
{
	pc_stream *s = claimant_of(sm);
	struct inbound *in = s ? inbound_of(s) : NULL;
	pc_stanza *request = in ? in->claims : NULL;

	sm->claimant = 0;
	if (request == NULL)
		return;
	in->claims = NULL;
	resume(sm, p, s, sm->claim_h, smacks_version(request), pc_stanza_get(request, "previd"));
	pc_stanza_free(&request);
}

static void end_inbound(struct managed *sm)
{
	struct s2s *own = sm->own;
	bool keep = sm->lost && sm->resumable && !own->stopping;
	struct peer *p = keep ? peer_get(own, sm->remote, s2s_host(own)) : NULL;

	if (own->stopping) { /* it has all left for the network, and nobody is there to be told */
		managed_free(sm);
	} else if (p == NULL) {
		give_up(sm);
	} else {
		struct managed *older = p->left;

		p->left = sm;
		if (older)
			give_up(older);
		sm->state = MANAGED_BROKEN;
		sm->deadline = pc_now_ms() + (int64_t)(own->limits.resume * 1000);
		managed_watch(sm);
		hand_over(sm, p);
	}
}

pc_result left_on_session_closed(pc_event *ev, void *data)
{
	struct s2s *own = data;
	const pc_session *s = pc_event_origin(ev);
	struct managed *sm = s ? managed_of(s) : NULL;
	struct peer *p;

	if (sm == NULL || sm->own != own)
		return PC_PASS;
	managed_detach(sm, s);
	if (!sm->ours) {
		end_inbound(sm);
		return PC_PASS;
	}
	p = peer_find(own, sm->remote);
	if (p && p->managed == sm && p->state == PEER_RESUMING)
		resume_ask(p);
	return PC_PASS;
}
