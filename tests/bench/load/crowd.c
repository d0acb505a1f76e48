#include "crowd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

#define SHOWN 5 /* failures that are printed */
#define QUIET (300 * MILLISECOND)

static struct crowd *crowd_of(const struct session *s)
{
	return s->owner;
}

static void on_ready(struct session *s)
{
	struct crowd *c = crowd_of(s);

	c->readied++;
	if (c->on_ready)
		c->on_ready(s);
	if (!c->stays)
		session_leave(s);
}

static void on_stanza(struct session *s, const struct stanza *st)
{
	struct crowd *c = crowd_of(s);

	if (c->on_stanza)
		c->on_stanza(s, st);
}

static void on_over(struct session *s, const char *why)
{
	struct crowd *c = crowd_of(s);

	c->ended++;
	if (!why)
		return;
	if (!c->quiet && c->failed < SHOWN)
		fprintf(stderr, "bench-load: user%u: %s\n", s->account, why);
	c->failed++;
}

static const struct session_calls calls = { on_ready, on_stanza, on_over };

void crowd_init(struct crowd *c, const struct options *o, unsigned first, unsigned size)
{
	*c = (struct crowd){ .options = o, .size = size };
	c->all = calloc(size, sizeof *c->all);
	if (!c->all)
		abort();
	for (unsigned i = 0; i < size; i++) {
		struct session *s = &c->all[i];

		s->options = o;
		s->calls = &calls;
		s->owner = c;
		s->slot = i;
		s->account = first + i;
		s->wire.watch.fd = -1;
	}
}

static uint64_t come(void *data, uint64_t now)
{
	struct crowd *c = data;

	while (c->opened < (int)c->goal) {
		struct session *s = &c->all[(unsigned)c->opened % c->size];
		int under_way = c->opened - c->ended - (c->stays ? c->readied : 0);

		if (under_way >= (int)c->at_once ||
		    (s->state != SESSION_UNUSED && s->state != SESSION_OVER))
			break;
		c->opened++;
		session_open(s);
	}
	return now + SECOND;
}

void crowd_come(struct crowd *c, unsigned goal, unsigned at_once)
{
	c->opened = c->readied = c->ended = c->failed = 0;
	c->goal = goal;
	c->at_once = at_once;
	loop_remove_tick(come, c);
	loop_add_tick(come, c);
}

static bool all_here(void *data)
{
	const struct crowd *c = data;

	return c->readied + c->failed >= (int)c->goal;
}

static bool all_ended(void *data)
{
	const struct crowd *c = data;

	return c->ended >= (int)c->goal;
}

static bool none_left(void *data)
{
	const struct crowd *c = data;

	return c->ended >= c->opened;
}

bool crowd_gather(struct crowd *c)
{
	c->stays = true;
	/* The floor pairs its connections in the order in which they come. */
	crowd_come(c, c->size, c->options->raw ? 1 : c->options->concurrency);
	return loop_until(all_here, c, c->options->timeout) && c->failed == 0;
}

bool crowd_finish(struct crowd *c)
{
	return loop_until(all_ended, c, c->options->timeout) && c->failed == 0;
}

static bool is_quiet(void *since)
{
	uint64_t last = wire_last_input(), from = *(uint64_t *)since;

	return clock_now() - (last > from ? last : from) >= QUIET;
}

void crowd_settle(void)
{
	uint64_t since = clock_now();

	if (!loop_until(is_quiet, &since, 30))
		fputs("bench-load: the server does not come to rest\n", stderr);
}

bool crowd_go(struct crowd *c)
{
	loop_remove_tick(come, c);
	c->on_ready = NULL;
	c->on_stanza = NULL;
	for (unsigned i = 0; i < c->size; i++)
		session_leave(&c->all[i]);
	bool well = loop_until(none_left, c, 30) && c->failed == 0;
	for (unsigned i = 0; i < c->size; i++)
		session_drop(&c->all[i]);
	free(c->all);
	return well;
}

struct session *crowd_find(struct crowd *c, const char *jid)
{
	char *end;

	if (strncmp(jid, "user", 4) != 0)
		return NULL;
	unsigned long slot = strtoul(jid + 4, &end, 10) - c->all[0].account;
	return *end == '@' && slot < c->size ? &c->all[slot] : NULL;
}
