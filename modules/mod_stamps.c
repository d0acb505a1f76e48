/*
 * mod_stamps.c - what only this server may say of a stanza is taken out of those that peers send.
 *
 * A delay stamp in the name of the recipient's server (XEP-0203, security considerations; XEP-0091
 * likewise), and an id that the recipient's account or server is said to have given (XEP-0359
 * section 3). Clients trust in both: a forged one hides or moves messages. What this server makes
 * itself comes from no session, and passes.
 */
#include <string.h>

#include <prosody-c/prosody-c.h>

static bool is_stamp(const pc_stanza *st)
{
	return pc_stanza_is(st, "delay", "urn:xmpp:delay") ||
	       pc_stanza_is(st, "x", "jabber:x:delay");
}

/* A real message has one or two of each. What comes behind that many goes without a look, for
 * looking at an address costs time. */
#define LOOKS_MOST 16

struct look {
	pc_jid to;
	unsigned n;
};

/* Of those who may say it: `to`, the recipient, or (`account` false) its server alone. */
static bool is_by(const char *by, const pc_jid *to, bool account)
{
	char buf[PC_JID_BUF];
	pc_jid jid;

	if (by == NULL || pc_jid_parse(by, buf, &jid) != PC_OK ||
	    strcmp(jid.domain, to->domain) != 0)
		return false;
	return jid.local == NULL || (account && pc_jid_equal_bare(&jid, to));
}

static bool is_forged(const pc_stanza *child, void *data)
{
	bool stamp = is_stamp(child);
	struct look *look = data;

	if (!stamp && !pc_stanza_is(child, "stanza-id", "urn:xmpp:sid:0"))
		return false;
	return ++look->n > LOOKS_MOST ||
	       is_by(pc_stanza_get(child, stamp ? "from" : "by"), &look->to, !stamp);
}

static pc_result on_stanza(pc_event *ev, void *data)
{
	struct look look = { .to = *pc_event_to(ev) };

	(void)data;
	if (pc_event_origin(ev))
		pc_stanza_remove_if(pc_event_edit(ev), is_forged, &look);
	return PC_PASS;
}

static void load(pc_module *m)
{
	static const char *const events[] = { "message/bare", "message/full", "presence/bare",
		                              "presence/full" };

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		pc_hook(m, events[i], on_stanza, 1000);
}

PC_MODULE(stamps, .summary = "Forged stamps and ids in this server's name are removed",
          .xeps = "0203:2.0 0359:0.7.0", .load = load);
