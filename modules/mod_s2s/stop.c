/*
 * stop.c - the end of federation: the server stops, the host goes, the module is unloaded.
 *
 * When the server stops, what waits for a stream and what is not acknowledged has a moment yet to
 * arrive, in which all goes its ordinary way. Then it goes back, while those are there who wrote
 * it: clients are told before their streams end (RFC 6120 10.4). What was sent on a stream without
 * acknowledgements arrives or not, as the streams' end waits for the other side's.
 */
#include <string.h>

#include "s2s.h"

#define LAST_CHANCE_MS 2000
#define LOOK 0.02 /* seconds */

/* ------------------------------------------------------------ back to their senders */

static void collect(struct managed *sm, struct line *to)
{
	struct line line;

	if (sm == NULL)
		return;
	line_init(&line);
	for (uint32_t i = 0; i < sm->queue.n; i++) {
		const struct queued *q = queue_at(&sm->queue, i);

		if (!q->answered)
			line_add_frame(&line, q->frame, q->when);
	}
	queue_drop(&sm->queue, sm->queue.n);
	line_put_before(to, &line);
}

struct walk {
	struct s2s *own;
	struct line *line;
	bool busy;
};

static struct managed *managed_in(const pc_session *s, const struct s2s *own)
{
	struct managed *sm = managed_of(s);

	return sm && sm->own == own ? sm : NULL;
}

static bool collect_one(const pc_session *s, void *data)
{
	const struct walk *w = data;

	collect(managed_in(s, w->own), w->line);
	return true;
}

/* An error may make that more is written: nothing is walked over by then. */
void stop_now(struct s2s *own)
{
	struct line all;
	struct peer *p, *next;

	own->stopping = true;
	line_init(&all);
	HASH_ITER(hh, own->peers, p, next)
	{
		collect(p->managed, &p->line);
		collect(p->left, &p->line);
		line_put_before(&all, &p->line);
	}
	pc_each_unbound_session(collect_one, &(struct walk){ .own = own, .line = &all });
	if (all.n > 0)
		pc_log(own->m, PC_INFO, "%zu stanzas for other servers go back", all.n);
	line_give_all_back(&all, own, "remote-server-timeout", NULL);
	managed_finish_all(own);
}

/* ------------------------------------------------------------ a moment yet */

static bool is_busy(const struct managed *sm)
{
	return sm && sm->queue.n > 0;
}

static bool look_at(const pc_session *s, void *data)
{
	struct walk *w = data;
	struct managed *sm = managed_in(s, w->own);

	if (is_busy(sm)) {
		w->busy = true;
		managed_hurry(sm);
	}
	return true;
}

static bool look_at_all(struct s2s *own)
{
	struct walk w = { .own = own };
	struct peer *p, *next;

	HASH_ITER(hh, own->peers, p, next)
	w.busy = w.busy || p->line.n > 0 || is_busy(p->managed) || is_busy(p->left);
	pc_each_unbound_session(look_at, &w);
	return w.busy;
}

static void look(void *data)
{
	struct s2s *own = data;

	if (pc_now_ms() < own->last_moment && look_at_all(own))
		return;
	pc_timer_stop(&own->last_chance);
	stop_now(own);
	pc_stop_release(own->m);
}

void stop_begin(struct s2s *own)
{
	if (!look_at_all(own)) {
		stop_now(own);
		return;
	}
	own->last_moment = pc_now_ms() + LAST_CHANCE_MS;
	own->last_chance = pc_every(own->m, LOOK, look, own);
	pc_stop_hold(own->m);
}
