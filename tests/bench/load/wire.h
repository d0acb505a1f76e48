/*
 * wire.h - a TCP connection, in clear or under TLS 1.3, that never blocks.
 *
 * What is sent in a turn of the loop leaves at its end, in one record where it fits into one. What
 * comes is read by one system call each time that the loop reports some.
 */
#pragma once

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop.h"
#include "util/buf.h"

struct wire;

/* The owner learns of: the connection and, when there is TLS, each end of a handshake; bytes; the
 * end. `why` is NULL when the other side has ended properly. The wire is closed by then. */
struct wire_calls {
	void (*on_open)(struct wire *w);
	void (*on_bytes)(struct wire *w, const char *bytes, size_t len);
	void (*on_end)(struct wire *w, const char *why);
};

struct wire {
	struct watch watch; /* first: the loop hands it back */
	const struct wire_calls *calls;
	enum {
		WIRE_CONNECTING,
		WIRE_HANDSHAKE,
		WIRE_OPEN,
	} state;
	bool direct; /* TLS from the first byte */
	gnutls_session_t tls;
	struct pc__buf out;
	bool record_held; /* by GnuTLS, which was told that the socket is full */
	size_t record_len;
	bool queued; /* in the list of those with something to write */
	struct wire *next;
};

/* Before anything else. With a certificate and its key (files, PEM) wires are servers; NULL:
 * clients. False: they cannot be read. */
bool wire_init(const char *cert, const char *key);
/* To 127.0.0.1. The end may be told before it returns. */
void wire_connect(struct wire *w, const struct wire_calls *calls, uint16_t port, bool tls);
void wire_accept(struct wire *w, const struct wire_calls *calls, int fd, bool tls);
/* The client's side; on_open follows. */
void wire_start_tls(struct wire *w);
void wire_send(struct wire *w, const void *bytes, size_t len);
/* Nothing more comes from this side; the other side's end is awaited. */
void wire_finish(struct wire *w);
/* At once, without a call of on_end. A closed wire may be closed again. */
void wire_close(struct wire *w);
/* When bytes came last, on any wire. */
uint64_t wire_last_input(void);
