/*
 * route.c - a stanza's way to another server: by the stream that takes it now, or it waits for one.
 */
#include "s2s.h"

static pc_result refuse(pc_event *ev, struct s2s *own, const char *condition, const char *type,
                        const char *text)
{
	if (!line_is_told(pc_event_stanza(ev)))
		return PC_HANDLED;
	pc_metric_add(own->returned, 1);
	return pc_reply_error(ev, type, condition, text);
}

/* An inbound that takes stanzas as well, where one was proved. */
static const pc_session *way_back(struct peer *p)
{
	const pc_session *s = p->in ? pc_session_find(p->in) : NULL;
	pc_stream *stream = s ? pc_session_stream(s) : NULL;

	if (stream == NULL) {
		p->in = 0;
		return NULL;
	}
	((struct inbound *)inbound_of(stream))->used = p->used;
	return s;
}

/* Something was sent on a stream that is to be resumed: what comes later stays behind it. */
static bool is_held(const struct peer *p)
{
	return left_holds(p) || (p->state != PEER_READY && p->managed && p->managed->queue.n > 0);
}

/* The session that takes stanzas now; NULL: none does. */
static const pc_session *way_of(struct peer *p)
{
	if (is_held(p))
		return NULL;
	return p->state == PEER_READY ? pc_stream_session(p->out) : way_back(p);
}

static bool takes_more(const pc_session *s)
{
	const struct managed *sm = managed_of(s);

	return sm == NULL || !managed_is_full(sm);
}

/* That way cannot be written to: it is closing already. */
static void way_closed(struct peer *p)
{
	if (p->state == PEER_READY) {
		peer_lost(p, false);
		return;
	}
	p->in = 0;
	route_go(p);
}

static void send_line(struct peer *p, const pc_session *s)
{
	while (p->line.n > 0 && takes_more(s)) {
		if (!line_send_first(&p->line, s)) {
			way_closed(p);
			return;
		}
	}
}

static void start(struct peer *p, const char *asker)
{
	if (p->own->stopping)
		line_give_all_back(&p->line, p->own, "remote-server-timeout", NULL);
	else if (peer_rests(p))
		line_give_all_back(&p->line, p->own, p->condition, peer_error_type(p));
	else
		reach_want(p, asker);
}

static void go(struct peer *p, const char *asker)
{
	const pc_session *s = p->state == PEER_READY || p->state == PEER_NONE ? way_of(p) : NULL;

	if (s)
		send_line(p, s);
	else if (p->line.n == 0 || (p->state == PEER_NONE && is_held(p)))
		return;
	else if (p->state == PEER_NONE)
		start(p, asker);
	else if (p->state == PEER_CONNECTING)
		reach_want(p, asker);
	else
		outgoing_prove(p);
}

void route_go(struct peer *p)
{
	go(p, p->asker->name);
}

static pc_result wait_for_stream(pc_event *ev, struct peer *p)
{
	char buf[S2S_ASKER_SIZE];
	const char *asker = asker_of_event(p->own, ev, buf);
	const struct limits *l = &p->own->limits;
	size_t len = 0;
	char *text = pc_stanza_write(pc_event_stanza(ev), &len);

	free(text);
	if ((int64_t)p->line.n >= l->queue || (int64_t)(p->line.bytes + len) > l->queue_bytes)
		return refuse(ev, p->own, "resource-constraint", NULL,
		              "Too much is waiting for that server");
	line_add(&p->line, pc_event_take(ev), len);
	go(p, asker);
	return PC_HANDLED;
}

static bool sent(pc_event *ev, struct peer *p)
{
	const pc_session *s = way_of(p);

	if (p->state == PEER_READY && pc_stream_session(p->out) == NULL) {
		way_closed(p);
		return false;
	}
	if (s == NULL || !takes_more(s))
		return false;
	if (pc_session_send(s, pc_event_stanza(ev)) != PC_OK) {
		way_closed(p);
		return false;
	}
	pc_event_defer(ev);
	return true;
}

pc_result route_stanza(pc_event *ev, void *data)
{
	struct s2s *own = data;
	const char *domain = pc_event_to(ev)->domain;
	char buf[S2S_ASKER_SIZE];
	struct peer *p;

	if (!policy_allows(own, domain))
		return refuse(ev, own, "not-allowed", NULL, "Not with that server");
	p = peer_get(own, domain, asker_of_event(own, ev, buf));
	if (p == NULL)
		return refuse(ev, own, "resource-constraint", NULL,
		              "Too many servers are written to");
	p->used = pc_now_ms();
	if (p->line.n == 0 && sent(ev, p))
		return PC_HANDLED;
	if (own->stopping)
		return refuse(ev, own, "remote-server-timeout", NULL, NULL);
	if (peer_rests(p) && way_of(p) == NULL && !is_held(p))
		return refuse(ev, own, p->condition, peer_error_type(p), NULL);
	return wait_for_stream(ev, p);
}
