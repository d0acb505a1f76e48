/*
 * io_host.h - a main thread for tests of core/io: it writes down what it is told, and answers as it
 * is asked to. Peers are plain sockets (and GnuTLS clients) watched by the same loop.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <gnutls/gnutls.h>
#include <uv.h>

#include "io/io.h"
#include "io/tls.h"
#include "util/buf.h"
#include "util/mem.h"

#define HEADER                                                                                     \
	"<?xml version='1.0'?><stream:stream to='localhost' xmlns='jabber:client' "                \
	"xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"

/* How the group that runs now is set up. */
static unsigned host_threads;

struct host {
	uv_loop_t loop;
	uv_timer_t deadline;
	bool late;
	unsigned ticks;
	pc__io *io;
	pc__io_listener *listener;
	pc_conn_id conn; /* the last that was accepted or connected */
	struct pc__buf log;
	struct pc__buf bytes; /* RAW */
	pc__io_tls_info *info;
	pc__io_tls_info *client_info; /* of `client` */
	pc_conn_id client;
	char ip[64], reason[256];
	unsigned accepted, refused, headers, elements, closed, ends, errors, idles, piled, drained,
	        written, turns;
	size_t element_bytes;
	/* what to do */
	unsigned waits; /* elements that pc__io_continue() is due for */
	bool echo;      /* elements are sent back */
	bool go_on;     /* a continue follows a header and an element */
	bool give_back; /* credit is given back at once */
	bool lower;     /* the barrier goes down with the header */
};

static void host_note(struct host *h, const char *what, const char *more)
{
	pc__buf_printf(&h->log, "%s%s%s ", what, more ? "=" : "", more ? more : "");
}

static void on_accepted(pc_conn_id conn, void *user, const char *ip, void *data)
{
	struct host *h = data;

	assert_ptr_equal(user, h);
	h->conn = conn;
	h->accepted++;
	snprintf(h->ip, sizeof(h->ip), "%s", ip);
	host_note(h, "accepted", NULL);
}

static void on_refused(void *user, const pc__io_quota *quota, const char *ip, void *data)
{
	struct host *h = data;

	assert_ptr_equal(user, h);
	assert_non_null(quota);
	assert_string_not_equal(ip, "");
	h->refused++;
}

static void on_connected(pc_conn_id conn, void *data)
{
	(void)conn;
	host_note(data, "connected", NULL);
}

static void on_tls_done(pc_conn_id conn, pc__io_tls_info *info, void *data)
{
	struct host *h = data;
	pc__io_tls_info **at = conn == h->client ? &h->client_info : &h->info;

	pc__io_tls_info_free(at);
	*at = info;
	host_note(h, "tls", NULL);
}

static void on_header(pc_conn_id conn, const pc__xml_header *header, void *data)
{
	struct host *h = data;

	h->headers++;
	host_note(h, "header", header->to ? header->to : "");
	if (h->lower)
		pc__io_barrier(h->io, conn, false);
	if (h->go_on)
		pc__io_continue(h->io, conn);
}

static void on_element(pc_conn_id conn, pc_stanza *element, size_t bytes, bool waits, void *data)
{
	struct host *h = data;
	size_t len;
	char *text;

	h->elements++;
	h->waits += waits;
	h->element_bytes += bytes;
	host_note(h, "element", pc_stanza_name(element));
	if (h->echo) {
		text = pc_stanza_write(element, &len);
		pc__io_send(h->io, conn, text, len);
		free(text);
	}
	pc_stanza_free(&element);
	if (h->give_back)
		pc__io_credit(h->io, conn, 1, bytes);
	if (h->go_on)
		pc__io_continue(h->io, conn);
}

static void on_bytes(pc_conn_id conn, const void *bytes, size_t len, void *data)
{
	struct host *h = data;

	pc__buf_add(&h->bytes, bytes, len);
	if (h->echo)
		pc__io_send(h->io, conn, bytes, len);
}

static void on_end(pc_conn_id conn, void *data)
{
	struct host *h = data;

	(void)conn;
	h->ends++;
	host_note(h, "end", NULL);
}

static void on_error(pc_conn_id conn, const char *condition, const char *text, void *data)
{
	struct host *h = data;

	(void)conn;
	(void)text;
	h->errors++;
	host_note(h, "error", condition);
}

