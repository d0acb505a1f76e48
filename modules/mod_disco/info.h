/*
 * info.h - what a host says of itself: identities, features, forms; and the hash of it (XEP-0115).
 *
 * Collected from the items "identity", "feature" and "extension" (a `const pc_stanza *`, a data
 * form of type result, XEP-0128) of all modules, each sorted as the hash wants it, doubles left
 * out.
 */
#pragma once

#include <prosody-c/prosody-c.h>

#define NS_INFO "http://jabber.org/protocol/disco#info"
#define NS_ITEMS "http://jabber.org/protocol/disco#items"
#define NS_CAPS "http://jabber.org/protocol/caps"
#define CAPS_NODE "urn:x-prosody-c"

/* Appends the host's identities, features and forms to the query. */
void info_add(pc_host *host, pc_stanza *query);
/* The verification string over what the query holds. */
#define INFO_VER_SIZE pc_base64_size(20)
void info_ver(const pc_stanza *query, char out[static INFO_VER_SIZE]);
