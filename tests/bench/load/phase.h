/*
 * phase.h - what is said to who runs the load: between the two lines lies what is measured.
 */
#pragma once

#include "tally.h"

/* All is set: says so, waits for a line (or the end of input), and begins to measure. */
void phase_begin(void);
/* The work is done: says what it was, and waits again. */
void phase_end(struct tally *t);
