/*
 * killpoint.h - places at which a debug build can be told to die, for tests of what a kill leaves.
 *
 * The environment variable PC_KILL_AT=NAME[:COUNT] arms one of them: the process kills itself by
 * SIGKILL when any thread comes by for the COUNTth time (the first where there is no count).
 * Release builds have none. The points, in the order in which an acknowledged write meets them:
 *
 *   before-end     a turn has been, and nothing of it is valid (turns.c)
 *   after-end      the journal has it; jobs and output wait
 *   before-commit  the writes of a batch are carried out, and not committed
 *                  (store/worker_threads.c)
 *   after-commit   they are committed, and nobody knows
 *   before-reply   the main thread has the ticket; the reply that waited is not sent (replies.c)
 *   after-reply    it is with the I/O thread
 *   before-write   before what a turn has gathered for a connection is written (io/writer.c)
 *   after-write    the system has it
 *
 * and at the start:
 *
 *   before-revival the journal is read, no session is there again (revival.c)
 */
#pragma once

#ifdef PC_DEBUG_BUILD
#define PC__KILLPOINT(name) pc__killpoint(name)
void pc__killpoint(const char *name);
#else
#define PC__KILLPOINT(name) ((void)0)
#endif
