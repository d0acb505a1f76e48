/*
 * info.h - what a host says of itself: identities, features, forms.
 *
 * Collected from the items "identity", "feature" and "extension" (a `const pc_stanza *`, a data
 * form of type result, XEP-0128) of all modules, each sorted as the hash of it wants it
 * (XEP-0115), doubles left out.
 */
#pragma once

#include <prosody-c/prosody-c.h>

#define NS_INFO "http://jabber.org/protocol/disco#info"
#define NS_ITEMS "http://jabber.org/protocol/disco#items"
#define NS_CAPS "http://jabber.org/protocol/caps"
#define CAPS_NODE "urn:x-prosody-c"

/* Appends the host's identities, features and forms to the query. */
void info_add(pc_host *host, pc_stanza *query);
