/*
 * importance.c - what matters to somebody who is not looking.
 *
 * What is said to a person does, and what ends a notification; states of contacts do not.
 */
#include <string.h>

#include "csi_simple.h"

#define NS_CARBONS "urn:xmpp:carbons:2"
#define NS_FORWARD "urn:xmpp:forward:0"
#define NS_MUC_USER "http://jabber.org/protocol/muc#user"

static bool is_configured(pc_module *m, const pc_stanza *st)
{
	size_t n = pc_opt_count(m, "csi_important_payloads");

	for (size_t i = 0; i < n; i++) {
		char ns[512];
		const char *item = pc_opt_at(m, "csi_important_payloads", i), *end;

		end = *item == '{' ? strchr(item, '}') : NULL;
		if (end == NULL && pc_stanza_child(st, NULL, item))
			return true;
		if (end == NULL || (size_t)(end - item) >= sizeof(ns))
			continue;
		memcpy(ns, item + 1, (size_t)(end - item) - 1);
		ns[end - item - 1] = '\0';
		if (pc_stanza_child(st, end[1] ? end + 1 : NULL, ns))
			return true;
	}
	return false;
}

static const pc_stanza *forwarded(const pc_stanza *copy)
{
	const pc_stanza *f = pc_stanza_child(copy, "forwarded", NS_FORWARD);

	return f ? pc_stanza_child(f, "message", PC_NS_CLIENT) : NULL;
}

static bool says_something(pc_module *m, const pc_stanza *st)
{
	static const char *const payloads[][2] = {
		{ "body", PC_NS_CLIENT },
		{ "subject", PC_NS_CLIENT },
		{ "encryption", "urn:xmpp:eme:0" },
		{ "x", "jabber:x:conference" },
		{ NULL, "urn:xmpp:jingle-message:0" },
		{ NULL, "urn:xmpp:call-invites:0" },
		{ "fin", "urn:xmpp:mam:2" },
		{ "result", "urn:xmpp:mam:2" }, /* it has asked for them */
	};
	const pc_stanza *x = pc_stanza_child(st, "x", NS_MUC_USER);

	for (size_t i = 0; i < sizeof(payloads) / sizeof(*payloads); i++)
		if (pc_stanza_child(st, payloads[i][0], payloads[i][1]))
			return true;
	return (x && pc_stanza_child(x, "invite", NULL)) || is_configured(m, st);
}

static bool message_matters(pc_module *m, const pc_stanza *st)
{
	const pc_stanza *sent = pc_stanza_child(st, "sent", NS_CARBONS);
	const pc_stanza *received = pc_stanza_child(st, "received", NS_CARBONS);
	const pc_stanza *inner = sent ? forwarded(sent) : received ? forwarded(received) : NULL;

	if (pc_stanza_type(st) == PC_TYPE_ERROR)
		return true;
	if (inner) /* what another client of the account has read or written ends notifications */
		return says_something(m, inner) ||
		       (sent && pc_stanza_child(inner, NULL, "urn:xmpp:chat-markers:0"));
	return pc_stanza_type(st) != PC_TYPE_HEADLINE && says_something(m, st);
}

bool csi_is_state(const pc_stanza *presence)
{
	pc_type type = pc_stanza_type(presence);

	return type == PC_TYPE_NONE || type == PC_TYPE_UNAVAILABLE;
}

static bool matters(pc_module *m, const pc_stanza *st)
{
	switch (pc_stanza_kind(st)) {
	case PC_PRESENCE:
		return !csi_is_state(st);
	case PC_MESSAGE:
		return message_matters(m, st);
	default:
		return true;
	}
}

static void on_asked(pc_event *ev, pc_result result, void *data)
{
	(void)result;
	*(bool *)data = pc_event_int(ev, "important") != 0;
}

bool csi_is_important(pc_module *m, const pc_session *s, const pc_stanza *st)
{
	bool important = matters(m, st);

	pc_fire(m, "csi-is-stanza-important",
	        &(pc_fire_args){ .origin = s,
	                         .stanza = (pc_stanza *)(uintptr_t)st,
	                         .args = (pc_arg[]){ PC_INT("important", important) },
	                         .n_args = 1 },
	        on_asked, &important);
	return important;
}
