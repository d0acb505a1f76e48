#include "timers.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "modules.h"
#include "server.h"
#include "util/mem.h"

#define FOREVER_SECONDS (10.0 * 365 * 86400)

static struct pc__wheel wheel;
static uv_timer_t clock_timer;
static bool started, stopped;
static uint64_t armed; /* when the uv_timer fires; 0: it does not */

int64_t pc_now_ms(void)
{
	return (int64_t)uv_now(pc__server.loop);
}

int64_t pc_time_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_clock(uv_timer_t *timer);

static void arm(void)
{
	uint64_t now = uv_now(pc__server.loop);
	int64_t wait = pc__wheel_next(&wheel, now);

	if (wait < 0 || stopped)
		return;
	if (armed != 0 && armed <= now + (uint64_t)wait)
		return;
	armed = now + (uint64_t)wait;
	uv_timer_start(&clock_timer, on_clock, (uint64_t)wait, 0);
}

static void on_clock(uv_timer_t *timer)
{
	(void)timer;
	armed = 0;
	pc__wheel_run(&wheel, uv_now(pc__server.loop));
	arm();
}

static void start(void)
{
	if (started)
		return;
	started = true;
	pc__wheel_init(&wheel, uv_now(pc__server.loop));
	uv_timer_init(pc__server.loop, &clock_timer);
}

static void on_node(struct pc__wheel_node *node)
{
	struct pc__timer *t = PC__CONTAINER(node, struct pc__timer, node);

	t->fn(t);
}

void pc__timer_set(struct pc__timer *t, double seconds, pc__timer_fn *fn)
{
	start();
	if (!(seconds < FOREVER_SECONDS)) {
		pc__timer_clear(t);
		return;
	}
	t->fn = fn;
	t->node.fn = on_node;
	pc__wheel_set(&wheel, &t->node,
	              uv_now(pc__server.loop) + (uint64_t)(seconds > 0 ? ceil(seconds * 1000) : 0));
	arm();
}

void pc__timer_clear(struct pc__timer *t)
{
	if (pc__wheel_is_set(&t->node))
		pc__wheel_stop(&wheel, &t->node);
}

bool pc__timer_is_set(const struct pc__timer *t)
{
	return pc__wheel_is_set(&t->node);
}

void pc__timers_stop(void)
{
	if (!started || stopped)
		return;
	stopped = true;
	uv_close((uv_handle_t *)&clock_timer, NULL);
}

/* ------------------------------------------------------------ timers of modules */

struct pc_timer {
	struct pc__owned owned;
	struct pc__timer timer;
	pc_timer_fn *fn;
	void *data;
	double every; /* 0: once */
	bool last; /* its only call is under way: it may be stopped in there, and is freed after */
};

static void drop(struct pc__owned *o)
{
	pc_timer *t = PC__CONTAINER(o, pc_timer, owned);

	pc__timer_clear(&t->timer);
	free(t);
}

static void on_module_timer(struct pc__timer *node)
{
	pc_timer *t = PC__CONTAINER(node, pc_timer, timer);

	if (t->every > 0) {
		pc__timer_set(node, t->every, on_module_timer);
		t->fn(t->data);
		return;
	}
	pc__disown(&t->owned);
	t->last = true;
	t->fn(t->data);
	free(t);
}

static pc_timer *add(pc_module *m, double seconds, double every, pc_timer_fn *fn, void *data)
{
	pc_timer *t = pc__alloc(sizeof(*t));

	t->fn = fn;
	t->data = data;
	t->every = every;
	pc__own(m, &t->owned, drop);
	pc__timer_set(&t->timer, seconds, on_module_timer);
	return t;
}

pc_timer *pc_after(pc_module *m, double seconds, pc_timer_fn *fn, void *data)
{
	return add(m, seconds, 0, fn, data);
}

pc_timer *pc_every(pc_module *m, double seconds, pc_timer_fn *fn, void *data)
{
	return add(m, seconds, seconds > 0.001 ? seconds : 0.001, fn, data);
}

void pc_timer_stop(pc_timer **timer)
{
	pc_timer *t = *timer;

	*timer = NULL;
	if (t == NULL || t->last)
		return;
	pc__disown(&t->owned);
	drop(&t->owned);
}
