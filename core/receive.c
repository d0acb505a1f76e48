/*
 * receive.c - a top-level element of a peer: what RFC 6120 section 8 asks of it before it is
 * routed.
 */
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "filters.h"
#include "hosts.h"
#include "log.h"
#include "receipts.h"
#include "router.h"
#include "streams.h"
#include "util/mem.h"
#include "xml/parser.h"

static void refuse(struct pc__session *s, pc_stanza *st, const char *condition, const char *text)
{
	pc_stanza *error = pc_stanza_error(st, NULL, condition, text);

	pc_stanza_free(&st);
	if (pc__session_is_servers(&s->pub)) {
		pc__route_stanza(error);
		return;
	}
	pc_session_send(&s->pub, error);
	pc_stanza_free(&error);
}

static size_t count_children(const pc_stanza *st)
{
	size_t n = 0;

	for (const pc_stanza *c = pc_stanza_first(st); c; c = pc_stanza_next(c))
		n++;
	return n;
}

/* RFC 6120 8.2.3. NULL: it keeps the rules. */
static const char *iq_fault(const pc_stanza *iq)
{
	const char *id = pc_stanza_get(iq, "id");
	pc_type type = pc_stanza_type(iq);

	if (id == NULL || *id == '\0')
		return "an iq needs an id";
	if (type != PC_TYPE_GET && type != PC_TYPE_SET && type != PC_TYPE_RESULT &&
	    type != PC_TYPE_ERROR)
		return "the type of an iq is get, set, result or error";
	if ((type == PC_TYPE_GET || type == PC_TYPE_SET) && count_children(iq) != 1)
		return "an iq of type get or set has exactly one child";
	if (type == PC_TYPE_RESULT && count_children(iq) > 1)
		return "an iq of type result has at most one child";
	return NULL;
}

/* RFC 6121 4.7.1: the types of presence. */
static const char *presence_fault(const pc_stanza *presence)
{
	switch (pc_stanza_type(presence)) {
	case PC_TYPE_NONE:
	case PC_TYPE_ERROR:
	case PC_TYPE_PROBE:
	case PC_TYPE_UNAVAILABLE:
	case PC_TYPE_SUBSCRIBE:
	case PC_TYPE_SUBSCRIBED:
	case PC_TYPE_UNSUBSCRIBE:
	case PC_TYPE_UNSUBSCRIBED:
		return NULL;
	default:
		return "presence of an unknown type";
	}
}

static const char *fault_of(const pc_stanza *st)
{
	if (pc__xml_has_odd_namespace(st))
		return "a namespace is not a URI";
	switch (pc_stanza_kind(st)) {
	case PC_IQ:
		return iq_fault(st);
	case PC_PRESENCE:
		return presence_fault(st);
	default:
		return NULL;
	}
}

static bool is_answer(const pc_stanza *st)
{
	pc_type type = pc_stanza_type(st);

	return type == PC_TYPE_ERROR || type == PC_TYPE_RESULT;
}

/* Its end is told later; a module's own stanza is nobody's element, whatever is being handled. */
static void keep(struct pc__element element)
{
	if (element.conn)
		pc__stream_keep_element();
}

/* ------------------------------------------------------------ stanzas of bound sessions */

/* True: it is on its way, and the router tells of its end. */
static bool receive_from_client(struct pc__session *s, pc_stanza *st, struct pc__element element)
{
	char buf[PC_JID_BUF];
	pc_jid from = { s->pub.username, s->host->name, s->pub.resource };
	pc_jid to = { s->pub.username, s->host->name, NULL };
	const char *to_text = pc_stanza_get(st, "to"), *fault = fault_of(st);

	pc_stanza_set(st, "from", s->pub.full_jid);
	if (fault && is_answer(st)) {
		pc_stanza_free(&st);
		return false;
	}
	if (fault) {
		refuse(s, st, "bad-request", fault);
		return false;
	}
	if (to_text && pc_jid_parse(to_text, buf, &to) != PC_OK) {
		if (is_answer(st))
			pc_stanza_free(&st);
		else
			refuse(s, st, "jid-malformed", NULL);
		return false;
	}
	keep(element);
	pc__route_from(s, st, &from, &to, element);
	return true;
}

/* What cannot be read is not sent back as a sender's address either: its server answers. */
static void name_server(pc_stanza *st, const char *to)
{
	char domain[PC_JID_PART_MAX + 1];

	if (to && pc_jid_domain_of(to, domain) == PC_OK)
		pc_stanza_set(st, "to", domain);
}

/* Modules know an address by its prepared form alone (RFC 7622 section 3.1). */
static void set_prepared(pc_stanza *st, const char *attr, const char *text, const pc_jid *jid)
{
	char prepared[PC_JID_MAX + 1];

	pc_jid_write(jid, prepared);
	if (strcmp(prepared, text) != 0)
		pc_stanza_set(st, attr, prepared);
}

