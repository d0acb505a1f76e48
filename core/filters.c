#include "filters.h"

#include <stdlib.h>

#include <prosody-c/route.h>

#include "modules.h"
#include "session_table.h"
#include "util/mem.h"

enum direction { IN = PC_STANZAS_IN, OUT = PC_STANZAS_OUT, TAP };

struct pc__filter {
	struct pc__owned owned;
	struct pc__filter *next; /* in the order in which a stanza passes */
	struct pc__session *s;
	enum direction dir;
	pc_filter_fn *fn;
	pc_tap_fn *tap;
	double priority;
};

/* What comes in passes the ones near the wire first, what goes out those near the router. */
static bool goes_before(const struct pc__filter *a, const struct pc__filter *b)
{
	if (a->dir != b->dir)
		return a->dir < b->dir;
	return a->dir == IN ? a->priority < b->priority : a->priority > b->priority;
}

static void remove_filter(struct pc__filter *f)
{
	struct pc__filter **at = &f->s->filters;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	free(f);
}

static void drop_filter(struct pc__owned *o)
{
	remove_filter(PC__CONTAINER(o, struct pc__filter, owned));
}

static void add(pc_module *m, const pc_session *session, struct pc__filter f)
{
	struct pc__session *s = pc__session_of(session);
	struct pc__filter *new = pc__malloc(sizeof(*new)), **at = &s->filters;

	*new = f;
	new->s = s;
	while (*at && !goes_before(new, *at))
		at = &(*at)->next;
	new->next = *at;
	*at = new;
	pc__own(m, &new->owned, drop_filter);
}

void pc_filter(pc_module *m, const pc_session *s, pc_direction dir, pc_filter_fn *fn,
               double priority)
{
	add(m, s,
	    (struct pc__filter){ .dir = (enum direction)dir, .fn = fn, .priority = priority });
}

void pc_tap(pc_module *m, const pc_session *s, pc_tap_fn *fn, double priority)
{
	add(m, s, (struct pc__filter){ .dir = TAP, .tap = fn, .priority = priority });
}

static void remove_matching(const pc_module *m, const pc_session *session, enum direction dir,
                            pc_filter_fn *fn, pc_tap_fn *tap)
{
	struct pc__filter *next;

	for (struct pc__filter *f = pc__session_of(session)->filters; f; f = next) {
		next = f->next;
		if (f->owned.m == m && f->dir == dir && f->fn == fn && f->tap == tap) {
			pc__disown(&f->owned);
			remove_filter(f);
		}
	}
}

void pc_unfilter(pc_module *m, const pc_session *s, pc_direction dir, pc_filter_fn *fn)
{
	remove_matching(m, s, (enum direction)dir, fn, NULL);
}

void pc_untap(pc_module *m, const pc_session *s, pc_tap_fn *fn)
{
	remove_matching(m, s, TAP, NULL, fn);
}

void pc__filters_free(struct pc__session *s)
{
	for (struct pc__filter *f = s->filters, *next; f; f = next) {
		next = f->next;
		pc__disown(&f->owned);
		remove_filter(f);
	}
}

/* ------------------------------------------------------------ passing */

static bool has(const struct pc__session *s, enum direction dir)
{
	for (const struct pc__filter *f = s->filters; f; f = f->next)
		if (f->dir == dir)
			return true;
	return false;
}

bool pc__filters_has_out(const struct pc__session *s)
{
	return has(s, OUT);
}

bool pc__filters_has_tap(const struct pc__session *s)
{
	return has(s, TAP);
}

/* The first that is behind all those of that module; without any of them, the first of all. */
static struct pc__filter *behind(struct pc__session *s, enum direction dir, const pc_module *m)
{
	struct pc__filter *from = s->filters;

	for (struct pc__filter *f = s->filters; f; f = f->next)
		if (f->dir == dir && f->owned.m == m)
			from = f->next;
	return from;
}

static bool pass(struct pc__session *s, struct pc__filter *from, enum direction dir, pc_stanza **st)
{
	for (struct pc__filter *f = from, *next; f; f = next) {
		pc_verdict verdict;

		next = f->next;
		if (f->dir != dir)
			continue;
		verdict = f->fn(&s->pub, st, f->owned.m->data);
		if (verdict == PC_DROP)
			pc_stanza_free(st);
		if (verdict != PC_KEEP)
			return false;
	}
	return true;
}

bool pc__filters_in(struct pc__session *s, pc_stanza **st)
{
	return pass(s, s->filters, IN, st);
}

bool pc__filters_out(struct pc__session *s, pc_stanza **st)
{
	return pass(s, s->filters, OUT, st);
}

static bool tap(struct pc__session *s, struct pc__filter *from, pc_frame *frame)
{
	for (struct pc__filter *f = from, *next; f; f = next) {
		next = f->next;
		if (f->dir == TAP && f->tap(&s->pub, frame, f->owned.m->data) != PC_KEEP)
			return false;
	}
	return true;
}

bool pc__filters_tap(struct pc__session *s, pc_frame *frame)
{
	return tap(s, s->filters, frame);
}

int pc_tap_pass(pc_module *m, const pc_session *session, pc_frame *frame)
{
	struct pc__session *s = pc__session_of(session);

	return tap(s, behind(s, TAP, m), frame) ? pc_session_send_frame(session, frame, 0) : PC_OK;
}

int pc_filter_pass(pc_module *m, const pc_session *session, pc_direction dir, pc_stanza *st)
{
	struct pc__session *s = pc__session_of(session);
	int err = PC_OK;

	if (!pass(s, behind(s, (enum direction)dir, m), (enum direction)dir, &st))
		return PC_OK;
	if (dir == PC_STANZAS_OUT) {
		err = pc__session_write(s, st);
		pc_stanza_free(&st);
	} else {
		pc_send_as(m, session, st);
	}
	return err;
}
