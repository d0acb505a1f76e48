/*
 * outgoing.c - the streams that we open: where to, TLS, who answers, how we prove who we are.
 *
 * Before anything is said under TLS the peer's certificate is judged; what is wrong with it ends
 * the stream only where the configuration wants a good one, else the address was proved by the DNS
 * alone, as in all of dialback.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s2s.h"

/* The peer whose stream this is; NULL: it has been given up. */
static struct peer *peer_of(pc_stream *s)
{
	struct peer *p = pc_stream_user(s);

	return p->out == s ? p : NULL;
}

static void send(pc_stream *s, pc_stanza *st)
{
	pc_stream_send(s, st);
	pc_stanza_free(&st);
}

/* ------------------------------------------------------------ opening */

void outgoing_open(struct peer *p)
{
	pc_stream_open(p->out, pc_module_host(p->own->m), p->domain, s2s_host(p->own));
}

static void on_opened(pc_stream *s)
{
	struct peer *p = peer_of(s);

	if (p && !p->direct_tls)
		outgoing_open(p);
}

void outgoing_next(struct peer *p, const char *why)
{
	pc_stream *s = p->out;

	p->out = NULL;
	p->target = NULL;
	p->opened = p->tls_asked = false;
	p->refused = true;
	pc_stream_close(s);
	pc_dial_note(p->dial, why);
	pc_dial_next(p->dial);
}

static void on_secured(pc_stream *s)
{
	struct peer *p = peer_of(s);
	const char *fault = p ? policy_cert_fault(p->own, s, p->domain, dane_host(p)) : NULL;
	char why[256];

	if (p == NULL || dane_judges(p))
		return;
	if (fault && policy_wants_certificate(p->own, p->domain)) {
		snprintf(why, sizeof(why), "it is not trusted: %s", fault);
		peer_refuse(p, why);
		return;
	}
	p->certified = fault == NULL;
	if (fault)
		complain(p->own, NULL, PC_INFO, "%s is known by its address only: %s", p->domain,
		         fault);
	outgoing_open(p);
}

static void on_header(pc_stream *s, const pc_stream_header *h)
{
	struct peer *p = peer_of(s);

	if (p == NULL)
		return;
	if (h->version == NULL) {
		pc_stream_error(s, "unsupported-version", NULL);
		peer_refuse(p, "it does not speak XMPP 1.0");
		return;
	}
	p->opened = true;
	free(p->id);
	p->id = h->id && *h->id && strlen(h->id) <= S2S_ID_MOST ? strdup(h->id) : NULL;
}

/* ------------------------------------------------------------ proving */

static void try_dialback(struct peer *p)
{
	if (!pc_opt_bool(p->own->m, "s2s_dialback"))
		peer_refuse(p, "it does not take our certificate, and dialback is off here");
	else if (dialback_prove(p) != PC_OK)
		peer_refuse(p, "its stream has no usable id");
}

/* XEP-0178 3, 10: the name goes along for those who still ask for it. */
static void try_external(struct peer *p)
{
	const char *host = s2s_host(p->own);
	char text[pc_base64_size(PC_JID_PART_MAX)];
	pc_stanza *auth = pc_stanza_new("auth", NS_SASL);

	pc_base64_encode((const uint8_t *)host, strlen(host), text);
	pc_stanza_set(auth, "mechanism", "EXTERNAL");
	pc_stanza_text(auth, text);
	p->asked = PROOF_EXTERNAL;
	send(p->out, auth);
}

/* Who would not get a stream to us proved by its address gets none by XEP-0288 either. */
static bool may_write_to_us(const struct peer *p)
{
	return p->certified || pc_opt_bool(p->own->m, "s2s_dialback");
}

void outgoing_prove(struct peer *p)
{
	if (p->state != PEER_USABLE || p->asked != PROOF_NONE || p->proved)
		return;
	if (p->offers_bidi && pc_opt_bool(p->own->m, "s2s_bidi") && may_write_to_us(p)) {
		pc_stanza *bidi = pc_stanza_new("bidi", NS_BIDI);

		p->bidi = true;
		sizes_announce(p->own, bidi, true);
		send(p->out, bidi);
	}
	if (p->offers_external)
		try_external(p);
	else
		try_dialback(p);
}

