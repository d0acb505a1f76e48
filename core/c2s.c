/*
 * c2s.c - clients: a stream class on the public headers alone (RFC 6120).
 *
 * What it decides itself: which hosts clients may speak to, and that the host of a stream never
 * changes once it is encrypted or authenticated. Everything after the header is events.
 */
#include <string.h>

#include <prosody-c/prosody-c.h>

static const pc_option options[] = {
	{ .name = "c2s_require_encryption",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "true",
	  .help = "Clients must use TLS before they log in" },
	{ 0 },
};

static pc_host *wanted_host(const pc_stream_header *h)
{
	char domain[PC_JID_PART_MAX + 1];
	pc_host *host;

	if (pc_jid_prep_domain(h->to, domain) != PC_OK)
		return NULL;
	host = pc_host_find(domain);
	return host && pc_host_kind(host) == PC_VIRTUAL_HOST ? host : NULL;
}

/* RFC 6120 4.7.1, 6.4.6: what a client says to be is an address, and once it has logged in it is
 * its own. What it said under TLS is compared when it logs in. */
static bool may_say(const pc_stream *s, const char *from)
{
	const pc_session *session = pc_stream_session(s);
	const char *peer = pc_stream_peer(s);
	char own[PC_JID_MAX + 1];

	if (from == NULL || *from == '\0')
		return true;
	if (peer == NULL || session->username == NULL)
		return peer != NULL;
	pc_jid_write_bare(&(pc_jid){ session->username, session->host, NULL }, own);
	return strcmp(peer, own) == 0;
}

static void on_header(pc_stream *s, const pc_stream_header *h)
{
	const pc_session *session = pc_stream_session(s);
	pc_host *host, *before = pc_session_host(session);

	if (h->to == NULL || *h->to == '\0') {
		pc_stream_error(s, "improper-addressing", "the stream header needs a 'to'");
		return;
	}
	host = wanted_host(h);
	if (host == NULL) {
		pc_stream_error(s, "host-unknown", NULL);
		return;
	}
	if (before && before != host) {
		pc_stream_error(s, "not-authorized", "the stream is to another host now");
		return;
	}
	pc_stream_set_host(s, host);
	if (h->version == NULL)
		pc_stream_error(s, "unsupported-version", "XMPP 1.0 is spoken here");
	else if (!may_say(s, h->from))
		pc_stream_error(s, "invalid-from", NULL);
	else
		pc_stream_open(s, host, pc_stream_peer(s), NULL);
}

static void on_element(pc_stream *s, pc_stanza *element)
{
	const pc_session *session = pc_stream_session(s);

	if (session)
		pc_session_receive(session, element);
	else
		pc_stanza_free(&element);
}

/* A client that has been silent for long: white space shows whether it is there (RFC 6120 4.6.1).
 */
static bool on_idle(pc_stream *s)
{
	const pc_session *session = pc_stream_session(s);
	pc_fire_args args = { .origin = session,
		              .host = session ? pc_session_host(session) : NULL };

	if (session == NULL)
		return false;
	if (args.host &&
	    pc_fire(pc_stream_module(s), "read-timeout", &args, NULL, NULL) == PC_HANDLED)
		return true;
	return pc_stream_write(s, " ", 1) == PC_OK;
}

static void on_drained(pc_stream *s)
{
	const pc_session *session = pc_stream_session(s);

	if (session && pc_session_host(session))
		pc_notify(pc_stream_module(s), "drained",
		          &(pc_fire_args){ .origin = session, .host = pc_session_host(session) });
}

static const pc_stream_class class = {
	.size = sizeof(pc_stream_class),
	.name = "c2s",
	.framing = PC_FRAMING_XMPP,
	.content_ns = PC_NS_CLIENT,
	.type = PC_C2S_UNAUTHED,
	.alpn = "xmpp-client",
	.header = on_header,
	.element = on_element,
	.idle = on_idle,
	.drained = on_drained,
};

static const pc_listener starttls = {
	.size = sizeof(pc_listener),
	.service = "c2s",
	.class = &class,
	.default_ports = "5222",
};

static const pc_listener direct_tls = {
	.size = sizeof(pc_listener),
	.service = "c2s_direct_tls",
	.class = &class,
	.default_ports = "5223",
	.direct_tls = true,
};

static void load(pc_module *m)
{
	pc_listen(m, &starttls);
	pc_listen(m, &direct_tls);
	pc_provide(m, "c2s-class", &class);
}

static const pc_event_decl events[] = {
	{ "read-timeout", PC_QUESTION,
	  "A client has been silent for long; PC_HANDLED: white space is not sent to it" },
	{ "drained", PC_NOTICE, "What a client's connection had to send has left" },
	{ 0 },
};

PC_MODULE(c2s, .summary = "Clients (RFC 6120)", .xeps = "0368:1.1.0 0478:0.2.0", .scope = PC_GLOBAL,
          .options = options, .events = events, .load = load);
