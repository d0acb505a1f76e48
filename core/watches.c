#include <stdlib.h>

#include "modules.h"
#include "server.h"
#include "util/mem.h"

struct pc_watch {
	struct pc__owned own;
	uv_poll_t poll;
	int fd, events;
	pc_watch_fn *fn;
	void *data;
};

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void close_watch(pc_watch *w)
{
	uv_poll_stop(&w->poll);
	uv_close((uv_handle_t *)&w->poll, on_closed);
}

static void drop(struct pc__owned *o)
{
	close_watch(PC__CONTAINER(o, pc_watch, own));
}

/* A hang-up or an error is told as what was asked for: reading or writing then finds out what it
 * is. */
static void on_poll(uv_poll_t *poll, int status, int ready)
{
	pc_watch *w = poll->data;
	int events = ((ready & UV_READABLE) ? PC_READABLE : 0) |
	             ((ready & UV_WRITABLE) ? PC_WRITABLE : 0);

	if (status < 0)
		events = w->events;
	if (events != 0 && (w->own.m == NULL || pc__module_callable(w->own.m)))
		w->fn(w->fd, events, w->data);
}

void pc_watch_set(pc_watch *w, int events)
{
	int wanted = ((events & PC_READABLE) ? UV_READABLE : 0) |
	             ((events & PC_WRITABLE) ? UV_WRITABLE : 0);

	w->events = events;
	if (wanted == 0)
		uv_poll_stop(&w->poll);
	else
		uv_poll_start(&w->poll, wanted, on_poll);
}

pc_watch *pc_watch_fd(pc_module *m, int fd, int events, pc_watch_fn *fn, void *data)
{
	pc_watch *w = pc__alloc(sizeof(*w));
	int err = uv_poll_init(pc__server.loop, &w->poll, fd);

	if (err < 0) {
		pc_log(m, PC_ERROR, "descriptor %d cannot be watched: %s", fd, uv_strerror(err));
		free(w);
		return NULL;
	}
	w->poll.data = w;
	w->fd = fd;
	w->fn = fn;
	w->data = data;
	if (m != NULL)
		pc__own(m, &w->own, drop);
	pc_watch_set(w, events);
	return w;
}

void pc_watch_stop(pc_watch **w)
{
	if (*w == NULL)
		return;
	if ((*w)->own.m != NULL)
		pc__disown(&(*w)->own);
	close_watch(*w);
	*w = NULL;
}
