/*
 * convert.h - bookmarks as they are published, one an item (XEP-0402), and as clients kept them
 * before, all in one <storage/> (XEP-0048). Pure.
 */
#pragma once

#include <prosody-c/prosody-c.h>

#define NS_BOOKMARKS "urn:xmpp:bookmarks:1"
#define NS_STORAGE "storage:bookmarks"

/* The <item/>s of <items/>, added to a <storage/>. */
void convert_to_storage(const pc_stanza *items, pc_stanza *storage);
/* The address of a <conference/> of a <storage/>, bare and prepared; false: it has none. */
bool convert_jid(const pc_stanza *conference, char jid[static PC_JID_MAX + 1]);
/* A conference of a <storage/> as a payload of its own; what only the new form has is kept from
 * `old` (may be NULL), which was published before. Yours. */
pc_stanza *convert_to_payload(const pc_stanza *conference, const pc_stanza *old);
/* Do both payloads say the same? */
bool convert_is_same(const pc_stanza *a, const pc_stanza *b);
