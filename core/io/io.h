/*
 * io.h - everything that the main thread and the I/O threads say to each other.
 *
 * An I/O thread owns sockets, TLS and parsing; main owns everything else. With `threads` 0 the same
 * code runs on the main loop and the same queues are drained once a turn, without lock or wake-up.
 * No function here ever calls back before it returns: what happens comes by the handler, on the
 * main thread, when a turn of the loop ends.
 *
 * A connection is a number {thread, slot, generation}. What is said to a connection that has gone
 * is dropped, silently and in one place; after `closed` nothing comes from it, and after
 * pc__io_close() or pc__io_abort() nothing but `closed`.
 *
 * Barrier. A connection with PC__XMPP framing starts with its barrier up: after each top-level
 * element (and after the stream header) its parser stops until pc__io_continue(). With the barrier
 * down the parser runs ahead by at most 32 elements, or as many bytes as a stanza may have, that
 * main has not given back by pc__io_credit(); past that the socket is not read. Elements that came
 * with the barrier up need no credit (giving it does no harm), nor do bytes of PC__RAW. One
 * connection gets at most 16 elements into a turn.
 *
 * Output of a turn is gathered and written at its end: one TLS record and one write for a socket.
 * Above half of `send_limit` unsent bytes `piled` is told, and `drained` when they have left; at
 * the limit the connection is dropped. A backlog never stops reading. Who needs to know that what
 * was sent has left sets a mark behind it (pc__io_mark): `written` tells of it when the system has
 * taken everything, before anything that the peer says in answer to it.
 *
 * Time. A connection that has had no bytes for `idle_seconds` tells `idle`, again after each such
 * time. A TLS handshake has `handshake_seconds`. Five seconds after its last byte a stream parks
 * its parser (or at once, where many streams hold one).
 */
#pragma once

#include <uv.h>

#include <prosody-c/base.h>
#include <prosody-c/stanza.h>

#include "xml/parser.h"

typedef struct pc__io pc__io;
typedef struct pc__tls pc__tls; /* tls.h: an immutable snapshot of certificates and settings */

/* A certificate of the peer: its chain is judged (pc__io_tls_info), and refused only with
 * PC__REQUIRE_CERT. Who we connect to always shows one. */
typedef enum pc__ask_cert { PC__NO_CERT, PC__ASK_CERT, PC__REQUIRE_CERT } pc__ask_cert;

typedef enum pc__framing { PC__XMPP, PC__RAW } pc__framing;
typedef struct pc__io_listener pc__io_listener;

/* The reason of a connection that was dropped at its send_limit. */
#define PC__IO_UNSENT "too much unsent"

/* A network: the first `bits` of an address of 4 or 16 bytes. */
typedef struct pc__io_net {
	uint8_t addr[16];
	unsigned len, bits;
} pc__io_net;
/* "192.0.2.0/24", "2001:db8::/32", or one address. */
int pc__io_net_read(const char *text, pc__io_net *net_r);

/* How many connections an address may have; shared by the kinds of one service. Main may change it
 * at any time: it is about who comes next. */
typedef struct pc__io_quota {
	unsigned total;           /* 0: any number */
	unsigned unproven;        /* those for which pc__io_prove() was not called; 0: any number */
	const pc__io_net *spared; /* who is not counted */
	size_t n_spared;
} pc__io_quota;

/* How a connection is treated. Strings and limits are borrowed and live as long as the pc__io. */
typedef struct pc__io_kind {
	pc__framing framing;
	const char *content_ns;
	const char *alpn; /* asked for with direct TLS; another one is refused; NULL: any */
	bool direct_tls;
	pc__ask_cert ask_cert;    /* those who connect to us */
	bool peer_is_server;      /* what their certificates must be good for */
	size_t send_limit;        /* bytes; 0: 8 MiB */
	double idle_seconds;      /* 0: never */
	double handshake_seconds; /* 0: 30 */
	bool keepalive;           /* TCP keepalives */
	pc__io_quota *quota;      /* NULL: any number from anywhere */
} pc__io_kind;

