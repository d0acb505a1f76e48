/*
 * importance.c - what is worth waking somebody for: what a person says or asks.
 */
#include "cloud_notify.h"

#define NS_CARBONS "urn:xmpp:carbons:2"
#define NS_MUC_USER "http://jabber.org/protocol/muc#user"

static bool says_something(const pc_stanza *st)
{
	const pc_stanza *x = pc_stanza_child(st, "x", NS_MUC_USER);

	return pc_stanza_child(st, "body", PC_NS_CLIENT) ||
	       pc_stanza_child(st, "encryption", "urn:xmpp:eme:0") ||
	       pc_stanza_child(st, "encrypted", "eu.siacs.conversations.axolotl") ||
	       pc_stanza_child(st, "propose", "urn:xmpp:jingle-message:0") ||
	       pc_stanza_child(st, "retract", "urn:xmpp:jingle-message:0") ||
	       pc_stanza_child(st, "x", "jabber:x:conference") ||
	       (x && pc_stanza_child(x, "invite", NS_MUC_USER));
}

static const pc_stanza *copied(const pc_stanza *st)
{
	const pc_stanza *copy = pc_stanza_child(st, "received", NS_CARBONS);
	const pc_stanza *forwarded =
	        copy ? pc_stanza_child(copy, "forwarded", "urn:xmpp:forward:0") : NULL;

	return forwarded ? pc_stanza_child(forwarded, "message", PC_NS_CLIENT) : NULL;
}

/* Of the copies of other clients' messages those that came in count: what was sent was written by
 * the person that would be woken. */
bool is_worth_waking(const pc_stanza *st, struct summary *summary_r)
{
	const pc_stanza *inner = copied(st);

	*summary_r =
	        (struct summary){ pc_stanza_get(inner ? inner : st, "from"),
		                  pc_stanza_child_text(inner ? inner : st, "body", PC_NS_CLIENT) };
	if (pc_stanza_kind(st) == PC_PRESENCE)
		return pc_stanza_type(st) == PC_TYPE_SUBSCRIBE;
	if (pc_stanza_kind(st) != PC_MESSAGE || pc_stanza_type(st) == PC_TYPE_ERROR ||
	    pc_stanza_type(st) == PC_TYPE_HEADLINE || pc_stanza_child(st, "sent", NS_CARBONS))
		return false;
	return says_something(inner ? inner : st);
}