void outgoing_proved(struct peer *p)
{
	pc_stream_set_limit(p->out, (size_t)pc_opt_int(p->own->m, "s2s_stanza_size_limit"));
	if (!resume_begin(p))
		peer_ready(p);
}

static void on_success(struct peer *p)
{
	p->asked = PROOF_NONE;
	p->proved = true;
	pc_metric_add(p->own->out_external, 1);
	complain(p->own, NULL, PC_INFO, "stream to %s: proved by our certificate", p->domain);
	pc_stream_set_type(p->out, PC_S2SOUT);
	pc_stream_restart(p->out);
	outgoing_open(p);
	s2s_notify(p->own, p->out, "s2s-authenticated", p->domain, "EXTERNAL");
}

static void on_failure(struct peer *p, const pc_stanza *st)
{
	const pc_stanza *condition = pc_stanza_first(st);

	p->asked = PROOF_NONE;
	p->offers_external = false;
	complain(p->own, NULL, PC_INFO, "%s does not take our certificate (%s)", p->domain,
	         condition ? pc_stanza_name(condition) : "no reason");
	dialback_ask(p);
	try_dialback(p);
}

/* ------------------------------------------------------------ features */

static bool has_external(const pc_stanza *features)
{
	const pc_stanza *list = pc_stanza_child(features, "mechanisms", NS_SASL);
	const pc_stanza *c = list ? pc_stanza_first(list) : NULL;

	while (c && strcmp(pc_stanza_get_text(c), "EXTERNAL") != 0)
		c = pc_stanza_next(c);
	return c != NULL;
}

/* Its stream goes on under TLS, or as it is; false: neither. */
static bool negotiate_tls(struct peer *p, const pc_stanza *features)
{
	if (pc_stanza_child(features, "starttls", NS_TLS)) {
		p->tls_asked = true;
		send(p->out, pc_stanza_new("starttls", NS_TLS));
		return true;
	}
	if (!policy_wants_tls(p->own) && !policy_wants_certificate(p->own, p->domain) &&
	    !dane_binds(p))
		return false;
	peer_refuse(p, "it offers no encryption");
	return true;
}

static void on_features(struct peer *p, const pc_stanza *features)
{
	if (!pc_stream_is_secure(p->out) && negotiate_tls(p, features))
		return;
	p->offers_sm = pc_stanza_child(features, "sm", NS_SM3)   ? 3
	               : pc_stanza_child(features, "sm", NS_SM2) ? 2
	                                                         : 0;
	if (p->proved) {
		sizes_respect(p->own, pc_stream_session(p->out), features);
		pc_stream_barrier(p->out, false);
		outgoing_proved(p);
		return;
	}
	p->state = PEER_USABLE;
	p->offers_external = pc_stream_is_secure(p->out) && has_external(features);
	p->offers_bidi = pc_stanza_child(features, "bidi", NS_BIDI_FEATURE) != NULL;
	dialback_ask(p);
	if (p->line.n > 0 || p->managed)
		outgoing_prove(p);
	else
		peer_settled(p);
}

/* ------------------------------------------------------------ elements */

static bool is(const pc_stanza *st, const char *name, const char *ns)
{
	return pc_stanza_is(st, name, ns);
}

/* XEP-0288: only of the pair that was proved on this stream. Takes the stanza. */
static void on_stanza(struct peer *p, pc_stanza *st)
{
	struct pair pair = { .remote = p->domain, .host = (char *)(uintptr_t)s2s_host(p->own) };
	const struct inbound in = { .pairs = &pair };
	const char *fault = p->bidi && p->state >= PEER_RESUMING ? pair_stanza_fault(&in, st)
	                                                         : "not-authorized";

	if (fault) {
		complain(p->own, NULL, PC_WARN, "%s sends what it must not on our stream: %s",
		         p->domain, fault);
		pc_stream_error(p->out, fault, NULL);
		pc_stanza_free(&st);
		return;
	}
	p->used = pc_now_ms();
	answers_note(st);
	pc_session_receive(pc_stream_session(p->out), st);
}

