/*
 * mod_csi.c - clients tell whether somebody is looking at them (XEP-0352).
 *
 * What is made of it is other modules' matter: they hook csi-client-active and csi-client-inactive,
 * which are fired before anything else of the same client is handled.
 */
#include <prosody-c/prosody-c.h>

#define NS "urn:xmpp:csi:0"

static const pc_event_decl events[] = {
	{ "csi-client-active", PC_NOTICE, "Somebody looks at a client again" },
	{ "csi-client-inactive", PC_NOTICE, "Nobody looks at a client now" },
	{ 0 },
};

static pc_result on_features(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);

	(void)data;
	if (s && s->username && (s->type == PC_C2S_UNBOUND || s->type == PC_C2S))
		pc_stanza_open(pc_event_stanza(ev), "csi", NS);
	return PC_PASS;
}

static pc_result tell(pc_event *ev, const char *event)
{
	const pc_session *s = pc_event_origin(ev);

	if (s == NULL || s->type != PC_C2S)
		return PC_PASS;
	pc_notify(pc_event_module(ev), event, &(pc_fire_args){ .origin = s });
	return PC_HANDLED;
}

static pc_result on_active(pc_event *ev, void *data)
{
	(void)data;
	return tell(ev, "csi-client-active");
}

static pc_result on_inactive(pc_event *ev, void *data)
{
	(void)data;
	return tell(ev, "csi-client-inactive");
}

/* Along with the log-in (XEP-0386). */
static pc_result on_bind_features(pc_event *ev, void *data)
{
	(void)data;
	pc_stanza_set(pc_stanza_open(pc_event_stanza(ev), "feature", NULL), "var", NS);
	return PC_PASS;
}

static pc_result on_bound(pc_event *ev, void *data)
{
	const pc_stanza *request = pc_event_ptr(ev, "request");

	(void)data;
	if (request && pc_stanza_child(request, "inactive", NS))
		tell(ev, "csi-client-inactive");
	return PC_PASS;
}

static void load(pc_module *m)
{
	pc_hook(m, "bind2-features", on_bind_features, 0);
	pc_hook(m, "bind2-bound", on_bound, 0);
	pc_hook(m, "stream-features", on_features, 0);
	pc_hook(m, "stanza/" NS ":active", on_active, 0);
	pc_hook(m, "stanza/" NS ":inactive", on_inactive, 0);
}

PC_MODULE(csi, .summary = "Client State Indication (XEP-0352)", .xeps = "0352:1.0.0",
          .events = events, .load = load);
