#include "streams.h"

#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "log.h"
#include "modules.h"
#include "ports.h"
#include "server.h"
#include "stream_internal.h"
#include "util/mem.h"
#include "xml/frame.h"

#define TIMEOUT_SECONDS 30
#define CLOSE_SECONDS 5
#define SLOW_MS 50

/* ------------------------------------------------------------ by connection */

/* A table for each I/O thread, by slot; the whole number is compared, so a slot's next connection
 * is not taken for the last one. */
static struct table {
	pc_stream **at;
	size_t n;
} * tables;
static size_t n_tables, n_streams, n_xmpp;

static pc_stream **place(pc_conn_id conn, bool make)
{
	size_t t = pc__io_thread_of(conn), slot = pc__io_slot_of(conn);

	if (make && t >= n_tables) {
		tables = pc__realloc(tables, (t + 1) * sizeof(*tables));
		memset(tables + n_tables, 0, (t + 1 - n_tables) * sizeof(*tables));
		n_tables = t + 1;
	}
	if (make && slot >= tables[t].n) {
		size_t n = tables[t].n ? tables[t].n : 64;

		while (n <= slot)
			n *= 2;
		tables[t].at = pc__realloc(tables[t].at, n * sizeof(pc_stream *));
		memset(tables[t].at + tables[t].n, 0, (n - tables[t].n) * sizeof(pc_stream *));
		tables[t].n = n;
	}
	return t < n_tables && slot < tables[t].n ? &tables[t].at[slot] : NULL;
}

static pc_stream *find(pc_conn_id conn)
{
	pc_stream **at = place(conn, false);

	return at && *at && (*at)->conn == conn ? *at : NULL;
}

static void each_stream(void (*fn)(pc_stream *s, const void *data), const void *data)
{
	for (size_t t = 0; t < n_tables; t++)
		for (size_t i = 0; i < tables[t].n; i++)
			if (tables[t].at[i])
				fn(tables[t].at[i], data);
}

size_t pc__streams_count(void)
{
	return n_streams;
}

size_t pc__streams_count_xmpp(void)
{
	return n_xmpp;
}

const pc_stream_class pc__class_gone = { .size = sizeof(pc_stream_class), .name = "gone" };

/* ------------------------------------------------------------ making and ending */

double pc__stream_option(const pc_stream *s, const char *suffix, double dflt)
{
	return pc__service_seconds(s->class->name, suffix, dflt);
}

static void on_deadline(struct pc__timer *t)
{
	pc_stream *s = PC__CONTAINER(t, pc_stream, deadline);

	pc_stream_error(s, "connection-timeout", NULL);
}

pc_stream *pc__stream_make(pc_module *m, const pc_stream_class *class, pc_conn_id conn,
                           const char *ip, bool secure)
{
	pc_stream *s = pc__alloc(sizeof(*s) + class->data_size);

	s->conn = conn;
	s->class = class;
	s->m = m;
	s->barrier = true;
	s->secure = secure;
	s->versioned = true;
	s->limit = pc__xml_limits_unauthed.stanza_bytes;
	s->ip = pc__strdup(ip);
	if (conn)
		*place(conn, true) = s;
	n_streams++;
	s->is_xmpp = class->framing == PC_FRAMING_XMPP;
	n_xmpp += s->is_xmpp;
	if (class->framing == PC_FRAMING_XMPP) {
		s->session = pc__session_new(s, class->type, ip);
		s->session->pub.secure = secure;
		pc__timer_set(&s->deadline, pc__stream_option(s, "timeout", TIMEOUT_SECONDS),
		              on_deadline);
	}
	return s;
}

static void unowe(pc_stream *s);

static void free_stream(pc_stream *s)
{
	bool is_xmpp = s->is_xmpp;

	pc__timer_clear(&s->deadline);
	unowe(s);
	if (s->conn)
		*place(s->conn, true) = NULL;
	pc__io_tls_info_free(&s->tls);
	pc__xml_free(&s->parser);
	free(s->ip);
	free(s);
	n_streams--;
	n_xmpp -= is_xmpp;
}

