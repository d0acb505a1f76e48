/*
 * session.h - one client: from the connection over STARTTLS, SASL, bind, roster and presence to a
 * session that can be worked with, and back.
 *
 * With `raw` in the options there is no XMPP: a session is a connection, and a message is
 * SESSION_RAW bytes with its text in front.
 */
#pragma once

#include <prosody-c/base.h>

#include "options.h"
#include "reader.h"
#include "scram.h"
#include "wire.h"

#define SESSION_RAW 200

struct session;

struct session_calls {
	void (*on_ready)(struct session *s);
	/* Of a session that is ready. Pushes of the roster have been answered. */
	void (*on_stanza)(struct session *s, const struct stanza *st);
	/* Left, with `why` NULL, or failed. It may be opened again from a tick of the loop. */
	void (*on_over)(struct session *s, const char *why);
};

struct session {
	struct wire wire; /* first: it hands itself back */
	const struct options *options;
	const struct session_calls *calls;
	void *owner;
	unsigned slot;    /* of the owner's sessions */
	unsigned account; /* user<account> */
	enum {
		SESSION_UNUSED,
		SESSION_STREAM, /* features are awaited */
		SESSION_STARTTLS,
		SESSION_REGISTER,
		SESSION_SASL,
		SESSION_BIND,
		SESSION_ROSTER,
		SESSION_READY,
		SESSION_LEAVING,
		SESSION_OVER,
	} state;
	bool registers; /* makes its account (XEP-0077) and leaves, instead of logging in */
	bool authenticated;
	uint64_t began;
	char jid[96];
	struct scram scram;
	struct scram_keys keys; /* live longer than a log-in */
	struct reader reader;
	char raw[SESSION_RAW];
	unsigned raw_len;
	unsigned handled;       /* stanzas, for stream management */
	unsigned sent, arrived; /* the work's own */
};

/* Set options, calls, owner, slot, account before. It may be over before this returns. */
void session_open(struct session *s);
void session_send(struct session *s, const char *format, ...) PC_PRINTF(2, 3);
/* A chat message whose text begins so. */
void session_message(struct session *s, const struct session *to, const char *text);
void session_leave(struct session *s);
/* Frees what it holds, at once. */
void session_drop(struct session *s);
