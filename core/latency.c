/*
 * latency.c - how long turns of the main loop are: from one poll to the next. While turns lag over
 * 50 ms, new and unauthenticated streams wait: who is in goes first.
 */
#include "latency.h"

#include "io/io.h"
#include "metrics.h"
#include "server.h"

#define LEAST_SECONDS 0.000008
#define LAG_NS (50 * 1000000ull)
#define AGAIN_MS 10                /* so long at most it takes until a turn tells that it is over */
#define COARSE_NS (2 * 1000000ull) /* the loop's clock may be behind so much */

static uv_check_t after_poll;
static uv_prepare_t before_poll;
static uv_timer_t again;
static uint64_t began;
static bool paused;
static pc_metric *turns;

/* What libuv calls while it polls belongs to the turn. When that began the loop's own clock tells,
 * in milliseconds: asked for more (UV_METRICS_IDLE_TIME), libuv polls twice in every turn. */
static void on_check(uv_check_t *handle)
{
	uint64_t now = uv_hrtime(), polled = uv_now(handle->loop) * 1000000;

	began = polled + COARSE_NS < now ? polled : now;
}

static void pause_new(bool pause)
{
	if (pause == paused)
		return;
	paused = pause;
	pc__io_pause_new(pc__server.io, pause);
}

static void on_again(uv_timer_t *handle)
{
	(void)handle; /* that there is a turn is all that is wanted */
}

static void on_prepare(uv_prepare_t *handle)
{
	uint64_t spent;

	(void)handle;
	if (began == 0)
		return;
	spent = uv_hrtime() - began;
	began = 0;
	pc_metric_observe(turns, (double)spent / 1e9);
	pause_new(spent > LAG_NS);
	if (paused) /* those who wait are not polled for: nobody else may have anything to say */
		uv_timer_start(&again, on_again, AGAIN_MS, 0);
}

void pc__latency_start(uv_loop_t *loop)
{
	turns = pc__histogram("loop", "turn_seconds", "Time of a turn of the main loop",
	                      LEAST_SECONDS);
	uv_check_init(loop, &after_poll);
	uv_check_start(&after_poll, on_check);
	uv_prepare_init(loop, &before_poll);
	uv_prepare_start(&before_poll, on_prepare);
	uv_timer_init(loop, &again);
}

void pc__latency_stop(void)
{
	uv_check_stop(&after_poll);
	uv_prepare_stop(&before_poll);
	uv_timer_stop(&again);
}