/* The connection is gone: the session's end is due, then the stream's. */
void pc__stream_gone(pc_stream *s, const char *reason)
{
	bool orderly = s->state == PC__STREAM_CLOSING;

	s->state = PC__STREAM_GONE;
	if (s->class->closed)
		s->class->closed(s, reason);
	if (s->session)
		pc__session_stream_gone(s->session, orderly ? NULL : "connection lost");
	free_stream(s);
}

void pc__stream_set_session(pc_stream *s, struct pc__session *session)
{
	s->session = session;
}

void pc__stream_forget_session(pc_stream *s)
{
	s->session = NULL;
}

void pc__stream_authenticated(pc_stream *s)
{
	s->authenticated = true;
	pc__timer_clear(&s->deadline);
}

void pc__stream_bound(pc_stream *s)
{
	pc__io_tls_info_free(&s->tls);
	pc_stream_barrier(s, false);
}

/* ------------------------------------------------------------ elements under way */

static struct pc__element current;
static bool kept;

struct pc__element pc__stream_element(void)
{
	return current;
}

void pc__stream_keep_element(void)
{
	kept = true;
}

static pc_stream *owing;

static void unowe(pc_stream *s)
{
	pc_stream **at = &owing;

	if (!s->owes)
		return;
	while (*at != s)
		at = &(*at)->owed_next;
	*at = s->owed_next;
	s->owes = false;
}

/* Places are given back once a turn, whatever the number of elements. */
static void owe(pc_stream *s, size_t bytes)
{
	s->owed++;
	s->owed_bytes += bytes;
	if (!s->owes) {
		s->owes = true;
		s->owed_next = owing;
		owing = s;
	}
}

static void give_back_all(void)
{
	while (owing) {
		pc_stream *s = owing;

		owing = s->owed_next;
		s->owes = false;
		pc__io_credit(pc__server.io, s->conn, s->owed, s->owed_bytes);
		s->owed = 0;
		s->owed_bytes = 0;
	}
}

static void take_barrier_off(pc_stream *s)
{
	enum pc__stream_then then = s->then;

	s->then = PC__THEN_CONTINUE;
	if (then == PC__THEN_RESTART)
		pc__io_restart(pc__server.io, s->conn);
	else if (then == PC__THEN_STARTTLS)
		pc__io_starttls(pc__server.io, s->conn, s->host ? pc_host_name(s->host) : NULL);
	else
		pc__io_continue(pc__server.io, s->conn);
}

/* With the barrier up the element's end is what the I/O thread waits for; with it down only the
 * count matters. */
void pc__stream_element_done(pc_conn_id conn, size_t bytes)
{
	pc_stream *s = conn ? find(conn) : NULL;

	if (s == NULL)
		return;
	owe(s, bytes);
	if (s->under_barrier) {
		s->under_barrier = false;
		take_barrier_off(s);
	}
}

void pc_stream_barrier(pc_stream *s, bool up)
{
	if (s->barrier == up)
		return;
	s->barrier = up;
	if (s->conn)
		pc__io_barrier(pc__server.io, s->conn, up);
}

void pc_stream_restart(pc_stream *s)
{
	s->then = PC__THEN_RESTART;
	s->state = PC__STREAM_WAITING;
	s->header_sent = false;
	s->restarted = true;
}

void pc_stream_starttls(pc_stream *s, pc_host *host)
{
	if (host)
		s->host = host;
	s->then = PC__THEN_STARTTLS;
	s->state = PC__STREAM_WAITING;
	s->header_sent = false;
	s->restarted = true;
}

/* ------------------------------------------------------------ sending */

struct pc__buf *pc__stream_begin(pc_stream *s)
{
	static struct pc__buf scratch;

	if (s->state == PC__STREAM_CLOSING || s->state == PC__STREAM_GONE)
		return NULL;
	if (s->transport) {
		scratch.len = 0;
		s->sending = &scratch;
	} else {
		s->sending = pc__io_send_begin(pc__server.io, s->conn);
	}
	return s->sending;
}

void pc__stream_end(pc_stream *s)
{
	if (s->transport)
		s->transport->send(s->t, s->sending->p, s->sending->len);
	else
		pc__io_send_end(pc__server.io);
	s->sending = NULL;
}

