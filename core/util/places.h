/*
 * places.h - what there is only so much of at a time, shared fairly among those who ask for it.
 *
 * An *asker* is a name: a user, a component, an address. By two rules one with a crowd of wishes
 * keeps nobody else waiting:
 *
 * - Nobody takes a place who holds as many as are free. So one asker alone gets half of them, n who
 *   want all they can get leave the (n+1)th part to whoever comes next, and as long as there are
 *   fewer askers than places somebody with one wish finds a free one at once.
 * - Who has to wait stands in a line of his asker's, and the lines are served in turn.
 *
 * Several askers may wish for the same: it stands in the line of each, and takes the place of the
 * first one whose turn comes. An asker is known only as long as he holds or waits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct pc__asker;

struct pc__places {
	size_t most, held;
	struct pc__asker *askers;       /* by name */
	struct pc__asker *first, *last; /* of those with a line, in the order of their turns */
};

/* A wish, in what wishes. Zeroed: it neither holds nor waits. */
struct pc__place {
	struct pc__asker *holder; /* by whom it holds a place; NULL: it holds none */
	struct pc__stand *stands; /* in lines, while it waits */
};

/* It is wished for, also or first by that asker: it holds a place now (true), or stands in his
 * line, too. */
bool pc__places_ask(struct pc__places *all, struct pc__place *p, const char *asker);
/* Whose turn it is: that holds a place now. NULL: nobody's. */
struct pc__place *pc__places_next(struct pc__places *all);
/* It neither holds nor waits any more; call pc__places_next() until that gives NULL. */
void pc__places_leave(struct pc__places *all, struct pc__place *p);
