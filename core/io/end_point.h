/*
 * end_point.h - the tls-server-end-point of certificates (RFC 5929 section 4.1), a kind of channel
 * binding: a hash of the certificate that the server showed.
 *
 * To know which hash, the certificate must be taken apart, which costs a tenth of a handshake; so a
 * snapshot of TLS settings works it out once for each certificate of ours.
 */
#pragma once

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stddef.h>
#include <stdint.h>

struct pc__end_point; /* end_point.c */

struct pc__end_points {
	struct pc__end_point *at;
	size_t n;
};

/* Of a certificate as DER; returns its length, 0: it is undefined. */
size_t pc__tls_end_point(const gnutls_datum_t *der, uint8_t out[64]);

/* Works out that of one of ours. */
void pc__end_points_add(struct pc__end_points *points, gnutls_x509_crt_t crt);
/* As pc__tls_end_point(), from memory where it was added. */
size_t pc__end_points_get(const struct pc__end_points *points, const gnutls_datum_t *der,
                          uint8_t out[64]);
void pc__end_points_clear(struct pc__end_points *points);