void pc__stream_raw(pc_stream *s, const char *text, size_t len)
{
	struct pc__buf *out = pc__stream_begin(s);

	if (out == NULL)
		return;
	pc__buf_add(out, text, len);
	pc__stream_end(s);
}

bool pc__stream_is_framed(const pc_stream *s)
{
	return s->transport && s->transport->framed;
}

void pc__stream_slow_conn(pc_conn_id conn)
{
	pc_stream *s = find(conn);

	if (s && s->session && s->session->pub.type == PC_C2S)
		pc__io_slow(pc__server.io, conn, SLOW_MS);
}

int pc_stream_send(pc_stream *s, pc_stanza *st)
{
	struct pc__buf *out = pc__stream_begin(s);
	pc__body *body;

	if (out == NULL)
		return PC_ECANCELED;
	body = pc__body_of(st);
	pc__body_write(body, pc_stanza_get(st, "to"), pc__stream_is_framed(s) ? PC_NS_CLIENT : NULL,
	               NULL, out);
	pc__body_unref(&body);
	pc__stream_end(s);
	return PC_OK;
}

int pc_stream_write(pc_stream *s, const void *bytes, size_t len)
{
	if (s->state == PC__STREAM_CLOSING || s->state == PC__STREAM_GONE)
		return PC_ECANCELED;
	pc__stream_raw(s, bytes, len);
	return PC_OK;
}

/* ------------------------------------------------------------ closing */

static void on_close_timeout(struct pc__timer *t)
{
	pc_stream *s = PC__CONTAINER(t, pc_stream, deadline);

	pc_stream_abort(s, "no end of the stream in time");
}

void pc__stream_await_end(pc_stream *s)
{
	s->state = PC__STREAM_CLOSING;
	pc__timer_set(&s->deadline, pc__stream_option(s, "close_timeout", CLOSE_SECONDS),
	              on_close_timeout);
	if (s->transport)
		s->transport->close(s->t);
	if (s->session)
		pc__session_stream_closing(s->session);
}

/* RFC 6120 4.4: we wait for the peer's end only if it has had our header. */
void pc_stream_close(pc_stream *s)
{
	static const char end[] = "</stream:stream>";

	if (s->state == PC__STREAM_CLOSING || s->state == PC__STREAM_GONE)
		return;
	if (s->class->framing == PC_FRAMING_RAW || !s->header_sent) {
		s->state = PC__STREAM_CLOSING;
		pc__io_close(pc__server.io, s->conn, "closed");
		return;
	}
	pc__stream_raw(s, end, sizeof(end) - 1);
	pc__stream_await_end(s);
}

void pc_stream_abort(pc_stream *s, const char *reason)
{
	if (s->state == PC__STREAM_GONE)
		return;
	s->state = PC__STREAM_CLOSING;
	if (s->conn)
		pc__io_abort(pc__server.io, s->conn, reason);
}

static void close_one(pc_stream *s, const void *condition)
{
	if (s->class->framing == PC_FRAMING_XMPP)
		pc_stream_error(s, condition, NULL);
}

void pc__streams_close_all(const char *condition)
{
	each_stream(close_one, condition);
}

static void close_of(pc_stream *s, const void *m)
{
	if (s->m != m)
		return;
	if (s->class->framing == PC_FRAMING_XMPP)
		pc_stream_error(s, "system-shutdown", NULL);
	else
		pc_stream_abort(s, "the module is unloaded");
	s->m = NULL;
	s->class = &pc__class_gone;
}

void pc__streams_close_of(const pc_module *m)
{
	each_stream(close_of, m);
}

struct move {
	const pc_module *old;
	pc_module *new;
	const pc_stream_class *class;
};

static void move_one(pc_stream *s, const void *data)
{
	const struct move *mv = data;

	if (s->m != mv->old || strcmp(s->class->name, mv->class->name) != 0 ||
	    s->class->data_size != mv->class->data_size)
		return;
	s->m = mv->new;
	s->class = mv->class;
}

void pc__streams_move(const pc_module *old, pc_module *new, const pc_stream_class *class)
{
	each_stream(move_one, &(struct move){ old, new, class });
}

