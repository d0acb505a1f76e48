#include "streams.h"

#include <stdlib.h>
#include <string.h>

#include "bounds.h"
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

pc_stream *pc__stream_find(pc_conn_id conn)
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

const char *pc__class_options(const pc_stream_class *class)
{
	const char *options = PC__CLASS_GET(class, options);

	return options ? options : class->name;
}

double pc__stream_option(const pc_stream *s, const char *suffix, double dflt)
{
	return pc__service_seconds(pc__class_options(s->class), suffix, dflt);
}

static void on_deadline(struct pc__timer *t)
{
	pc_stream *s = PC__CONTAINER(t, pc_stream, deadline);

	pc__bound_reached(PC__BOUND_LOGIN);
	pc_stream_error(s, "connection-timeout", NULL);
}

static bool is_over(const pc_stream *s)
{
	return s->state == PC__STREAM_CLOSING || s->state == PC__STREAM_GONE;
}

/* The timer of a stream that ends is that of its end. */
static void clear_deadline(pc_stream *s)
{
	if (!is_over(s))
		pc__timer_clear(&s->deadline);
}

static void set_deadline(pc_stream *s)
{
	double seconds = PC__CLASS_GET(s->class, timeout);

	pc__timer_set(&s->deadline,
	              pc__stream_option(s, "timeout", seconds > 0 ? seconds : TIMEOUT_SECONDS),
	              on_deadline);
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
	*place(conn, true) = s;
	n_streams++;
	s->is_xmpp = class->framing == PC_FRAMING_XMPP;
	n_xmpp += s->is_xmpp;
	if (!s->is_xmpp)
		s->state = PC__STREAM_OPEN; /* there is no header to wait for */
	if (s->is_xmpp) {
		pc__stream_set_session(s, pc__session_new(s, class->type, ip));
		s->session->pub.secure = secure;
		set_deadline(s);
	}
	return s;
}

static void free_stream(pc_stream *s)
{
	bool is_xmpp = s->is_xmpp;

	pc__timer_clear(&s->deadline);
	pc__stream_unowe(s);
	if (*place(s->conn, true) == s) /* `closed` may have connected anew */
		*place(s->conn, true) = NULL;
	pc__io_tls_info_free(&s->tls);
	if (s->carried)
		pc__carried_free(s);
	pc__stream_untie(s);
	free(s->peer);
	free(s->ip);
	free(s);
	n_streams--;
	n_xmpp -= is_xmpp;
}

/* The connection is gone: the session's end is due, then the stream's. */
void pc__stream_gone(pc_stream *s, const char *reason)
{
	bool orderly = s->state == PC__STREAM_CLOSING && !s->lost;

	s->state = PC__STREAM_GONE;
	if (s->class->closed)
		s->class->closed(s, reason);
	pc__stream_cancel_marks(s);
	if (s->session)
		pc__session_stream_gone(s->session, orderly ? NULL : "connection lost");
	free_stream(s);
}

void pc__stream_set_session(pc_stream *s, struct pc__session *session)
{
	s->session = session;
	s->who = session->pub.id;
	if (session->pub.type == PC_C2S)
		clear_deadline(s);
}

void pc__stream_forget_session(pc_stream *s)
{
	s->session = NULL;
}

/* A client has as much time again to bind: what has no resource counts nowhere. */
void pc__stream_authenticated(pc_stream *s)
{
	s->authenticated = true;
	pc__io_prove(pc__server.io, s->conn);
	clear_deadline(s);
	if (!is_over(s) && s->session && s->session->pub.type == PC_C2S_UNBOUND)
		set_deadline(s);
}

void pc__stream_bound(pc_stream *s)
{
	clear_deadline(s);
	pc__io_tls_info_free(&s->tls);
	pc_stream_barrier(s, false);
}

/* ------------------------------------------------------------ what comes next */

void pc_stream_barrier(pc_stream *s, bool up)
{
	if (s->barrier == up)
		return;
	s->barrier = up;
	if (!s->carried)
		pc__io_barrier(pc__server.io, s->conn, up);
}

/* Neither brings a stream back that has ended meanwhile. */
void pc_stream_restart(pc_stream *s)
{
	if (is_over(s))
		return;
	s->then = PC__THEN_RESTART;
	s->state = PC__STREAM_WAITING;
	s->header_sent = false;
	s->restarted = true;
}

