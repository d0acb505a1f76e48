#include "io/tlsconn.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#include "io/lane.h"
#include "io/snapshot.h"
#include "util/mem.h"

#define HEADER 5
#define RECORD_MOST (16384 + 2048)
/* What a peer may send before its handshake is done: certificates included. */
#define HANDSHAKE_MOST ((size_t)64 * 1024)
#define CHUNK ((size_t)16384)
#define SEALED_KEPT ((size_t)128 * 1024)
#define WARNINGS 8 /* alerts that are no end */
#define NAME_MOST 256

/* ---- what GnuTLS calls */

static ssize_t pull(gnutls_transport_ptr_t ptr, void *to, size_t len)
{
	struct pc__tlsconn *t = ptr;

	if (t->window_len == 0) {
		gnutls_transport_set_errno(t->session, EAGAIN);
		return -1;
	}
	if (len > t->window_len)
		len = t->window_len;
	memcpy(to, t->window, len);
	t->window += len;
	t->window_len -= len;
	return (ssize_t)len;
}

static ssize_t push(gnutls_transport_ptr_t ptr, const void *p, size_t len)
{
	struct pc__tlsconn *t = ptr;

	pc__buf_add(&t->conn->lane->sealed, p, len);
	return (ssize_t)len;
}

char *pc__tlsconn_name(gnutls_session_t session)
{
	char name[NAME_MOST];
	size_t len = sizeof(name);
	unsigned type;

	if (gnutls_server_name_get(session, name, &len, &type, 0) != 0 || type != GNUTLS_NAME_DNS)
		return NULL;
	return pc__strndup(name, len);
}

static int on_client_hello(gnutls_session_t session)
{
	struct pc__tlsconn *t = gnutls_session_get_ptr(session);
	char *name = pc__tlsconn_name(session);
	gnutls_certificate_credentials_t credentials =
	        pc__tls_credentials(t->snapshot, name, t->host);

	pc__free(&name);
	return gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
}

/* ---- begin and end */

static void set_alpn(struct pc__conn *c)
{
	gnutls_datum_t protocol;

	if (c->kind->alpn == NULL || !c->kind->direct_tls)
		return;
	protocol.data = (unsigned char *)(uintptr_t)c->kind->alpn;
	protocol.size = (unsigned)strlen(c->kind->alpn);
	gnutls_alpn_set_protocols(c->tls->session, &protocol, 1,
	                          c->dial ? 0 : GNUTLS_ALPN_MANDATORY);
}

static void set_server(struct pc__conn *c)
{
	gnutls_session_t s = c->tls->session;

	gnutls_handshake_set_post_client_hello_function(s, on_client_hello);
	gnutls_session_ticket_enable_server(s, pc__tls_ticket(c->tls->snapshot));
}

/* With direct TLS `host` is who we are. */
static void set_client(struct pc__conn *c, const char *host)
{
	const char *name = c->dial->server_name;

	if (name == NULL && !c->kind->direct_tls)
		name = host;

	if (name != NULL)
		gnutls_server_name_set(c->tls->session, GNUTLS_NAME_DNS, name, strlen(name));
}

