/*
 * commands.c - s2s list, s2s close: the streams with other servers.
 */
#include <string.h>

#include "s2s.h"

static const char *const states[] = { "not connected", "connecting", "not proved", "proved",
	                              "open" };

/* ------------------------------------------------------------ list */

static void print_out(pc_call *call, const struct peer *p)
{
	const pc_stream *s = p->out;
	unsigned unacked = p->managed ? p->managed->queue.n : 0;
	const char *ip = s ? pc_stream_ip(s) : NULL, *tls = s ? pc_stream_tls_version(s) : NULL;
	const pc_cell cells[] = { PC_TEXT("direction", "out"),
		                  PC_TEXT("host", s2s_host(p->own)),
		                  PC_TEXT("remote", p->domain),
		                  PC_TEXT("state", states[p->state]),
		                  PC_TEXT("ip", ip),
		                  PC_TEXT("tls", tls),
		                  PC_TRUTH("bidi", p->bidi),
		                  PC_TRUTH("managed", p->managed != NULL),
		                  PC_NUMBER("unacked", unacked),
		                  PC_NUMBER("waiting", p->line.n),
		                  PC_NUMBER("failures", p->failures) };

	pc_call_row(call, cells, sizeof(cells) / sizeof(*cells),
	            "%s -> %s  %s  %s  %s%s  %u unacknowledged, %zu waiting", s2s_host(p->own),
	            p->domain, ip ? ip : "-", tls ? tls : "-", states[p->state],
	            p->bidi ? " (both ways)" : "", unacked, p->line.n);
}

struct walk {
	pc_call *call;
	const struct s2s *own;
	const char *remote;
	size_t n;
};

static void print_in(pc_call *call, pc_stream *s, const char *remote, const char *host)
{
	const struct inbound *in = inbound_of(s);
	const struct managed *sm = managed_of(pc_stream_session(s));
	unsigned unacked = sm ? sm->queue.n : 0;
	const char *tls = pc_stream_tls_version(s);
	const char *state = states[in->n_pairs ? PEER_READY : PEER_USABLE];
	const pc_cell cells[] = {
		PC_TEXT("direction", "in"),         PC_TEXT("host", host),
		PC_TEXT("remote", remote),          PC_TEXT("state", state),
		PC_TEXT("ip", pc_stream_ip(s)),     PC_TEXT("tls", tls),
		PC_TRUTH("bidi", in->bidi),         PC_TRUTH("managed", sm != NULL),
		PC_NUMBER("unacked", unacked),      PC_NUMBER("waiting", 0),
		PC_NUMBER("failures", in->refusals)
	};

	pc_call_row(call, cells, sizeof(cells) / sizeof(*cells),
	            "%s <- %s  %s  %s  %s%s  %u unacknowledged", host, remote ? remote : "?",
	            pc_stream_ip(s), tls ? tls : "-", state, in->bidi ? " (both ways)" : "",
	            unacked);
}

static pc_stream *stream_of(const pc_session *session, const struct s2s *own)
{
	pc_stream *s = pc_session_stream(session);

	return s && pc_stream_class_of(s) == &s2s_in_class && pc_session_host(session) &&
	                       s2s_of(pc_session_host(session)) == own
	               ? s
	               : NULL;
}

static bool list_in(const pc_session *session, void *data)
{
	const struct walk *w = data;
	pc_stream *s = stream_of(session, w->own);
	const struct inbound *in = s ? inbound_of(s) : NULL;

	if (in && in->n_pairs == 0)
		print_in(w->call, s, pc_stream_peer(s), s2s_host(w->own));
	for (const struct pair *p = in ? in->pairs : NULL; p; p = p->next)
		print_in(w->call, s, p->remote, p->host);
	return true;
}

static void run_list(pc_call *call, pc_module *m)
{
	struct s2s *own = pc_module_data(m);

	for (const struct peer *p = own->peers; p; p = p->hh.next)
		if (p->state != PEER_NONE || p->line.n > 0 || peer_rests(p))
			print_out(call, p);
	pc_each_unbound_session(list_in, &(struct walk){ .call = call, .own = own });
	pc_call_end(call, PC_OK, NULL);
}

/* ------------------------------------------------------------ close */

/* What we have and is not acknowledged, or what is theirs and is being handled. */
static bool is_busy(const struct managed *sm, const pc_session *session)
{
	return sm->queue.n > 0 || pc_session_safe(session) != pc_session_received(session);
}

static bool close_in(const pc_session *session, void *data)
{
	struct walk *w = data;
	pc_stream *s = stream_of(session, w->own);
	struct managed *sm;

	if (s && pair_has(inbound_of(s), w->remote, s2s_host(w->own))) {
		sm = managed_of(session);
		w->n++;
		if (sm && is_busy(sm, session)) {
			pc_stream_abort(s, "closed by an administrator");
			return true;
		}
		if (sm)
			managed_finish(sm);
		pc_stream_close(s);
	}
	return true;
}

static void run_close(pc_call *call, pc_module *m)
{
	struct s2s *own = pc_module_data(m);
	char remote[PC_JID_PART_MAX + 1];
	struct walk w = { .own = own, .remote = remote };
	struct peer *p;

	if (pc_jid_prep_domain(pc_call_arg(call, 1), remote) != PC_OK)
		*remote = '\0';
	p = peer_find(own, remote);
	if (p && p->state == PEER_READY && p->managed && p->managed->queue.n > 0) {
		w.n++; /* cut, so that nothing is lost or comes twice: it is resumed */
		pc_stream_abort(p->out, "closed by an administrator");
	} else if (p && p->state == PEER_READY) {
		w.n++;
		peer_close(p);
	} else if (p && (p->out || p->dial)) {
		w.n++;
		peer_fail(p, "remote-server-timeout", "closed by an administrator");
	}
	if (p) /* the next stanza tries again */
		p->failures = 0;
	pc_each_unbound_session(close_in, &w);
	if (w.n == 0)
		pc_call_end(call, PC_ENOENT, "no such stream");
	else
		pc_call_end(call, PC_OK, "%zu closed", w.n);
}

const pc_command s2s_commands[] = {
	{ "s2s", "list", "HOST", "Lists the streams with other servers", run_list },
	{ "s2s", "close", "HOST DOMAIN", "Ends the streams with a domain", run_close },
	{ 0 },
};
