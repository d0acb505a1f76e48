/* A room for many (XEP-0045): each message comes to everybody who is in it, and is a unit for each.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "crowd.h"
#include "phase.h"
#include "tally.h"
#include "work.h"

static struct {
	struct tally tally;
	struct crowd crowd;
	char name[128];
	unsigned inside;
	bool unlocked;
	unsigned said;
	unsigned *heard; /* by how many, of each message */
} room;

static void enter(struct session *s)
{
	session_send(s,
	             "<presence to='%s/user%u'><x xmlns='http://jabber.org/protocol/muc'>"
	             "<history maxstanzas='0'/></x></presence>",
	             room.name, s->account);
}

static void say(void)
{
	struct session *s = &room.crowd.all[room.said % room.crowd.size];

	session_send(s,
	             "<message to='%s' type='groupchat' id='g%u'><body>%" PRIu64
	             " %u The quality of "
	             "mercy is not strained. It droppeth as the gentle rain</body></message>",
	             room.name, room.said, clock_now(), room.said);
	room.said++;
}

static void on_message(const struct stanza *st)
{
	char *end;
	uint64_t since = strtoull(st->text, &end, 10);
	unsigned long number = strtoul(end, NULL, 10);

	if (strcmp(st->type, "groupchat") != 0 || end == st->text || number >= room.said)
		return;
	tally_add(&room.tally, since);
	if (++room.heard[number] == room.crowd.size && room.said < room.crowd.options->count)
		say();
}

/* Who enters is told of everybody who is there, and of itself last. */
static void on_presence(const struct session *s, const struct stanza *st)
{
	char own[160];

	snprintf(own, sizeof own, "%s/user%u", room.name, s->account);
	if (strcmp(st->from, own) == 0 && st->type[0] == '\0')
		room.inside++;
}

static void on_stanza(struct session *s, const struct stanza *st)
{
	if (strcmp(st->name, "message") == 0)
		on_message(st);
	else if (strcmp(st->name, "presence") == 0)
		on_presence(s, st);
	else if (strcmp(st->id, "unlock") == 0 && strcmp(st->type, "result") == 0)
		room.unlocked = true;
}

static bool is_open(void *data)
{
	(void)data;
	return room.inside == 1;
}

static bool is_unlocked(void *data)
{
	(void)data;
	return room.unlocked;
}

static bool is_full(void *data)
{
	(void)data;
	return room.inside == room.crowd.size;
}

/* A new room, with the settings that it begins with, and everybody in it. */
static bool fill_room(const struct options *o)
{
	struct session *first = &room.crowd.all[0];

	snprintf(room.name, sizeof room.name, "bench%d@conference.%s", (int)getpid(), o->domain);
	enter(first);
	if (!loop_until(is_open, NULL, o->timeout))
		return false;
	session_send(first,
	             "<iq type='set' id='unlock' to='%s'><query xmlns='http://jabber.org/protocol/"
	             "muc#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>",
	             room.name);
	if (!loop_until(is_unlocked, NULL, o->timeout))
		return false;
	for (unsigned i = 1; i < room.crowd.size; i++)
		enter(first + i);
	return loop_until(is_full, NULL, o->timeout);
}

bool work_room(const struct options *o)
{
	crowd_init(&room.crowd, o, o->first, o->users);
	room.heard = calloc(o->count, sizeof *room.heard);
	if (!room.heard)
		abort();
	bool well = crowd_gather(&room.crowd);
	crowd_settle();
	room.crowd.on_stanza = on_stanza;
	well = well && fill_room(o);
	if (well) {
		crowd_settle();
		room.tally.total = (uint64_t)room.crowd.size * o->count;
		phase_begin();
		for (unsigned i = 0; i < o->window && i < o->count; i++)
			say();
		well = loop_until(tally_complete, &room.tally, o->timeout);
		phase_end(&room.tally);
		tally_free(&room.tally);
	}
	free(room.heard);
	return crowd_go(&room.crowd) && well;
}
