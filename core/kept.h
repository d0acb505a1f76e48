/*
 * kept.h - the stores of accounts that can be moved from server to server, and in what form they
 * are kept.
 *
 *   accounts   map: as the provider of accounts has them (auth_internal_hashed: record.h)
 *   roster     map: a contact's item as rosters.c writes it; "" is the version
 *   private    map: name:namespace, the element
 *   blocklist  map: the address, "true"
 *   vcard      map: "", the <vCard xmlns='vcard-temp'/>
 *   pep        map: the node's name, a <pubsub xmlns='...pubsub#owner'/> with its <configure/>
 *              (a data form of type submit) and, where there are some, its <affiliations/>
 *   pep_NODE   archive: the <item xmlns='...pubsub'/> with its id and publisher; the entry's id is
 *              made of the item's by pc_short_id(), `with` the publisher
 *   offline    archive: the message, as mod_offline keeps it
 *   archive    archive: the message; the entry's id is the stanza-id (XEP-0313), `with` the other
 *              party, bare
 *   archive_prefs  map: an address, "always" or "never"; under "" what holds for all others, which
 *              may be "roster", too
 *
 * What is moved in is noted in the store "imported" of its account: under the store's name the
 * digest of what came. So the same does not come twice, also where it was used up meanwhile.
 */
#pragma once

#include <prosody-c/base.h>

#define PC__KEPT_IMPORTED "imported"

struct pc__kept {
	const char *store; /* "pep_*": any that begins so */
	bool archive;
	const char *what; /* in lists for people */
};
#define PC__KEPT 10
extern const struct pc__kept pc__kept[PC__KEPT];
/* The index of the store's kind; -1: it is not moved. */
int pc__kept_find(const char *store);
