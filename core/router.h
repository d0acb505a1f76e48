/*
 * router.h - a stanza's way through the events (RFC 6120 section 10, RFC 6121 section 8).
 *
 * A pc__route is a resumable machine {stage, event under way}: each stage fires one event; what a
 * handler suspends goes on where it stopped. Stages of a stanza from a client:
 *
 *   pre-stanza, pre-KIND/TARGET          on the sender's host
 *   KIND/TARGET, and KIND/self           on the recipient's host, where it is ours
 *   route/remote                         on the sender's host, where it is not
 *
 * and what nobody handled is answered by the rule for unhandled stanzas. Stanzas of modules begin
 * at the third line.
 *
 * While a stanza of a session is suspended, the session's later stanzas wait in order; nobody else
 * does.
 */
#pragma once

#include <prosody-c/prosody-c.h>

#include "session_table.h"

/* Routes a stanza of the server itself: as pc_send(), with no module. */
void pc__route_stanza(PC_TAKES pc_stanza *st);
/* The session ends: what is suspended goes on without it, and so do the messages that wait behind;
 * iqs and presences that wait are dropped. */
void pc__router_forget(struct pc__session *s);

/* The same where it lives on in another process: nothing that waits is handled here. */
void pc__router_drop(struct pc__session *s);

/* replies.c: an answer to the session that asked; where it asked as a module (`origin` 0), or is a
 * stream of another server's, which may be for one direction only, by routing; where it has gone,
 * to nobody. */
void pc__send_back(pc_session_id origin, PC_TAKES pc_stanza *reply);
/* replies.c: a result or error that somebody here waits for. true: it was, and has been told. */
bool pc__query_answered(const pc_stanza *reply);

/* receive.c: which element of the wire is being handled right now. The stream is told when its
 * handling has ended, at once or after a suspension. */
struct pc__element {
	pc_conn_id conn; /* 0: none */
	size_t bytes;
	uint64_t receipt; /* its number among the session's (receipts.h); 0: not counted */
	uint64_t written; /* pc__stores_written() when its handling began */
};

/* Starts on its way a stanza of that session, whose addresses were checked: `to` NULL is to its own
 * account. Waits its turn. The element's end is told to the stream. */
void pc__route_from(struct pc__session *s, PC_TAKES pc_stanza *st, const pc_jid *from,
                    const pc_jid *to, struct pc__element element);
