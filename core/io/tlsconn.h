/*
 * tlsconn.h - TLS on one connection.
 *
 * GnuTLS sees whole records only: it would hold 33 KB for one that is partly in, and a peer that
 * trickles costs what it has sent instead. What it writes is collected and given to the socket in
 * one piece. Handshakes are worked at when the lane says so (pc__tlsconn_shake), not when their
 * bytes come in: streams that stand go first.
 */
#pragma once

#include <gnutls/gnutls.h>

#include "io/conn.h"
#include "io/tls.h"

struct pc__tlsconn {
	gnutls_session_t session;
	struct pc__conn *conn;
	pc__tls *snapshot;
	char *host;
	struct pc__buf sealed; /* records that wait, and the beginning of one */
	const char *window;    /* what GnuTLS may pull now */
	size_t window_len;
	unsigned warnings;
	bool owes_ticket; /* of TLS 1.3: sent with our first answer */
	bool judged;
	char *fault; /* of the peer's chain, once it is judged */
};

/* Begins; bytes from now on are TLS. `host` picks the certificate where there is no SNI, and is the
 * name asked for where we connected; it may be NULL. */
void pc__tlsconn_start(struct pc__conn *c, const char *host);
/* One step of the handshake, with what has come in. */
void pc__tlsconn_shake(struct pc__conn *c);
/* Bytes from the socket. */
void pc__tlsconn_input(struct pc__conn *c, const char *p, size_t len);
/* Goes on with records that have waited. */
void pc__tlsconn_go_on(struct pc__conn *c);
/* A whole record waits. */
bool pc__tlsconn_waits(const struct pc__conn *c);
/* Encrypts and writes. */
void pc__tlsconn_send(struct pc__conn *c, const char *p, size_t len);
/* Says that our side has ended. */
void pc__tlsconn_bye(struct pc__conn *c);
void pc__tlsconn_free(struct pc__conn *c);

/* ---- between tlsconn.c and handshake.c */

/* The length of the record at p; 0: it is not whole; -1: this is not TLS. */
ssize_t pc__tlsconn_record(const char *p, size_t len);
/* So much of what has waited is done. */
void pc__tlsconn_used(struct pc__conn *c, size_t used);
/* Gives the socket what GnuTLS has written meanwhile. */
void pc__tlsconn_write(struct pc__conn *c);
/* Ends the connection: GnuTLS's error, with the alert for it; or what came is not TLS. */
void pc__tlsconn_fail(struct pc__conn *c, int err);
void pc__tlsconn_refuse(struct pc__conn *c);
/* peer.c: what is looked at in the peer's certificates, and when. */
void pc__peer_watch(struct pc__conn *c);
/* At the end of the handshake: certificates and verdict, into the info. false: after a resumption
 * they are not what is required. */
bool pc__peer_tell(struct pc__conn *c, pc__io_tls_info *info);
/* The SNI, malloc'ed, or NULL. */
char *pc__tlsconn_name(gnutls_session_t session);
