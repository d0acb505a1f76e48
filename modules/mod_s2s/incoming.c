/*
 * incoming.c - the streams that other servers open to us.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s2s.h"

#define REFUSALS_MOST 3 /* of certificates on one stream (RFC 6120 6.4.5) */

static struct s2s *own_of(pc_stream *s)
{
	return s2s_of(pc_session_host(pc_stream_session(s)));
}

static void send(pc_stream *s, pc_stanza *st)
{
	pc_stream_send(s, st);
	pc_stanza_free(&st);
}

static void send_empty(pc_stream *s, const char *name, const char *ns)
{
	send(s, pc_stanza_new(name, ns));
}

/* ------------------------------------------------------------ features */

static bool may_prove_by_certificate(pc_stream *s, const struct s2s *own)
{
	const struct inbound *in = inbound_of(s);
	const char *remote = pc_stream_peer(s);

	return in->n_pairs == 0 && in->refusals < REFUSALS_MOST && pc_stream_is_secure(s) &&
	       remote && policy_inbound_fault(own, s, remote) == NULL;
}

static void add_ways(pc_stream *s, const struct s2s *own, pc_stanza *features)
{
	if (may_prove_by_certificate(s, own))
		pc_stanza_leaf(pc_stanza_open(features, "mechanisms", NS_SASL), "mechanism",
		               "EXTERNAL");
	if (pc_opt_bool(own->m, "s2s_dialback"))
		pc_stanza_open(pc_stanza_open(features, "dialback", NS_DIALBACK_FEATURE), "errors",
		               NULL);
}

/* XEP-0198 2: where stanzas may follow. Behind dialback come no features any more. */
static void add_management(pc_stream *s, const struct s2s *own, pc_stanza *features)
{
	if (!own->limits.managed ||
	    (inbound_of(s)->n_pairs == 0 && !pc_opt_bool(own->m, "s2s_dialback")))
		return;
	for (unsigned version = 2; version <= 3; version++)
		pc_stanza_open(features, "sm", smacks_version_ns(version));
}

static void send_features(pc_stream *s, struct s2s *own)
{
	const struct inbound *in = inbound_of(s);
	pc_stanza *features = pc_stanza_new("features", PC_NS_STREAM);
	bool secure = pc_stream_is_secure(s);

	if (!secure) {
		pc_stanza *tls = pc_stanza_open(features, "starttls", NS_TLS);

		if (policy_wants_tls(own))
			pc_stanza_open(tls, "required", NULL);
	}
	if (secure || !policy_wants_tls(own)) {
		add_ways(s, own, features);
		if (!in->bidi && pc_opt_bool(own->m, "s2s_bidi"))
			pc_stanza_open(features, "bidi", NS_BIDI_FEATURE);
		add_management(s, own, features);
	}
	pc_notify(own->m, "s2s-stream-features",
	          &(pc_fire_args){ .origin = pc_stream_session(s), .stanza = features });
	sizes_announce(own, features, in->n_pairs > 0);
	send(s, features);
}

/* ------------------------------------------------------------ headers */

static struct s2s *wanted(const pc_stream_header *h)
{
	char domain[PC_JID_PART_MAX + 1];

	return pc_jid_prep_domain(h->to, domain) == PC_OK ? s2s_of(pc_host_find(domain)) : NULL;
}

/* Who says to be one of us is not, and who has proved a domain stays that. */
static bool may_say(pc_stream *s, const struct s2s *own, const pc_stream_header *h)
{
	const struct inbound *in = inbound_of(s);
	const char *peer = pc_stream_peer(s);

	if (h->from == NULL || *h->from == '\0')
		return !in->external;
	if (peer == NULL || strchr(peer, '@') || pc_host_find(peer))
		return false;
	return !in->external || pair_has(in, peer, s2s_host(own));
}

/* What is wrong with the header; NULL: nothing. */
static const char *header_fault(pc_stream *s, const struct s2s *own, const pc_stream_header *h)
{
	if (h->version == NULL)
		return "unsupported-version";
	if (!may_say(s, own, h))
		return "invalid-from";
	if (pc_stream_peer(s) && !policy_allows(own, pc_stream_peer(s)))
		return "policy-violation";
	return NULL;
}

