#include "io/ends.h"

#include "util/mem.h"

#define SLOTS_MOST 0xffffffu

static uint32_t add(struct pc__slots *s)
{
	if (s->n == SLOTS_MOST)
		return UINT32_MAX;
	if (s->n == s->size) {
		s->size = s->size ? s->size * 2 : 64;
		s->v = pc__realloc(s->v, s->size * sizeof(*s->v));
	}
	s->v[s->n] = (struct pc__slot){ .generation = 1 };
	return s->n++;
}

uint32_t pc__slots_take(struct pc__slots *s)
{
	uint32_t i = s->first_free ? s->first_free - 1 : add(s);

	if (i == UINT32_MAX)
		return i;
	if (s->first_free != 0)
		s->first_free = s->v[i].next_free;
	s->v[i].state = PC__SLOT_OPEN;
	s->v[i].proven = false;
	s->v[i].origin = NULL;
	s->used++;
	return i;
}

struct pc__slot *pc__slots_find(struct pc__slots *s, pc_conn_id conn)
{
	size_t i = (size_t)(conn >> 32) & SLOTS_MOST;

	if (i >= s->n || s->v[i].state == PC__SLOT_FREE || s->v[i].generation != (uint32_t)conn)
		return NULL;
	return &s->v[i];
}

void pc__slots_give(struct pc__slots *s, struct pc__slot *slot)
{
	slot->state = PC__SLOT_FREE;
	s->used--;
	/* A slot that has used up its generations is never given out again. */
	if (++slot->generation == 0)
		return;
	slot->next_free = s->first_free;
	s->first_free = (uint32_t)(slot - s->v) + 1;
}
