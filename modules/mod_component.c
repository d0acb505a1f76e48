/*
 * mod_component.c - external components (XEP-0114): programs that speak for a domain of ours.
 *
 * Each Component of the configuration has an instance; they share one listener. A component is
 * found by the domain that its stream header is for, and proves itself by the host's secret. What
 * is addressed to the domain goes to its connection; where there are several (policy "share"), all
 * stanzas of one sender go to the same.
 */
#include <stdlib.h>
#include <string.h>

#include <prosody-c/prosody-c.h>

#define NS_ACCEPT "jabber:component:accept"
#define CONNECTIONS_MOST 16

static const char *const conflict_values[] = { "kick_new", "kick_old", "share", NULL };

static const pc_option options[] = {
	{ .name = "component_secret",
	  .type = PC_OPT_STRING,
	  .help = "What the component proves itself with" },
	{ .name = "component_conflict_resolve",
	  .type = PC_OPT_ENUM,
	  .dflt = "kick_new",
	  .values = conflict_values,
	  .live = true,
	  .help = "A second connection for the same domain: which one goes, or share the work" },
	{ .name = "validate_from_addresses",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "true",
	  .live = true,
	  .help = "A component may send from addresses of its own domain only" },
	{ .name = "component_stanza_size_limit",
	  .type = PC_OPT_SIZE,
	  .dflt = "512 KiB",
	  .min = 10000,
	  .max = 67108864,
	  .help = "Bytes of one stanza of a component" },
	{ 0 },
};

static const pc_event_decl events[] = {
	{ "component-authenticated", PC_NOTICE,
	  "a component has proved itself; origin: its session; global bus and the host's" },
	{ "component-disconnected", PC_NOTICE, "a component's connection has gone" },
	{ 0 },
};

struct component {
	pc_session_id sessions[CONNECTIONS_MOST];
	size_t n;
};

/* The instance of a host is found as the provider of this service; there is nothing to call. */
static const char service[] = "component";

static pc_module *instance_of(pc_host *host)
{
	pc_module *m = NULL;

	if (host)
		pc_provider(host, service, &m);
	return m;
}

/* ------------------------------------------------------------ connections */

static void forget(struct component *c, pc_session_id id)
{
	for (size_t i = 0; i < c->n; i++) {
		if (c->sessions[i] == id) {
			memmove(&c->sessions[i], &c->sessions[i + 1],
			        (--c->n - i) * sizeof(c->sessions[0]));
			return;
		}
	}
}

/* Whether there is room for one more connection; makes some by the policy. */
static bool make_room(pc_module *m, struct component *c)
{
	const char *policy = pc_opt_str(m, "component_conflict_resolve");
	const pc_session *other;

	if (c->n == 0)
		return true;
	if (strcmp(policy, "share") == 0)
		return c->n < CONNECTIONS_MOST;
	if (strcmp(policy, "kick_new") == 0)
		return false;
	other = pc_session_find(c->sessions[0]);
	c->n = 0;
	if (other)
		pc_session_close(other, "conflict", "replaced by a new connection");
	return true;
}

/* ------------------------------------------------------------ handshake (XEP-0114 section 3) */

static void on_header(pc_stream *s, const pc_stream_header *h)
{
	char domain[PC_JID_PART_MAX + 1];
	pc_host *host;
	pc_module *m;

	if (h->to == NULL) {
		pc_stream_error(s, "improper-addressing", "the stream header needs a 'to'");
		return;
	}
	host = pc_jid_prep_domain(h->to, domain) == PC_OK ? pc_host_find(domain) : NULL;
	m = instance_of(host);
	if (m == NULL) {
		pc_stream_error(s, "host-unknown", NULL);
		return;
	}
	if (!pc_opt_is_set(m, "component_secret")) {
		pc_log(m, PC_ERROR, "a component cannot connect: there is no component_secret");
		pc_stream_error(s, "not-authorized", NULL);
		return;
	}
	pc_stream_open(s, host, NULL, NULL);
}

