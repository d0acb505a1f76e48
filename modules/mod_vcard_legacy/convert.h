/*
 * convert.h - vCards as they were (XEP-0054), as they are (XEP-0292), and pictures (XEP-0084).
 * Pure.
 */
#pragma once

#include <prosody-c/prosody-c.h>

#define NS_OLD "vcard-temp"
#define NS_NEW "urn:ietf:params:xml:ns:vcard-4.0"
#define NS_DATA "urn:xmpp:avatar:data"
#define NS_METADATA "urn:xmpp:avatar:metadata"

#define HASH_SIZE 41 /* of SHA-1 as text, with its NUL */

/* All fields that both have, appended to the other; pictures aside. */
void convert_to_old(const pc_stanza *new, pc_stanza *old);
void convert_to_new(const pc_stanza *old, pc_stanza *new);

/* The picture in a vCard: its payloads for the two nodes (yours), and its hash. PC_ENOENT: there is
 * none; PC_EINVAL: it cannot be read. */
int convert_photo(const pc_stanza *old, char hash[static HASH_SIZE], pc_stanza **data_r,
                  pc_stanza **metadata_r);
/* The picture that a <metadata/> names and that is published here, and its type (NULL: not said);
 * "" where there is none. */
void convert_metadata(const pc_stanza *metadata, char hash[static HASH_SIZE], const char **type_r);
