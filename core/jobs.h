/*
 * jobs.h - two threads for bounded work on the processor: password hashing above all.
 *
 * pc_run_job() of loop.h is the door for modules. A module of NULL means the core itself. The
 * threads start with the first job; the queue is bounded, so an overload shows as PC_EBUSY and not
 * as memory. `done` is called in the order in which jobs finish; it is not called when the module
 * has been unloaded meanwhile.
 */
#pragma once

#include <prosody-c/loop.h>

#define PC__JOBS_MAX 1024

/* Jobs that were given and whose `done` has not run. */
size_t pc__jobs_pending(void);
/* Lets the running jobs end, forgets the queued ones, ends the threads. The loop has to turn once
 * more afterwards, so that the handle is closed. */
void pc__jobs_stop(void);
