/*
 * loop.h - one epoll set, and what is called between its turns. There is one thread and one loop.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A descriptor that is looked at. It lies in what owns it, which stays where it is, and in memory,
 * until the loop's turn has ended; fd is -1 when it is closed. */
struct watch {
	int fd;
	bool writing; /* asks for writability, too */
	void (*on_event)(struct watch *w, bool readable, bool writable);
};

void loop_watch(struct watch *w);
void loop_writing(struct watch *w, bool on);

/* Called before the loop sleeps; says when it wants to be called again at the latest. */
typedef uint64_t loop_tick(void *data, uint64_t now);
void loop_add_tick(loop_tick *tick, void *data);
void loop_remove_tick(loop_tick *tick, void *data);
/* Called last before the loop sleeps: writes what has gathered. */
void loop_set_flush(void (*flush)(void));

/* Turns until it is done, or until so many seconds are over; whether it was done. */
bool loop_until(bool (*done)(void *data), void *data, double seconds);
/* Turns for good. */
void loop_forever(void);
