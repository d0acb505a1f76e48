/*
 * stream_transport.c - streams that did not come by a listener: those that we open, and those that
 * another transport carries (RFC 7395, XEP-0124), whose bytes are parsed on the main thread.
 */
#include <string.h>

#include "bounds.h"
#include "modules.h"
#include "server.h"
#include "stream_internal.h"

/* What a framed transport's elements stand in: nobody sees it. */
static const char surroundings[] = "<stream:stream xmlns:stream='" PC_NS_STREAM "'>";

pc_stream *pc__stream_connected(pc_module *m, const pc_connect_args *args, pc_conn_id conn)
{
	pc_stream *s = pc__stream_make(m, args->class, conn, args->address, false);

	s->we_connected = true;
	s->user = args->data;
	return s;
}

static void on_header(const pc__xml_header *h, void *data)
{
	pc_stream *s = data;

	if (!s->transport->framed && s->state == PC__STREAM_WAITING)
		pc__stream_got_header(s, h);
}

static void open_by_element(pc_stream *s, pc_stanza *open)
{
	pc__xml_header h = { .to = pc_stanza_get(open, "to"),
		             .from = pc_stanza_get(open, "from"),
		             .id = pc_stanza_get(open, "id"),
		             .version = pc_stanza_get(open, "version"),
		             .lang = pc_stanza_get(open, "xml:lang"),
		             .content_ns = NULL };

	pc__stream_got_header(s, &h);
	pc_stanza_free(&open);
}

static bool on_element(pc_stanza *st, void *data)
{
	pc_stream *s = data;

	if (s->transport->framed && pc_stanza_is(st, "open", "urn:ietf:params:xml:ns:xmpp-framing"))
		open_by_element(s, st);
	else if (s->state == PC__STREAM_OPEN && s->class->element)
		s->class->element(s, st);
	else
		pc_stanza_free(&st);
	return s->state != PC__STREAM_GONE;
}

static void on_end(void *data)
{
	pc_stream_close(data);
}

static const pc__xml_callbacks callbacks = { on_header, on_element, on_end };

pc_stream *pc_stream_new(pc_module *m, const pc_stream_class *class, const char *ip, bool secure,
                         const pc_transport *transport, void *t)
{
	pc_stream *s = pc__stream_make(m, class, 0, ip, secure);
	size_t used;

	s->transport = transport;
	s->t = t;
	s->parser = pc__xml_new(&callbacks, class->content_ns, &pc__xml_limits_unauthed, s);
	if (transport->framed)
		pc__xml_feed(s->parser, surroundings, sizeof(surroundings) - 1, &used);
	return s;
}

int pc_stream_input(pc_stream *s, const void *bytes, size_t len)
{
	const char *text, *condition;
	size_t used;

	if (s->state == PC__STREAM_CLOSING || s->state == PC__STREAM_GONE)
		return PC_ECANCELED;
	if (pc__xml_feed(s->parser, bytes, len, &used) >= 0)
		return PC_OK;
	condition = pc__xml_error(s->parser, &text);
	if (strcmp(condition, "policy-violation") == 0)
		pc__bound_reached(PC__BOUND_STANZA);
	pc_stream_error(s, condition, text);
	return PC_EINVAL;
}
