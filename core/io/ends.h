/*
 * ends.h - the main thread's end: which connections there are, and the listeners.
 *
 * Main gives out the numbers of connections, so a connection can be spoken to before its thread has
 * heard of it. A slot is free again when `closed` was told, under another generation.
 */
#pragma once

#include <uv.h>

#include "io/io.h"
#include "io/lane.h"
#include "io/origins.h"

typedef enum pc__slot_state { PC__SLOT_FREE, PC__SLOT_OPEN, PC__SLOT_CLOSING } pc__slot_state;

struct pc__slot {
	uint32_t generation;
	uint32_t next_free; /* slot + 1; 0: none */
	pc__slot_state state;
	bool proven;
	struct pc__origin *origin; /* NULL: it is not counted */
};

/* The slots of one lane. */
struct pc__slots {
	struct pc__slot *v;
	uint32_t n, size, first_free;
	size_t used;
};

struct pc__io {
	uv_loop_t *loop;
	uv_thread_t owner; /* the main thread */
	const pc__io_handler *handler;
	void *data;
	unsigned threads, n_lanes, next_lane;
	struct pc__io_lane *lanes;
	struct pc__slots *slots; /* by lane */
	uv_prepare_t prepare;
	uv_check_t check;
	uv_idle_t idle;
	uv_async_t wake;
	uv_sem_t synced;
	struct pc__io_listener *listeners;
	struct pc__origin *origins; /* by quota and address */
	uv_timer_t accept_again;    /* descriptors have run out: a pause */
	int reserve;                /* a descriptor to give up when they run out */
	bool paused;
	bool told;     /* the handler was called since the last `turn` */
	bool draining; /* a turn is under way: no other inside it */
	pc_conn_id sending;
	size_t sending_from;
	struct pc__buf nowhere; /* what is sent to those who have gone */
};

/* A number for a new connection, on the lane that has least; 0: there is no room. */
pc_conn_id pc__io_number(pc__io *io);
/* The lane of a connection that is there and to which may be spoken; NULL else. */
struct pc__io_lane *pc__io_lane_of(pc__io *io, pc_conn_id conn);
/* A socket that was accepted: tells main and gives it to its thread. */
void pc__io_accept(pc__io *io, int fd, const pc__io_kind *kind, void *user, const char *ip,
                   struct pc__origin *origin);

/* A message to a thread itself. */
struct pc__io_msg *pc__io_order_lane(struct pc__io_lane *lane, pc__io_what what);

/* slots.c */
uint32_t pc__slots_take(struct pc__slots *s);
struct pc__slot *pc__slots_find(struct pc__slots *s, pc_conn_id conn);
void pc__slots_give(struct pc__slots *s, struct pc__slot *slot);

/* events.c: what a lane has posted goes to the handler, or is thrown away; true: there was some. */
bool pc__io_deliver(pc__io *io, struct pc__io_lane *lane);
void pc__io_discard(struct pc__io_lane *lane);

/* listen.c */
void pc__listeners_start(pc__io *io);
void pc__listeners_update(pc__io *io); /* `paused` has changed */
void pc__listeners_stop(pc__io *io);
