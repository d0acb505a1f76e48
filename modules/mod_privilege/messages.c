#include <string.h>

#include "privilege.h"

static const pc_stanza *encapsulated(const pc_stanza *st)
{
	const pc_stanza *privilege = pc_stanza_child(st, "privilege", NS);

	return only_child(only_child(privilege, "forwarded", NS_FORWARD), "message", PC_NS_CLIENT);
}

/* In whose name: the host's, or an account's. False: nobody's who may be spoken for. */
static bool speaker(const pc_event *ev, const pc_stanza *message, char buf[PC_JID_BUF], pc_jid *jid)
{
	const char *from = pc_stanza_get(message, "from");

	return from && pc_jid_parse(from, buf, jid) == PC_OK && jid->resource == NULL &&
	       strcmp(jid->domain, pc_host_name(pc_event_host(ev))) == 0;
}

/* All is checked but where it goes. */
static pc_result send(pc_event *ev)
{
	pc_module *m = pc_event_module(ev);
	const pc_stanza *message = encapsulated(pc_event_stanza(ev));
	char buf[PC_JID_BUF], from[PC_JID_MAX + 1], to[PC_JID_MAX + 1];
	pc_stanza *copy;
	pc_jid jid;

	if (!speaker(ev, message, buf, &jid))
		return PC_EINTERNAL;
	pc_jid_write_bare(&jid, from);
	if (recipient(message, from, to) != PC_OK)
		return refuse(ev, "jid-malformed", "the message is to nobody");
	if (jid.local && is_blocked(m, jid.local, to))
		return refuse(ev, "not-acceptable", "the account has blocked the recipient");
	copy = pc_stanza_clone(message);
	pc_stanza_set(copy, "from", from);
	pc_stanza_set(copy, "to", to);
	pc_send(m, copy);
	return PC_HANDLED;
}

pc_result messages_on_host(pc_event *ev, void *data)
{
	const pc_stanza *st = pc_event_stanza(ev), *message;
	const struct entity *e;
	char buf[PC_JID_BUF];
	pc_jid jid;

	if (pc_stanza_type(st) == PC_TYPE_ERROR || pc_stanza_child(st, "privilege", NS) == NULL)
		return PC_PASS;
	e = entity_of(data, pc_event_origin(ev), st);
	if (e == NULL || !e->message)
		return refuse(ev, "forbidden", "no messages in the name of others");
	message = encapsulated(st);
	if (message == NULL)
		return refuse(ev, "bad-request", "one forwarded message is wanted");
	if (!speaker(ev, message, buf, &jid))
		return refuse(ev, "forbidden",
		              "messages are from this host, or from a bare address of it");
	if (jid.local == NULL && pc_stanza_get(message, "to") == NULL)
		return refuse(ev, "bad-request", "the message is to nobody");
	return jid.local ? with_account(ev, jid.local, send) : send(ev);
}
