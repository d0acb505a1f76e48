/*
 * stop.h - an orderly stop, in two steps, so that what modules have under way comes to its end
 * while those are there who have to be told of it.
 *
 *   1. nobody comes in any more, modules are told (the event server-stopping), and those that
 *      asked for it are waited for (pc_stop_hold() of loop.h)
 *   2. clients are told and go; what that is to others still has streams to leave by; then these go
 */
#pragma once

#include "server.h"

/* Called before the loop sleeps: it ends when the last stream and session have gone. */
void pc__stop_look(void);