void pc_stream_starttls(pc_stream *s, pc_host *host)
{
	if (is_over(s) || pc__bug(s->carried != NULL))
		return;
	if (host)
		s->host = host;
	if (s->class->framing == PC_FRAMING_RAW) {
		pc__io_starttls(pc__server.io, s->conn, s->host ? pc_host_name(s->host) : NULL);
		return;
	}
	s->then = PC__THEN_STARTTLS;
	s->state = PC__STREAM_WAITING;
	s->header_sent = false;
	s->restarted = true;
}

/* ------------------------------------------------------------ sending */

struct pc__buf *pc__stream_begin(pc_stream *s)
{
	static struct pc__buf scratch;

	if (is_over(s))
		return NULL;
	if (s->carried) {
		scratch.len = 0;
		s->sending = &scratch;
	} else {
		s->sending = pc__io_send_begin(pc__server.io, s->conn);
	}
	return s->sending;
}

void pc__stream_end(pc_stream *s)
{
	if (s->carried)
		pc__carried_send(s, s->sending->p, s->sending->len);
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

void pc__stream_slow_conn(pc_conn_id conn)
{
	pc_stream *s = pc__stream_find(conn), *line = s;

	if (s && s->carried)
		line = pc__carried_by(s);
	if (line && s->session && s->session->pub.type == PC_C2S)
		pc__io_slow(pc__server.io, line->conn, SLOW_MS);
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
	if (is_over(s))
		return PC_ECANCELED;
	if (s->framed)
		return PC_ENOTSUP;
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
	if (s->session)
		pc__session_stream_closing(s->session);
}

void pc__stream_send_end(pc_stream *s)
{
	const char *end = s->framed ? "<close xmlns='" PC__NS_FRAMING "'/>" : "</stream:stream>";

	pc__stream_raw(s, end, strlen(end));
}

/* What was sent goes out first. */
void pc__stream_hang_up(pc_stream *s, const char *reason)
{
	if (s->carried)
		pc__carried_end(s, reason);
	else
		pc__io_close(pc__server.io, s->conn, reason);
}

/* RFC 6120 4.4, RFC 7395 3.6: we wait for the peer's end only if it has had our header. */
void pc_stream_close(pc_stream *s)
{
	if (is_over(s))
		return;
	if (s->class->framing == PC_FRAMING_RAW || !s->header_sent) {
		s->state = PC__STREAM_CLOSING;
		pc__stream_hang_up(s, "closed");
		return;
	}
	pc__stream_send_end(s);
	pc__stream_await_end(s);
}

void pc_stream_abort(pc_stream *s, const char *reason)
{
	if (s->state == PC__STREAM_GONE)
		return;
	s->state = PC__STREAM_CLOSING;
	if (s->carried)
		pc__carried_end(s, reason);
	else
		pc__io_abort(pc__server.io, s->conn, reason);
}

static void close_one(pc_stream *s, const void *condition)
{
	if (s->class->framing == PC_FRAMING_XMPP)
		pc_stream_error(s, condition, NULL);
}

static void close_client(pc_stream *s, const void *condition)
{
	if (s->session && !pc__session_is_servers(&s->session->pub))
		close_one(s, condition);
}

void pc__streams_close_clients(const char *condition)
{
	each_stream(close_client, condition);
}

void pc__streams_close_all(const char *condition)
{
	each_stream(close_one, condition);
}

static void close_of_host(pc_stream *s, const void *host)
{
	if (s->host == host)
		close_one(s, "host-gone");
}

void pc__streams_close_of_host(const pc_host *host)
{
	each_stream(close_of_host, host);
}

void pc__stream_close_of_module(pc_stream *s)
{
	if (s->class->framing == PC_FRAMING_XMPP)
		pc_stream_error(s, "system-shutdown", NULL);
	else
		pc_stream_abort(s, "the module is unloaded");
	if (s->carried)
		pc__carried_forget_transport(s);
	s->m = NULL;
	s->class = &pc__class_gone;
}

static void close_of(pc_stream *s, const void *m)
{
	if (s->m == m)
		pc__stream_close_of_module(s);
}

void pc__streams_close_of(const pc_module *m)
{
	each_stream(close_of, m);
}

static void close_open_of(pc_stream *s, const void *m)
{
	if (s->host)
		close_of(s, m);
}

void pc__streams_close_open_of(const pc_module *m)
{
	each_stream(close_open_of, m);
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
	pc__stream_move(s, mv->new);
	s->class = mv->class;
}

void pc__streams_move(const pc_module *old, pc_module *new, const pc_stream_class *class)
{
	each_stream(move_one, &(struct move){ old, new, class });
}