static void on_idle(pc_conn_id conn, void *data)
{
	(void)conn;
	((struct host *)data)->idles++;
}

static void on_piled(pc_conn_id conn, void *data)
{
	(void)conn;
	((struct host *)data)->piled++;
}

static void on_drained(pc_conn_id conn, void *data)
{
	(void)conn;
	((struct host *)data)->drained++;
}

static void on_written(pc_conn_id conn, unsigned marks, void *data)
{
	(void)conn;
	((struct host *)data)->written += marks;
}

static void on_closed(pc_conn_id conn, const char *reason, void *data)
{
	struct host *h = data;

	(void)conn;
	h->closed++;
	snprintf(h->reason, sizeof(h->reason), "%s", reason);
	host_note(h, "closed", NULL);
}

static void on_turn(void *data)
{
	((struct host *)data)->turns++;
}

static const pc__io_handler host_handler = {
	.accepted = on_accepted,
	.refused = on_refused,
	.connected = on_connected,
	.tls_done = on_tls_done,
	.header = on_header,
	.element = on_element,
	.bytes = on_bytes,
	.stream_end = on_end,
	.error = on_error,
	.idle = on_idle,
	.piled = on_piled,
	.drained = on_drained,
	.written = on_written,
	.closed = on_closed,
	.turn = on_turn,
};

static void on_deadline(uv_timer_t *timer)
{
	struct host *h = timer->data;

	h->late = ++h->ticks >= 1000;
}

static inline void host_start(struct host *h)
{
	*h = (struct host){ 0 };
	uv_loop_init(&h->loop);
	uv_timer_init(&h->loop, &h->deadline);
	h->deadline.data = h;
	h->io = pc__io_new(&h->loop, host_threads, &host_handler, h);
}

static inline void host_listen(struct host *h, const char *address, const pc__io_kind *kind)
{
	assert_int_equal(pc__io_listen(h->io, address, 0, 64, kind, h, &h->listener), 0);
}

static inline void host_stop(struct host *h)
{
	if (h->listener != NULL)
		pc__io_unlisten(h->io, &h->listener);
	pc__io_free(&h->io);
	uv_close((uv_handle_t *)&h->deadline, NULL);
	uv_run(&h->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&h->loop), 0);
	pc__buf_free(&h->log);
	pc__buf_free(&h->bytes);
	pc__io_tls_info_free(&h->info);
	pc__io_tls_info_free(&h->client_info);
}

static inline const char *host_log(struct host *h)
{
	return pc__buf_str(&h->log);
}

static inline void host_deadline(struct host *h)
{
	h->late = false;
	h->ticks = 0;
	uv_timer_start(&h->deadline, on_deadline, 10, 10); /* counters change without an event */
}

/* Runs the loop until it is so; ten seconds at most. */
#define UNTIL(h, condition)                                                                        \
	do {                                                                                       \
		host_deadline(h);                                                                  \
		while (!(condition) && !(h)->late)                                                 \
			uv_run(&(h)->loop, UV_RUN_ONCE);                                           \
		uv_timer_stop(&(h)->deadline);                                                     \
		if (!(condition))                                                                  \
			print_error("log: %s reason: %s\n", host_log(h), (h)->reason);             \
		assert_true(condition);                                                            \
	} while (0)

/* Nothing more happens: all is delivered, and some turns pass. */
static inline void host_settle(struct host *h)
{
	for (int i = 0; i < 20; i++) {
		pc__io_drain(h->io);
		uv_run(&h->loop, UV_RUN_NOWAIT);
	}
}

static inline pc__io_stats host_stats(struct host *h)
{
	pc__io_stats s;

	pc__io_get_stats(h->io, &s);
	return s;
}

/* ---- peers */

struct peer {
	uv_poll_t poll;
	struct host *host;
	int fd;
	struct pc__buf in;
	bool eof;
	gnutls_session_t tls;
	gnutls_certificate_credentials_t credentials;
	bool secure;
	int tls_error;
	bool deaf; /* does not read */
};

