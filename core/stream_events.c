/*
 * stream_events.c - what the I/O threads tell of connections, turned into what streams do.
 */
#include <string.h>

#include "bounds.h"
#include "events.h"
#include "log.h"
#include "ports.h"
#include "quotas.h"
#include "server.h"
#include "sessions.h"
#include "stream_internal.h"
#include "turns.h"
#include "util/mem.h"

static void tell_connected(pc_stream *s)
{
	pc__notify(pc__bus_global(), "stream-connected", NULL, 0,
	           (pc_arg[]){ PC_PTR("stream", s), PC_STR("class", s->class->name) }, 2);
}

static void on_accepted(pc_conn_id conn, void *user, const char *ip, void *data)
{
	const struct pc__socket *socket = user;
	pc_stream *s = pc__stream_make(socket->m, socket->class, conn, ip, false);

	(void)data;
	tell_connected(s);
	if (s->class->opened)
		s->class->opened(s);
	if (s->class->framing == PC_FRAMING_RAW)
		pc_stream_barrier(s, false);
}

static void on_refused(void *user, const pc__io_quota *quota, const char *ip, void *data)
{
	(void)user;
	(void)data;
	pc__quota_refused(quota, ip);
}

static void on_connected(pc_conn_id conn, void *data)
{
	pc_stream *s = pc__stream_find(conn);

	(void)data;
	if (s == NULL)
		return;
	tell_connected(s);
	if (s->class->opened)
		s->class->opened(s);
}

static void on_tls_done(pc_conn_id conn, pc__io_tls_info *info, void *data)
{
	pc_stream *s = pc__stream_find(conn);

	(void)data;
	if (s == NULL) {
		pc__io_tls_info_free(&info);
		return;
	}
	s->secure = true;
	s->tls = info;
	s->tls_version = info->version;
	s->tls_cipher = info->cipher;
	if (s->session)
		s->session->pub.secure = true;
	if (s->class->secured)
		s->class->secured(s);
}

static void on_header(pc_conn_id conn, const pc__xml_header *h, void *data)
{
	pc_stream *s = pc__stream_find(conn);

	(void)data;
	if (s == NULL)
		return;
	if (s->state == PC__STREAM_WAITING)
		pc__stream_got_header(s, h);
	if (s->state != PC__STREAM_GONE)
		pc__io_continue(pc__server.io, conn);
}

/* RFC 6120 4.9.3.10 and 4.8.2: stanzas are in the stream's content namespace. */
static bool is_misplaced(const pc_stanza *st)
{
	static const char *const names[] = { "message", "presence", "iq" };
	const char *ns = pc_stanza_ns(st);

	if (ns == NULL || *ns == '\0')
		return true;
	for (size_t i = 0; i < PC__COUNT(names); i++)
		if (strcmp(pc_stanza_name(st), names[i]) == 0)
			return strcmp(ns, PC_NS_CLIENT) != 0;
	return false;
}

static bool is_stream_error(const pc_stanza *st)
{
	return pc_stanza_is(st, "error", PC_NS_STREAM);
}

void pc__stream_take_element(pc_stream *s, pc_stanza *st)
{
	if (s->state == PC__STREAM_CLOSING || s->state == PC__STREAM_WAITING) {
		pc_stanza_free(&st);
	} else if (is_misplaced(st)) {
		pc_stanza_free(&st);
		pc_stream_error(s, "invalid-namespace", NULL);
	} else if (is_stream_error(st)) {
		if (PC__CLASS_GET(s->class, error))
			s->class->error(s, st);
		pc_stanza_free(&st);
		pc_stream_close(s);
	} else if (s->class->element) {
		s->class->element(s, st);
	} else {
		pc_stanza_free(&st);
	}
}

static void on_element(pc_conn_id conn, pc_stanza *st, size_t bytes, bool waits, void *data)
{
	pc_stream *s = pc__stream_find(conn);

	(void)data;
	if (s == NULL) {
		pc_stanza_free(&st);
		return;
	}
	pc__stream_element_begin(s, conn, bytes, waits);
	pc__stream_take_element(s, st);
	pc__stream_element_end(conn, bytes);
}

static void on_bytes(pc_conn_id conn, const void *bytes, size_t len, void *data)
{
	pc_stream *s = pc__stream_find(conn);

	(void)data;
	if (s && s->state != PC__STREAM_CLOSING && s->class->bytes)
		s->class->bytes(s, bytes, len);
	if (pc__stream_find(conn) == s && s)
		pc__stream_owe(s, len);
}

void pc__stream_got_end(pc_stream *s)
{
	if (s->class->ended)
		s->class->ended(s);
	pc_stream_close(s);
	pc__stream_hang_up(s, "closed");
}

static void on_stream_end(pc_conn_id conn, void *data)
{
	pc_stream *s = pc__stream_find(conn);

	(void)data;
	if (s)
		pc__stream_got_end(s);
}

static void on_error(pc_conn_id conn, const char *condition, const char *text, void *data)
{
	pc_stream *s = pc__stream_find(conn);

	(void)data;
	if (s == NULL)
		return;
	if (strcmp(condition, "policy-violation") == 0)
		pc__bound_reached(PC__BOUND_STANZA);
	if (s->state == PC__STREAM_CLOSING) /* it has said enough */
		pc__io_close(pc__server.io, conn, "closed");
	else
		pc_stream_error(s, condition, text);
}

static void on_idle(pc_conn_id conn, void *data)
{
	pc_stream *s = pc__stream_find(conn);

	(void)data;
	if (s && s->state == PC__STREAM_OPEN && (s->class->idle == NULL || !s->class->idle(s)))
		pc_stream_error(s, "connection-timeout", NULL);
}

static void on_piled(pc_conn_id conn, void *data)
{
	pc_stream *s = pc__stream_find(conn);

	(void)data;
	if (s)
		s->lags = true;
}

static void on_drained(pc_conn_id conn, void *data)
{
	pc_stream *s = pc__stream_find(conn);

	(void)data;
	if (s == NULL)
		return;
	s->lags = false;
	if (s->class->drained)
		s->class->drained(s);
}

static void on_written(pc_conn_id conn, unsigned marks, void *data)
{
	pc_stream *s = pc__stream_find(conn);

	(void)data;
	if (s)
		pc__stream_written(s, marks);
}

static void on_closed(pc_conn_id conn, const char *reason, void *data)
{
	pc_stream *s = pc__stream_find(conn);
	pc_session who;

	(void)data;
	if (s == NULL)
		return;
	who = pc__stream_who(s);
	pc__log_session("streams", &who, PC_DEBUG, "%s ended: %s", s->class->name, reason);
	if (strcmp(reason, PC__IO_UNSENT) == 0)
		pc__bound_reached(PC__BOUND_UNSENT);
	pc__stream_gone(s, reason);
}

static void on_turn(void *data)
{
	(void)data;
	pc__sessions_reap();
	pc__streams_give_back();
}

static void on_settle(void *data)
{
	(void)data;
	pc__turns_settle();
}

const pc__io_handler pc__streams_handler = {
	.accepted = on_accepted,
	.refused = on_refused,
	.connected = on_connected,
	.tls_done = on_tls_done,
	.header = on_header,
	.element = on_element,
	.bytes = on_bytes,
	.stream_end = on_stream_end,
	.error = on_error,
	.idle = on_idle,
	.piled = on_piled,
	.drained = on_drained,
	.written = on_written,
	.closed = on_closed,
	.turn = on_turn,
	.settle = on_settle,
};