static void tell_trust(pc_stream *s, struct s2s *own)
{
	const char *remote = pc_stream_peer(s);
	const char *fault =
	        remote && pc_stream_is_secure(s) ? policy_inbound_fault(own, s, remote) : NULL;

	if (fault)
		complain(own, pc_stream_session(s),
		         policy_wants_certificate(own, remote) ? PC_WARN : PC_INFO,
		         "it says to be %s: %s", remote, fault);
}

/* XEP-0288: stanzas for the other server may go by this stream from now on. */
static void take_both(pc_stream *s, struct s2s *own, const char *remote)
{
	char buf[S2S_ASKER_SIZE];
	struct peer *p =
	        inbound_of(s)->bidi ? peer_get(own, remote, asker_of_inbound(s, buf)) : NULL;

	if (p)
		p->in = pc_stream_session(s)->id;
}

void incoming_offer(pc_stream *s, struct s2s *own)
{
	const struct inbound *in = inbound_of(s);

	tell_trust(s, own);
	send_features(s, own);
	if (in->external) {
		pc_stream_barrier(s, false);
		take_both(s, own, pc_stream_peer(s));
		s2s_notify(own, s, "s2sin-established", pc_stream_peer(s), NULL);
	}
}

static void begin(pc_stream *s, struct s2s *own, const pc_stream_header *h)
{
	struct inbound *in = inbound_of(s);
	const char *fault = header_fault(s, own, h);

	in->used = pc_now_ms();
	in->pending = 0; /* keys are of one stream, which another header begins anew */
	if (fault) {
		pc_stream_error(s, fault, NULL);
		return;
	}
	pc_stream_open(s, pc_module_host(own->m), pc_stream_peer(s), NULL);
	if (!dane_asks(s, own))
		incoming_offer(s, own);
}

static void on_header(pc_stream *s, const pc_stream_header *h)
{
	const pc_host *before = pc_session_host(pc_stream_session(s));
	struct s2s *own;

	if (h->to == NULL || *h->to == '\0') {
		pc_stream_error(s, "improper-addressing", "the stream header needs a 'to'");
		return;
	}
	own = wanted(h);
	if (own == NULL) {
		pc_stream_error(s, "host-unknown", NULL);
	} else if (before && before != pc_module_host(own->m)) {
		pc_stream_error(s, "not-authorized", "the stream is to another host now");
	} else {
		pc_stream_set_host(s, pc_module_host(own->m));
		begin(s, own, h);
	}
}

/* ------------------------------------------------------------ proofs */

static void authorise(pc_stream *s, struct s2s *own, const char *remote)
{
	struct inbound *in = inbound_of(s);

	in->used = pc_now_ms();
	if (pair_add(s, remote, s2s_host(own)) != PC_OK)
		return;
	if (pc_stream_session(s)->type != PC_S2SIN) {
		pc_stream_set_type(s, PC_S2SIN);
		pc_stream_set_limit(s, (size_t)pc_opt_int(own->m, "s2s_stanza_size_limit"));
		if (!in->external)
			pc_stream_barrier(s, false);
	}
}

void incoming_authorise(pc_stream *s, struct s2s *own, const char *remote)
{
	bool first = inbound_of(s)->n_pairs == 0;

	authorise(s, own, remote);
	take_both(s, own, remote);
	s2s_notify(own, s, "s2s-authenticated", remote, "dialback");
	if (first)
		s2s_notify(own, s, "s2sin-established", remote, NULL);
}

static void refuse_auth(pc_stream *s, struct s2s *own, const char *condition)
{
	struct inbound *in = inbound_of(s);
	pc_stanza *failure = pc_stanza_new("failure", NS_SASL);

	pc_metric_add(own->in_refused, 1);
	pc_stanza_open(failure, condition, NULL);
	send(s, failure);
	if (++in->refusals >= REFUSALS_MOST)
		pc_stream_error(s, "policy-violation", "too many attempts");
}

