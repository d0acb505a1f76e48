/* Pings to the server (XEP-0199). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "crowd.h"
#include "phase.h"
#include "tally.h"
#include "work.h"

static struct tally pings;

static void send_ping(struct session *s)
{
	s->sent++;
	session_send(s,
	             "<iq type='get' id='%" PRIu64 "' to='%s'><ping xmlns='urn:xmpp:ping'/></iq>",
	             clock_now(), s->options->domain);
}

static void on_stanza(struct session *s, const struct stanza *st)
{
	if (strcmp(st->name, "iq") != 0 || strcmp(st->type, "result") != 0)
		return;
	tally_add(&pings, strtoull(st->id, NULL, 10));
	if (s->sent < s->options->count)
		send_ping(s);
}

bool work_ping(const struct options *o)
{
	struct crowd c;

	crowd_init(&c, o, o->first, o->users);
	bool well = crowd_gather(&c);
	if (well) {
		crowd_settle();
		c.on_stanza = on_stanza;
		pings.total = (uint64_t)c.size * o->count;
		phase_begin();
		for (unsigned i = 0; i < o->window && i < o->count; i++)
			for (unsigned u = 0; u < c.size; u++)
				send_ping(&c.all[u]);
		well = loop_until(tally_complete, &pings, o->timeout);
		phase_end(&pings);
		tally_free(&pings);
	}
	return crowd_go(&c) && well;
}
