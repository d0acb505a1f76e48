/* Log-ins: one that waits for the server to start, many that leave again, many that stay. */
#include "clock.h"
#include "crowd.h"
#include "phase.h"
#include "tally.h"
#include "work.h"

bool work_register(const struct options *o)
{
	struct crowd c;
	struct tally t = { 0 };

	crowd_init(&c, o, o->first, o->users);
	for (unsigned i = 0; i < c.size; i++)
		c.all[i].registers = true;
	phase_begin();
	crowd_come(&c, c.size, o->concurrency);
	bool well = crowd_finish(&c);
	phase_end(&t);
	return crowd_go(&c) && well;
}

static struct tally logins;

static void on_login(struct session *s)
{
	tally_add(&logins, s->began);
}

bool work_login(const struct options *o)
{
	struct crowd c;

	/* Each once before, so that keys are derived. */
	crowd_init(&c, o, o->first, o->users);
	crowd_come(&c, c.size, o->concurrency);
	bool well = crowd_finish(&c);
	if (well) {
		crowd_settle();
		c.on_ready = on_login;
		logins.total = (uint64_t)c.size * o->count;
		phase_begin();
		crowd_come(&c, (unsigned)logins.total, o->concurrency);
		well = crowd_finish(&c);
		phase_end(&logins);
		tally_free(&logins);
	}
	return crowd_go(&c) && well;
}

/* Half of them are there before, so that what a server takes once, for its first ones, does not
 * count. */
bool work_idle(const struct options *o)
{
	struct crowd early, late;
	unsigned half = o->users / 2;

	crowd_init(&early, o, o->first, half);
	crowd_init(&late, o, o->first + half, o->users - half);
	bool well = crowd_gather(&early);
	if (well) {
		crowd_settle();
		late.on_ready = on_login;
		logins.total = late.size;
		phase_begin();
		well = crowd_gather(&late);
		crowd_settle();
		phase_end(&logins);
		tally_free(&logins);
	}
	well = crowd_go(&late) && well;
	return crowd_go(&early) && well;
}

/* A server that is not there yet says so at once. */
static uint64_t try_again(void *data, uint64_t now)
{
	struct crowd *c = data;

	if (c->ended > 0)
		crowd_come(c, 1, 1);
	return now + MILLISECOND;
}

static bool is_in(void *data)
{
	const struct crowd *c = data;

	return c->readied > 0;
}

bool work_first(const struct options *o)
{
	struct crowd c;

	crowd_init(&c, o, o->first, 1);
	c.stays = c.quiet = true;
	c.on_ready = on_login;
	logins.total = 1;
	phase_begin();
	crowd_come(&c, 1, 1);
	loop_add_tick(try_again, &c);
	bool well = loop_until(is_in, &c, o->timeout);
	loop_remove_tick(try_again, &c);
	phase_end(&logins);
	tally_free(&logins);
	return crowd_go(&c) && well;
}
