/*
 * caps.h - what the files of this module share.
 *
 * caps.c    the module; questions to clients
 * cache.c   what is known: by hash, kept in the store, too; and of single addresses
 *
 * What is kept of an entity is the text whose hash it names (lib_disco/ver.h), with a '<' in front.
 * A feature is in it between two '<'. So who else comes with that hash has the same text and the
 * same features: nobody can put his own in their place.
 */
#pragma once

#include <prosody-c/caps.h>
#include <prosody-c/prosody-c.h>
#include <prosody-c/table.h>

#define NS_CAPS "http://jabber.org/protocol/caps"
#define NS_INFO "http://jabber.org/protocol/disco#info"
#define KEY_SIZE 256 /* of "HASH VER"; longer ones are not taken */

struct known {
	UT_hash_handle hh;
	char *text;
	char key[];
};

struct cache {
	pc_module *m;
	pc_store *store;      /* NULL: in memory alone */
	struct known *by_key; /* the one used last is the last */
	int64_t most;
};

/* NULL: nothing is known. Lives until the next change. */
const char *cache_find(struct cache *c, const char *key);
/* In memory, and in the store where `keep`. */
void cache_put(struct cache *c, const char *key, const char *text, bool keep);
void cache_remove(struct cache *c, const char *key);
void cache_clear(struct cache *c);
/* What the store has. */
void cache_load(struct cache *c);