/* The lower-case hexadecimal SHA-1 of stream id and secret; the time taken tells nothing. */
static bool is_proof(pc_module *m, const char *stream_id, const char *proof)
{
	const char *secret = pc_opt_str(m, "component_secret");
	size_t id_len = strlen(stream_id), len = strlen(secret);
	uint8_t digest[PC_DIGEST_MAX];
	char *text = malloc(id_len + len), hex[2 * PC_DIGEST_MAX + 1];
	ssize_t n;

	if (text == NULL)
		return false;
	memcpy(text, stream_id, id_len);
	memcpy(text + id_len, secret, len);
	n = pc_digest("SHA-1", text, id_len + len, digest);
	explicit_bzero(text, id_len + len);
	free(text);
	if (n <= 0)
		return false;
	pc_hex_encode(digest, (size_t)n, hex);
	return strlen(proof) == strlen(hex) && pc_equal_secret(proof, hex, strlen(hex));
}

static void accept_component(pc_stream *s, pc_module *m)
{
	struct component *c = pc_module_data(m);
	const pc_session *session = pc_stream_session(s);
	pc_stanza *answer = pc_stanza_new("handshake", NULL);

	c->sessions[c->n++] = session->id;
	pc_stream_set_type(s, PC_COMPONENT);
	pc_stream_set_limit(s, (size_t)pc_opt_int(m, "component_stanza_size_limit"));
	pc_stream_send(s, answer);
	pc_stanza_free(&answer);
	pc_stream_barrier(s, false);
	pc_log_session(m, session, PC_INFO, "the component has connected");
	pc_notify(m, "component-authenticated", &(pc_fire_args){ .origin = session });
	pc_notify(m, "component-authenticated",
	          &(pc_fire_args){ .origin = session, .global = true });
}

static void on_handshake(pc_stream *s, pc_module *m, const pc_stanza *handshake)
{
	if (!is_proof(m, pc_stream_id(s), pc_stanza_get_text(handshake))) {
		pc_log_session(m, pc_stream_session(s), PC_WARN,
		               "a component was refused: wrong secret");
		pc_stream_error(s, "not-authorized", NULL);
	} else if (!make_room(m, pc_module_data(m))) {
		pc_stream_error(s, "conflict", "the component is connected already");
	} else {
		accept_component(s, m);
	}
}

/* ------------------------------------------------------------ from the component */

/* NULL: the sender is allowed to be that. */
static const char *from_fault(pc_module *m, const pc_stanza *st)
{
	const char *from = pc_stanza_get(st, "from");
	char buf[PC_JID_BUF];
	pc_jid jid;

	if (from == NULL)
		return "improper-addressing";
	if (pc_jid_parse(from, buf, &jid) != PC_OK)
		return "invalid-from";
	if (pc_opt_bool(m, "validate_from_addresses") &&
	    strcmp(jid.domain, pc_module_host_name(m)) != 0)
		return "invalid-from";
	return NULL;
}

static void on_stanza(pc_stream *s, pc_module *m, pc_stanza *st)
{
	const char *fault = from_fault(m, st);

	if (fault) {
		pc_stream_error(s, fault, NULL);
		pc_stanza_free(&st);
	} else if (pc_stanza_get(st, "to") == NULL) {
		pc_stream_error(s, "improper-addressing", NULL);
		pc_stanza_free(&st);
	} else {
		pc_session_receive(pc_stream_session(s), st);
	}
}

static void on_element(pc_stream *s, pc_stanza *st)
{
	const pc_session *session = pc_stream_session(s);
	pc_module *m = session ? instance_of(pc_session_host(session)) : NULL;

	if (m && session->type == PC_COMPONENT && pc_stanza_kind(st) != PC_OTHER) {
		on_stanza(s, m, st);
		return;
	}
	if (m && session->type == PC_COMPONENT_UNAUTHED &&
	    pc_stanza_is(st, "handshake", PC_NS_CLIENT))
		on_handshake(s, m, st);
	else
		pc_stream_error(s,
		                session && session->type == PC_COMPONENT ? "unsupported-stanza-type"
		                                                         : "not-authorized",
		                NULL);
	pc_stanza_free(&st);
}

