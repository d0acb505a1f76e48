#include "io/queue.h"

#include <stdlib.h>

#include "util/mem.h"

#define LEAST 32
/* A batch that was larger than this in one turn gives its memory back. */
#define MOST_MSGS 4096
#define MOST_BYTES ((size_t)512 * 1024)

void pc__io_queue_init(struct pc__io_queue *q, uv_async_t *wake)
{
	*q = (struct pc__io_queue){ .wake = wake };
	if (wake != NULL)
		uv_mutex_init(&q->lock);
}

static void batch_free(struct pc__io_batch *b)
{
	free(b->msgs);
	pc__buf_free(&b->bytes);
	*b = (struct pc__io_batch){ 0 };
}

void pc__io_queue_fini(struct pc__io_queue *q)
{
	batch_free(&q->mine);
	batch_free(&q->posted);
	batch_free(&q->taken);
	if (q->wake != NULL)
		uv_mutex_destroy(&q->lock);
}

static struct pc__io_msg *batch_room(struct pc__io_batch *b, size_t more)
{
	if (b->size - b->n < more) {
		size_t size = b->size ? b->size : LEAST;

		while (size < b->n + more)
			size *= 2;
		b->msgs = pc__realloc(b->msgs, size * sizeof(*b->msgs));
		b->size = size;
	}
	return b->msgs + b->n;
}

struct pc__io_msg *pc__io_queue_add(struct pc__io_queue *q, pc_conn_id conn, pc__io_what what)
{
	struct pc__io_msg *msg = batch_room(&q->mine, 1);

	*msg = (struct pc__io_msg){ .conn = conn, .what = what };
	q->mine.n++;
	return msg;
}

static void swap(struct pc__io_batch *a, struct pc__io_batch *b)
{
	struct pc__io_batch t = *a;

	*a = *b;
	*b = t;
}

static void append(struct pc__io_batch *to, struct pc__io_batch *from)
{
	memcpy(batch_room(to, from->n), from->msgs, from->n * sizeof(*from->msgs));
	to->n += from->n;
	pc__buf_add(&to->bytes, from->bytes.p, from->bytes.len);
	from->n = 0;
	from->bytes.len = 0;
}

void pc__io_queue_post(struct pc__io_queue *q)
{
	if (q->mine.n == 0 || q->wake == NULL)
		return;
	uv_mutex_lock(&q->lock);
	if (q->posted.n == 0)
		swap(&q->mine, &q->posted);
	else
		append(&q->posted, &q->mine);
	atomic_store_explicit(&q->any, true, memory_order_relaxed);
	uv_mutex_unlock(&q->lock);
	uv_async_send(q->wake);
}

static void take_posted(struct pc__io_queue *q)
{
	/* A post that this look misses touches the uv_async, so there is another look. */
	if (!atomic_load_explicit(&q->any, memory_order_relaxed))
		return;
	uv_mutex_lock(&q->lock);
	swap(&q->posted, &q->taken);
	atomic_store_explicit(&q->any, false, memory_order_relaxed);
	uv_mutex_unlock(&q->lock);
}

struct pc__io_batch *pc__io_queue_take(struct pc__io_queue *q)
{
	if (q->taken.n != 0)
		return NULL; /* a run is under way: only its end may take more */
	if (q->wake == NULL)
		swap(&q->mine, &q->taken);
	else
		take_posted(q);
	return q->taken.n ? &q->taken : NULL;
}

void pc__io_queue_done(struct pc__io_queue *q)
{
	q->taken.n = 0;
	q->taken.bytes.len = 0;
	if (q->taken.size > MOST_MSGS || q->taken.bytes.size > MOST_BYTES)
		batch_free(&q->taken);
}
