#include "receipts.h"

#include <stdlib.h>

#include "modules.h"
#include "server.h"
#include "sessions.h"
#include "stores.h"
#include "util/mem.h"

/* Those behind the first open one that are looked after: more than may be under way. */
#define WINDOW 64

struct pc__receipts {
	struct pc__owned owned; /* the callback; owned.m NULL: its module has gone */
	pc_handled_fn *fn;
	uint32_t from;     /* what the first one is counted from */
	uint64_t before;   /* numbers that were given out before it */
	uint64_t received; /* ... until now */
	uint64_t ended;    /* all up to this one have ended */
	uint64_t late;     /* bit n: ended + 2 + n has ended, too */
	uint64_t safe;     /* all up to this one are safe */
	uint64_t waiting;  /* up to which those are whose writes are waited for; 0: none are */
	bool wrote;        /* something was written while those behind `waiting` were handled */
};

/* ------------------------------------------------------------ handled, and safe */

static void tell(struct pc__session *s)
{
	struct pc__receipts *r = s->receipts;

	if (r->owned.m)
		r->fn(&s->pub, r->owned.m->data);
	if (pc__receipts_settled(s))
		pc__session_settled(s);
}

/* Those that have ended are safe, or their writes are waited for. */
static void settle(struct pc__session *s);

static void on_settled(int err, void *data)
{
	const pc_session *session = pc_session_find((pc_session_id)(uintptr_t)data);
	struct pc__session *s = session ? pc__session_of(session) : NULL;

	(void)err; /* whoever wrote was told, and has answered for it */
	if (s == NULL || s->receipts == NULL)
		return;
	s->receipts->safe = s->receipts->waiting;
	s->receipts->waiting = 0;
	settle(s);
	tell(s);
}

static void settle(struct pc__session *s)
{
	struct pc__receipts *r = s->receipts;

	if (r->waiting || r->safe == r->ended)
		return;
	if (r->wrote && !pc__stores_settled()) {
		r->waiting = r->ended;
		pc__stores_wait(on_settled, (void *)(uintptr_t)s->pub.id);
	} else {
		r->safe = r->ended;
	}
	r->wrote = false;
}

/* ------------------------------------------------------------ one stanza */

void pc__receipt_begin(struct pc__session *s, struct pc__element *element)
{
	if (s->receipts == NULL)
		return;
	element->receipt = ++s->receipts->received;
	element->written = pc__stores_written();
}

static void advance(struct pc__receipts *r)
{
	r->ended++;
	while (r->late & 1) {
		r->late >>= 1;
		r->ended++;
	}
	r->late >>= 1;
}

void pc__receipt_end(struct pc__session *s, const struct pc__element *element)
{
	struct pc__receipts *r = s->receipts;
	uint64_t ahead;

	if (element->receipt == 0 || r == NULL)
		return;
	r->wrote |= pc__stores_written() != element->written;
	ahead = element->receipt - r->ended;
	if (ahead == 1) {
		advance(r);
		settle(s);
		tell(s);
	} else if (ahead >= 2 && ahead < 2 + WINDOW) {
		r->late |= UINT64_C(1) << (ahead - 2);
	} else {
		(void)pc__bug(true);
	}
}

/* ------------------------------------------------------------ counting */

static void drop_callback(struct pc__owned *o)
{
	o->m = NULL;
}

void pc_session_count_on(pc_module *m, const pc_session *session, pc_handled_fn *fn)
{
	struct pc__receipts *r = pc__session_of(session)->receipts;

	if (r == NULL)
		return;
	if (r->owned.m)
		pc__disown(&r->owned);
	r->fn = fn;
	pc__own(m, &r->owned, drop_callback);
}

void pc_session_count(pc_module *m, const pc_session *session, uint32_t from, pc_handled_fn *fn)
{
	struct pc__session *s = pc__session_of(session);

	if (s->receipts == NULL)
		s->receipts = pc__alloc(sizeof(*s->receipts));
	s->receipts->from = from;
	s->receipts->before = s->receipts->received;
	pc_session_count_on(m, session, fn);
}

/* Of those up to number n, the ones that count. */
static uint32_t counted(const struct pc__receipts *r, uint64_t n)
{
	return r->from + (uint32_t)(n > r->before ? n - r->before : 0);
}

uint32_t pc_session_received(const pc_session *session)
{
	const struct pc__receipts *r = pc__session_of(session)->receipts;

	return r ? counted(r, r->received) : 0;
}

uint32_t pc_session_handled(const pc_session *session)
{
	const struct pc__receipts *r = pc__session_of(session)->receipts;

	return r ? counted(r, r->ended) : 0;
}

uint32_t pc_session_safe(const pc_session *session)
{
	const struct pc__receipts *r = pc__session_of(session)->receipts;

	return r ? counted(r, r->safe) : 0;
}

bool pc__receipts_settled(const struct pc__session *s)
{
	return s->receipts == NULL || s->receipts->safe == s->receipts->received;
}

void pc__receipts_free(struct pc__session *s)
{
	if (s->receipts && s->receipts->owned.m)
		pc__disown(&s->receipts->owned);
	pc__free(&s->receipts);
}
