/*
 * program.h - a program that answers lines by "yes" or "no", in turn.
 *
 * When it hangs, ends or talks nonsense, all who wait get PC_EIO, and the next question starts it
 * anew.
 */
#pragma once

#include <prosody-c/prosody-c.h>

struct asked;

struct program {
	pc_module *m;
	pc_child *child;
	struct asked *first;
	pc_timer *timer; /* of the first */
	char line[8];    /* of an answer, as far as it came */
	size_t len;
};

/* Asks by a line; "no" becomes the error `no`. fn is called once, not before this has returned. */
void program_ask(struct program *p, const char *line, int no, pc_done_fn *fn, void *data);
/* Ends it. Also given to timers. */
void program_give_up(void *p);
