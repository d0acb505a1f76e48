/*
 * stream_internal.h - the struct that streams.c (life), stream_header.c (headers, features,
 * errors), stream_elements.c, stream_events.c, stream_transport.c and stream.c (facts) share;
 * nobody else includes it.
 */
#pragma once

#include "sessions.h"
#include "streams.h"
#include "timers.h"

#define PC__NS_FRAMING "urn:ietf:params:xml:ns:xmpp-framing" /* RFC 7395 */

enum pc__stream_state { PC__STREAM_WAITING, PC__STREAM_OPEN, PC__STREAM_CLOSING, PC__STREAM_GONE };

/* What the I/O thread is told when the handling of the element under way has ended. */
enum pc__stream_then { PC__THEN_CONTINUE, PC__THEN_RESTART, PC__THEN_STARTTLS };

/* What every stream holds; idle ones by the ten thousand, so the small fields stand together. */
struct pc_stream {
	pc_conn_id conn;
	const pc_stream_class *class;
	pc_module *m;
	struct pc__session *session;
	pc_session_id who; /* for the log: that one's number, also when it has gone */
	pc_host *host;
	struct pc__buf *sending; /* between begin and end */
	size_t limit;            /* bytes of a stanza */
	size_t owed_bytes;
	pc_stream *owed_next; /* of those to be given back at the end of the turn */
	struct pc__timer deadline;
	pc__io_tls_info *tls; /* until the session is bound */
	const char *tls_version, *tls_cipher;
	struct pc__mark *marks;      /* who waits for what was sent to leave: stream_marks.c */
	struct pc__carried *carried; /* by a transport; NULL: by a connection */
	struct pc__tie *tie; /* to its module, where there is no listener: stream_transport.c */
	void *user;
	char *ip;
	char *peer;    /* pc_stream_peer() */
	unsigned owed; /* elements whose place is not given back yet */
	uint8_t state; /* enum pc__stream_state */
	uint8_t then;  /* enum pc__stream_then */
	bool owes;
	bool barrier;
	bool under_barrier; /* the element under way came with the barrier up */
	bool header_sent;   /* of the current stream: after a restart not yet */
	bool restarted;
	bool secure;
	bool lags;
	bool we_connected;
	bool framed;    /* carried: each element stands alone */
	bool lost;      /* carried: its connection broke */
	bool versioned; /* the peer speaks XMPP 1.0 */
	bool authenticated;
	bool is_xmpp;
	char id[PC_ID_SIZE];
	max_align_t data[];
};

/* For pc__log_session(). */
static inline pc_session pc__stream_who(const pc_stream *s)
{
	return (pc_session){ .id = s->who, .ip = s->ip };
}

/* stream_header.c */
void pc__stream_send_header(pc_stream *s, const char *from, const char *to);
void pc__stream_got_header(pc_stream *s, const pc__xml_header *h);
/* stream_events.c: a top-level element, and the end of the peer's stream. */
void pc__stream_take_element(pc_stream *s, PC_TAKES pc_stanza *st);
void pc__stream_got_end(pc_stream *s);
/* The class of streams whose module has gone: they only close. */
extern const pc_stream_class pc__class_gone;
/* streams.c */
pc_stream *pc__stream_find(pc_conn_id conn); /* NULL: it has gone */
void pc__stream_raw(pc_stream *s, const char *text, size_t len);
void pc__stream_gone(pc_stream *s, const char *reason);
void pc__stream_send_end(pc_stream *s);
void pc__stream_hang_up(pc_stream *s, const char *reason);
/* Our end tag has been sent: the peer has NAME_close_timeout. */
void pc__stream_await_end(pc_stream *s);
double pc__stream_option(const pc_stream *s, const char *suffix, double dflt);
pc_stream *pc__stream_make(pc_module *m, const pc_stream_class *class, pc_conn_id conn,
                           const char *ip, bool secure);
/* Its module is unloaded. */
void pc__stream_close_of_module(pc_stream *s);
/* stream_transport.c: of streams that have no listener. */
void pc__stream_move(pc_stream *s, pc_module *m);
void pc__stream_untie(pc_stream *s);
/* Of carried streams: what the pc__io_* of the like name are to connections. */
void pc__carried_send(pc_stream *s, const void *bytes, size_t len);
void pc__carried_set_limits(pc_stream *s, const pc__xml_limits *limits);
/* The handling of an element has ended, and with the barrier up the next one may come. */
void pc__carried_done(pc_stream *s);
void pc__carried_go_on(pc_stream *s, bool afresh);
/* It goes at the next turn, and its transport is told. */
void pc__carried_end(pc_stream *s, const char *reason);
void pc__carried_forget_transport(pc_stream *s);
void pc__carried_free(pc_stream *s);
/* The raw stream that carries it now, or NULL. */
pc_stream *pc__carried_by(const pc_stream *s);
/* stream_marks.c: so many marks were passed; the stream has gone before the others. */
void pc__stream_written(pc_stream *s, unsigned marks);
void pc__stream_cancel_marks(pc_stream *s);
/* stream_elements.c: around the handling of an element, which may be suspended. `waits`: the parser
 * does, for its end; it was read with the barrier up, which may be down by now. */
void pc__stream_element_begin(pc_stream *s, pc_conn_id conn, size_t bytes, bool waits);
void pc__stream_element_end(pc_conn_id conn, size_t bytes);
/* A place to be given back at the end of the turn; a stream that goes owes nothing. */
void pc__stream_owe(pc_stream *s, size_t bytes);
void pc__stream_unowe(pc_stream *s);