static bool on_idle(pc_stream *s)
{
	return pc_stream_write(s, " ", 1) == PC_OK;
}

static const pc_stream_class class = {
	.size = sizeof(pc_stream_class),
	.name = "component",
	.framing = PC_FRAMING_XMPP,
	.content_ns = NS_ACCEPT,
	.type = PC_COMPONENT_UNAUTHED,
	.header = on_header,
	.element = on_element,
	.idle = on_idle,
};

static const pc_listener listener = {
	.size = sizeof(pc_listener),
	.service = "component",
	.class = &class,
	.default_ports = "5347",
	.private_service = true,
};

/* ------------------------------------------------------------ to the component */

static size_t share_of(const pc_event *ev, size_t n)
{
	const pc_jid *from = pc_event_from(ev);
	size_t h = 5381;

	for (const char *p = from && from->local ? from->local : ""; *p; p++)
		h = h * 33 + (unsigned char)*p;
	for (const char *p = from ? from->domain : ""; *p; p++)
		h = h * 33 + (unsigned char)*p;
	return h % n;
}

static const pc_session *connection_for(const pc_event *ev, struct component *c)
{
	while (c->n > 0) {
		size_t i = share_of(ev, c->n);
		const pc_session *s = pc_session_find(c->sessions[i]);

		if (s)
			return s;
		forget(c, c->sessions[i]);
	}
	return NULL;
}

static pc_result on_stanza_to(pc_event *ev, void *data)
{
	const pc_session *s = connection_for(ev, data);

	if (s)
		return pc_deliver(ev, s);
	if (pc_stanza_kind(pc_event_stanza(ev)) == PC_PRESENCE)
		return PC_HANDLED;
	return pc_reply_error(ev, "wait", "remote-server-timeout",
	                      "the component is not connected");
}

/* The session ends before its connection does. */
static pc_result on_session_closed(pc_event *ev, void *data)
{
	const pc_session *session = pc_event_origin(ev);
	pc_module *m = pc_event_module(ev);

	if (session == NULL || session->type != PC_COMPONENT)
		return PC_PASS;
	forget(data, session->id);
	pc_log_session(m, session, PC_INFO, "the component has gone");
	pc_notify(m, "component-disconnected", &(pc_fire_args){ .origin = session });
	return PC_PASS;
}

/* ------------------------------------------------------------ the module */

static void save(pc_module *m, pc_state *state)
{
	const struct component *c = pc_module_data(m);

	pc_state_put(state, "sessions", c->sessions, c->n * sizeof(c->sessions[0]));
}

static void restore(pc_module *m, const pc_state *state)
{
	struct component *c = pc_module_data(m);
	size_t len = 0;
	const void *bytes = pc_state_get(state, "sessions", &len);

	if (bytes == NULL || len > sizeof(c->sessions))
		return;
	memcpy(c->sessions, bytes, len);
	c->n = len / sizeof(c->sessions[0]);
}

static void load(pc_module *m)
{
	static const char *const hooks[] = { "message/bare",  "message/full",  "message/host",
		                             "presence/bare", "presence/full", "presence/host",
		                             "iq/bare",       "iq/full",       "iq/host" };

	if (pc_module_host(m) == NULL || pc_host_kind(pc_module_host(m)) != PC_COMPONENT_HOST) {
		pc_module_fail(m, "it serves a Component, not a VirtualHost");
		return;
	}
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		pc_hook(m, hooks[i], on_stanza_to, -1);
	pc_hook(m, "session-closed", on_session_closed, 0);
	pc_provide(m, service, service);
	pc_listen(m, &listener);
}

PC_MODULE(component, .summary = "External components (XEP-0114)", .xeps = "0114:1.6",
          .data_size = sizeof(struct component), .state_version = 1, .options = options,
          .events = events, .load = load, .save = save, .restore = restore);
