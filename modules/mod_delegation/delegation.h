/*
 * delegation.h - what the files of mod_delegation share (XEP-0355).
 *
 *   delegation.c   the configuration, what components are told, which requests are delegated
 *   forward.c      a request on its way to a component, and what becomes of its answer
 *   nest.c         what components say of the namespaces in service discovery
 */
#pragma once

#include <prosody-c/prosody-c.h>

#define NS "urn:xmpp:delegation:2"
#define NS_FORWARD "urn:xmpp:forward:0"
#define NS_INFO "http://jabber.org/protocol/disco#info"
#define NS_ITEMS "http://jabber.org/protocol/disco#items"
/* Namespaces that stand for the discovery of what the server does not know of accounts. */
#define REST_INFO NS ":bare:disco#info:*"
#define REST_ITEMS NS ":bare:disco#items:*"

/* What a component says of a namespace, at the host or at accounts: the <query/>, and what of it
 * is among the host's items. */
struct nested {
	pc_stanza *query;
	pc_identity *identities;
	size_t n_identities;
};

struct delegation {
	char *ns;
	char *jid; /* of the component: a domain, prepared */
	char **filters;
	size_t n_filters;
	struct nested host, account;
};

struct delegations {
	pc_module *m;
	struct delegation *all;
	size_t n;
	struct pending *pending; /* forward.c */
	bool reloaded;           /* components have been told by the instance before */
	pc_metric *forwarded, *bad;
};

/* delegation.c */
struct delegation *delegation_find(struct delegations *d, const char *ns);

/* forward.c: the request goes to the component, and the event's answer comes from there. */
pc_result forward(struct delegations *d, const struct delegation *to, pc_event *ev);
/* The same for an event whose answer somebody else has to defer. */
void forward_stanza(struct delegations *d, const struct delegation *to, const pc_session *origin,
                    const pc_stanza *iq);

/* nest.c */
bool nest_is_special(const char *ns);
/* Our own answer for the namespace counts no more. */
void nest_begin(struct delegations *d, struct delegation *of);
/* Asks the component. */
void nest_ask(struct delegations *d, const struct delegation *of);
void nest_end(struct delegations *d, struct delegation *of);
pc_result nest_account_info(pc_event *ev, void *data);