static inline void peer_tls_read(struct peer *p)
{
	char buf[16384];
	ssize_t n = 0;

	if (!p->secure) {
		int r = gnutls_handshake(p->tls);

		if (r == 0)
			p->secure = true;
		else if (gnutls_error_is_fatal(r))
			p->tls_error = r;
	}
	while (p->secure && (n = gnutls_record_recv(p->tls, buf, sizeof(buf))) > 0)
		pc__buf_add(&p->in, buf, (size_t)n);
	if (p->secure && n < 0 && gnutls_error_is_fatal((int)n))
		p->tls_error = (int)n;
	if (p->tls_error != 0 || (p->secure && n == 0)) {
		p->eof = true;
		uv_poll_stop(&p->poll);
	}
}

static inline void peer_read(struct peer *p)
{
	char buf[16384];
	ssize_t n;

	while ((n = recv(p->fd, buf, sizeof(buf), 0)) > 0)
		pc__buf_add(&p->in, buf, (size_t)n);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	p->eof = true;
	uv_poll_stop(&p->poll);
}

static inline void on_peer(uv_poll_t *poll, int status, int events)
{
	struct peer *p = poll->data;

	(void)status;
	(void)events;
	if (p->tls != NULL)
		peer_tls_read(p);
	else
		peer_read(p);
}

static inline void peer_watch(struct peer *p)
{
	uv_poll_start(&p->poll, UV_READABLE, on_peer);
}

static inline void peer_init(struct host *h, struct peer *p, int fd)
{
	*p = (struct peer){ .host = h, .fd = fd };
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	uv_poll_init(&h->loop, &p->poll, fd);
	p->poll.data = p;
	peer_watch(p);
}

static inline void peer_connect(struct host *h, struct peer *p)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
		                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		                    .sin_port = htons(pc__io_listener_port(h->listener)) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	peer_init(h, p, fd);
}

static inline void peer_send_n(struct peer *p, const char *bytes, size_t len)
{
	ssize_t n;

	if (p->tls != NULL)
		n = gnutls_record_send(p->tls, bytes, len);
	else
		n = send(p->fd, bytes, len, MSG_NOSIGNAL);
	assert_int_equal(n, (ssize_t)len);
}

static inline void peer_send(struct peer *p, const char *text)
{
	peer_send_n(p, text, strlen(text));
}

/* A client of TLS that has not begun yet. */
static inline void peer_begin_tls(struct peer *p, const char *name, const char *priorities,
                                  const char *alpn)
{
	gnutls_init(&p->tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
	gnutls_certificate_allocate_credentials(&p->credentials);
	assert_int_equal(
	        gnutls_priority_set_direct(p->tls, priorities ? priorities : "NORMAL", NULL), 0);
	gnutls_credentials_set(p->tls, GNUTLS_CRD_CERTIFICATE, p->credentials);
	if (name != NULL)
		gnutls_server_name_set(p->tls, GNUTLS_NAME_DNS, name, strlen(name));
	if (alpn != NULL) {
		gnutls_datum_t d = { (unsigned char *)(uintptr_t)alpn, (unsigned)strlen(alpn) };

		gnutls_alpn_set_protocols(p->tls, &d, 1, 0);
	}
	gnutls_transport_set_int(p->tls, p->fd);
}

/* Starts TLS as a client; the loop does the rest. */
static inline void peer_starttls(struct peer *p, const char *name, const char *priorities,
                                 const char *alpn)
{
	peer_begin_tls(p, name, priorities, alpn);
	peer_tls_read(p);
}

static inline bool peer_has(struct peer *p, const char *text)
{
	return p->in.len > 0 && strstr(pc__buf_str(&p->in), text) != NULL;
}

static inline void on_peer_closed(uv_handle_t *handle)
{
	*(bool *)handle->data = true;
}

static inline void peer_close(struct peer *p)
{
	bool done = false;

	uv_poll_stop(&p->poll);
	p->poll.data = &done;
	uv_close((uv_handle_t *)&p->poll, on_peer_closed);
	while (!done)
		uv_run(&p->host->loop, UV_RUN_NOWAIT);
	if (p->tls != NULL)
		gnutls_deinit(p->tls);
	if (p->credentials != NULL)
		gnutls_certificate_free_credentials(p->credentials);
	close(p->fd);
	pc__buf_free(&p->in);
}
