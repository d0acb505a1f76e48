/*
 * due.h - when the connections of a lane want to be looked at: a heap, the earliest first.
 *
 * A time-out that moves on with every byte is not moved here: it comes due at its first date, is
 * found to be early, and is set again. So traffic costs nothing.
 */
#pragma once

#include <prosody-c/base.h>

struct pc__conn;

struct pc__dues {
	struct pc__conn **heap;
	size_t n, size;
};

/* Sets or moves; the connection's `due` and `due_at` belong to this file. 0: never. */
void pc__dues_set(struct pc__dues *d, struct pc__conn *c, uint64_t due);
/* The earliest, or NULL. */
struct pc__conn *pc__dues_first(const struct pc__dues *d);
void pc__dues_free(struct pc__dues *d);
