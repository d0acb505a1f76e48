/*
 * queue.h - one direction of talk between the main thread and an I/O thread.
 *
 * The sender gathers messages in a batch of its own and posts the whole batch once a turn; the
 * receiver takes all that was posted and runs through it. Between two threads a mutex guards the
 * hand-over, and the receiver's uv_async is touched once a post (libuv joins touches that come
 * before it wakes). Where both ends are the same thread there is neither: the batches change
 * places.
 *
 * Bytes of messages (what is to be sent) lie one behind the other in the batch; a message says only
 * how many are its own.
 */
#pragma once

#include <stdatomic.h>
#include <uv.h>

#include <prosody-c/base.h>

#include "util/buf.h"

typedef enum pc__io_what {
	/* main to I/O */
	PC__DO_ADOPT,   /* p: kind, n: descriptor */
	PC__DO_CONNECT, /* p: struct pc__io_dial, taken */
	PC__DO_SEND,    /* bytes: how many of the batch's bytes */
	PC__DO_CONTINUE,
	PC__DO_BARRIER,  /* n: 1 up, 0 down */
	PC__DO_CREDIT,   /* n: elements, bytes */
	PC__DO_STARTTLS, /* p: host, malloc'ed */
	PC__DO_RESTART,
	PC__DO_LIMITS, /* p: limits, malloc'ed */
	PC__DO_IDLE,   /* bytes: milliseconds */
	PC__DO_SLOW,   /* n: milliseconds */
	PC__DO_RATE,   /* bytes a second, n: of the burst, in KiB */
	PC__DO_MARK,   /* tell when what was said before has left */
	PC__DO_CLOSE,  /* p: reason, malloc'ed */
	PC__DO_ABORT,  /* p: reason, malloc'ed */
	PC__DO_TLS,    /* p: a reference to a snapshot */
	PC__DO_PAUSE,  /* n: 1 pause, 0 resume */
	PC__DO_SYNC,   /* answer by the semaphore when all before it is done */
	PC__DO_STOP,
	/* I/O to main */
	PC__IS_CONNECTED,
	PC__IS_TLS_DONE, /* p: info */
	PC__IS_HEADER,   /* p: header, one block */
	PC__IS_ELEMENT,  /* p: stanza, bytes */
	PC__IS_BYTES,    /* bytes: how many of the batch's bytes */
	PC__IS_END,
	PC__IS_ERROR, /* p: two strings in one block */
	PC__IS_IDLE,
	PC__IS_PILED,
	PC__IS_DRAINED,
	PC__IS_WRITTEN, /* n: how many marks were passed */
	PC__IS_CLOSED,  /* p: reason, malloc'ed */
} pc__io_what;

struct pc__io_msg {
	pc_conn_id conn;
	pc__io_what what;
	uint32_t n;
	size_t bytes;
	void *p;
};

struct pc__io_batch {
	struct pc__io_msg *msgs;
	size_t n, size;
	struct pc__buf bytes;
};

struct pc__io_queue {
	struct pc__io_batch mine;   /* the sender's */
	struct pc__io_batch posted; /* under the lock */
	struct pc__io_batch taken;  /* the receiver's */
	uv_mutex_t lock;
	uv_async_t *wake; /* the receiver's; NULL: both ends are one thread */
	atomic_bool any;  /* something is posted */
};

/* `wake` outlives the queue's use. */
void pc__io_queue_init(struct pc__io_queue *q, uv_async_t *wake);
/* What is still inside is not looked at: the owner ran through it before. */
void pc__io_queue_fini(struct pc__io_queue *q);

/* Sender: gathers. Returns the message, to be filled; good until the next call. */
struct pc__io_msg *pc__io_queue_add(struct pc__io_queue *q, pc_conn_id conn, pc__io_what what);
/* Sender: gives all that was gathered to the receiver. */
void pc__io_queue_post(struct pc__io_queue *q);
/* Receiver: what has been posted, or NULL. It stays valid until pc__io_queue_done(). */
struct pc__io_batch *pc__io_queue_take(struct pc__io_queue *q);
void pc__io_queue_done(struct pc__io_queue *q);
