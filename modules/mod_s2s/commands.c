/*
 * commands.c - s2s list, s2s close: the streams with other servers.
 */
#include <string.h>

#include "s2s.h"

static const char *const states[] = { "not connected", "connecting", "not proved", "proved",
	                              "open" };

/* ------------------------------------------------------------ list */

/* By what our domain was proved to the peer. */
static const char *proof_out(const struct peer *p)
{
	if (p->state < PEER_RESUMING)
		return NULL;
	return p->proved ? "certificate" : "dialback";
}

static const char *proof_in(pc_stream *s, const char *remote)
{
	const struct inbound *in = inbound_of(s);
	const char *peer = pc_stream_peer(s);

	if (in->n_pairs == 0)
		return NULL;
	if (!in->external || peer == NULL || strcmp(peer, remote) != 0)
		return "dialback";
	return in->vouched ? "DANE" : "certificate";
}

static void print_out(pc_call *call, const struct peer *p)
{
	const pc_stream *s = p->out;
	unsigned unacked = p->managed ? p->managed->queue.n : 0;
	const char *state = reach_waits(p) ? "waiting for its turn" : states[p->state];
	const char *ip = s ? pc_stream_ip(s) : NULL, *tls = s ? pc_stream_tls_version(s) : NULL;
	const char *proof = proof_out(p), *condition = peer_rests(p) ? p->condition : NULL;
	const pc_cell cells[] = { PC_TEXT("direction", "out"),
		                  PC_TEXT("host", s2s_host(p->own)),
		                  PC_TEXT("remote", p->domain),
		                  PC_TEXT("state", state),
		                  PC_TEXT("proof", proof),
		                  PC_TEXT("condition", condition),
		                  PC_TEXT("ip", ip),
		                  PC_TEXT("tls", tls),
		                  PC_TRUTH("bidi", p->bidi),
		                  PC_TRUTH("managed", p->managed != NULL),
		                  PC_NUMBER("unacked", unacked),
		                  PC_NUMBER("waiting", p->line.n),
		                  PC_NUMBER("failures", p->failures) };

	pc_call_row(call, cells, sizeof(cells) / sizeof(*cells),
	            "%s -> %s  %s  %s  %s%s%s%s%s%s  %u unacknowledged, %zu waiting",
	            s2s_host(p->own), p->domain, ip ? ip : "-", tls ? tls : "-", state,
	            proof ? " by " : "", proof ? proof : "", p->bidi ? " (both ways)" : "",
	            condition ? ": " : "", condition ? condition : "", unacked, p->line.n);
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
	const char *proof = proof_in(s, remote);
	const pc_cell cells[] = { PC_TEXT("direction", "in"),
		                  PC_TEXT("host", host),
		                  PC_TEXT("remote", remote),
		                  PC_TEXT("state", state),
		                  PC_TEXT("proof", proof),
		                  PC_TEXT("condition", NULL),
		                  PC_TEXT("ip", pc_stream_ip(s)),
		                  PC_TEXT("tls", tls),
		                  PC_TRUTH("bidi", in->bidi),
		                  PC_TRUTH("managed", sm != NULL),
		                  PC_NUMBER("unacked", unacked),
		                  PC_NUMBER("waiting", 0),
		                  PC_NUMBER("failures", in->refusals) };

	pc_call_row(call, cells, sizeof(cells) / sizeof(*cells),
	            "%s <- %s  %s  %s  %s%s%s%s  %u unacknowledged", host, remote ? remote : "?",
	            pc_stream_ip(s), tls ? tls : "-", state, proof ? " by " : "",
	            proof ? proof : "", in->bidi ? " (both ways)" : "", unacked);
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

static void list_of(pc_call *call, const struct s2s *own)
{
	for (const struct peer *p = own->peers; p; p = p->hh.next)
		if (p->state != PEER_NONE || p->line.n > 0 || peer_rests(p))
			print_out(call, p);
	pc_each_unbound_session(list_in, &(struct walk){ .call = call, .own = own });
}

static bool list_host(pc_host *host, void *data)
{
	const struct s2s *own = s2s_of(host);

	if (own)
		list_of(data, own);
	return true;
}

static void run_list(pc_call *call, pc_module *m)
{
	if (strcmp(pc_call_arg(call, 0), "all") == 0)
		pc_each_host(list_host, call);
	else
		list_of(call, pc_module_data(m));
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
	{ "s2s", "list", "HOST|all", "Lists the streams with other servers", run_list },
	{ "s2s", "close", "HOST DOMAIN", "Ends the streams with a domain", run_close },
	{ 0 },
};
