/*
 * sessions.h - the life of sessions (session.h has what modules see of it).
 *
 * A session is made with its stream and ends once: by its stream's end, by pc_session_close(), or
 * by pc_session_destroy() while it is hibernated. Ending is done between two dispatches (`reap`),
 * so a pointer that a handler has stays good until it returns.
 */
#pragma once

#include "session_table.h"

/* `stream` NULL: hibernated. */
struct pc__session *pc__session_new(pc_stream *stream, pc_session_type type, const char *ip);
void pc__session_set_host(struct pc__session *s, pc_host *host);
void pc__session_set_lang(struct pc__session *s, const char *lang);

/* The stream is gone or closing: the session ends at the next reap, unless a handler of
 * pre-resource-unbind keeps it. `reason` is NULL after an orderly close; it must be static. */
void pc__session_stream_gone(struct pc__session *s, const char *reason);
/* The stream sends nothing any more: the session ends likewise, orderly. */
void pc__session_stream_closing(struct pc__session *s);
/* All that came from the peer and is counted is handled and safe (receipts.h): of another server's
 * session whose stream has gone, that is the end. */
void pc__session_settled(struct pc__session *s);
/* Ends what has to end. */
void pc__sessions_reap(void);

/* ---- the orderly stop. Sessions that outlive the process (journal.h) fall asleep as their streams
 * close; hibernated ones do so now, or end. */
void pc__sessions_stop(void);
/* None is there but those that sleep, and nothing of these is under way. */
bool pc__sessions_stopped(void);
/* Those that sleep go, without a word to anybody. When the journal is closed. */
void pc__sessions_leave(void);

/* Gives a session its full JID and enters it in the table; binding.c. */
void pc__session_set_resource(struct pc__session *s, const char *resource);