void pc__tlsconn_start(struct pc__conn *c, const char *host)
{
	struct pc__tlsconn *t = pc__alloc(sizeof(*t));
	/* Who asks for a certificate gets ours, whatever roots it names: it may know more ways. */
	unsigned role = c->dial ? GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT
	                        : GNUTLS_SERVER | GNUTLS_NO_AUTO_SEND_TICKET;

	t->conn = c;
	t->snapshot = pc__tls_ref(c->lane->tls);
	t->host = pc__strdup(host);
	c->tls = t;
	gnutls_init(&t->session, role | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
	gnutls_session_set_ptr(t->session, t);
	gnutls_priority_set(t->session, pc__tls_priority(t->snapshot));
	gnutls_credentials_set(t->session, GNUTLS_CRD_CERTIFICATE,
	                       pc__tls_credentials(t->snapshot, NULL, host));
	gnutls_transport_set_ptr(t->session, t);
	gnutls_transport_set_pull_function(t->session, pull);
	gnutls_transport_set_push_function(t->session, push);
	gnutls_handshake_set_max_packet_length(t->session, HANDSHAKE_MOST);
	set_alpn(c);
	pc__peer_watch(c);
	if (c->dial)
		set_client(c, host);
	else
		set_server(c);
}

void pc__tlsconn_free(struct pc__conn *c)
{
	struct pc__tlsconn *t = c->tls;

	if (t == NULL)
		return;
	c->lane->sealed.len = 0; /* never another connection's */
	gnutls_deinit(t->session);
	pc__tls_unref(&t->snapshot);
	free(t->host);
	free(t->fault);
	pc__buf_free(&t->sealed);
	pc__free(&c->tls);
}

/* ---- records */

/* The length of the record at p; 0: it is not whole; -1: this is not TLS. */
ssize_t pc__tlsconn_record(const char *p, size_t len)
{
	const unsigned char *u = (const unsigned char *)p;
	size_t size;

	if (len >= 1 && (u[0] < 20 || u[0] > 24))
		return -1;
	if (len >= 2 && u[1] != 3)
		return -1;
	if (len < HEADER)
		return 0;
	size = (size_t)u[3] << 8 | u[4];
	if (size > RECORD_MOST)
		return -1;
	return len < HEADER + size ? 0 : (ssize_t)(HEADER + size);
}

bool pc__tlsconn_waits(const struct pc__conn *c)
{
	const struct pc__buf *b = &c->tls->sealed;

	return pc__tlsconn_record(b->p, b->len) != 0;
}

/* Gives the socket what GnuTLS has written meanwhile. */
void pc__tlsconn_write(struct pc__conn *c)
{
	struct pc__buf *b = &c->lane->sealed;

	if (b->len == 0)
		return;
	pc__writer_raw(c, b->p, b->len);
	b->len = 0;
	if (b->size > SEALED_KEPT)
		pc__buf_free(b);
}

void pc__tlsconn_fail(struct pc__conn *c, int err)
{
	gnutls_session_t s = c->tls->session;
	char *reason;

	if (err == GNUTLS_E_FATAL_ALERT_RECEIVED) {
		reason = pc__printf("TLS: the peer says: %s",
		                    gnutls_alert_get_name(gnutls_alert_get(s)));
	} else {
		reason = pc__printf("TLS: %s%s%s", gnutls_strerror(err), c->tls->fault ? " " : "",
		                    c->tls->fault ? c->tls->fault : "");
		gnutls_alert_send_appropriate(s, err);
		pc__tlsconn_write(c);
	}
	pc__conn_drop(c, reason);
	free(reason);
}

void pc__tlsconn_refuse(struct pc__conn *c)
{
	gnutls_alert_send(c->tls->session, GNUTLS_AL_FATAL, GNUTLS_A_UNEXPECTED_MESSAGE);
	pc__tlsconn_write(c);
	pc__conn_drop(c, "TLS: what the peer sent is none");
}

static void warned(struct pc__conn *c, int err)
{
	if (++c->tls->warnings > WARNINGS)
		pc__tlsconn_fail(c, err);
}

static void received(struct pc__conn *c, ssize_t n)
{
	if (n > 0)
		pc__reader_plain(c, c->lane->plain, (size_t)n);
	else if (n == 0)
		pc__reader_eof(c, "connection closed by the peer");
	else if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
		return;
	else if (n == GNUTLS_E_WARNING_ALERT_RECEIVED)
		warned(c, (int)n);
	else
		pc__tlsconn_fail(c, (int)n); /* GNUTLS_E_REHANDSHAKE among them */
}

static void open_record(struct pc__conn *c, const char *p, size_t len)
{
	struct pc__tlsconn *t = c->tls;
	ssize_t n;

	t->window = p;
	t->window_len = len;
	do {
		n = gnutls_record_recv(t->session, c->lane->plain, PC__LANE_PLAIN);
		pc__tlsconn_write(c);
		if (c->state == PC__DEAD)
			return;
		received(c, n);
	} while (c->state != PC__DEAD && !c->eof && n > 0 &&
	         gnutls_record_check_pending(t->session) > 0);
}

/* Opens records as long as their bytes are wanted; returns how much was used. */
static size_t open_records(struct pc__conn *c, const char *p, size_t len)
{
	size_t used = 0;

	while (c->state == PC__OPEN && !c->eof && pc__reader_takes(c)) {
		ssize_t size = pc__tlsconn_record(p + used, len - used);

		if (size < 0)
			pc__tlsconn_refuse(c);
		if (size <= 0)
			break;
		open_record(c, p + used, (size_t)size);
		used += (size_t)size;
	}
	return used;
}

/* Keeps no more memory than what waits. */
void pc__tlsconn_used(struct pc__conn *c, size_t used)
{
	struct pc__buf *b = &c->tls->sealed;

	pc__buf_shift(b, used);
	if (b->len == 0)
		pc__buf_free(b);
}

void pc__tlsconn_go_on(struct pc__conn *c)
{
	struct pc__buf *b = &c->tls->sealed;
	size_t used;

	if (b->len == 0)
		return;
	used = open_records(c, b->p, b->len);
	if (c->state != PC__DEAD)
		pc__tlsconn_used(c, used);
}

static void shake_input(struct pc__conn *c, const char *p, size_t len)
{
	struct pc__buf *b = &c->tls->sealed;

	pc__buf_add(b, p, len);
	if (b->len > HANDSHAKE_MOST)
		pc__conn_drop(c, "TLS: the handshake is too long");
	else if (pc__tlsconn_waits(c))
		pc__conn_list_add(&c->lane->handshakes, c, PC__HANDSHAKES);
}

void pc__tlsconn_input(struct pc__conn *c, const char *p, size_t len)
{
	size_t used = 0;

	if (c->state == PC__SHAKING) {
		shake_input(c, p, len);
		return;
	}
	if (c->tls->sealed.len != 0) {
		pc__buf_add(&c->tls->sealed, p, len);
		pc__reader_go_on(c);
		return;
	}
	used = open_records(c, p, len);
	if (c->state == PC__DEAD || c->eof || used == len)
		return;
	pc__buf_add(&c->tls->sealed, p + used, len - used);
	pc__reader_go_on(c);
}

/* ---- output */

/* One ticket goes with our first answer, in the same write: by itself GnuTLS sends two, in a packet
 * of their own at the end of the handshake. */
static void send_ticket(struct pc__tlsconn *t)
{
	if (!t->owes_ticket)
		return;
	t->owes_ticket = false;
	(void)gnutls_session_ticket_send(t->session, 1, 0);
}

void pc__tlsconn_send(struct pc__conn *c, const char *p, size_t len)
{
	gnutls_session_t s = c->tls->session;

	send_ticket(c->tls);
	while (len > 0) {
		ssize_t n = gnutls_record_send(s, p, len < CHUNK ? len : CHUNK);

		if (n < 0) {
			pc__tlsconn_fail(c, (int)n);
			return;
		}
		p += n;
		len -= (size_t)n;
	}
	pc__tlsconn_write(c);
}

void pc__tlsconn_bye(struct pc__conn *c)
{
	gnutls_bye(c->tls->session, GNUTLS_SHUT_WR);
	pc__tlsconn_write(c);
}
