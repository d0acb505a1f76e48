/*
 * mod_time.c - Entity Time (XEP-0202), and its predecessor (XEP-0090) for old clients.
 */
#include <time.h>

#include <prosody-c/prosody-c.h>

#define NS "urn:xmpp:time"
#define NS_OLD "jabber:iq:time"

/* The server has no business of telling where it stands: its time is UTC. */
static pc_result on_time(pc_event *ev, void *data)
{
	pc_stanza *reply = pc_stanza_result(pc_event_stanza(ev));
	pc_stanza *element = pc_stanza_open(reply, "time", NS);
	char now[PC_DATETIME_SIZE];

	(void)data;
	pc_datetime_write(pc_time_ms(), now);
	pc_stanza_leaf(element, "tzo", "+00:00");
	pc_stanza_leaf(element, "utc", now);
	return pc_reply(ev, reply);
}

/* CCYYMMDDThh:mm:ss (XEP-0090). */
static pc_result on_old(pc_event *ev, void *data)
{
	pc_stanza *reply = pc_stanza_result(pc_event_stanza(ev));
	time_t now = (time_t)(pc_time_ms() / 1000);
	char text[18];
	struct tm tm;

	(void)data;
	if (gmtime_r(&now, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y%m%dT%H:%M:%S", &tm) == 0)
		text[0] = '\0';
	pc_stanza_leaf(pc_stanza_open(reply, "query", NS_OLD), "utc", text);
	return pc_reply(ev, reply);
}

static void load(pc_module *m)
{
	pc_add_feature(m, NS);
	pc_add_feature(m, NS_OLD);
	pc_hook(m, "iq-get/host/" NS ":time", on_time, 0);
	pc_hook(m, "iq-get/host/" NS_OLD ":query", on_old, 0);
}

PC_MODULE(time, .summary = "Entity Time", .xeps = "0202:2.0 0090:1.2", .load = load);
