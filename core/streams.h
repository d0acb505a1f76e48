/*
 * streams.h - the life of any stream, neutral of what it speaks (RFC 6120 section 4).
 *
 *   waiting for a header -> open -> (restarted: waiting again) -> closing -> gone
 *
 * A stream error sends our header first where it was not sent (4.9.1.2), then the error and the end
 * tag. After the end tag nothing is sent; the peer's own end, or NAME_close_timeout, ends it. From
 * the accept on a stream has NAME_timeout to get its session authenticated (to open at all, where
 * it has none); nothing that comes meanwhile extends that.
 *
 * Handling of an element may be suspended: the I/O thread is given its place back (or its barrier
 * taken off) when the handling has ended, by pc__stream_element_done().
 */
#pragma once

#include <prosody-c/net.h>

#include "io/io.h"
#include "router.h"

struct pc__session;
struct pc__port;

/* The handler for pc__io_new(). */
extern const pc__io_handler pc__streams_handler;

/* ---- elements: what is being handled right now */
struct pc__element pc__stream_element(void);
void pc__stream_keep_element(void); /* its end will be told later */
void pc__stream_element_done(pc_conn_id conn, size_t bytes);

/* What a class says in a field that not all of them have: older modules' are shorter. */
#define PC__CLASS_GET(class, field)                                                                \
	((class)->size >= offsetof(pc_stream_class, field) + sizeof((class)->field)                \
	         ? (class)->field                                                                  \
	         : 0)
/* What names its options. */
const char *pc__class_options(const pc_stream_class *class);

/* Gives back the places of elements that have ended since the last time; once a turn. */
void pc__streams_give_back(void);

/* ---- sessions */
void pc__stream_set_session(pc_stream *s, struct pc__session *session);
void pc__stream_forget_session(pc_stream *s);
/* The session has its account: no time-out any more; with a full JID the barrier goes. */
void pc__stream_authenticated(pc_stream *s);
void pc__stream_bound(pc_stream *s);

/* ---- sending, for sessions. Where to append; then _end. NULL when nothing can be sent. */
struct pc__buf *pc__stream_begin(pc_stream *s);
void pc__stream_end(pc_stream *s);
bool pc__stream_is_framed(const pc_stream *s); /* elements carry their xmlns */
/* A recipient lags: the reading of this sender is put off a little, if it is a client. */
void pc__stream_slow_conn(pc_conn_id conn);

/* Streams of that instance go on with its successor's class of the same name. */
void pc__streams_move(const pc_module *old, pc_module *new, const pc_stream_class *class);
/* Closes the streams of clients with that error. */
void pc__streams_close_clients(const char *condition);
/* Closes every stream with that error, and tells how many are there still. */
void pc__streams_close_all(const char *condition);
size_t pc__streams_count(void);
size_t pc__streams_count_xmpp(void);
/* Of one module: it is unloaded. The second one leaves those that have no host yet. */
void pc__streams_close_of(const pc_module *m);
void pc__streams_close_open_of(const pc_module *m);
/* With host-gone (RFC 6120 4.9.3.5), logged in or not. */
void pc__streams_close_of_host(const pc_host *host);
/* A stream that we open: stream_transport.c. */
pc_stream *pc__stream_connected(pc_module *m, const pc_connect_args *args, pc_conn_id conn);