/* What TLS agreed on; given to main with tls_done, freed by pc__io_tls_info_free. */
typedef struct pc__io_tls_info {
	const char *version, *cipher; /* static strings of the library */
	uint8_t exporter[32];         /* tls-exporter (RFC 9266) */
	bool has_exporter;
	uint8_t end_point[64]; /* tls-server-end-point (RFC 5929) */
	size_t end_point_len;  /* 0: undefined for this certificate */
	char *server_name;     /* SNI that the peer asked for; NULL: none */
	pc_str *peer_certs;    /* DER, leaf first */
	size_t n_peer_certs;
	char *peer_fault;     /* why its chain is not trusted; NULL: it is, or there is none */
	int64_t peer_expires; /* of pc_stream_peer_expires(), in seconds */
} pc__io_tls_info;
void pc__io_tls_info_free(pc__io_tls_info **info);

/* What happens; each is called on the main thread with the `data` of pc__io_new. */
typedef struct pc__io_handler {
	/* accepted by the listener whose `user` this is; `ip` is valid during the call */
	void (*accepted)(pc_conn_id conn, void *listener_user, const char *ip, void *data);
	/* accepted, and closed at once: its address has as many as it may */
	void (*refused)(void *listener_user, const pc__io_quota *quota, const char *ip, void *data);
	void (*connected)(pc_conn_id conn, void *data);
	void (*tls_done)(pc_conn_id conn, PC_TAKES pc__io_tls_info *info, void *data);
	void (*header)(pc_conn_id conn, const pc__xml_header *header, void *data);
	/* `bytes` is its share of what came in: elements that were read together have equal ones.
	 * `waits`: the barrier was up when it was read, and pc__io_continue() is due, whatever
	 * became of the barrier since; else a credit is. */
	void (*element)(pc_conn_id conn, PC_TAKES pc_stanza *element, size_t bytes, bool waits,
	                void *data);
	void (*bytes)(pc_conn_id conn, const void *bytes, size_t len, void *data); /* PC__RAW */
	void (*stream_end)(pc_conn_id conn, void *data);
	/* the peer's XML broke a rule; nothing is read any more; close it. (TLS: `closed` tells) */
	void (*error)(pc_conn_id conn, const char *condition, const char *text, void *data);
	void (*idle)(pc_conn_id conn, void *data);
	void (*piled)(pc_conn_id conn, void *data);
	void (*drained)(pc_conn_id conn, void *data);
	void (*written)(pc_conn_id conn, unsigned marks, void *data);
	void (*closed)(pc_conn_id conn, const char *reason, void *data); /* always the last */
	/* a turn's happenings have all been told: flush what was gathered for others */
	void (*turn)(void *data);
	/* what was said to connections is about to be handed over */
	void (*settle)(void *data);
} pc__io_handler;

/* The parts of a connection's number, for tables of whoever follows connections. */
static inline unsigned pc__io_thread_of(pc_conn_id conn)
{
	return (unsigned)(conn >> 56);
}

static inline uint32_t pc__io_slot_of(pc_conn_id conn)
{
	return (uint32_t)(conn >> 32) & 0xffffff;
}

/* `loop` is the main loop. */
pc__io *pc__io_new(uv_loop_t *loop, unsigned threads, const pc__io_handler *handler, void *data);
/* Drops what is still open, ends the threads. The loop must not run meanwhile. */
void pc__io_free(pc__io **io);

/* Listens on an address ("::", "127.0.0.1", or the path of a UNIX socket) and spreads connections
 * over the threads. Errors at once: a negative libuv error. `kind` is borrowed. */
int pc__io_listen(pc__io *io, const char *address, uint16_t port, int backlog,
                  const pc__io_kind *kind, void *user, pc__io_listener **listener_r);
