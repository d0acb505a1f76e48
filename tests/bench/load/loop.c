#include "loop.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "clock.h"

#define TICKS 4
#define EVENTS 256

static struct {
	int fd; /* 0: not made yet */
	struct {
		loop_tick *tick;
		void *data;
	} ticks[TICKS];
	unsigned n_ticks;
	void (*flush)(void);
} loop;

static int epoll_set(void)
{
	if (loop.fd == 0)
		loop.fd = epoll_create1(EPOLL_CLOEXEC);
	return loop.fd;
}

static void control(struct watch *w, int how)
{
	struct epoll_event ev = { .events = EPOLLIN | (w->writing ? EPOLLOUT : 0), .data.ptr = w };

	if (epoll_ctl(epoll_set(), how, w->fd, &ev) != 0) {
		perror("epoll_ctl");
		exit(2);
	}
}

void loop_watch(struct watch *w)
{
	control(w, EPOLL_CTL_ADD);
}

void loop_writing(struct watch *w, bool on)
{
	if (w->writing == on || w->fd < 0)
		return;
	w->writing = on;
	control(w, EPOLL_CTL_MOD);
}

void loop_add_tick(loop_tick *tick, void *data)
{
	if (loop.n_ticks == TICKS)
		abort();
	loop.ticks[loop.n_ticks].tick = tick;
	loop.ticks[loop.n_ticks++].data = data;
}

void loop_remove_tick(loop_tick *tick, void *data)
{
	for (unsigned i = 0; i < loop.n_ticks; i++)
		if (loop.ticks[i].tick == tick && loop.ticks[i].data == data)
			loop.ticks[i--] = loop.ticks[--loop.n_ticks];
}

void loop_set_flush(void (*flush)(void))
{
	loop.flush = flush;
}

static uint64_t run_ticks(uint64_t wake)
{
	for (unsigned i = 0; i < loop.n_ticks; i++) {
		uint64_t next = loop.ticks[i].tick(loop.ticks[i].data, clock_now());

		wake = next < wake ? next : wake;
	}
	return wake;
}

/* One turn, which sleeps until then at the longest. */
static void turn(uint64_t wake)
{
	struct epoll_event events[EVENTS];

	wake = run_ticks(wake);
	if (loop.flush)
		loop.flush();
	uint64_t now = clock_now(), wait = wake > now ? wake - now : 0;
	struct timespec t = { .tv_sec = (time_t)(wait / SECOND), .tv_nsec = (long)(wait % SECOND) };
	int n = epoll_pwait2(epoll_set(), events, EVENTS, &t, NULL);
	for (int i = 0; i < n; i++) {
		struct watch *w = events[i].data.ptr;
		bool out = events[i].events & EPOLLOUT;

		if (w->fd >= 0)
			w->on_event(w, events[i].events & ~(uint32_t)EPOLLOUT, out);
	}
}

bool loop_until(bool (*done)(void *data), void *data, double seconds)
{
	uint64_t end = clock_now() + (uint64_t)(seconds * (double)SECOND);

	while (!done(data)) {
		uint64_t now = clock_now();

		if (now >= end)
			return false;
		/* Some things are done when nothing has happened for a while. */
		turn(now + 20 * MILLISECOND);
	}
	return true;
}

void loop_forever(void)
{
	for (;;)
		turn(clock_now() + SECOND);
}