/* From components and servers, whose class has looked at the domain of `from`. */
static bool receive_from_peer(struct pc__session *s, pc_stanza *st, struct pc__element element)
{
	char from_buf[PC_JID_BUF], to_buf[PC_JID_BUF];
	pc_jid from, to;
	const char *from_text = pc_stanza_get(st, "from"), *to_text = pc_stanza_get(st, "to");
	const char *fault = fault_of(st);
	bool has_to = to_text && pc_jid_parse(to_text, to_buf, &to) == PC_OK;

	if (from_text == NULL || pc_jid_parse(from_text, from_buf, &from) != PC_OK ||
	    (fault && is_answer(st))) {
		pc__log_session("streams", &s->pub, PC_DEBUG,
		                "a stanza is dropped: its sender is none, or it is no answer");
		pc_stanza_free(&st);
		return false;
	}
	set_prepared(st, "from", from_text, &from);
	if (!has_to)
		name_server(st, to_text);
	if (!has_to && is_answer(st)) {
		pc_stanza_free(&st);
		return false;
	}
	if (fault || !has_to) {
		refuse(s, st, fault ? "bad-request" : "jid-malformed", fault);
		return false;
	}
	set_prepared(st, "to", to_text, &to);
	keep(element);
	pc__route_from(s, st, &from, &to, element);
	return true;
}

/* ------------------------------------------------------------ everything else */

struct unrouted {
	struct pc__element element;
	pc_session_id session;
	pc_stanza *st;
	bool inside;
};

static void answer_unknown(struct pc__session *s, const pc_stanza *st)
{
	bool is_stanza = pc_stanza_kind(st) != PC_OTHER;

	if (s->pub.type == PC_C2S_UNAUTHED || s->pub.type == PC_C2S_UNBOUND)
		pc_session_close(&s->pub, is_stanza ? "not-authorized" : "unsupported-stanza-type",
		                 NULL);
	else
		pc_session_close(&s->pub, "unsupported-stanza-type", NULL);
}

static void on_unrouted_ended(pc_event *ev, pc_result result, void *data)
{
	struct unrouted *u = data;
	const pc_session *s = pc_session_find(u->session);

	if (result == PC_PASS && s)
		answer_unknown(pc__session_of(s), u->st);
	else if (result < 0 && s)
		pc_session_close(s, "internal-server-error", NULL);
	if (!pc__event_taken(ev))
		pc_stanza_free(&u->st);
	if (!u->inside) {
		pc__stream_element_done(u->element.conn, u->element.bytes);
		free(u);
	}
}

/* An element that is no stanza, or a stanza before there is a full JID: `stanza/NS:NAME` or
 * `stanza/iq/NS:NAME` by the payload. A namespace that begins with "iq/" would make the second of
 * the first, and show an element that is no iq to handlers that trust in one. */
static pc__key *key_of(const struct pc__session *s, const pc_stanza *st)
{
	pc__bus *bus = s->host ? s->host->bus : pc__bus_global();
	const pc_stanza *payload;

	if (pc_stanza_kind(st) == PC_OTHER && strncmp(pc_stanza_ns(st), "iq/", 3) == 0)
		return NULL;
	if (pc_stanza_kind(st) == PC_OTHER)
		return pc__bus_find(bus, "stanza/", pc_stanza_ns(st), pc_stanza_name(st));
	payload = pc_stanza_first(st);
	if (pc_stanza_kind(st) != PC_IQ || payload == NULL || iq_fault(st))
		return NULL;
	return pc__bus_find(bus, "stanza/iq/", pc_stanza_ns(payload), pc_stanza_name(payload));
}

static void receive_unrouted(struct pc__session *s, pc_stanza *st, struct pc__element element)
{
	struct unrouted *u = pc__alloc(sizeof(*u));
	pc_result r;

	*u = (struct unrouted){ element, s->pub.id, st, true };
	r = pc__fire(key_of(s, st), &(struct pc__firing){ .host = s->host,
	                                                  .origin = s->pub.id,
	                                                  .stanza = st,
	                                                  .ended = on_unrouted_ended,
	                                                  .data = u });
	u->inside = false;
	if (r == PC_SUSPENDED)
		keep(element);
	else
		free(u);
}

static bool receive(struct pc__session *s, pc_stanza *st, struct pc__element element)
{
	if (pc_stanza_kind(st) != PC_OTHER && s->pub.type == PC_C2S)
		return receive_from_client(s, st, element);
	if (pc_stanza_kind(st) != PC_OTHER &&
	    (s->pub.type == PC_COMPONENT || s->pub.type == PC_S2SIN || s->pub.type == PC_S2SOUT))
		return receive_from_peer(s, st, element);
	receive_unrouted(s, st, element);
	return false;
}

void pc_session_receive(const pc_session *session, pc_stanza *st)
{
	struct pc__session *s = pc__session_of(session);

	struct pc__element element = pc__stream_element();
	bool on_its_way;

	if (s->ending) {
		pc_stanza_free(&st);
		return;
	}
	if (pc_stanza_kind(st) != PC_OTHER)
		pc__receipt_begin(s, &element);
	on_its_way = (s->filters == NULL || pc__filters_in(s, &st)) && receive(s, st, element);
	if (!on_its_way)
		pc__receipt_end(s, &element);
}

void pc_send_as(pc_module *m, const pc_session *s, pc_stanza *st)
{
	(void)m;
	if (pc__session_of(s)->ending)
		pc_stanza_free(&st);
	else
		receive(pc__session_of(s), st, (struct pc__element){ 0 });
}
