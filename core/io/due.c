#include "io/due.h"

#include <stdlib.h>

#include "io/conn.h"
#include "util/mem.h"

#define LEAST 64

static void put(struct pc__dues *d, size_t at, struct pc__conn *c)
{
	d->heap[at] = c;
	c->due_at = at + 1;
}

static void up(struct pc__dues *d, size_t at, struct pc__conn *c)
{
	while (at > 0 && d->heap[(at - 1) / 2]->due > c->due) {
		put(d, at, d->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(d, at, c);
}

static void down(struct pc__dues *d, size_t at, struct pc__conn *c)
{
	size_t child;

	while ((child = 2 * at + 1) < d->n) {
		if (child + 1 < d->n && d->heap[child + 1]->due < d->heap[child]->due)
			child++;
		if (d->heap[child]->due >= c->due)
			break;
		put(d, at, d->heap[child]);
		at = child;
	}
	put(d, at, c);
}

static void take_out(struct pc__dues *d, struct pc__conn *c)
{
	size_t at = c->due_at - 1;
	struct pc__conn *last = d->heap[--d->n];

	c->due_at = 0;
	if (last == c)
		return;
	up(d, at, last);
	down(d, last->due_at - 1, last);
}

static void put_in(struct pc__dues *d, struct pc__conn *c)
{
	if (d->n == d->size) {
		d->size = d->size ? d->size * 2 : LEAST;
		d->heap = pc__realloc(d->heap, d->size * sizeof(struct pc__conn *));
	}
	up(d, d->n++, c);
}

void pc__dues_set(struct pc__dues *d, struct pc__conn *c, uint64_t due)
{
	if (c->due_at != 0 && c->due == due)
		return;
	if (c->due_at != 0)
		take_out(d, c);
	c->due = due;
	if (due != 0)
		put_in(d, c);
}

struct pc__conn *pc__dues_first(const struct pc__dues *d)
{
	return d->n ? d->heap[0] : NULL;
}

void pc__dues_free(struct pc__dues *d)
{
	free(d->heap);
	*d = (struct pc__dues){ 0 };
}
