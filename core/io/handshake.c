/* Handshakes: a step at a time, and what was agreed on at the end. */
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#include "io/lane.h"
#include "io/snapshot.h"
#include "io/socket.h"
#include "io/tlsconn.h"
#include "util/mem.h"

#define ROUNDS 8 /* alerts that are no end */

/* RFC 9266 section 4.2: in TLS 1.2 the exporter is only good with the extended master secret. */
static void exporter(gnutls_session_t s, pc__io_tls_info *info)
{
	gnutls_datum_t cb = { 0 };

	if (gnutls_protocol_get_version(s) < GNUTLS_TLS1_3 &&
	    gnutls_session_ext_master_secret_status(s) == 0)
		return;
	if (gnutls_session_channel_binding(s, GNUTLS_CB_TLS_EXPORTER, &cb) != 0)
		return;
	if (cb.size == sizeof(info->exporter)) {
		memcpy(info->exporter, cb.data, cb.size);
		info->has_exporter = true;
	}
	gnutls_free(cb.data);
}

/* After a resumption the certificate that the peer saw is not known here: no end point then. */
static void end_point(struct pc__conn *c, pc__io_tls_info *info)
{
	gnutls_session_t s = c->tls->session;
	unsigned n = 0;
	const gnutls_datum_t *cert;

	if (gnutls_session_is_resumed(s))
		return;
	cert = c->dial ? gnutls_certificate_get_peers(s, &n) : gnutls_certificate_get_ours(s);
	if (cert != NULL)
		info->end_point_len = pc__end_points_get(pc__tls_end_points(c->tls->snapshot), cert,
		                                         info->end_point);
}

/* A client without TCP_NODELAY holds its stream header back until its last flight is acknowledged,
 * and to that we have nothing to say: 40 ms, but for this. */
static void acknowledge(struct pc__conn *c)
{
	uv_os_fd_t fd;

	if (c->dial == NULL && uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0)
		pc__socket_acknowledge(fd);
}

static void established(struct pc__conn *c)
{
	gnutls_session_t s = c->tls->session;
	pc__io_tls_info *info = pc__alloc(sizeof(*info));

	if (!pc__peer_tell(c, info)) {
		pc__io_tls_info_free(&info);
		pc__tlsconn_fail(c, GNUTLS_E_CERTIFICATE_ERROR);
		return;
	}
	info->version = gnutls_protocol_get_name(gnutls_protocol_get_version(s));
	info->cipher = gnutls_ciphersuite_get(s);
	info->server_name = c->dial ? NULL : pc__tlsconn_name(s);
	exporter(s, info);
	end_point(c, info);
	pc__free(&c->tls->host);
	c->tls->owes_ticket = c->dial == NULL && gnutls_protocol_get_version(s) >= GNUTLS_TLS1_3;
	c->state = PC__OPEN;
	PC__COUNTER_ADD(c->lane->counters.handshakes, (size_t)-1);
	c->deadline = 0;
	pc__conn_arm(c);
	pc__lane_tell(c->lane, c->id, PC__IS_TLS_DONE)->p = info;
	if (c->out.len > 0 || c->marks > 0)
		pc__conn_list_add(&c->lane->dirty, c, PC__DIRTY);
	pc__reader_go_on(c);
}

/* All whole records at once. */
static size_t whole(struct pc__conn *c, const struct pc__buf *b)
{
	size_t len = 0;
	ssize_t size;

	while ((size = pc__tlsconn_record(b->p + len, b->len - len)) > 0)
		len += (size_t)size;
	if (size < 0 && len == 0) {
		pc__tlsconn_refuse(c);
		return 0;
	}
	return len;
}

/* Where a message comes in several records GnuTLS comes back behind each, to be called again. */
static bool goes_on(const struct pc__tlsconn *t, int r, size_t before, int *rounds)
{
	if (r == GNUTLS_E_AGAIN)
		return t->window_len > 0 && t->window_len < before;
	return r != 0 && !gnutls_error_is_fatal(r) && ++*rounds < ROUNDS;
}

static int shake(struct pc__tlsconn *t)
{
	int r, rounds = 0;
	size_t before;

	do {
		before = t->window_len;
		r = gnutls_handshake(t->session);
	} while (goes_on(t, r, before, &rounds));
	return r;
}

void pc__tlsconn_shake(struct pc__conn *c)
{
	struct pc__tlsconn *t = c->tls;
	size_t len = whole(c, &t->sealed);
	int r;

	if (c->state == PC__DEAD)
		return;
	t->window = t->sealed.p;
	t->window_len = len;
	r = shake(t);
	if (r == 0 && c->lane->sealed.len == 0)
		acknowledge(c);
	pc__tlsconn_write(c);
	if (c->state == PC__DEAD)
		return;
	pc__tlsconn_used(c, len - t->window_len);
	t->window_len = 0;
	if (r == 0)
		established(c);
	else if (r != GNUTLS_E_AGAIN)
		pc__tlsconn_fail(c, r);
}
