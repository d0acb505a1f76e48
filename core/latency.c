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

static uv_prepare_t before_poll;
static uint64_t ended, idle; /* the last turn; idle until then */
static bool paused;
static pc_metric *turns;

static void pause_new(bool pause)
{
	if (pause == paused)
		return;
	paused = pause;
	pc__io_pause_new(pc__server.io, pause);
}

/* What libuv calls while it polls belongs to the turn: only sleeping does not. */
static void on_prepare(uv_prepare_t *handle)
{
	uint64_t now = uv_hrtime(), idle_now = uv_metrics_idle_time(handle->loop);
	uint64_t spent = now - ended - (idle_now - idle);

	if (ended != 0) {
		pc_metric_observe(turns, (double)spent / 1e9);
		pause_new(spent > LAG_NS);
	}
	ended = now;
	idle = idle_now;
}

void pc__latency_start(uv_loop_t *loop)
{
	turns = pc__histogram("loop", "turn_seconds", "Time of a turn of the main loop",
	                      LEAST_SECONDS);
	uv_loop_configure(loop, UV_METRICS_IDLE_TIME);
	ended = 0;
	uv_prepare_init(loop, &before_poll);
	uv_prepare_start(&before_poll, on_prepare);
}

void pc__latency_stop(void)
{
	uv_prepare_stop(&before_poll);
}
