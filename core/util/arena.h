/*
 * arena.h - many small pieces of memory that end together.
 *
 * One malloc for small work: the arena's own head lies in its first block. Pieces are aligned to 8
 * bytes and not zeroed. No locks: an arena has one owner at a time.
 */
#pragma once

#include <prosody-c/base.h>

typedef struct pc__arena pc__arena;

/* `first` is the size of the first block in bytes; further ones are at least 1 KB and double. */
pc__arena *pc__arena_new(size_t first);
void pc__arena_free(pc__arena **arena);
void *pc__arena_alloc(pc__arena *arena, size_t size);
char *pc__arena_strndup(pc__arena *arena, const char *s, size_t len);
/* Bytes handed out so far: what a copy of everything would need. */
size_t pc__arena_used(const pc__arena *arena);