/* XEP-0178 3, 11: an authorisation identity may say what the header's `from` says, nothing else. */
static bool is_same_name(const pc_stanza *auth, const char *remote)
{
	const char *text = pc_stanza_get_text(auth);
	char name[PC_JID_PART_MAX + 1], prepared[PC_JID_PART_MAX + 1];
	ssize_t n;

	if (*text == '\0' || strcmp(text, "=") == 0)
		return true;
	n = pc_base64_decode(text, strlen(text), (uint8_t *)name, sizeof(name) - 1);
	if (n < 0 || memchr(name, '\0', (size_t)n))
		return false;
	name[n] = '\0';
	return pc_jid_prep_domain(name, prepared) == PC_OK && strcmp(prepared, remote) == 0;
}

static void on_auth(pc_stream *s, struct s2s *own, const pc_stanza *auth)
{
	struct inbound *in = inbound_of(s);
	const char *mechanism = pc_stanza_get(auth, "mechanism"), *remote = pc_stream_peer(s);

	if (mechanism == NULL || strcmp(mechanism, "EXTERNAL") != 0) {
		refuse_auth(s, own, "invalid-mechanism");
	} else if (!may_prove_by_certificate(s, own)) {
		refuse_auth(s, own, "not-authorized");
	} else if (!is_same_name(auth, remote)) {
		refuse_auth(s, own, "invalid-authzid");
	} else {
		in->external = true;
		authorise(s, own, remote);
		pc_metric_add(own->in_external, 1);
		complain(own, pc_stream_session(s), PC_INFO,
		         "stream from %s: proved by its certificate", remote);
		send_empty(s, "success", NS_SASL);
		pc_stream_restart(s);
		s2s_notify(own, s, "s2s-authenticated", remote, "EXTERNAL");
	}
}

/* ------------------------------------------------------------ elements */

static void on_starttls(pc_stream *s, struct s2s *own)
{
	const struct inbound *in = inbound_of(s);

	if (pc_stream_is_secure(s) || in->n_pairs > 0) {
		send_empty(s, "failure", NS_TLS);
		pc_stream_close(s);
		return;
	}
	send_empty(s, "proceed", NS_TLS);
	pc_stream_starttls(s, pc_module_host(own->m));
}

/* XEP-0288 2.2: before the stream's first proof. */
static void on_bidi(pc_stream *s, struct s2s *own, const pc_stanza *bidi)
{
	struct inbound *in = inbound_of(s);

	if (in->n_pairs > 0 || !pc_opt_bool(own->m, "s2s_bidi") ||
	    (policy_wants_tls(own) && !pc_stream_is_secure(s))) {
		pc_stream_error(s, "policy-violation", NULL);
		return;
	}
	in->bidi = true;
	sizes_respect(own, pc_stream_session(s), bidi);
}

/* Takes the stanza. */
static void on_stanza(pc_stream *s, struct s2s *own, pc_stanza *st)
{
	struct inbound *in = inbound_of(s);
	const char *fault = in->n_pairs > 0 ? pair_stanza_fault(in, st) : "not-authorized";

	if (fault) {
		complain(own, pc_stream_session(s), PC_WARN,
		         "a stanza from %.200s to %.200s ends the stream: %s",
		         pc_stanza_get(st, "from") ? pc_stanza_get(st, "from") : "nobody",
		         pc_stanza_get(st, "to") ? pc_stanza_get(st, "to") : "nobody", fault);
		pc_stream_error(s, fault, NULL);
		pc_stanza_free(&st);
		return;
	}
	in->used = pc_now_ms();
	answers_note(st);
	pc_session_receive(pc_stream_session(s), st);
}