/* The same on a descriptor that is bound already (socket activation); it is taken. */
int pc__io_listen_fd(pc__io *io, int fd, const pc__io_kind *kind, void *user,
                     pc__io_listener **listener_r);
void pc__io_unlisten(pc__io *io, pc__io_listener **listener);
uint16_t pc__io_listener_port(const pc__io_listener *listener);
/* Stops and resumes accepting, and the reading of connections whose barrier is up, while the server
 * is overloaded. */
void pc__io_pause_new(pc__io *io, bool pause);

/* Connects to a numeric address; `server_name` for SNI; `own_name` picks the certificate that the
 * peer of direct TLS is shown where it asks; each of them may be NULL. Ends by connected (and
 * tls_done), or closed. */
pc_conn_id pc__io_connect(pc__io *io, const char *address, uint16_t port, double timeout_seconds,
                          const pc__io_kind *kind, const char *server_name, const char *own_name);
/* The same over a socket that is connected already: taken, also when there is no room (0). */
pc_conn_id pc__io_dialed(pc__io *io, int fd, const pc__io_kind *kind, const char *server_name,
                         const char *own_name);

/* Gathers bytes for the connection, in order. */
void pc__io_send(pc__io *io, pc_conn_id conn, const void *bytes, size_t len);
/* Where to write up to `len` bytes for the connection; then pc__io_sent with what was written. No
 * other call of this header in between. Spares a copy. */
struct pc__buf;
struct pc__buf *pc__io_send_begin(pc__io *io, pc_conn_id conn);
void pc__io_send_end(pc__io *io);
/* `written` will be told when all that was sent until now has left. */
void pc__io_mark(pc__io *io, pc_conn_id conn);

void pc__io_continue(pc__io *io, pc_conn_id conn);         /* barrier: the next element, please */
void pc__io_barrier(pc__io *io, pc_conn_id conn, bool up); /* before the continue */
void pc__io_credit(pc__io *io, pc_conn_id conn, unsigned elements, size_t bytes);
/* Sends what is gathered in the clear, then handshakes; bytes of the peer that came behind its
 * request end the connection. `host` picks the certificate where the peer sends no SNI. Instead of
 * a continue: the new stream's parser waits for its header. */
void pc__io_starttls(pc__io *io, pc_conn_id conn, const char *host);
/* The peer will send a new stream header: new parser. Instead of a continue. */
void pc__io_restart(pc__io *io, pc_conn_id conn);
/* Limits are copied. */
void pc__io_set_limits(pc__io *io, pc_conn_id conn, const pc__xml_limits *limits);
void pc__io_set_idle(pc__io *io, pc_conn_id conn, double seconds);
/* Its next reading is put off by so many milliseconds (at most 100): its recipient lags. */
void pc__io_slow(pc__io *io, pc_conn_id conn, unsigned ms);
/* It may send so many bytes a second, and so many KiB at once; 0 a second: any number. */
void pc__io_set_rate(pc__io *io, pc_conn_id conn, size_t rate, unsigned burst_kib);
/* Sends what is gathered, ends TLS, closes in both directions; a peer that does not take the bytes
 * within two seconds is dropped. */
void pc__io_close(pc__io *io, pc_conn_id conn, const char *reason);
/* Drops it at once. */
void pc__io_abort(pc__io *io, pc_conn_id conn, const char *reason);

/* The peer has proven who it is: see pc__io_quota. */
void pc__io_prove(pc__io *io, pc_conn_id conn);

/* Every connection made from now on uses this snapshot; takes a reference of its own. */
void pc__io_set_tls(pc__io *io, pc__tls *tls);
/* Runs what is queued in both directions until there is nothing: for tests and for the end. */
void pc__io_drain(pc__io *io);
/* Open connections; those with a parser at hand; bytes unsent. */
typedef struct pc__io_stats {
	size_t connections, parsers, handshakes, unsent;
	uint64_t bytes_in, bytes_out, reads, writes;
} pc__io_stats;
void pc__io_get_stats(const pc__io *io, pc__io_stats *stats_r);
