#include "util/places.h"

#include <string.h>

#include <prosody-c/table.h>

#include "util/mem.h"

/* One wish in one line. */
struct pc__stand {
	struct pc__place *place;
	struct pc__asker *asker;
	struct pc__stand *other;          /* of the same wish */
	struct pc__stand *before, *after; /* in the line */
};

struct pc__asker {
	UT_hash_handle hh;
	size_t held;
	struct pc__stand *first, *last;
	struct pc__asker *before, *after; /* those with a line */
	char name[];
};

/* ------------------------------------------------------------ askers */

static struct pc__asker *asker_get(struct pc__places *all, const char *name)
{
	size_t len = strlen(name);
	struct pc__asker *a;

	HASH_FIND(hh, all->askers, name, len, a);
	if (a)
		return a;
	a = pc__alloc(sizeof(*a) + len + 1);
	memcpy(a->name, name, len + 1);
	HASH_ADD_KEYPTR(hh, all->askers, a->name, len, a);
	return a;
}

static void asker_settle(struct pc__places *all, struct pc__asker *a)
{
	if (a->held > 0 || a->first)
		return;
	HASH_DEL(all->askers, a);
	free(a);
}

static void join_turns(struct pc__places *all, struct pc__asker *a)
{
	a->before = all->last;
	a->after = NULL;
	*(a->before ? &a->before->after : &all->first) = a;
	all->last = a;
}

static void leave_turns(struct pc__places *all, struct pc__asker *a)
{
	*(a->before ? &a->before->after : &all->first) = a->after;
	*(a->after ? &a->after->before : &all->last) = a->before;
}

/* ------------------------------------------------------------ lines */

static bool stands_with(const struct pc__place *p, const struct pc__asker *a)
{
	const struct pc__stand *s = p->stands;

	while (s && s->asker != a)
		s = s->other;
	return s != NULL;
}

static void stand(struct pc__places *all, struct pc__place *p, struct pc__asker *a)
{
	struct pc__stand *s = pc__alloc(sizeof(*s));

	if (a->first == NULL)
		join_turns(all, a);
	s->place = p;
	s->asker = a;
	s->other = p->stands;
	p->stands = s;
	s->before = a->last;
	*(a->last ? &a->last->after : &a->first) = s;
	a->last = s;
}

static void step_out(struct pc__places *all, struct pc__stand *s)
{
	struct pc__asker *a = s->asker;

	*(s->before ? &s->before->after : &a->first) = s->after;
	*(s->after ? &s->after->before : &a->last) = s->before;
	if (a->first == NULL)
		leave_turns(all, a);
	free(s);
}

static void leave_lines(struct pc__places *all, struct pc__place *p)
{
	while (p->stands) {
		struct pc__stand *s = p->stands;
		struct pc__asker *a = s->asker;

		p->stands = s->other;
		step_out(all, s);
		asker_settle(all, a);
	}
}

/* ------------------------------------------------------------ places */

static bool may_take(const struct pc__places *all, const struct pc__asker *a)
{
	return a->held < all->most - all->held;
}

static void take(struct pc__places *all, struct pc__place *p, struct pc__asker *a)
{
	p->holder = a;
	a->held++;
	all->held++;
	leave_lines(all, p);
}

bool pc__places_ask(struct pc__places *all, struct pc__place *p, const char *asker)
{
	struct pc__asker *a;

	if (p->holder)
		return true;
	a = asker_get(all, asker);
	if (a->first == NULL && may_take(all, a))
		take(all, p, a);
	else if (!stands_with(p, a))
		stand(all, p, a);
	return p->holder != NULL;
}

/* Few are passed by: each of those holds a place. */
struct pc__place *pc__places_next(struct pc__places *all)
{
	struct pc__asker *a = all->first;
	struct pc__place *p;

	while (a && !may_take(all, a))
		a = a->after;
	if (a == NULL)
		return NULL;
	leave_turns(all, a);
	join_turns(all, a);
	p = a->first->place;
	take(all, p, a);
	return p;
}

void pc__places_leave(struct pc__places *all, struct pc__place *p)
{
	struct pc__asker *a = p->holder;

	leave_lines(all, p);
	p->holder = NULL;
	if (a == NULL)
		return;
	a->held--;
	all->held--;
	asker_settle(all, a);
}
