/*
 * conn.h - one connection, as its I/O thread sees it.
 *
 * Life: (connecting ->) (shaking ->) open -> closing -> dead. `dead` is told to main as `closed`
 * and frees the slot; the memory goes when libuv has closed the handle. Any function here that
 * reads or writes may end the connection: look at `state` before going on.
 *
 * An idle connection holds this struct and, under TLS, GnuTLS's session: no buffer, no parser.
 *
 * reader.c: `held` has plain bytes that wait for the parser (its barrier is up, credit or the share
 * of a turn is used up), `tls->sealed` has ciphertext likewise. While something waits nothing is
 * read from the socket. writer.c: `out` gathers a turn, `backlog` is what the socket did not take.
 */
#pragma once

#include <uv.h>

#include <prosody-c/base.h>
#include <prosody-c/stanza.h>

#include "io/io.h"
#include "io/rate.h"
#include "util/buf.h"
#include "util/wheel.h"
#include "xml/parser.h"

struct pc__io_lane;
struct pc__tlsconn;

typedef enum pc__conn_state {
	PC__CONNECTING,
	PC__SHAKING, /* TLS handshake */
	PC__OPEN,
	PC__CLOSING, /* input is thrown away, output leaves */
	PC__DEAD,
} pc__conn_state;

struct pc__conn_link {
	struct pc__conn *prev, *next;
};

struct pc__conn_list {
	struct pc__conn *first, *last;
};

/* The lists of a lane that a connection may be in. */
enum { PC__READY, PC__DIRTY, PC__HANDSHAKES, PC__ENDING, PC__PARSERS, PC__LISTS };

/* What the socket did not take. */
struct pc__backlog {
	uv_write_t req;
	struct pc__buf writing, next;
};

/* How to connect; given by main. */
struct pc__io_dial {
	const pc__io_kind *kind;
	char *address, *server_name;
	char *own_name; /* whose certificate we show with direct TLS; NULL: none's in particular */
	uint16_t port;
	uint64_t timeout; /* ms */
	int fd;           /* that is connected already, taken; -1: none is */
	uv_connect_t req;
	struct pc__conn *conn;
};

struct pc__conn {
	uv_tcp_t tcp; /* of UNIX sockets as well */
	pc_conn_id id;
	struct pc__io_lane *lane;
	const pc__io_kind *kind;
	struct pc__tlsconn *tls;  /* NULL in the clear */
	struct pc__io_dial *dial; /* we connected */
	pc__xml_parser *parser;
	pc__xml_root *root; /* while the parser is parked */
	struct pc__buf held;
	size_t held_at; /* so much of `held` is done */
	struct pc__buf out;
	struct pc__backlog *backlog;
	char *reason; /* of the end */
	pc__xml_limits limits;
	struct pc__conn_link links[PC__LISTS];
	struct pc__wheel_node node;
	uint64_t due; /* of the node */

	uint64_t deadline;  /* of the state: connecting, shaking, closing; 0: none */
	uint64_t last_read; /* ms of the loop's clock */
	uint64_t idle_from; /* last byte or last `idle` */
	uint64_t idle;      /* ms; 0: never */
	uint64_t slow_until;
	struct pc__rate *rate; /* how fast the peer may send; NULL: any */
	uint64_t turn;         /* in which turn_elements were counted */
	size_t under_way_bytes, uncounted;
	unsigned under_way, turn_elements;
	unsigned marks; /* that main waits for */
	pc__conn_state state;
	bool reading; /* the socket is watched */
	bool barrier; /* stop after each element */
	bool blocked; /* ... and stopped */
	bool failed;  /* the peer broke a rule: nothing is parsed any more */
	bool ended;   /* the root's end tag has come */
	bool eof;     /* the peer's end of TCP or TLS has come */
	bool piled;
	bool shut;        /* our end was sent */
	bool keep_parser; /* its root is too long to be parked */
	bool skips_space; /* that ends the stream before a restart, and begins none */
};

