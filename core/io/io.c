#include "io/io.h"

#include <stdlib.h>

#include "io/ends.h"
#include "util/mem.h"

/* How often talk goes to and fro in one turn before the loop looks at the sockets again. */
#define ROUNDS 8
#define DRAIN_ROUNDS 1000

/* ---- turns of the main loop */

static bool deliver(pc__io *io)
{
	bool any = false;

	for (unsigned i = 0; i < io->n_lanes; i++)
		any |= pc__io_deliver(io, &io->lanes[i]);
	if (io->told) {
		io->told = false;
		if (io->handler->turn != NULL)
			io->handler->turn(io->data);
	}
	return any;
}

/* What main has said is not seen by any socket before its turn has been noted. */
static void settle(const pc__io *io)
{
	if (io->handler->settle != NULL)
		io->handler->settle(io->data);
}

/* With threads the commands are posted; else they are applied here, and so on until it is quiet. */
static void turn(pc__io *io)
{
	if (io->draining)
		return;
	io->draining = true;
	for (int i = 0; i < ROUNDS; i++) {
		bool any = deliver(io);

		settle(io);
		if (io->threads != 0)
			break;
		if (!pc__lane_apply(&io->lanes[0]) && !any)
			break;
	}
	for (unsigned i = 0; i < io->threads; i++)
		pc__io_queue_post(&io->lanes[i].in);
	if (io->threads == 0)
		pc__lane_finish(&io->lanes[0]);
	io->draining = false;
}

static void on_idle(uv_idle_t *idle)
{
	(void)idle; /* that it is active keeps the poll from waiting */
}

static bool busy(const pc__io *io)
{
	const struct pc__io_lane *lane = &io->lanes[0];

	if (io->threads != 0)
		return false;
	return pc__lane_busy(lane) || lane->in.mine.n != 0 || lane->out.mine.n != 0;
}

static void turn_and_look(pc__io *io)
{
	turn(io);
	if (busy(io))
		uv_idle_start(&io->idle, on_idle);
	else
		uv_idle_stop(&io->idle);
}

static void on_prepare(uv_prepare_t *prepare)
{
	turn_and_look(prepare->data);
}

static void on_check(uv_check_t *check)
{
	pc__io *io = check->data;

	if (io->threads == 0)
		pc__lane_begin(&io->lanes[0]);
	turn_and_look(io);
}

static void on_wake(uv_async_t *wake)
{
	(void)wake; /* what was posted is told when the poll has ended */
}

void pc__lane_synced(struct pc__io_lane *lane)
{
	uv_sem_post(&lane->io->synced);
}

/* Waits until the threads have done all that was said to them. */
static void sync_threads(pc__io *io)
{
	for (unsigned i = 0; i < io->threads; i++) {
		pc__io_order_lane(&io->lanes[i], PC__DO_SYNC);
		pc__io_queue_post(&io->lanes[i].in);
	}
	for (unsigned i = 0; i < io->threads; i++)
		uv_sem_wait(&io->synced);
}

static bool said(const pc__io *io)
{
	for (unsigned i = 0; i < io->n_lanes; i++) {
		if (io->lanes[i].in.mine.n != 0)
			return true;
	}
	return false;
}

void pc__io_drain(pc__io *io)
{
	if (io->draining)
		return;
	io->draining = true;
	for (int i = 0; i < DRAIN_ROUNDS; i++) {
		bool any = said(io);

		settle(io);
		if (io->threads != 0) {
			sync_threads(io);
		} else {
			pc__lane_apply(&io->lanes[0]);
			pc__lane_begin(&io->lanes[0]);
			pc__lane_finish(&io->lanes[0]);
		}
		if (!deliver(io) && !any && !busy(io))
			break;
	}
	io->draining = false;
}

/* ---- begin and end */

