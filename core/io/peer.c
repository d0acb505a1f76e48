/*
 * The peer's certificates, on one connection: asked for, bounded, judged.
 *
 * In the order of a handshake: the message is looked at before what its key has signed is checked,
 * since the peer chooses the key and so what the checking costs; GnuTLS checks the signature; the
 * chain is judged. After a resumption only the last happens, with the certificates of the ticket.
 */
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "io/lane.h"
#include "io/snapshot.h"
#include "io/tlsconn.h"
#include "util/mem.h"

#define CERTS_MOST 10

/* ---- the message */

/* Takes a length of so many bytes and what it counts off the front. */
static bool take(gnutls_datum_t *from, unsigned length_bytes, gnutls_datum_t *part_r)
{
	unsigned len = 0;

	if (from->size < length_bytes)
		return false;
	for (unsigned i = 0; i < length_bytes; i++)
		len = len << 8 | from->data[i];
	if (len > from->size - length_bytes)
		return false;
	*part_r = (gnutls_datum_t){ from->data + length_bytes, len };
	from->data += length_bytes + len;
	from->size -= length_bytes + len;
	return true;
}

/* RFC 8446 4.4.2, RFC 5246 7.4.2: the first certificate is the peer's own. What is no such message
 * is GnuTLS's to refuse. */
static int on_message(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                      const gnutls_datum_t *message)
{
	struct pc__tlsconn *t = gnutls_session_get_ptr(session);
	gnutls_datum_t rest = *message, list, leaf;

	(void)type;
	(void)when;
	if (!incoming)
		return 0;
	if (gnutls_protocol_get_version(session) >= GNUTLS_TLS1_3 && !take(&rest, 1, &list))
		return 0;
	if (!take(&rest, 3, &list) || !take(&list, 3, &leaf) || leaf.size == 0)
		return 0;
	if (pc__trust_is_cheap(&leaf))
		return 0;
	free(t->fault);
	t->fault = pc__strdup("The key is too long, or of a kind that is not taken.");
	return GNUTLS_E_CERTIFICATE_ERROR;
}

/* ---- the chain */

static void judge(struct pc__tlsconn *t)
{
	unsigned n = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(t->session, &n);
	const struct pc__conn *c = t->conn;

	if (chain == NULL || n == 0)
		return;
	t->judged = true;
	free(t->fault);
	t->fault = pc__trust_judge(pc__tls_trust(t->snapshot), chain, n,
	                           c->dial || c->kind->peer_is_server ? PC__PEER_SERVER
	                                                              : PC__PEER_CLIENT);
}

static bool is_refused(const struct pc__tlsconn *t)
{
	return t->fault != NULL && t->conn->dial == NULL &&
	       t->conn->kind->ask_cert == PC__REQUIRE_CERT;
}

static int on_chain(gnutls_session_t session)
{
	struct pc__tlsconn *t = gnutls_session_get_ptr(session);

	judge(t);
	return is_refused(t) ? GNUTLS_E_CERTIFICATE_ERROR : 0;
}

void pc__peer_watch(struct pc__conn *c)
{
	gnutls_session_t s = c->tls->session;

	if (c->dial == NULL && c->kind->ask_cert == PC__NO_CERT)
		return;
	gnutls_handshake_set_hook_function(s, GNUTLS_HANDSHAKE_CERTIFICATE_PKT, GNUTLS_HOOK_POST,
	                                   on_message);
	gnutls_session_set_verify_function(s, on_chain);
	if (c->dial != NULL)
		return;
	gnutls_certificate_server_set_request(s, c->kind->ask_cert == PC__REQUIRE_CERT
	                                                 ? GNUTLS_CERT_REQUIRE
	                                                 : GNUTLS_CERT_REQUEST);
	gnutls_certificate_send_x509_rdn_sequence(s, 1); /* 1: no list of roots */
}

/* ---- for main */

static pc_str *copy_certs(const gnutls_datum_t *certs, unsigned n)
{
	pc_str *copy = pc__alloc(n * sizeof(*copy));

	for (unsigned i = 0; i < n; i++) {
		char *der = pc__malloc(certs[i].size ? certs[i].size : 1);

		memcpy(der, certs[i].data, certs[i].size);
		copy[i] = (pc_str){ der, certs[i].size };
	}
	return copy;
}

/* RFC 5280 4.1.2.5: of the second behind the last one. */
static int64_t end_of(const gnutls_datum_t *der)
{
	gnutls_x509_crt_t crt;
	int64_t end = 0;

	gnutls_x509_crt_init(&crt);
	if (gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) == 0)
		end = (int64_t)gnutls_x509_crt_get_expiration_time(crt) + 1;
	gnutls_x509_crt_deinit(crt);
	return end;
}

/* What had ended when it was shown was not needed then, and is not later. */
static int64_t first_end(const gnutls_datum_t *certs, unsigned n)
{
	int64_t now = (int64_t)time(NULL), first = INT64_MAX / 1000;

	for (unsigned i = 0; i < n; i++) {
		int64_t end = end_of(&certs[i]);

		if (end > now && end < first)
			first = end;
	}
	return first;
}

bool pc__peer_tell(struct pc__conn *c, pc__io_tls_info *info)
{
	struct pc__tlsconn *t = c->tls;
	unsigned n = 0;
	const gnutls_datum_t *certs;

	if (gnutls_certificate_type_get(t->session) != GNUTLS_CRT_X509)
		return true;
	certs = gnutls_certificate_get_peers(t->session, &n);
	if (certs == NULL || n == 0)
		return true;
	if (!t->judged)
		judge(t);
	if (is_refused(t))
		return false;
	if (n > CERTS_MOST)
		n = CERTS_MOST;
	info->peer_certs = copy_certs(certs, n);
	info->n_peer_certs = n;
	info->peer_expires = first_end(certs, n);
	info->peer_fault = t->fault;
	t->fault = NULL;
	return true;
}