void pc__conn_list_add(struct pc__conn_list *list, struct pc__conn *c, int which);
void pc__conn_list_remove(struct pc__conn_list *list, struct pc__conn *c, int which);
struct pc__conn *pc__conn_list_pop(struct pc__conn_list *list, int which);

/* The connection of that number; NULL when it has gone. */
struct pc__conn *pc__conn_find(struct pc__io_lane *lane, pc_conn_id id);
/* A socket that was accepted. */
void pc__conn_adopt(struct pc__io_lane *lane, pc_conn_id id, int fd, const pc__io_kind *kind);
/* Takes `dial`. */
void pc__conn_connect(struct pc__io_lane *lane, pc_conn_id id, struct pc__io_dial *dial);
/* What is gathered leaves in the clear, then TLS begins. */
void pc__conn_starttls(struct pc__conn *c, const char *host);
/* Output leaves, then it ends. `reason` is malloc'ed, taken. */
void pc__conn_close(struct pc__conn *c, char *reason);
/* The peer has ended; when what was gathered has left, so do we. Taken likewise. */
void pc__conn_finish(struct pc__conn *c);
/* Goes on with closing once the backlog has left. */
void pc__conn_written(struct pc__conn *c);
/* Now. `reason` is copied. */
void pc__conn_drop(struct pc__conn *c, const char *reason);
/* The same without telling main: the lane stops. */
void pc__conn_forget(struct pc__conn *c);
/* Reads nothing more for so long. */
void pc__conn_slow(struct pc__conn *c, uint64_t ms);
/* Sets its date for whatever comes first. */
void pc__conn_arm(struct pc__conn *c);
void pc__dial_free(struct pc__io_dial **dial);

/* ---- reader.c */

void pc__reader_start(struct pc__conn *c);
/* Plain bytes, from the socket or decrypted. */
void pc__reader_plain(struct pc__conn *c, const char *p, size_t len);
/* The parser may get bytes now. */
bool pc__reader_may(const struct pc__conn *c);
/* Goes on with what was held, and with reading. */
void pc__reader_go_on(struct pc__conn *c);
/* Something waits for the parser. */
bool pc__reader_waits(const struct pc__conn *c);
/* A record may be decrypted: its bytes are used at once, or are of no use to anybody. */
bool pc__reader_takes(const struct pc__conn *c);
/* The peer's end was seen. */
void pc__reader_eof(struct pc__conn *c, const char *reason);
void pc__reader_restart(struct pc__conn *c); /* a new parser with the next byte that is no space */
void pc__reader_free(struct pc__conn *c);    /* parser and what was held */
/* Bytes that main has not seen, in the parser or before it; white space does not count. */
bool pc__reader_pending(const struct pc__conn *c);

/* ---- parking.c: parsers of idle streams */

/* A parser for the next bytes. */
void pc__parking_borrow(struct pc__conn *c);
/* The connection's parser goes for good, or its parked root. */
void pc__parking_drop(struct pc__conn *c);
/* Parks what has been idle for five seconds. */
void pc__parking_sweep(struct pc__io_lane *lane);
/* When the next sweep is due, ms of the loop's clock; 0: nothing is there to be parked or given
 * back. */
uint64_t pc__parking_due(const struct pc__io_lane *lane);

/* ---- writer.c */

/* Gathers. */
void pc__writer_add(struct pc__conn *c, const void *p, size_t len);
/* Main wants to know when what is gathered, and what waits, has left. */
void pc__writer_mark(struct pc__conn *c);
/* Writes what is gathered; what the socket does not take becomes the backlog. */
void pc__writer_flush(struct pc__conn *c);
/* Writes bytes as they are: TLS records, or clear text. */
void pc__writer_raw(struct pc__conn *c, const char *p, size_t len);
size_t pc__writer_unsent(const struct pc__conn *c);
void pc__writer_free(struct pc__conn *c); /* after the handle was closed */

extern const pc__xml_callbacks pc__reader_callbacks;