static void start_handles(pc__io *io)
{
	uv_async_init(io->loop, &io->wake, on_wake);
	uv_prepare_init(io->loop, &io->prepare);
	uv_check_init(io->loop, &io->check);
	uv_idle_init(io->loop, &io->idle);
	io->prepare.data = io->check.data = io;
	uv_prepare_start(&io->prepare, on_prepare);
	uv_check_start(&io->check, on_check);
}

pc__io *pc__io_new(uv_loop_t *loop, unsigned threads, const pc__io_handler *handler, void *data)
{
	pc__io *io = pc__alloc(sizeof(*io));

	io->loop = loop;
	io->owner = uv_thread_self();
	io->handler = handler;
	io->data = data;
	io->threads = threads < 64 ? threads : 64;
	io->n_lanes = io->threads ? io->threads : 1;
	io->lanes = pc__alloc(io->n_lanes * sizeof(*io->lanes));
	io->slots = pc__alloc(io->n_lanes * sizeof(*io->slots));
	uv_sem_init(&io->synced, 0);
	start_handles(io);
	pc__listeners_start(io);
	for (unsigned i = 0; i < io->n_lanes; i++)
		pc__lane_init(&io->lanes[i], io, i, threads ? NULL : loop,
		              threads ? &io->wake : NULL);
	return io;
}

static void stop_lane(struct pc__io_lane *lane)
{
	pc__io_order_lane(lane, PC__DO_STOP);
	if (lane->own_loop) {
		pc__io_queue_post(&lane->in);
		return;
	}
	pc__lane_apply(lane);
	pc__lane_stop(lane);
}

static void on_last_closed(uv_handle_t *handle)
{
	*(bool *)handle->data = true;
}

/* The handles of the main loop are closed when its turns have told so. */
static void close_handles(pc__io *io)
{
	bool done = false;

	uv_close((uv_handle_t *)&io->prepare, NULL);
	uv_close((uv_handle_t *)&io->check, NULL);
	uv_close((uv_handle_t *)&io->idle, NULL);
	io->wake.data = &done;
	/* libuv ends all of them in one go. */
	uv_close((uv_handle_t *)&io->wake, on_last_closed);
	while (!done)
		uv_run(io->loop, UV_RUN_NOWAIT);
}

void pc__io_free(pc__io **io_p)
{
	pc__io *io = *io_p;

	if (io == NULL)
		return;
	pc__listeners_stop(io);
	settle(io);
	for (unsigned i = 0; i < io->n_lanes; i++)
		stop_lane(&io->lanes[i]);
	for (unsigned i = 0; i < io->threads; i++)
		uv_thread_join(&io->lanes[i].thread);
	close_handles(io);
	for (unsigned i = 0; i < io->n_lanes; i++) {
		pc__io_discard(&io->lanes[i]);
		pc__lane_fini(&io->lanes[i]);
		free(io->slots[i].v);
	}
	uv_sem_destroy(&io->synced);
	pc__buf_free(&io->nowhere);
	pc__origins_free(io);
	free(io->lanes);
	free(io->slots);
	pc__free(io_p);
}

void pc__io_get_stats(const pc__io *io, pc__io_stats *s)
{
	*s = (pc__io_stats){ 0 };
	for (unsigned i = 0; i < io->n_lanes; i++) {
		const struct pc__lane_counters *n = &io->lanes[i].counters;

		s->connections += io->slots[i].used;
		s->parsers += atomic_load_explicit(&n->parsers, memory_order_relaxed);
		s->handshakes += atomic_load_explicit(&n->handshakes, memory_order_relaxed);
		s->unsent += atomic_load_explicit(&n->unsent, memory_order_relaxed);
		s->bytes_in += atomic_load_explicit(&n->bytes_in, memory_order_relaxed);
		s->bytes_out += atomic_load_explicit(&n->bytes_out, memory_order_relaxed);
		s->reads += atomic_load_explicit(&n->reads, memory_order_relaxed);
		s->writes += atomic_load_explicit(&n->writes, memory_order_relaxed);
	}
}
