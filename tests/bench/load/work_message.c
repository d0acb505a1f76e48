/* Chat messages: a closed loop, an open loop, and one while others log in. */
#include "clock.h"
#include "pairs.h"
#include "phase.h"
#include "work.h"

bool work_message(const struct options *o)
{
	struct pairs p;
	bool well = pairs_gather(&p, o);

	if (well) {
		p.closed = true;
		p.tally.total = (uint64_t)(p.crowd.size / 2) * o->count;
		phase_begin();
		for (unsigned i = 0; i < o->window && i < o->count; i++)
			for (unsigned pair = 0; pair < p.crowd.size / 2; pair++)
				pairs_send(&p, pair, clock_now());
		well = loop_until(tally_complete, &p.tally, o->timeout);
		phase_end(&p.tally);
	}
	return pairs_go(&p) && well;
}

bool work_rate(const struct options *o)
{
	struct pairs p;
	bool well = pairs_gather(&p, o);

	if (well) {
		p.tally.total = (uint64_t)(o->seconds * o->rate);
		phase_begin();
		pairs_start(&p);
		well = loop_until(tally_complete, &p.tally, o->seconds + o->timeout);
		phase_end(&p.tally);
		pairs_stop(&p);
	}
	return pairs_go(&p) && well;
}

/* ---- storm */

struct storm {
	struct pairs pairs;
	struct crowd comers;
};

static bool has_passed(void *data)
{
	struct storm *s = data;

	if (s->comers.ended < (int)s->comers.goal)
		return false;
	/* No more is sent; what is under way may arrive. */
	s->pairs.tally.total = s->pairs.planned;
	return tally_complete(&s->pairs.tally);
}

bool work_storm(const struct options *o)
{
	struct storm s;
	bool well = pairs_gather(&s.pairs, o);

	/* Once before, so that keys are derived. */
	crowd_init(&s.comers, o, o->first + s.pairs.crowd.size, o->count);
	crowd_come(&s.comers, o->count, o->concurrency);
	well = well && crowd_finish(&s.comers);
	if (well) {
		crowd_settle();
		s.pairs.tally.total = UINT64_MAX;
		phase_begin();
		pairs_start(&s.pairs);
		crowd_come(&s.comers, o->count, o->concurrency);
		well = loop_until(has_passed, &s, o->timeout) && s.comers.failed == 0;
		phase_end(&s.pairs.tally);
		pairs_stop(&s.pairs);
	}
	well = crowd_go(&s.comers) && well;
	return pairs_go(&s.pairs) && well;
}
