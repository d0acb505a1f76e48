/*
 * lane.h - a thread's share of the connections, and the two ends of its queues.
 *
 * A *lane* is what one I/O thread owns: its loop, its connections, its buffers. With `threads` 0
 * there is one lane and it runs on the main loop. Nothing of a lane but its queues and its counters
 * is touched by another thread.
 *
 * A *turn* begins when the poll has ended (uv_check). In it: commands are applied, connections
 * with bytes left over from the last turn go on, what was gathered for each is written with one
 * write, a few TLS handshakes are served, those at their end are dropped, and what happened is
 * posted. A second look (uv_prepare) catches what timers brought, so that nothing lies about while
 * the loop sleeps.
 */
#pragma once

#include <stdatomic.h>
#include <uv.h>

#include "io/conn.h"
#include "io/io.h"
#include "io/queue.h"
#include "io/tls.h"
#include "util/wheel.h"

enum {
	PC__LANE_READ = 64 * 1024,  /* the read buffer of a thread */
	PC__LANE_PLAIN = 17 * 1024, /* what a TLS record may hold, and some */
	PC__LANE_POOL = 32,         /* output buffers kept for later turns */
	PC__LANE_HANDSHAKES = 4,    /* steps of a handshake in a turn */
	PC__LANE_PARSERS = 512,     /* parsers at hand before the longest idle are parked */
	PC__LANE_TRIM_MS = 10000,   /* between two times */
	PC__LANE_CROWD = 64,        /* were parked since memory was last given back */
	PC__LANE_FEW = 16,          /* that may be silent until ... */
	PC__LANE_PARK_MS = 5000,
	PC__LANE_MOMENT_MS = 300, /* and the others */
};

/* Written by the lane, read by anybody. */
struct pc__lane_counters {
	atomic_size_t parsers, handshakes, unsent;
	atomic_uint_fast64_t bytes_in, bytes_out, reads, writes;
};

struct pc__io_lane {
	pc__io *io;
	unsigned index;
	bool own_loop;
	uv_loop_t *loop, loop_memory;
	uv_thread_t thread, owner; /* to join; whose the lane is */
	uv_prepare_t prepare;
	uv_check_t check;
	uv_idle_t idle; /* active while work is left: the loop does not sleep then */
	uv_timer_t timer;
	uv_async_t wake;

	struct pc__io_queue in, out;
	struct pc__conn **conns; /* by slot */
	size_t n_conns;

	uint64_t turn, shaken; /* the turn in which handshakes had their share */
	struct pc__conn_list ready, dirty, handshakes, ending, parsers;
	size_t n_parsers, parked;
	uint64_t trimmed; /* when memory was last given back; ms of the loop's clock */
	struct pc__wheel wheel;
	uint64_t timer_at; /* when the timer fires; 0: it does not */
	pc__xml_roots *roots;
	pc__tls *tls;
	bool paused, stopping;
	unsigned syncs; /* asked for since the last post */

	char *read;            /* PC__LANE_READ */
	char *plain;           /* PC__LANE_PLAIN */
	struct pc__buf sealed; /* records made in this flush */
	struct pc__buf pool[PC__LANE_POOL];
	unsigned n_pool;
	struct pc__lane_counters counters;
};

/* `main_loop` NULL: a thread of its own is started. `main_wake` is NULL without threads. */
void pc__lane_init(struct pc__io_lane *lane, pc__io *io, unsigned index, uv_loop_t *main_loop,
                   uv_async_t *main_wake);
/* After PC__DO_STOP was applied, and (own loop) the thread has ended. */
void pc__lane_fini(struct pc__io_lane *lane);
/* Applies what main posted; true: there was something. */
bool pc__lane_apply(struct pc__io_lane *lane);
/* A new turn: those with bytes left over go on. */
void pc__lane_begin(struct pc__io_lane *lane);
/* The end of a turn: writes, drops what ended. */
void pc__lane_finish(struct pc__io_lane *lane);
/* Something is left for the next turn, which must not wait. */
bool pc__lane_busy(const struct pc__io_lane *lane);
/* Ends everything and closes the handles, without another event. */
void pc__lane_stop(struct pc__io_lane *lane);
/* Tells a main thread that waits that all before its question is done. io.c */
void pc__lane_synced(struct pc__io_lane *lane);
/* Milliseconds of the loop's clock. */
uint64_t pc__lane_now(const struct pc__io_lane *lane);
/* Arms the loop's timer for the earliest date. */
void pc__lane_rearm(struct pc__io_lane *lane);

/* An output buffer that is empty; given back after the flush. */
struct pc__buf pc__lane_borrow(struct pc__io_lane *lane);
void pc__lane_return(struct pc__io_lane *lane, struct pc__buf *buf);

/* In debug builds ends the process when another thread than the lane's comes by. */
#ifdef PC_DEBUG_BUILD
void pc__lane_check(const struct pc__io_lane *lane, const char *where);
#define PC__ON_LANE(lane) pc__lane_check(lane, __func__)
#else
#define PC__ON_LANE(lane) ((void)(lane))
#endif

static inline struct pc__io_msg *pc__lane_tell(struct pc__io_lane *lane, pc_conn_id conn,
                                               pc__io_what what)
{
	return pc__io_queue_add(&lane->out, conn, what);
}

/* Counters have one writer, so a plain sum will do. */
#define PC__COUNTER_ADD(counter, more)                                                             \
	atomic_store_explicit(&(counter),                                                          \
	                      atomic_load_explicit(&(counter), memory_order_relaxed) + (more),     \
	                      memory_order_relaxed)
