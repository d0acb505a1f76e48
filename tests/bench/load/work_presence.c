/* Presence among contacts: users stand in a ring, and the contacts of each are half of them the
 * next ones before, half of them the next ones behind. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "crowd.h"
#include "phase.h"
#include "tally.h"
#include "work.h"

static struct tally tally;

static struct session *behind(struct session *s, unsigned places)
{
	struct crowd *c = s->owner;

	return &c->all[(s->slot + places) % c->size];
}

static unsigned reach(const struct options *o)
{
	return o->contacts / 2;
}

/* ---- subscriptions are made */

static void subscribe(struct session *from, const struct session *to, const char *type)
{
	session_send(from, "<presence to='user%u@%s' type='%s'/>", to->account,
	             from->options->domain, type);
}

static void on_subscription(struct session *s, const struct stanza *st)
{
	struct session *other = crowd_find(s->owner, st->from);

	if (!other || strcmp(st->name, "presence") != 0)
		return;
	if (strcmp(st->type, "subscribed") == 0)
		tally_add(&tally, clock_now());
	if (strcmp(st->type, "subscribe") != 0)
		return;
	subscribe(s, other, "subscribed");
	/* Who is asked by the one before asks back. */
	for (unsigned i = 1; i <= reach(s->options); i++)
		if (behind(other, i) == s)
			subscribe(s, other, "subscribe");
}

bool work_befriend(const struct options *o)
{
	struct crowd c;

	crowd_init(&c, o, o->first, o->users);
	bool well = crowd_gather(&c);
	if (well) {
		c.on_stanza = on_subscription;
		tally.total = (uint64_t)c.size * reach(o) * 2;
		phase_begin();
		for (unsigned u = 0; u < c.size; u++)
			for (unsigned i = 1; i <= reach(o); i++)
				subscribe(&c.all[u], behind(&c.all[u], i), "subscribe");
		well = loop_until(tally_complete, &tally, o->timeout);
		phase_end(&tally);
		tally_free(&tally);
	}
	return crowd_go(&c) && well;
}

/* ---- items without a subscription */

static void add_item(struct session *s)
{
	s->sent++;
	session_send(s,
	             "<iq type='set' id='i%u'><query xmlns='jabber:iq:roster'><item "
	             "jid='contact%u@elsewhere.example' name='Contact %u'/></query></iq>",
	             s->sent, s->sent, s->sent);
}

static void on_added(struct session *s, const struct stanza *st)
{
	if (strcmp(st->name, "iq") != 0 || strcmp(st->type, "result") != 0)
		return;
	tally_add(&tally, clock_now());
	if (s->sent < s->options->contacts)
		add_item(s);
}

bool work_fill(const struct options *o)
{
	struct crowd c;

	crowd_init(&c, o, o->first, o->users);
	bool well = crowd_gather(&c);
	if (well) {
		c.on_stanza = on_added;
		tally.total = (uint64_t)c.size * o->contacts;
		phase_begin();
		for (unsigned u = 0; u < c.size && o->contacts > 0; u++)
			add_item(&c.all[u]);
		well = loop_until(tally_complete, &tally, o->timeout);
		phase_end(&tally);
		tally_free(&tally);
	}
	return crowd_go(&c) && well;
}

/* ---- presence is sent */

static void broadcast(struct session *s)
{
	s->sent++;
	s->arrived = 0;
	session_send(s, "<presence><status>%" PRIu64 " %u</status></presence>", clock_now(),
	             s->sent);
}

static void on_presence(struct session *s, const struct stanza *st)
{
	struct session *from = crowd_find(s->owner, st->from);
	char *number;
	uint64_t since = strtoull(st->text, &number, 10);

	if (!from || from == s || strcmp(st->name, "presence") != 0 || st->type[0] != '\0' ||
	    strtoul(number, NULL, 10) != from->sent)
		return;
	tally_add(&tally, since);
	if (++from->arrived == reach(s->options) * 2 && from->sent < s->options->count)
		broadcast(from);
}

bool work_presence(const struct options *o)
{
	struct crowd c;

	crowd_init(&c, o, o->first, o->users);
	bool well = crowd_gather(&c);
	if (well) {
		crowd_settle();
		c.on_stanza = on_presence;
		tally.total = (uint64_t)c.size * reach(o) * 2 * o->count;
		phase_begin();
		for (unsigned u = 0; u < c.size; u++)
			broadcast(&c.all[u]);
		well = loop_until(tally_complete, &tally, o->timeout);
		phase_end(&tally);
		tally_free(&tally);
	}
	return crowd_go(&c) && well;
}
