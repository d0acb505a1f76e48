/*
 * children.h - child processes of modules: pc_spawn() of loop.h.
 *
 * A child leads a process group of its own, which the signals go to. `ended` comes when the process
 * is gone and its output has been read to the end; what still holds the output open a second later
 * (a grandchild) is not waited for.
 */
#pragma once

#include <prosody-c/loop.h>

/* Bytes that may wait to be read by a child. */
#define PC__CHILD_INPUT_MAX (1024 * 1024)

/* Kills what still runs, at once; for the end of the server. */
void pc__children_stop(void);
