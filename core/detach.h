/*
 * detach.h - into the background: -D.
 *
 * The parent waits until the child serves, so that whoever started it knows: it exits with 0 then,
 * and else with what the child has exited with. Until then the child keeps the terminal, for its
 * messages and for the interrupt key.
 */
#pragma once

#include <stdbool.h>

/* Call it before there are threads or descriptors. Returns in the child with -1, in the parent with
 * what to exit with. */
int pc__detach_begin(void);
/* In the child: the parent may go, and standard input, output and error lead nowhere from now on.
 * Without pc__detach_begin() nothing. */
void pc__detach_ready(void);
/* Is, or will be, without a terminal. */
bool pc__detached(void);
