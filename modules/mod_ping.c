/*
 * mod_ping.c - XMPP Ping (XEP-0199): answers those to the server, and to one's own account.
 */
#include <prosody-c/prosody-c.h>

#define NS "urn:xmpp:ping"

static pc_result on_ping(pc_event *ev, void *data)
{
	(void)data;
	return pc_reply(ev, pc_stanza_result(pc_event_stanza(ev)));
}

static void load(pc_module *m)
{
	pc_add_feature(m, NS);
	pc_hook(m, "iq-get/host/" NS ":ping", on_ping, 0);
	pc_hook(m, "iq-get/self/" NS ":ping", on_ping, 0);
}

PC_MODULE(ping, .summary = "XMPP Ping", .xeps = "0199:2.0.1", .load = load);
