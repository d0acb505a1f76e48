/*
 * stream_marks.c - who waits until what was sent to a session has left for the network.
 *
 * The I/O thread passes marks in the order in which they were set. Where there is no connection to
 * set one on, the answer comes by a timer, since no callback comes before its call returns.
 */
#include <stdlib.h>

#include "modules.h"
#include "server.h"
#include "stream_internal.h"
#include "util/mem.h"

struct pc__mark {
	struct pc__mark *next;
	struct pc__timer timer;
	int err; /* told by the timer */
	pc_module *m;
	pc_done_fn *fn;
	void *data;
};

static void tell(struct pc__mark *mark, int err)
{
	if (pc__module_callable(mark->m))
		mark->fn(err, mark->data);
	pc__module_release(mark->m);
	free(mark);
}

static void on_timer(struct pc__timer *t)
{
	struct pc__mark *mark = PC__CONTAINER(t, struct pc__mark, timer);

	tell(mark, mark->err);
}

static bool is_open(const pc_stream *s)
{
	return s && s->state != PC__STREAM_CLOSING && s->state != PC__STREAM_GONE;
}

static void append(pc_stream *s, struct pc__mark *mark)
{
	struct pc__mark **at = &s->marks;

	while (*at)
		at = &(*at)->next;
	*at = mark;
}

/* Where a stream is carried it is the carrier that sends; without one, its transport has taken what
 * it was given. */
void pc_session_written(pc_module *m, const pc_session *session, pc_done_fn *fn, void *data)
{
	pc_stream *s = pc_session_stream(session);
	struct pc__mark *mark = pc__alloc(sizeof(*mark));
	pc_stream *line = is_open(s) && s->carried ? pc__carried_by(s) : s;

	*mark = (struct pc__mark){ .m = m, .fn = fn, .data = data };
	pc__module_hold(m);
	if (is_open(s) && is_open(line) && !line->carried) {
		append(line, mark);
		pc__io_mark(pc__server.io, line->conn);
		return;
	}
	mark->err = is_open(s) ? PC_OK : PC_ECANCELED;
	pc__timer_set(&mark->timer, 0, on_timer);
}

static struct pc__mark *take(pc_stream *s)
{
	struct pc__mark *mark = s->marks;

	if (mark)
		s->marks = mark->next;
	return mark;
}

void pc__stream_written(pc_stream *s, unsigned marks)
{
	struct pc__mark *mark;

	while (marks-- > 0 && (mark = take(s)))
		tell(mark, PC_OK);
}

void pc__stream_cancel_marks(pc_stream *s)
{
	struct pc__mark *mark;

	while ((mark = take(s)))
		tell(mark, PC_ECANCELED);
}
