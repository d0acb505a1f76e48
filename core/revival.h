/*
 * revival.h - the sessions of the process before, made anew: journal.h of the public headers.
 */
#pragma once

#include "store/past.h"

/* Blocks until accounts and rosters are looked up. Before the server listens. */
void pc__revival_run(pc__past *past);
