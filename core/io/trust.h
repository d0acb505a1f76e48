/*
 * trust.h - the roots that peers' certificates must lead to, and the verdict over a chain.
 *
 * Shared by all threads as part of a pc__tls. The system's roots (ten milliseconds or so) are read
 * at the first verdict, since most servers never pass one; files that were named are read at once.
 */
#pragma once

#include <gnutls/gnutls.h>

#include <prosody-c/base.h>

typedef struct pc__trust pc__trust;

/* Both NULL: the system's roots. NULL with a text in *error_r (malloc'ed): nothing could be read.
 */
pc__trust *pc__trust_new(const char *cafile, const char *capath, char **error_r);
/* This certificate alone, of whatever kind; NULL: it is none, or its key is not cheap. */
pc__trust *pc__trust_of(const gnutls_datum_t *der);
void pc__trust_free(pc__trust **trust);
/* The root that issued a certificate, as DER for gnutls_free(); false: none of them did. */
bool pc__trust_issuer(pc__trust *trust, const gnutls_datum_t *der, gnutls_datum_t *issuer_r);

/* Whose certificate it is, and so what it must be good for. XMPP servers show the same one in both
 * directions, so that of a server may be good for clients or for servers. */
typedef enum pc__peer { PC__PEER_CLIENT, PC__PEER_SERVER } pc__peer;
/* NULL: the chain (DER, leaf first) is trusted now; else why it is not, malloc'ed. Signatures,
 * dates, constraints and purposes are judged; names are not (pc__cert_is_for). From any thread. */
char *pc__trust_judge(pc__trust *trust, const gnutls_datum_t *chain, unsigned n, pc__peer peer);
/* Is checking a signature by this certificate's key bounded? RSA with a key of the peer's choice
 * costs seconds otherwise. */
bool pc__trust_is_cheap(const gnutls_datum_t *der);
