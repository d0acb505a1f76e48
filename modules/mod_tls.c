/*
 * mod_tls.c - STARTTLS for clients (RFC 6120 section 5).
 *
 * Streams of servers and components bring their own rules; here they are passed by.
 */
#include <prosody-c/prosody-c.h>

#define NS "urn:ietf:params:xml:ns:xmpp-tls"

/* TLS can start on a client's own connection that has none yet: not on one that began with TLS,
 * not on BOSH or WebSocket, not twice, and not behind a log-in. */
static bool can_start(const pc_session *s)
{
	const pc_stream *stream = pc_session_stream(s);

	return s->type == PC_C2S_UNAUTHED && !s->secure && stream && !pc_stream_is_carried(stream);
}

static pc_result on_features(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	pc_module *m = pc_event_module(ev);
	pc_stanza *feature;

	(void)data;
	if (s == NULL || !can_start(s))
		return PC_PASS;
	feature = pc_stanza_open(pc_event_stanza(ev), "starttls", NS);
	if (pc_opt_bool(m, pc_opt_is_set(m, "c2s_require_encryption") ? "c2s_require_encryption"
	                                                              : "require_encryption"))
		pc_stanza_open(feature, "required", NULL);
	return PC_PASS;
}

static void answer(const pc_session *s, const char *name)
{
	pc_stanza *st = pc_stanza_new(name, NS);

	pc_session_send(s, st);
	pc_stanza_free(&st);
}

static pc_result on_starttls(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);

	(void)data;
	if (s == NULL ||
	    (s->type != PC_C2S_UNAUTHED && s->type != PC_C2S_UNBOUND && s->type != PC_C2S))
		return PC_PASS;
	if (!can_start(s)) {
		pc_log_session(pc_event_module(ev), s, PC_INFO,
		               "asked for TLS where there is none to have");
		answer(s, "failure");
		pc_session_close(s, NULL, NULL);
		return PC_HANDLED;
	}
	answer(s, "proceed");
	pc_stream_starttls(pc_session_stream(s), pc_session_host(s));
	return PC_HANDLED;
}

static void load(pc_module *m)
{
	/* First of all features: clients may stop reading at a required one. */
	pc_hook(m, "stream-features", on_features, 100);
	pc_hook(m, "stanza/" NS ":starttls", on_starttls, 0);
}

static const pc_option options[] = {
	{ .name = "c2s_require_encryption",
	  .type = PC_OPT_BOOLEAN,
	  .live = true,
	  .help = "Clients must use TLS before they log in (default: require_encryption)" },
	{ .name = "require_encryption",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "true",
	  .live = true,
	  .help = "Old name for c2s_require_encryption" },
	{ 0 },
};

PC_MODULE(tls, .summary = "STARTTLS for clients (RFC 6120 section 5)", .options = options,
          .load = load);