static void on_protocol(pc_stream *s, struct s2s *own, const pc_stanza *st)
{
	const struct inbound *in = inbound_of(s);

	if (in->waits) /* RFC 6120 4.3.2: for these it has to wait, too */
		pc_stream_error(s, "policy-violation", "the features have not been sent");
	else if (strcmp(pc_stanza_ns(st), NS_DIALBACK) == 0)
		dialback_on_inbound(s, st);
	else if (pc_stanza_is(st, "starttls", NS_TLS))
		on_starttls(s, own);
	else if (pc_stanza_is(st, "auth", NS_SASL))
		on_auth(s, own, st);
	else if (pc_stanza_is(st, "bidi", NS_BIDI))
		on_bidi(s, own, st);
	else if (smacks_version(st))
		left_on_inbound(s, own, st);
	else
		pc_stream_error(s, "unsupported-stanza-type", NULL);
}

static void on_element(pc_stream *s, pc_stanza *st)
{
	struct s2s *own = own_of(s);

	if (own && pc_stanza_kind(st) != PC_OTHER) {
		on_stanza(s, own, st);
		return;
	}
	if (own)
		on_protocol(s, own, st);
	else
		pc_stream_error(s, "host-gone", NULL);
	pc_stanza_free(&st);
}

/* ------------------------------------------------------------ the end */

/* What is wrong with us, its certificate check above all, shows in what they say alone. */
static void on_error(pc_stream *s, const pc_stanza *error)
{
	struct s2s *own = own_of(s);
	const char *remote = pc_stream_peer(s);
	char *said = own && remote ? complaint_of(error) : NULL;

	if (said)
		complain(own, pc_stream_session(s), PC_INFO, "%s%s ends its stream: %s",
		         inbound_of(s)->n_pairs ? "" : "who says to be ", remote, said);
	free(said);
}

static void on_ended(pc_stream *s)
{
	struct managed *sm = managed_of(pc_stream_session(s));

	if (sm)
		managed_finish(sm);
}

/* Its session is there yet only where nobody has ended the stream in an orderly way. */
static void on_closed(pc_stream *s, const char *reason)
{
	const pc_session *session = pc_stream_session(s);
	struct managed *sm = session ? managed_of(session) : NULL;

	(void)reason;
	if (sm)
		sm->lost = inbound_of(s)->n_pairs == 1;
}

struct sweep {
	struct s2s *own;
	int64_t before;
};

/* It can be resumed by whoever shows a better one. */
static bool reset_expired(pc_stream *s, struct s2s *own, struct managed *sm)
{
	const struct inbound *in = inbound_of(s);

	if (!in->external || !policy_cert_is_over(s))
		return false;
	complain(own, pc_stream_session(s), PC_INFO,
	         "the certificate of %s has expired: its stream is to begin anew",
	         in->pairs->remote);
	if (sm) {
		managed_finish(sm);
		sm->lost = in->n_pairs == 1;
	}
	pc_stream_error(s, "reset", "Your certificate has expired");
	return true;
}

static void close_idle(pc_stream *s, int64_t before, struct managed *sm)
{
	if (inbound_of(s)->used >= before || (sm && sm->queue.n > 0))
		return;
	if (sm)
		managed_finish(sm);
	pc_stream_close(s);
}

static bool sweep_one(const pc_session *session, void *data)
{
	const struct sweep *sweep = data;
	pc_stream *s = pc_session_stream(session);
	struct managed *sm;

	if (s == NULL || session->type != PC_S2SIN || pc_stream_module(s) != sweep->own->m)
		return true;
	sm = managed_of(session);
	if (!reset_expired(s, sweep->own, sm))
		close_idle(s, sweep->before, sm);
	return true;
}

void incoming_sweep(struct s2s *own, int64_t before)
{
	pc_each_unbound_session(sweep_one, &(struct sweep){ own, before });
}

const pc_stream_class s2s_in_class = {
	.size = sizeof(pc_stream_class),
	.name = "s2sin",
	.framing = PC_FRAMING_XMPP,
	.content_ns = "jabber:server",
	.type = PC_S2SIN_UNAUTHED,
	.alpn = "xmpp-server",
	.header = on_header,
	.element = on_element,
	.idle = managed_on_idle,
	.ended = on_ended,
	.closed = on_closed,
	.peer = PC_PEER_SERVER,
	.options = "s2s",
	.timeout = 90,
	.declares = "xmlns:db='" NS_DIALBACK "'",
	.error = on_error,
};
