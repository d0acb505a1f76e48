/* The way out: what a turn gathers, and what the socket did not take of it. */
#include "io/conn.h"

#include <stdlib.h>

#include "io/lane.h"
#include "io/tlsconn.h"
#include "util/killpoint.h"
#include "util/mem.h"

#define LIMIT_DEFAULT ((size_t)8 * 1024 * 1024)

static size_t limit(const struct pc__conn *c)
{
	return c->kind->send_limit ? c->kind->send_limit : LIMIT_DEFAULT;
}

static size_t backlog_len(const struct pc__conn *c)
{
	if (c->backlog == NULL)
		return 0;
	return uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp) + c->backlog->next.len;
}

size_t pc__writer_unsent(const struct pc__conn *c)
{
	return c->out.len + backlog_len(c);
}

static void count_out(struct pc__conn *c, size_t bytes)
{
	PC__COUNTER_ADD(c->lane->counters.bytes_out, bytes);
	PC__COUNTER_ADD(c->lane->counters.writes, 1);
}

static void tell_marks(struct pc__conn *c)
{
	if (c->marks == 0 || c->state == PC__DEAD)
		return;
	pc__lane_tell(c->lane, c->id, PC__IS_WRITTEN)->n = c->marks;
	c->marks = 0;
}

/* ---- the backlog */

static void write_next(struct pc__conn *c);

static void all_written(struct pc__conn *c)
{
	pc__writer_free(c);
	if (c->out.len == 0)
		tell_marks(c);
	if (c->piled) {
		c->piled = false;
		pc__lane_tell(c->lane, c->id, PC__IS_DRAINED);
	}
	pc__conn_written(c);
}

static void on_written(uv_write_t *req, int status)
{
	struct pc__conn *c = req->handle->data;
	struct pc__backlog *b = c->backlog;

	if (c->state == PC__DEAD)
		return; /* the memory goes with the handle */
	PC__ON_LANE(c->lane);
	PC__COUNTER_ADD(c->lane->counters.unsent, -b->writing.len);
	if (status < 0) {
		pc__conn_drop(c, uv_strerror(status));
		return;
	}
	count_out(c, b->writing.len);
	b->writing.len = 0;
	if (b->next.len != 0)
		write_next(c);
	else
		all_written(c);
}

static void write_next(struct pc__conn *c)
{
	struct pc__backlog *b = c->backlog;
	struct pc__buf t = b->writing;
	uv_buf_t buf;
	int err;

	b->writing = b->next;
	b->next = t;
	buf = uv_buf_init(b->writing.p, (unsigned)b->writing.len);
	err = uv_write(&b->req, (uv_stream_t *)&c->tcp, &buf, 1, on_written);
	if (err < 0)
		pc__conn_drop(c, uv_strerror(err));
}

static void keep(struct pc__conn *c, const char *p, size_t len)
{
	bool idle = c->backlog == NULL;

	if (idle)
		c->backlog = pc__alloc(sizeof(*c->backlog));
	pc__buf_add(&c->backlog->next, p, len);
	PC__COUNTER_ADD(c->lane->counters.unsent, len);
	if (idle)
		write_next(c);
	if (c->state != PC__OPEN || c->piled || backlog_len(c) <= limit(c) / 2)
		return;
	c->piled = true;
	pc__lane_tell(c->lane, c->id, PC__IS_PILED);
}

void pc__writer_raw(struct pc__conn *c, const char *p, size_t len)
{
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)p, (unsigned)len);
	int n = 0;

	if (c->state == PC__DEAD || len == 0)
		return;
	if (c->backlog == NULL) {
		n = uv_try_write((uv_stream_t *)&c->tcp, &buf, 1);
		if (n == UV_EAGAIN)
			n = 0;
		if (n < 0) {
			pc__conn_drop(c, uv_strerror(n));
			return;
		}
		count_out(c, (size_t)n);
	}
	if ((size_t)n < len)
		keep(c, p + n, len - (size_t)n);
}

/* ---- what a turn gathers */

static bool accepts(const struct pc__conn *c)
{
	return c->state == PC__OPEN || c->state == PC__SHAKING || c->state == PC__CONNECTING;
}

void pc__writer_add(struct pc__conn *c, const void *p, size_t len)
{
	if (!accepts(c) || len == 0)
		return;
	if (c->out.p == NULL)
		c->out = pc__lane_borrow(c->lane);
	pc__buf_add(&c->out, p, len);
	pc__conn_list_add(&c->lane->dirty, c, PC__DIRTY);
	if (pc__writer_unsent(c) < limit(c))
		return;
	if (c->state == PC__OPEN)
		pc__writer_flush(c);
	if (c->state != PC__DEAD && pc__writer_unsent(c) >= limit(c))
		pc__conn_drop(c, PC__IO_UNSENT);
}

void pc__writer_mark(struct pc__conn *c)
{
	c->marks++;
	if (accepts(c))
		pc__conn_list_add(&c->lane->dirty, c, PC__DIRTY);
}

static void write_gathered(struct pc__conn *c, struct pc__buf *out)
{
	PC__KILLPOINT("before-write");
	if (out->len > 0) {
		if (c->tls != NULL)
			pc__tlsconn_send(c, out->p, out->len);
		else
			pc__writer_raw(c, out->p, out->len);
	}
	PC__KILLPOINT("after-write");
	pc__lane_return(c->lane, out);
}

void pc__writer_flush(struct pc__conn *c)
{
	struct pc__buf out = c->out;

	pc__conn_list_remove(&c->lane->dirty, c, PC__DIRTY);
	if (c->state != PC__OPEN && c->state != PC__CLOSING)
		return;
	if (out.p != NULL) {
		c->out = (struct pc__buf){ 0 };
		write_gathered(c, &out);
	}
	if (c->backlog == NULL)
		tell_marks(c);
}

void pc__writer_free(struct pc__conn *c)
{
	if (c->backlog == NULL)
		return;
	pc__buf_free(&c->backlog->writing);
	pc__buf_free(&c->backlog->next);
	pc__free(&c->backlog);
}
