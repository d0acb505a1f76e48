#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

#define READ_SIZE 65536

static struct {
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priority;
	unsigned side; /* GNUTLS_CLIENT or GNUTLS_SERVER */
	struct wire *queue;
	uint64_t last_input;
	/* What one read brought; empty again before the next wire reads. */
	char read[READ_SIZE];
	size_t read_at, read_len;
} all;

static void flush_queue(void);

bool wire_init(const char *cert, const char *key)
{
	all.side = cert ? GNUTLS_SERVER : GNUTLS_CLIENT;
	loop_set_flush(flush_queue);
	gnutls_certificate_allocate_credentials(&all.credentials);
	gnutls_priority_init(&all.priority,
	                     "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM", NULL);
	return !cert || gnutls_certificate_set_x509_key_file(all.credentials, cert, key,
	                                                     GNUTLS_X509_FMT_PEM) >= 0;
}

uint64_t wire_last_input(void)
{
	return all.last_input;
}

/* A wire that is closed may be freed: nothing here keeps it. */
static void unqueue(struct wire *w)
{
	struct wire **at = &all.queue;

	while (*at && *at != w)
		at = &(*at)->next;
	if (*at)
		*at = w->next;
	w->queued = false;
}

void wire_close(struct wire *w)
{
	if (w->watch.fd < 0)
		return;
	if (w->queued)
		unqueue(w);
	if (w->tls)
		gnutls_deinit(w->tls);
	w->tls = NULL;
	close(w->watch.fd);
	w->watch.fd = -1;
	pc__buf_free(&w->out);
}

static void end(struct wire *w, const char *why)
{
	if (w->watch.fd < 0)
		return;
	wire_close(w);
	w->calls->on_end(w, why);
}

/* ---- out */

/* How many bytes went, 0 when the socket is full, -1 when it is dead. */
static ssize_t write_some(struct wire *w)
{
	ssize_t n;

	if (!w->tls) {
		n = send(w->watch.fd, w->out.p, w->out.len, MSG_NOSIGNAL);
		return n < 0 && errno == EAGAIN ? 0 : n;
	}
	if (!w->record_held)
		w->record_len = w->out.len;
	n = w->record_held ? gnutls_record_send(w->tls, NULL, 0)
	                   : gnutls_record_send(w->tls, w->out.p, w->record_len);
	w->record_held = n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED;
	if (w->record_held)
		return 0;
	return n < 0 ? -1 : n;
}

static void flush(struct wire *w)
{
	if (w->watch.fd < 0 || w->state != WIRE_OPEN)
		return;
	while (w->out.len > 0) {
		ssize_t n = write_some(w);

		if (n < 0) {
			end(w, "cannot write");
			return;
		}
		if (n == 0)
			break;
		pc__buf_shift(&w->out, (size_t)n);
	}
	loop_writing(&w->watch, w->out.len > 0);
}

static void flush_queue(void)
{
	while (all.queue) {
		struct wire *w = all.queue;

		all.queue = w->next;
		w->queued = false;
		flush(w);
	}
}

void wire_send(struct wire *w, const void *bytes, size_t len)
{
	if (w->watch.fd < 0)
		return;
	pc__buf_add(&w->out, bytes, len);
	if (w->queued)
		return;
	w->queued = true;
	w->next = all.queue;
	all.queue = w;
}

void wire_finish(struct wire *w)
{
	flush(w);
	if (w->watch.fd < 0)
		return;
	if (w->tls)
		gnutls_bye(w->tls, GNUTLS_SHUT_WR);
	shutdown(w->watch.fd, SHUT_WR);
}

/* ---- TLS */

/* GnuTLS reads what is in memory already, so that a record costs no system calls of its own. */
static ssize_t pull(gnutls_transport_ptr_t ptr, void *out, size_t size)
{
	struct wire *w = (struct wire *)ptr;
	size_t have = all.read_len - all.read_at, n = have < size ? have : size;

	if (n == 0) {
		gnutls_transport_set_errno(w->tls, EAGAIN);
		return -1;
	}
	memcpy(out, all.read + all.read_at, n);
	all.read_at += n;
	return (ssize_t)n;
}

static void handshake(struct wire *w)
{
	int rc = gnutls_handshake(w->tls);

	if (rc != 0 && gnutls_error_is_fatal(rc)) {
		end(w, gnutls_strerror(rc));
		return;
	}
	loop_writing(&w->watch, rc != 0 && gnutls_record_get_direction(w->tls) == 1);
	if (rc != 0)
		return;
	w->state = WIRE_OPEN;
	w->calls->on_open(w);
}

