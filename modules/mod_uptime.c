/*
 * mod_uptime.c - how long the server has been running (XEP-0012, to the host).
 */
#include <stdio.h>

#include <prosody-c/prosody-c.h>

#define NS "jabber:iq:last"

static pc_result on_last(pc_event *ev, void *data)
{
	int64_t *const *started = data;
	pc_stanza *reply = pc_stanza_result(pc_event_stanza(ev));
	char seconds[24];

	snprintf(seconds, sizeof(seconds), "%lld", (long long)((pc_now_ms() - **started) / 1000));
	pc_stanza_set(pc_stanza_open(reply, "query", NS), "seconds", seconds);
	return pc_reply(ev, reply);
}

static void load(pc_module *m)
{
	int64_t **started = pc_module_data(m);

	/* Shared, so that a reload does not begin anew. */
	*started = pc_shared(m, "uptime/started", sizeof(**started));
	if (**started == 0)
		**started = pc_now_ms();
	pc_add_feature(m, NS);
	pc_hook(m, "iq-get/host/" NS ":query", on_last, 0);
}

PC_MODULE(uptime, .summary = "How long the server has been running", .xeps = "0012:2.0",
          .data_size = sizeof(int64_t *), .load = load);
