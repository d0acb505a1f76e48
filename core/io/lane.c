#include "io/lane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/tlsconn.h"
#include "util/mem.h"

/* What an output buffer may keep when it goes back. */
#define POOLED_MOST ((size_t)64 * 1024)
/* Handshakes end their share of a turn early when they are dear (RSA). */
/* What a slow recipient costs a sender at most. */
#define SLOW_MOST_MS 100
#define HANDSHAKE_NS 1500000

#ifdef PC_DEBUG_BUILD
void pc__lane_check(const struct pc__io_lane *lane, const char *where)
{
	uv_thread_t self = uv_thread_self();

	if (uv_thread_equal(&self, &lane->owner))
		return;
	fprintf(stderr, "%s: called on a thread that does not own the connection\n", where);
	abort();
}
#endif

uint64_t pc__lane_now(const struct pc__io_lane *lane)
{
	return uv_now(lane->loop);
}

/* ---- output buffers */

struct pc__buf pc__lane_borrow(struct pc__io_lane *lane)
{
	struct pc__buf buf = { 0 };

	if (lane->n_pool > 0)
		return lane->pool[--lane->n_pool];
	pc__buf_room(&buf, 1024);
	return buf;
}

void pc__lane_return(struct pc__io_lane *lane, struct pc__buf *buf)
{
	buf->len = 0;
	if (lane->n_pool == PC__LANE_POOL || buf->size > POOLED_MOST)
		pc__buf_free(buf);
	else
		lane->pool[lane->n_pool++] = *buf;
	*buf = (struct pc__buf){ 0 };
}

/* ---- time */

static void on_timer(uv_timer_t *timer)
{
	struct pc__io_lane *lane = timer->data;

	lane->timer_at = 0;
	pc__wheel_run(&lane->wheel, pc__lane_now(lane));
	pc__parking_sweep(lane);
	pc__lane_rearm(lane);
}

void pc__lane_rearm(struct pc__io_lane *lane)
{
	uint64_t at = pc__parking_due(lane), now = pc__lane_now(lane);
	int64_t next = pc__wheel_next(&lane->wheel, now);

	if (next >= 0 && (at == 0 || now + (uint64_t)next < at))
		at = now + (uint64_t)next;
	/* A timer that fires too early finds nothing to do and is set again. */
	if (lane->stopping || at == 0 || (lane->timer_at != 0 && lane->timer_at <= at))
		return;
	lane->timer_at = at;
	uv_timer_start(&lane->timer, on_timer, at > now ? at - now : 1, 0);
}

/* ---- commands */

static void set_idle(struct pc__conn *c, size_t ms)
{
	c->idle = ms;
	pc__conn_arm(c);
}

static void set_limits(struct pc__conn *c, const pc__xml_limits *limits)
{
	c->limits = *limits;
	if (c->parser != NULL)
		pc__xml_set_limits(c->parser, &c->limits);
}

static void credit(struct pc__conn *c, unsigned elements, size_t bytes)
{
	c->under_way -= elements < c->under_way ? elements : c->under_way;
	c->under_way_bytes -= bytes < c->under_way_bytes ? bytes : c->under_way_bytes;
	pc__reader_go_on(c);
}

static void set_rate(struct pc__conn *c, size_t rate, unsigned burst_kib)
{
	if (rate == 0) {
		pc__free(&c->rate);
		return;
	}
	if (c->rate == NULL)
		c->rate = pc__alloc(sizeof(*c->rate));
	pc__rate_init(c->rate, rate, (uint64_t)burst_kib * 1024, pc__lane_now(c->lane));
}

static void let_go_on(struct pc__conn *c)
{
	c->blocked = false;
	pc__reader_go_on(c);
}

static void restart(struct pc__conn *c)
{
	if (c->state != PC__OPEN)
		return;
	pc__reader_restart(c);
	pc__reader_go_on(c);
}

static void set_barrier(struct pc__conn *c, bool up)
{
	c->barrier = up;
	pc__reader_go_on(c);
}

