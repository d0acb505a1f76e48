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
#ifdef __clang_analyzer__ /* takes the end of a table's last entry for that of every table */
#define uthash_free(p, size) ((void)(p))
#else
#define uthash_free(p, size) free(p)
#endif
#define uthash_fatal(message) abort()

#include <uthash.h>
