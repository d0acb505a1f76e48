#include "util/arena.h"

#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

#define ALIGN(n) (((n) + 7) & ~(size_t)7)
#define GROWTH_LEAST 1024
#define GROWTH_MOST (64 * 1024)

struct block {
	struct block *next;
};

struct pc__arena {
	char *free, *end;
	size_t used;
	size_t growth;
	struct block *more; /* blocks after the first, newest first */
};

pc__arena *pc__arena_new(size_t first)
{
	size_t size = ALIGN(sizeof(pc__arena)) + ALIGN(first);
	pc__arena *a = pc__malloc(size);

	a->free = (char *)a + ALIGN(sizeof(*a));
	a->end = (char *)a + size;
	a->used = 0;
	a->growth = GROWTH_LEAST;
	a->more = NULL;
	return a;
}

void pc__arena_free(pc__arena **arena)
{
	pc__arena *a = *arena;

	if (a == NULL)
		return;
	for (struct block *b = a->more, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	pc__free(arena);
}

static void grow(pc__arena *a, size_t need)
{
	size_t size = a->growth > need ? a->growth : need;
	struct block *b = pc__malloc(sizeof(*b) + size);

	b->next = a->more;
	a->more = b;
	a->free = (char *)(b + 1);
	a->end = a->free + size;
	if (a->growth < GROWTH_MOST)
		a->growth *= 2;
}

void *pc__arena_alloc(pc__arena *a, size_t size)
{
	void *p;

	size = ALIGN(size);
	if ((size_t)(a->end - a->free) < size)
		grow(a, size);
	p = a->free;
	a->free += size;
	a->used += size;
	return p;
}

char *pc__arena_strndup(pc__arena *a, const char *s, size_t len)
{
	char *copy = pc__arena_alloc(a, len + 1);

	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

size_t pc__arena_used(const pc__arena *a)
{
	return a->used;
}