static void apply_to(struct pc__conn *c, struct pc__io_msg *m, const char *bytes)
{
	switch (m->what) {
	case PC__DO_SEND:
		pc__writer_add(c, bytes, m->bytes);
		break;
	case PC__DO_CONTINUE:
		let_go_on(c);
		break;
	case PC__DO_BARRIER:
		set_barrier(c, m->n != 0);
		break;
	case PC__DO_CREDIT:
		credit(c, m->n, m->bytes);
		break;
	case PC__DO_STARTTLS:
		pc__conn_starttls(c, m->p);
		break;
	case PC__DO_RESTART:
		restart(c);
		break;
	case PC__DO_LIMITS:
		set_limits(c, m->p);
		break;
	case PC__DO_IDLE:
		set_idle(c, m->bytes);
		break;
	case PC__DO_SLOW:
		pc__conn_slow(c, m->n < SLOW_MOST_MS ? m->n : SLOW_MOST_MS);
		break;
	case PC__DO_RATE:
		set_rate(c, m->bytes, m->n);
		break;
	case PC__DO_MARK:
		pc__writer_mark(c);
		break;
	case PC__DO_CLOSE:
		pc__conn_close(c, m->p);
		m->p = NULL;
		break;
	case PC__DO_ABORT:
		pc__conn_drop(c, m->p);
		break;
	default:
		break;
	}
}

static void set_tls(struct pc__io_lane *lane, pc__tls *tls)
{
	if (lane->tls != NULL)
		pc__tls_unref(&lane->tls);
	lane->tls = tls;
}

static void set_pause(struct pc__io_lane *lane, bool paused)
{
	lane->paused = paused;
	for (size_t i = 0; !paused && i < lane->n_conns; i++) {
		if (lane->conns[i] != NULL)
			pc__reader_go_on(lane->conns[i]);
	}
}

/* What is said to the thread itself, or begins a connection; false: to a connection. */
static bool apply_own(struct pc__io_lane *lane, struct pc__io_msg *m)
{
	switch (m->what) {
	case PC__DO_ADOPT:
		pc__conn_adopt(lane, m->conn, (int)m->n, m->p);
		return true;
	case PC__DO_CONNECT:
		pc__conn_connect(lane, m->conn, m->p);
		return true;
	case PC__DO_TLS:
		set_tls(lane, m->p);
		return true;
	case PC__DO_PAUSE:
		set_pause(lane, m->n != 0);
		return true;
	case PC__DO_SYNC:
		lane->syncs++;
		return true;
	case PC__DO_STOP:
		lane->stopping = true;
		return true;
	default:
		return false;
	}
}

bool pc__lane_apply(struct pc__io_lane *lane)
{
	struct pc__io_batch *b = pc__io_queue_take(&lane->in);
	const char *bytes;

	PC__ON_LANE(lane);
	if (b == NULL)
		return false;
	bytes = b->bytes.p;
	for (size_t i = 0; i < b->n; i++) {
		struct pc__io_msg *m = &b->msgs[i];
		struct pc__conn *c;

		if (apply_own(lane, m))
			continue;
		c = pc__conn_find(lane, m->conn);
		if (c != NULL)
			apply_to(c, m, bytes);
		if (m->what == PC__DO_SEND)
			bytes += m->bytes;
		free(m->p);
	}
	pc__io_queue_done(&lane->in);
	return true;
}

/* ---- turns */

void pc__lane_begin(struct pc__io_lane *lane)
{
	struct pc__conn_list ready = lane->ready;
	struct pc__conn *last = ready.last, *c;

	PC__ON_LANE(lane);
	lane->turn++;
	/* Those that are not done again are added behind the last. */
	while (last != NULL && (c = pc__conn_list_pop(&lane->ready, PC__READY)) != NULL) {
		pc__reader_go_on(c);
		if (c == last)
			break;
	}
}

static void flush(struct pc__io_lane *lane)
{
	while (lane->dirty.first != NULL)
		pc__writer_flush(lane->dirty.first);
}

static void shake_hands(struct pc__io_lane *lane)
{
	uint64_t start;
	struct pc__conn *c;

	if (lane->handshakes.first == NULL || lane->shaken == lane->turn)
		return;
	lane->shaken = lane->turn;
	start = uv_hrtime();
	for (int i = 0; i < PC__LANE_HANDSHAKES; i++) {
		c = pc__conn_list_pop(&lane->handshakes, PC__HANDSHAKES);
		if (c == NULL)
			break;
		pc__tlsconn_shake(c);
		if (uv_hrtime() - start > HANDSHAKE_NS)
			break;
	}
}

void pc__lane_finish(struct pc__io_lane *lane)
{
	struct pc__conn *c;

	PC__ON_LANE(lane);
	flush(lane);
	while ((c = pc__conn_list_pop(&lane->ending, PC__ENDING)) != NULL)
		pc__conn_finish(c);
	shake_hands(lane);
	flush(lane);
}

