/*
 * mod_iq.c - iq stanzas to where they are handled (RFC 6120 8.2.3, RFC 6121 8.5).
 *
 * To a full JID they go to that session. To an account or a host they are fired by payload
 * (iq-get/bare/NS:NAME), replies by id (iq-result/host/ID); what nobody takes is answered by the
 * router.
 */

#include <prosody-c/prosody-c.h>

static const pc_event_decl events[] = {
	{ "iq/bare/*", PC_WAITING, "an iq by payload, NS:NAME; likewise iq/self, iq/host" },
	{ "iq-get/bare/*", PC_WAITING, "an iq of type get by payload; likewise self, host" },
	{ "iq-set/bare/*", PC_WAITING, "an iq of type set by payload; likewise self, host" },
	{ "iq-result/bare/*", PC_WAITING, "a result by its id; likewise self, host" },
	{ "iq-error/bare/*", PC_WAITING, "an error by its id; likewise self, host" },
	{ 0 },
};

/* For each kind of target and type: the prefixes of the events. */
static const char *const any[] = { "iq/bare/", "iq/self/", "iq/host/" };
static const char *const by_type[][3] = {
	{ "iq-get/bare/", "iq-get/self/", "iq-get/host/" },
	{ "iq-set/bare/", "iq-set/self/", "iq-set/host/" },
	{ "iq-result/bare/", "iq-result/self/", "iq-result/host/" },
	{ "iq-error/bare/", "iq-error/self/", "iq-error/host/" },
};
enum target { BARE, SELF, HOST };

static pc_result dispatch(pc_event *ev, enum target target)
{
	const pc_stanza *iq = pc_event_stanza(ev), *payload;
	const char *id = pc_stanza_get(iq, "id");

	switch (pc_stanza_type(iq)) {
	case PC_TYPE_GET:
	case PC_TYPE_SET:
		payload = pc_stanza_first(iq);
		if (payload == NULL)
			return PC_PASS;
		pc_event_detour(ev, any[target], pc_stanza_ns(payload), pc_stanza_name(payload));
		pc_event_detour(ev, by_type[pc_stanza_type(iq) == PC_TYPE_SET][target],
		                pc_stanza_ns(payload), pc_stanza_name(payload));
		return PC_PASS;
	case PC_TYPE_RESULT:
	case PC_TYPE_ERROR:
		if (id)
			pc_event_detour(
			        ev, by_type[pc_stanza_type(iq) == PC_TYPE_ERROR ? 3 : 2][target],
			        NULL, id);
		return PC_PASS;
	default:
		return PC_PASS;
	}
}

static pc_result on_bare(pc_event *ev, void *data)
{
	(void)data;
	return dispatch(ev, BARE);
}

static pc_result on_self(pc_event *ev, void *data)
{
	(void)data;
	return dispatch(ev, SELF);
}

static pc_result on_host(pc_event *ev, void *data)
{
	(void)data;
	return dispatch(ev, HOST);
}

/* An iq to a session that is not there: requests get service-unavailable by the router, replies are
 * dropped there (RFC 6121 8.5.3.2.3). */
static pc_result on_full(pc_event *ev, void *data)
{
	const pc_session *to = pc_session_of(pc_event_to(ev));

	(void)data;
	return to ? pc_deliver(ev, to) : PC_PASS;
}

static void load(pc_module *m)
{
	pc_hook(m, "iq/full", on_full, -1);
	pc_hook(m, "iq/bare", on_bare, -1);
	pc_hook(m, "iq/self", on_self, -1);
	pc_hook(m, "iq/host", on_host, -1);
}

PC_MODULE(iq, .summary = "Dispatch of iq stanzas (RFC 6120, RFC 6121)", .events = events,
          .load = load);
