/*
 * resume.c - stream management on the streams that we open: enabled (XEP-0198 section 3), and where
 * one breaks, resumed at once (section 5), or what was not acknowledged on it sent on another one.
 *
 * A stream is resumed only when the session of the broken one has ended: the core lets that live
 * until all that came on it is handled and safe, so that our h is the whole truth.
 *
 * Without a resumption nobody knows what has arrived. Messages, presence and answers are sent
 * again, with the time of their first sending, so that what had arrived arrives twice; requests go
 * back, as who sends a request twice may do a thing twice.
 */
#include <stdlib.h>
#include <string.h>

#include "s2s.h"

/* ------------------------------------------------------------ another stream, or back */

static bool is_request(const pc_stanza *st)
{
	pc_type type = pc_stanza_type(st);

	return pc_stanza_kind(st) == PC_IQ && (type == PC_TYPE_GET || type == PC_TYPE_SET);
}

struct peer *resume_peer_of(const pc_stanza *st)
{
	const char *from_text = pc_stanza_get(st, "from"), *to_text = pc_stanza_get(st, "to");
	char from_buf[PC_JID_BUF], to_buf[PC_JID_BUF];
	struct s2s *own;
	pc_jid from, to;

	if (from_text == NULL || to_text == NULL ||
	    pc_jid_parse(from_text, from_buf, &from) != PC_OK ||
	    pc_jid_parse(to_text, to_buf, &to) != PC_OK)
		return NULL;
	own = s2s_of(pc_host_find(from.domain));
	return own ? peer_get(own, to.domain, s2s_host(own)) : NULL;
}

/* `front`: of what is for that peer, and goes before what waits for it already. */
static void take_back(struct s2s *own, const struct queued *q, const struct peer *p,
                      struct line *front)
{
	pc_stanza *st = pc_frame_stanza(q->frame);
	struct peer *of = st ? resume_peer_of(st) : NULL;
	bool is_old = (double)(pc_time_ms() - q->when) >= own->limits.timeout * 1000;

	if (st && q->answered) {
		pc_stanza_free(&st);
		return;
	}
	if (of == NULL || is_request(st) || is_old) {
		if (st)
			line_give_back(own, st, "remote-server-timeout", NULL, NULL);
		return;
	}
	pc_metric_add(own->again, 1);
	line_add_frame(of == p ? front : &of->line, q->frame, q->when);
	pc_stanza_free(&st);
}

void resume_take_back(struct managed *sm, struct peer *p)
{
	struct line front;

	line_init(&front);
	for (uint32_t i = 0; i < sm->queue.n; i++)
		take_back(sm->own, queue_at(&sm->queue, i), p, &front);
	if (p)
		line_put_before(&p->line, &front);
}

void resume_give_up(struct peer *p)
{
	struct managed *sm = p->managed;

	if (sm == NULL)
		return;
	resume_take_back(sm, p); /* the peer is there as long as it has it */
	p->managed = NULL;
	managed_free(sm);
}

/* ------------------------------------------------------------ the streams that we open */

/* Stanzas wait until it is enabled, so that there is none of which nobody can say whether it has
 * arrived. */
static void enable(struct peer *p)
{
	struct managed *sm = managed_new(p->own, p->domain, p->offers_sm);
	pc_stanza *st = pc_stanza_new("enable", smacks_version_ns(sm->version));

	sm->ours = true;
	sm->both = p->bidi;
	sm->state = MANAGED_ASKED;
	p->state = PEER_RESUMING;
	p->managed = sm;
	pc_stanza_set(st, "resume", "true");
	managed_say(p->out, st);
	managed_tap(sm, pc_stream_session(p->out));
}

void resume_ask(struct peer *p)
{
	const struct managed *sm = p->managed;
	pc_stanza *st;

	if (sm->session)
		return;
	st = smacks_counted("resume", smacks_version_ns(sm->version), sm->handled);
	pc_stanza_set(st, "previd", sm->token);
	managed_say(p->out, st);
}

bool resume_begin(struct peer *p)
{
	bool may = p->offers_sm && p->own->limits.managed && pc_stream_session(p->out);

	if (p->managed && may) {
		p->state = PEER_RESUMING;
		resume_ask(p);
		return true;
	}
	resume_give_up(p);
	if (may)
		enable(p);
	return may;
}

static void on_enabled(struct peer *p, const pc_stanza *st)
{
	struct managed *sm = p->managed;
	const char *id = pc_stanza_get(st, "id");
	bool resume;

	if (smacks_boolean(pc_stanza_get(st, "resume"), &resume) && resume && id && *id &&
	    strlen(id) <= S2S_TOKEN_MOST)
		sm->token = strdup(id);
	pc_metric_add(p->own->enabled, 1);
	managed_count(sm, pc_stream_session(p->out), 0);
	peer_ready(p);
}

static void on_resumed(struct peer *p, const pc_stanza *st)
{
	struct managed *sm = p->managed;
	const pc_session *s = pc_stream_session(p->out);
	uint32_t h, before = sm->queue.acked;

	if (!smacks_number(pc_stanza_get(st, "h"), &h)) {
		pc_stream_error(p->out, "invalid-xml", "a resumption needs its h");
		return;
	}
	if (!managed_acked(sm, p->out, h))
		return;
	complain(p->own, NULL, PC_INFO, "the stream to %s is resumed, %u stanzas are sent again",
	         p->domain, sm->queue.n);
	pc_metric_add(p->own->resumed, 1);
	sm->both = p->bidi;
	managed_tap(sm, s);
	managed_count(sm, s, sm->handled);
	sm->progressed = sm->queue.acked != before;
	managed_send_all(sm, s);
	peer_ready(p);
}

/* What h says counts all the same (section 5); then everything is as without the old stream. */
static void on_not_resumed(struct peer *p, const pc_stanza *st)
{
	uint32_t h;

	if (smacks_number(pc_stanza_get(st, "h"), &h) && !managed_acked(p->managed, p->out, h))
		return;
	complain(p->own, NULL, PC_INFO,
	         "%s does not resume the stream, with %u stanzas unacknowledged", p->domain,
	         p->managed->queue.n);
	resume_give_up(p);
	if (!resume_begin(p))
		peer_ready(p);
}

static void on_not_enabled(struct peer *p)
{
	struct managed *sm = p->managed;

	complain(p->own, NULL, PC_INFO, "%s offers stream management, and refuses it", p->domain);
	p->managed = NULL;
	managed_free(sm);
	peer_ready(p);
}

void resume_on_peer(struct peer *p, const pc_stanza *st)
{
	const struct managed *sm = p->managed;
	bool asked = sm && sm->state == MANAGED_ASKED;
	bool resuming = sm && p->state == PEER_RESUMING && !asked && sm->session == 0;
	const char *name = pc_stanza_name(st), *id = pc_stanza_get(st, "previd");

	if (managed_on_ack(p->out, st))
		return;
	if (asked && strcmp(name, "enabled") == 0)
		on_enabled(p, st);
	else if (asked && strcmp(name, "failed") == 0)
		on_not_enabled(p);
	else if (resuming && strcmp(name, "resumed") == 0 && id && strcmp(id, sm->token) == 0)
		on_resumed(p, st);
	else if (resuming && strcmp(name, "failed") == 0)
		on_not_resumed(p, st);
	else
		pc_stream_error(p->out, "unsupported-stanza-type", NULL);
}
