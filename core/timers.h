/*
 * timers.h - time-outs of the core: nodes that their owners embed, on one wheel.
 *
 * Setting, moving and clearing a time-out costs some stores and no allocation, so that every stream
 * may have several. The wheel turns by one uv_timer that is started at first use. A zeroed node is
 * a cleared one. pc_after() and pc_every() of loop.h are built on this.
 */
#pragma once

#include <prosody-c/loop.h>

#include "util/wheel.h"

struct pc__timer;
typedef void pc__timer_fn(struct pc__timer *t);

struct pc__timer {
	struct pc__wheel_node node;
	pc__timer_fn *fn;
};

/* Calls fn once after so many seconds; fractions, 0 and INFINITY (never) are fine. A node that is
 * set already is moved. fn may set or clear the node, or free what holds it. */
void pc__timer_set(struct pc__timer *t, double seconds, pc__timer_fn *fn);
void pc__timer_clear(struct pc__timer *t);
bool pc__timer_is_set(const struct pc__timer *t);

/* Closes the uv_timer: nothing fires any more. The loop has to turn once more afterwards. */
void pc__timers_stop(void);
