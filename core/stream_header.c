/*
 * stream_header.c - what opens and ends a stream: headers, features, errors (RFC
 * 6120 4.2, 4.7, 4.9).
 */
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "events.h"
#include "hosts.h"
#include "log.h"
#include "modules.h"
#include "ports.h"
#include "server.h"
#include "stream_internal.h"
#include "util/mem.h"
#include "xml/frame.h"

#define NS_LIMITS "urn:xmpp:stream-limits:0" /* XEP-0478 */
#define LANG_MOST 100 /* bytes of a language tag worth remembering; most are of two to eight */

/* ------------------------------------------------------------ writing */

static void add_attr(struct pc__buf *out, const char *name, const char *value)
{
	if (value == NULL)
		return;
	pc__buf_printf(out, " %s='", name);
	pc__xml_escape(out, value, strlen(value));
	pc__buf_addc(out, '\'');
}

static void declare(struct pc__buf *out, const char *namespaces)
{
	if (namespaces)
		pc__buf_printf(out, " %s", namespaces);
}

void pc__stream_send_header(pc_stream *s, const char *from, const char *to)
{
	struct pc__buf *out = pc__stream_begin(s);

	if (out == NULL)
		return;
	if (pc__stream_is_framed(s)) {
		pc__buf_adds(out, "<open xmlns='" PC__NS_FRAMING "'");
	} else {
		pc__buf_adds(out,
		             "<?xml version='1.0'?><stream:stream xmlns:stream='" PC_NS_STREAM "'");
		add_attr(out, "xmlns", s->class->content_ns);
		declare(out, PC__CLASS_GET(s->class, declares));
	}
	if (!s->we_connected) {
		pc_random_id(s->id);
		add_attr(out, "id", s->id);
	}
	add_attr(out, "from", from);
	add_attr(out, "to", to);
	if (s->versioned) {
		add_attr(out, "version", "1.0");
		add_attr(out, "xml:lang", "en");
	}
	pc__buf_adds(out, pc__stream_is_framed(s) ? "/>" : ">");
	pc__stream_end(s);
	s->header_sent = true;
}

static void write_error(pc_stream *s, const char *condition, const char *text,
                        const pc_stanza *detail)
{
	struct pc__buf *out = pc__stream_begin(s);

	if (out == NULL)
		return;
	pc__buf_adds(out, pc__stream_is_framed(s) ? "<stream:error xmlns:stream='" PC_NS_STREAM "'>"
	                                          : "<stream:error>");
	pc__buf_printf(out, "<%s xmlns='" PC_NS_STREAM_ERRORS "'/>", condition);
	if (text) {
		pc__buf_adds(out, "<text xmlns='" PC_NS_STREAM_ERRORS "' xml:lang='en'>");
		pc__xml_escape(out, text, strlen(text));
		pc__buf_adds(out, "</text>");
	}
	if (detail)
		pc__stanza_write(detail, pc__stream_is_framed(s) ? NULL : PC_NS_CLIENT, out);
	pc__buf_adds(out, "</stream:error>");
	pc__stream_end(s);
	pc__stream_send_end(s);
}

/* 4.9.1.3: empty where the peer has named no host that we know. */
static const char *own_name(const pc_stream *s)
{
	if (s->host)
		return s->host->name;
	return s->we_connected ? NULL : "";
}

/* An error ends the stream, so the connection is closed without waiting for the peer's end
 * (4.9.1.1); what is still coming in is not looked at. */
void pc_stream_error(pc_stream *s, const char *condition, const char *text)
{
	pc_stream_error_with(s, condition, text, NULL);
}

void pc_stream_error_with(pc_stream *s, const char *condition, const char *text,
                          const pc_stanza *detail)
{
	const pc_session who = pc__stream_who(s);

	if (s->state == PC__STREAM_CLOSING || s->state == PC__STREAM_GONE)
		return;
	if (s->class->framing == PC_FRAMING_RAW) {
		pc_stream_close(s);
		return;
	}
	pc__log_session("streams", &who, PC_DEBUG, "%s: stream error %s%s%s", s->class->name,
	                condition, text ? ": " : "", text ? text : "");
	if (!s->header_sent)
		pc__stream_send_header(s, own_name(s), s->peer);
	write_error(s, condition, text, detail);
	pc__stream_await_end(s);
	pc__stream_hang_up(s, condition);
}

/* ------------------------------------------------------------ reading */

/* RFC 6120 4.7.5: the lower of both versions is spoken, which is ours for whoever is above it. No
 * version is the time before XMPP, which classes may take. */
static bool is_version_spoken(const char *version)
{
	static const char digits[] = "0123456789";
	size_t major, minor;

	if (version == NULL)
		return true;
	major = strspn(version, digits);
	if (major == 0 || version[major] != '.')
		return false;
	minor = strspn(version + major + 1, digits);
	return minor > 0 && version[major + 1 + minor] == '\0' && strspn(version, "0") < major;
}

