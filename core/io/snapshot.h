/*
 * snapshot.h - what a connection takes from a pc__tls. All of it may be called from any thread: a
 * snapshot that is shared is never changed.
 */
#pragma once

#include <gnutls/gnutls.h>

#include "io/end_point.h"
#include "io/tls.h"
#include "io/trust.h"

gnutls_priority_t pc__tls_priority(const pc__tls *tls);
/* For the name that the peer asked for, else for the hint (each may be NULL), else the default;
 * never NULL, but it may have no certificate. */
gnutls_certificate_credentials_t pc__tls_credentials(const pc__tls *tls, const char *name,
                                                     const char *hint);
pc__trust *pc__tls_trust(const pc__tls *tls);
const gnutls_datum_t *pc__tls_ticket(const pc__tls *tls);
/* The end points of our certificates. */
const struct pc__end_points *pc__tls_end_points(const pc__tls *tls);