static void on_protocol(struct peer *p, const pc_stanza *st)
{
	if (is(st, "features", PC_NS_STREAM) && p->state < PEER_RESUMING &&
	    (p->state == PEER_CONNECTING || p->proved))
		on_features(p, st);
	else if (is(st, "proceed", NS_TLS) && p->tls_asked && !pc_stream_is_secure(p->out))
		pc_stream_starttls(p->out, pc_module_host(p->own->m));
	else if (is(st, "failure", NS_TLS) && p->tls_asked && !pc_stream_is_secure(p->out))
		peer_refuse(p, "it does not begin TLS");
	else if (is(st, "success", NS_SASL) && p->asked == PROOF_EXTERNAL)
		on_success(p);
	else if (is(st, "failure", NS_SASL) && p->asked == PROOF_EXTERNAL)
		on_failure(p, st);
	else if (smacks_version(st) && p->state >= PEER_RESUMING)
		resume_on_peer(p, st);
	else if (strcmp(pc_stanza_ns(st), NS_DIALBACK) == 0 && p->state >= PEER_USABLE)
		dialback_on_peer(p, st);
	else
		pc_stream_error(p->out, "unsupported-stanza-type", NULL);
}

static void on_element(pc_stream *s, pc_stanza *st)
{
	struct peer *p = peer_of(s);

	if (p && pc_stanza_kind(st) != PC_OTHER) {
		on_stanza(p, st);
		return;
	}
	if (p)
		on_protocol(p, st);
	pc_stanza_free(&st);
}

/* ------------------------------------------------------------ the end */

static void on_error(pc_stream *s, const pc_stanza *error)
{
	struct peer *p = peer_of(s);

	if (p == NULL)
		return;
	free(p->said);
	p->said = complaint_of(error);
}

static void tell_end(struct peer *p, const char *reason)
{
	bool unknown = p->said && strncmp(p->said, "host-", 5) == 0;
	char why[256];

	snprintf(why, sizeof(why), "%s%.220s", p->said ? "it says " : "",
	         p->said ? p->said : reason);
	peer_fail(p, unknown ? "remote-server-not-found" : "remote-server-timeout", why);
}

static void on_end(struct peer *p, const char *reason, bool orderly)
{
	if (p->state < PEER_RESUMING) {
		tell_end(p, reason);
		return;
	}
	complain(p->own, NULL, PC_INFO, "the stream to %s has ended: %s", p->domain,
	         p->said ? p->said : reason);
	peer_lost(p, orderly);
}

static void on_ended(pc_stream *s)
{
	struct peer *p = peer_of(s);

	if (p && p->managed)
		managed_finish(p->managed);
	if (p)
		on_end(p, "it has closed the stream", true);
}

/* Where TLS fails with one target, another may do; what comes after TLS is the domain's own word.
 */
static bool goes_on(struct peer *p, const char *reason)
{
	if (p->dial == NULL || p->opened || p->said || p->state != PEER_CONNECTING)
		return false;
	p->target = NULL;
	pc_dial_note(p->dial, reason);
	pc_dial_next(p->dial);
	return true;
}

static void on_closed(pc_stream *s, const char *reason)
{
	struct peer *p = pc_stream_user(s);

	p->streams--;
	if (p->out != s)
		return;
	p->out = NULL;
	if (!goes_on(p, reason))
		on_end(p, reason, false);
}

const pc_stream_class s2s_out_class = {
	.size = sizeof(pc_stream_class),
	.name = "s2sout",
	.framing = PC_FRAMING_XMPP,
	.content_ns = "jabber:server",
	.type = PC_S2SOUT_UNAUTHED,
	.alpn = "xmpp-server",
	.opened = on_opened,
	.secured = on_secured,
	.header = on_header,
	.element = on_element,
	.idle = managed_on_idle,
	.ended = on_ended,
	.closed = on_closed,
	.options = "s2s",
	.timeout = 90,
	.declares = "xmlns:db='" NS_DIALBACK "'",
	.error = on_error,
};
