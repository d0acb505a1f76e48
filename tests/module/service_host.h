/* A loop and a module for tests of the main thread's services: no host, no socket, no
 * configuration. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "modules.h"
#include "server.h"
#include "util/mem.h"

static uv_loop_t loop;

/* It fires what a test likes. */
static const pc_event_decl tester_events[] = { { "*", PC_WAITING, "anything" }, { 0 } };
static const pc_module_def tester_def = { .abi_major = PC_ABI_MAJOR,
	                                  .size = sizeof(pc_module_def),
	                                  .name = "tester",
	                                  .events = tester_events,
	                                  .scope = PC_GLOBAL };

static inline pc_module *module_new(void)
{
	pc_module *m = pc__alloc(sizeof(*m));

	m->def = &tester_def;
	m->state = PC__LIVE;
	m->holds = 1;
	return m;
}

/* As an unload, or (PC__RETIRED) a reload ends it. */
static inline void module_end(pc_module *m, enum pc__module_state state)
{
	m->state = state;
	while (m->owned) {
		struct pc__owned *o = m->owned;

		pc__disown(o);
		o->drop(o);
	}
	pc__module_release(m);
}

static inline void loop_open(void)
{
	uv_loop_init(&loop);
	pc__server.loop = &loop;
}

/* After the services have been stopped: nothing may be left open. */
static inline void loop_end(void)
{
	while (uv_run(&loop, UV_RUN_DEFAULT) != 0)
		;
	assert_int_equal(uv_loop_close(&loop), 0);
	pc__server.loop = NULL;
}

struct deadline {
	uv_timer_t timer;
	bool late, closed;
};

static inline void on_deadline(uv_timer_t *timer)
{
	((struct deadline *)timer->data)->late = true;
}

static inline void on_deadline_closed(uv_handle_t *timer)
{
	((struct deadline *)timer->data)->closed = true;
}

/* Turns the loop until *n is at least that; false after ten seconds. */
static inline bool run_until(const int *n, int wanted)
{
	struct deadline d = { .late = false };

	uv_timer_init(&loop, &d.timer);
	d.timer.data = &d;
	uv_timer_start(&d.timer, on_deadline, 10000, 0);
	while (*n < wanted && !d.late)
		uv_run(&loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&d.timer, on_deadline_closed);
	while (!d.closed)
		uv_run(&loop, UV_RUN_NOWAIT);
	return *n >= wanted;
}