/* ------------------------------------------------------------ what the I/O threads tell */

static void on_accepted(pc_conn_id conn, void *user, const char *ip, void *data)
{
	const struct pc__socket *socket = user;
	pc_stream *s = pc__stream_make(socket->m, socket->class, conn, ip, false);

	(void)data;
	if (s->class->opened)
		s->class->opened(s);
	if (s->class->framing == PC_FRAMING_RAW)
		pc_stream_barrier(s, false);
}

static void on_connected(pc_conn_id conn, void *data)
{
	pc_stream *s = find(conn);

	(void)data;
	if (s && s->class->opened)
		s->class->opened(s);
}

static void on_tls_done(pc_conn_id conn, pc__io_tls_info *info, void *data)
{
	pc_stream *s = find(conn);

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
	pc_stream *s = find(conn);

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

static void take_element(pc_stream *s, pc_stanza *st)
{
	if (s->state == PC__STREAM_CLOSING || s->state == PC__STREAM_WAITING) {
		pc_stanza_free(&st);
	} else if (is_misplaced(st)) {
		pc_stanza_free(&st);
		pc_stream_error(s, "invalid-namespace", NULL);
	} else if (is_stream_error(st)) {
		pc_stanza_free(&st);
		pc_stream_close(s);
	} else if (s->class->element) {
		s->class->element(s, st);
	} else {
		pc_stanza_free(&st);
	}
}

static void on_element(pc_conn_id conn, pc_stanza *st, size_t bytes, void *data)
{
	pc_stream *s = find(conn);

	(void)data;
	if (s == NULL) {
		pc_stanza_free(&st);
		return;
	}
	current = (struct pc__element){ conn, bytes };
	kept = false;
	s->under_barrier = s->barrier;
	take_element(s, st);
	current.conn = 0;
	if (!kept)
		pc__stream_element_done(conn, bytes);
}

static void on_bytes(pc_conn_id conn, const void *bytes, size_t len, void *data)
{
	pc_stream *s = find(conn);

	(void)data;
	if (s && s->state != PC__STREAM_CLOSING && s->class->bytes)
		s->class->bytes(s, bytes, len);
	if (find(conn) == s && s)
		owe(s, len);
}

static void on_stream_end(pc_conn_id conn, void *data)
{
	pc_stream *s = find(conn);

	(void)data;
	if (s == NULL)
		return;
	if (s->class->ended)
		s->class->ended(s);
	pc_stream_close(s);
	pc__io_close(pc__server.io, conn, "closed");
}

static void on_error(pc_conn_id conn, const char *condition, const char *text, void *data)
{
	pc_stream *s = find(conn);

	(void)data;
	if (s == NULL)
		return;
	if (s->state == PC__STREAM_CLOSING) /* it has said enough */
		pc__io_close(pc__server.io, conn, "closed");
	else
		pc_stream_error(s, condition, text);
}

static void on_idle(pc_conn_id conn, void *data)
{
	pc_stream *s = find(conn);

	(void)data;
	if (s && s->state == PC__STREAM_OPEN && (s->class->idle == NULL || !s->class->idle(s)))
		pc_stream_error(s, "connection-timeout", NULL);
}

static void on_piled(pc_conn_id conn, void *data)
{
	pc_stream *s = find(conn);

	(void)data;
	if (s)
		s->lags = true;
}

static void on_drained(pc_conn_id conn, void *data)
{
	pc_stream *s = find(conn);

	(void)data;
	if (s == NULL)
		return;
	s->lags = false;
	if (s->class->drained)
		s->class->drained(s);
}

static void on_closed(pc_conn_id conn, const char *reason, void *data)
{
	pc_stream *s = find(conn);

	(void)data;
	if (s == NULL)
		return;
	pc__log("streams", PC_DEBUG, "%s from %s ended: %s", s->class->name, s->ip, reason);
	pc__stream_gone(s, reason);
}

static void on_turn(void *data)
{
	(void)data;
	pc__sessions_reap();
	give_back_all();
}

const pc__io_handler pc__streams_handler = {
	.accepted = on_accepted,
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
	.closed = on_closed,
	.turn = on_turn,
};