static void begin_tls(struct wire *w)
{
	static const gnutls_datum_t alpn = { (unsigned char *)"xmpp-client", 11 };

	w->state = WIRE_HANDSHAKE;
	gnutls_init(&w->tls, all.side | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
	gnutls_priority_set(w->tls, all.priority);
	gnutls_credentials_set(w->tls, GNUTLS_CRD_CERTIFICATE, all.credentials);
	if (all.side == GNUTLS_CLIENT) {
		gnutls_server_name_set(w->tls, GNUTLS_NAME_DNS, "localhost", 9);
		gnutls_alpn_set_protocols(w->tls, &alpn, 1, 0);
	}
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): that is how GnuTLS takes it */
	gnutls_transport_set_ptr2(w->tls, w, (void *)(intptr_t)w->watch.fd);
	gnutls_transport_set_pull_function(w->tls, pull);
}

void wire_start_tls(struct wire *w)
{
	flush(w);
	if (w->watch.fd < 0)
		return;
	begin_tls(w);
	handshake(w);
}

/* ---- in */

static void take_records(struct wire *w)
{
	static char clear[READ_SIZE];

	while (w->watch.fd >= 0) {
		ssize_t n = gnutls_record_recv(w->tls, clear, sizeof clear);

		/* A ticket for resumption, too, ends a call so. */
		if (n == GNUTLS_E_AGAIN && all.read_at == all.read_len)
			return;
		if (n < 0 && !gnutls_error_is_fatal((int)n))
			continue;
		if (n <= 0) {
			end(w, n < 0 ? gnutls_strerror((int)n) : NULL);
			return;
		}
		w->calls->on_bytes(w, clear, (size_t)n);
	}
}

/* What all.read holds. A handshake may end in its midst, or begin. */
static void take_read(struct wire *w)
{
	if (!w->tls) {
		all.read_at = all.read_len;
		w->calls->on_bytes(w, all.read, all.read_len);
		return;
	}
	if (w->state == WIRE_HANDSHAKE)
		handshake(w);
	if (w->watch.fd >= 0 && w->state == WIRE_OPEN)
		take_records(w);
}

static void on_readable(struct wire *w)
{
	ssize_t n = recv(w->watch.fd, all.read, sizeof all.read, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		end(w, n < 0 ? "cannot read" : NULL);
		return;
	}
	all.last_input = clock_now();
	all.read_at = 0;
	all.read_len = (size_t)n;
	take_read(w);
	all.read_at = all.read_len = 0;
}

static void on_connected(struct wire *w)
{
	int problem = 0;
	socklen_t size = sizeof problem;

	getsockopt(w->watch.fd, SOL_SOCKET, SO_ERROR, &problem, &size);
	if (problem) {
		end(w, "cannot connect");
		return;
	}
	loop_writing(&w->watch, false);
	w->state = WIRE_OPEN;
	if (w->direct)
		wire_start_tls(w);
	else
		w->calls->on_open(w);
}

static void on_event(struct watch *watch, bool readable, bool writable)
{
	struct wire *w = (struct wire *)watch;

	if (w->state == WIRE_CONNECTING) {
		on_connected(w);
		return;
	}
	if (writable && w->state == WIRE_HANDSHAKE)
		handshake(w);
	else if (writable)
		flush(w);
	if (readable && w->watch.fd >= 0)
		on_readable(w);
}

/* ---- the beginning */

static void begin(struct wire *w, const struct wire_calls *calls, int fd)
{
	int on = 1;

	*w = (struct wire){ .watch = { .fd = fd, .on_event = on_event }, .calls = calls };
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void wire_connect(struct wire *w, const struct wire_calls *calls, uint16_t port, bool tls)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		                  .sin_port = htons(port),
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		perror("socket");
		exit(2);
	}
	begin(w, calls, fd);
	w->direct = tls;
	w->watch.writing = true;
	loop_watch(&w->watch);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)
		end(w, "cannot connect");
}

void wire_accept(struct wire *w, const struct wire_calls *calls, int fd, bool tls)
{
	begin(w, calls, fd);
	loop_watch(&w->watch);
	w->state = WIRE_OPEN;
	if (tls)
		begin_tls(w);
	else
		calls->on_open(w);
}