static const char *header_fault(const pc_stream *s, const pc__xml_header *h)
{
	if (h->content_ns && strcmp(h->content_ns, s->class->content_ns) != 0)
		return "invalid-namespace";
	if (!is_version_spoken(h->version))
		return "unsupported-version";
	return NULL;
}

static void note_peer(pc_stream *s, const char *from)
{
	char buf[PC_JID_BUF], bare[PC_JID_MAX + 1];
	pc_jid jid;

	pc__free(&s->peer);
	if (from == NULL || pc_jid_parse(from, buf, &jid) != PC_OK)
		return;
	pc_jid_write_bare(&jid, bare);
	s->peer = pc__strdup(bare);
}

/* Whom the peer meant is who answers, be it by an error. */
static pc_host *meant_host(const pc_stream *s, const char *to)
{
	char domain[PC_JID_PART_MAX + 1];

	if (s->host || to == NULL || pc_jid_prep_domain(to, domain) != PC_OK)
		return s->host;
	return pc_host_find(domain);
}

void pc__stream_got_header(pc_stream *s, const pc__xml_header *h)
{
	const char *fault = header_fault(s, h);
	pc_stream_header header = { .to = h->to,
		                    .from = h->from,
		                    .id = h->id,
		                    .version = h->version,
		                    .lang = h->lang,
		                    .content_ns = h->content_ns,
		                    .restarted = s->restarted };

	s->state = PC__STREAM_OPEN;
	s->versioned = h->version != NULL || s->we_connected;
	note_peer(s, h->from);
	if (fault) {
		s->host = meant_host(s, h->to);
		pc_stream_error(s, fault, NULL);
		return;
	}
	if (s->session && h->lang && strlen(h->lang) <= LANG_MOST)
		pc__session_set_lang(s->session, h->lang);
	if (s->class->header)
		s->class->header(s, &header);
}

/* ------------------------------------------------------------ features */

static void add_limits(pc_stream *s, pc_stanza *features)
{
	pc_stanza *limits = pc_stanza_open(features, "limits", NS_LIMITS);
	double idle = pc__stream_option(s, "read_timeout", 840);
	char *text = pc__printf("%zu", s->limit);

	pc_stanza_leaf(limits, "max-bytes", text);
	free(text);
	text = pc__printf("%.0f", idle);
	pc_stanza_leaf(limits, "idle-seconds", text);
	free(text);
}

void pc_stream_send_features(pc_stream *s)
{
	pc_stanza *features = pc_stanza_new("features", PC_NS_STREAM);
	pc_host *host = s->host;
	pc_session_id id = s->session->pub.id;

	pc__fire_name(host->bus, "stream-features",
	              &(struct pc__firing){
	                      .host = host, .origin = id, .stanza = features, .notice = true });
	if (pc_session_find(id) && s->state == PC__STREAM_OPEN) {
		if (pc_stanza_first(features) == NULL && s->session->pub.type == PC_C2S_UNAUTHED) {
			pc_stream_error(s, "undefined-condition", "no way to log in is offered");
		} else {
			add_limits(s, features);
			pc_stream_send(s, features);
		}
	}
	pc_stanza_free(&features);
}

static void on_open_ended(pc_event *ev, pc_result result, void *data)
{
	const pc_session *session = pc_event_origin(ev);
	pc_stream *s = session ? pc_session_stream(session) : NULL;

	(void)data;
	if (s == NULL || s->state != PC__STREAM_OPEN)
		return;
	if (result < 0)
		pc_stream_error(s, "internal-server-error", NULL);
	else if (result == PC_PASS)
		pc_stream_send_features(s);
}

static bool is_for_clients(const pc_stream *s)
{
	return s->session && strcmp(s->class->content_ns, PC_NS_CLIENT) == 0 && !s->we_connected;
}

void pc_stream_open(pc_stream *s, pc_host *host, const char *to, const char *from)
{
	pc_stream_set_host(s, host);
	pc__stream_send_header(s, from ? from : host ? host->name : NULL, to);
	if (s->session)
		s->session->pub.notopen = false;
	if (host && is_for_clients(s))
		pc__fire_name(host->bus, "stream-open",
		              &(struct pc__firing){ .host = host,
		                                    .origin = s->session->pub.id,
		                                    .ended = on_open_ended });
}

/* Where the instances of a module share a listener, a stream belongs to that of its host. */
static void join_host(pc_stream *s, pc_host *host)
{
	bool shared = host && s->m && s->tie == NULL;
	pc_module *m = shared ? pc__module_find(host, s->m->def->name) : NULL;

	s->host = host;
	if (m)
		s->m = m;
}

void pc_stream_set_host(pc_stream *s, pc_host *host)
{
	join_host(s, host);
	if (s->session)
		pc__session_set_host(s->session, host);
}

void pc_stream_set_type(pc_stream *s, pc_session_type type)
{
	if (s->session)
		s->session->pub.type = type;
	pc__stream_authenticated(s);
}
