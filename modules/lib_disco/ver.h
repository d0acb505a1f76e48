/*
 * ver.h - the hash of what an entity says of itself (XEP-0115 section 5.1).
 */
#pragma once

#include <prosody-c/prosody-c.h>

/* The text that is hashed, of a disco#info <query/>; free() it. Its parts end with '<', so that of
 * any two answers with the same hash the features can be told from it alone. */
char *ver_text(const pc_stanza *query);
/* Its digest in base64, by the name that the registry of hash functions has ("sha-1"). PC_ENOTSUP:
 * it is not known. */
#define VER_SIZE pc_base64_size(PC_DIGEST_MAX)
int ver_digest(const char *text, const char *hash, char out[static VER_SIZE]);
