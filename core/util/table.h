/*
 * table.h - hash tables: uthash, with a hash that an attacker cannot foresee and without failures.
 *
 * Include this instead of uthash.h, everywhere: its macros are used as their manual says. No
 * operation fails, since out of memory ends the process.
 */
#pragma once

#ifdef UTHASH_H
#error "util/table.h comes in place of uthash.h"
#endif

#include <stdlib.h>

#include "util/mem.h"
#include "util/siphash.h"

#define HASH_FUNCTION(key, len, hash) ((hash) = (unsigned)pc__hash((key), (len)))
#define uthash_malloc(size) pc__malloc(size)
#define uthash_free(p, size) free(p)
#define uthash_fatal(message) abort()

#include <uthash.h>

/* The analyzer cannot know that an entry with one behind it is not the last, and takes every loop
 * of HASH_DEL() and free() for a use of freed memory: it is shown the first entry going. */
#ifdef __clang_analyzer__
#undef HASH_DELETE
#define HASH_DELETE(hh, head, entry) ((head) = (entry)->hh.next)
#endif