bool pc__lane_busy(const struct pc__io_lane *lane)
{
	return lane->ready.first != NULL || lane->handshakes.first != NULL ||
	       lane->ending.first != NULL;
}

/* ---- a thread of its own */

static void on_idle(uv_idle_t *idle)
{
	(void)idle; /* that it is active keeps the poll from waiting */
}

static void on_wake(uv_async_t *wake)
{
	(void)wake; /* what was posted is applied when the poll has ended */
}

static void answer_syncs(struct pc__io_lane *lane)
{
	for (; lane->syncs > 0; lane->syncs--)
		pc__lane_synced(lane);
}

static void end_of_turn(struct pc__io_lane *lane)
{
	pc__lane_apply(lane);
	if (lane->stopping) {
		pc__lane_stop(lane);
		return;
	}
	pc__lane_finish(lane);
	pc__io_queue_post(&lane->out);
	answer_syncs(lane);
	if (pc__lane_busy(lane))
		uv_idle_start(&lane->idle, on_idle);
	else
		uv_idle_stop(&lane->idle);
}

static void on_check(uv_check_t *check)
{
	struct pc__io_lane *lane = check->data;

	pc__lane_begin(lane);
	end_of_turn(lane);
}

static void on_prepare(uv_prepare_t *prepare)
{
	struct pc__io_lane *lane = prepare->data;

	if (pc__lane_apply(lane) || lane->out.mine.n != 0 || lane->dirty.first != NULL ||
	    pc__lane_busy(lane))
		end_of_turn(lane);
}

static void run(void *arg)
{
	struct pc__io_lane *lane = arg;

	lane->owner = uv_thread_self();
	uv_run(lane->loop, UV_RUN_DEFAULT);
}

static void start_own_loop(struct pc__io_lane *lane)
{
	lane->own_loop = true;
	lane->loop = &lane->loop_memory;
	uv_loop_init(lane->loop);
	uv_async_init(lane->loop, &lane->wake, on_wake);
	uv_check_init(lane->loop, &lane->check);
	uv_prepare_init(lane->loop, &lane->prepare);
	uv_idle_init(lane->loop, &lane->idle);
	lane->check.data = lane->prepare.data = lane;
	uv_check_start(&lane->check, on_check);
	uv_prepare_start(&lane->prepare, on_prepare);
}

void pc__lane_init(struct pc__io_lane *lane, pc__io *io, unsigned index, uv_loop_t *main_loop,
                   uv_async_t *main_wake)
{
	lane->io = io;
	lane->index = index;
	lane->read = pc__malloc(PC__LANE_READ);
	lane->plain = pc__malloc(PC__LANE_PLAIN);
	lane->roots = pc__xml_roots_new();
	lane->turn = 1;
	if (main_loop != NULL) {
		lane->loop = main_loop;
		lane->owner = uv_thread_self();
	} else {
		start_own_loop(lane);
	}
	pc__io_queue_init(&lane->in, main_loop ? NULL : &lane->wake);
	pc__io_queue_init(&lane->out, main_wake);
	pc__wheel_init(&lane->wheel, pc__lane_now(lane));
	uv_timer_init(lane->loop, &lane->timer);
	lane->timer.data = lane;
	if (main_loop == NULL)
		uv_thread_create(&lane->thread, run, lane);
}

static void close_one(uv_handle_t *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void pc__lane_stop(struct pc__io_lane *lane)
{
	lane->stopping = true;
	for (size_t i = 0; i < lane->n_conns; i++) {
		if (lane->conns[i] != NULL)
			pc__conn_forget(lane->conns[i]);
	}
	close_one((uv_handle_t *)&lane->timer);
	if (!lane->own_loop)
		return;
	close_one((uv_handle_t *)&lane->wake);
	close_one((uv_handle_t *)&lane->check);
	close_one((uv_handle_t *)&lane->prepare);
	close_one((uv_handle_t *)&lane->idle);
}

void pc__lane_fini(struct pc__io_lane *lane)
{
	if (lane->own_loop) {
		uv_loop_close(lane->loop);
	}
	if (lane->tls != NULL)
		pc__tls_unref(&lane->tls);
	pc__io_queue_fini(&lane->in);
	pc__io_queue_fini(&lane->out);
	pc__xml_roots_free(&lane->roots);
	pc__buf_free(&lane->sealed);
	while (lane->n_pool > 0)
		pc__buf_free(&lane->pool[--lane->n_pool]);
	free(lane->conns);
	free(lane->read);
	free(lane->plain);
}
