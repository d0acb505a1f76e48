/*
 * mod_mds - what one client of an account has displayed is known to the others (XEP-0490): the
 * server's part, by which a client says so in the message that it sends anyway.
 */
#include <string.h>

#include "lib_pep/own.h"

#define NS "urn:xmpp:mds:displayed:0"
/* Before whatever keeps or copies messages. */
#define EARLY 90

static const char *const settings[] = { "pubsub#persist_items",
	                                "true",
	                                "pubsub#max_items",
	                                "max",
	                                "pubsub#send_last_published_item",
	                                "never",
	                                "pubsub#access_model",
	                                "whitelist",
	                                NULL };

static void on_published(const pc_stanza *reply, void *data)
{
	(void)data;
	(void)reply;
}

static bool is_displayed(const pc_stanza *child, void *data)
{
	(void)data;
	return pc_stanza_is(child, "displayed", NS);
}

/* The recipient must not see it, whatever becomes of it (5.2). The item's id is the address as it
 * was written. */
static pc_result on_message(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	const pc_stanza *st = pc_event_stanza(ev),
	                *displayed = pc_stanza_child(st, "displayed", NS);
	const char *to = pc_stanza_get(st, "to");

	(void)data;
	if (s == NULL || s->username == NULL || displayed == NULL)
		return PC_PASS;
	if (to && pc_stanza_type(st) != PC_TYPE_ERROR)
		own_publish(pc_event_module(ev), s->username, NS, to, displayed, settings,
		            on_published, NULL);
	pc_stanza_remove_if(pc_event_edit(ev), is_displayed, NULL);
	return PC_PASS;
}

static void load(pc_module *m)
{
	static const char *const outbound[] = { "pre-message/bare", "pre-message/full",
		                                "pre-message/host" };

	pc_depends(m, "pep");
	pc_add_item(m, "account-feature", "urn:xmpp:mds:server-assist:0");
	for (size_t i = 0; i < sizeof(outbound) / sizeof(outbound[0]); i++)
		pc_hook(m, outbound[i], on_message, EARLY);
}

PC_MODULE(mds, .summary = "What one client has displayed is known to the others",
          .xeps = "0490:1.0.1", .load = load);
