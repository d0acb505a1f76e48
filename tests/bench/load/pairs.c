#include "pairs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

void pairs_send(struct pairs *p, unsigned pair, uint64_t since)
{
	struct session *from = &p->crowd.all[2 * (size_t)pair];
	char text[24];

	from->sent++;
	snprintf(text, sizeof text, "%" PRIu64, since);
	session_message(from, from + 1, text);
}

static void on_stanza(struct session *s, const struct stanza *st)
{
	struct pairs *p = s->owner;
	char *end;
	uint64_t since = strtoull(st->text, &end, 10);

	if (strcmp(st->name, "message") != 0 || end == st->text || s->slot % 2 == 0)
		return;
	if (strcmp(st->type, "error") == 0)
		return; /* it will be missed */
	tally_add(&p->tally, since);
	if (p->closed && s[-1].sent < p->crowd.options->count)
		pairs_send(p, s->slot / 2, clock_now());
}

bool pairs_gather(struct pairs *p, const struct options *o)
{
	*p = (struct pairs){ 0 };
	crowd_init(&p->crowd, o, o->first, o->users < 2 ? 2 : o->users / 2 * 2);
	if (!crowd_gather(&p->crowd))
		return false;
	crowd_settle();
	p->crowd.on_stanza = on_stanza;
	return true;
}

/* Sends what is due. A message counts from when it was due, also where this comes late. */
static uint64_t send_due(void *data, uint64_t now)
{
	struct pairs *p = data;
	unsigned rate = p->crowd.options->rate;

	for (; p->planned < p->tally.total; p->planned++) {
		uint64_t due = p->begun + p->planned * SECOND / rate;

		if (due > now)
			return due;
		pairs_send(p, (unsigned)(p->planned % (p->crowd.size / 2)), due);
	}
	return now + SECOND;
}

void pairs_start(struct pairs *p)
{
	p->begun = clock_now();
	p->planned = 0;
	loop_add_tick(send_due, p);
}

void pairs_stop(struct pairs *p)
{
	loop_remove_tick(send_due, p);
}

bool pairs_go(struct pairs *p)
{
	tally_free(&p->tally);
	return crowd_go(&p->crowd);
}
