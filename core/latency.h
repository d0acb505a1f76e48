/*
 * latency.h - how long the turns of the main loop take: a histogram, metric loop_turn_seconds.
 */
#pragma once

#include <stdbool.h>
#include <uv.h>

void pc__latency_start(uv_loop_t *loop);
void pc__latency_stop(void);
