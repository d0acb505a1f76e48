/*
 * table.h - hash tables for keys that come from the network: uthash, with a hash that nobody can
 * foresee and without failures.
 *
 * Include this instead of uthash.h; its macros are used as their manual says (HASH_FIND, HASH_ADD,
 * HASH_ITER, ...). With uthash's own hash an attacker chooses keys that fall together, and each
 * look-up becomes a walk. No operation fails, since out of memory ends the process. This header is
 * not among those of prosody-c.h: it needs uthash installed.
 */
#pragma once

#ifdef UTHASH_H
#error "prosody-c/table.h comes in place of uthash.h"
#endif

#include <stdlib.h>

#include <prosody-c/codec.h>

#define HASH_FUNCTION(key, len, hash) ((hash) = (unsigned)pc_hash((key), (len)))
#define uthash_fatal(message) abort()

#include <uthash.h>

/* The analyzer cannot know that an entry with one behind it is not the last, and takes every loop
 * of HASH_DEL() and free() for a use of freed memory: it is shown the first entry going. */
#ifdef __clang_analyzer__
#undef HASH_DELETE
#define HASH_DELETE(hh, head, entry) ((head) = (entry)->hh.next)
#endif
