/*
 * survivor_table.c - survivors by number: what a record of the journal belongs to.
 */
#include <stdlib.h>
#include <string.h>

#include "survivors.h"
#include "util/mem.h"

/* A number is a generation that only grows, and a slot of the table. */
#define SLOT_BITS 24
#define SLOTS_MOST ((uint32_t)1 << SLOT_BITS)

static struct pc__survivor **table;
static uint32_t *free_slots;
static uint32_t n_slots, n_free;
static uint64_t generation;
static int64_t died_ms; /* the process before */

static uint32_t slot_of(uint64_t number)
{
	return (uint32_t)(number & (SLOTS_MOST - 1));
}

struct pc__survivor *pc__survivor_find(uint64_t number)
{
	uint32_t slot = slot_of(number);
	struct pc__survivor *v = slot < n_slots ? table[slot] : NULL;

	return v && v->number == number ? v : NULL;
}

static void grow(uint32_t slots)
{
	static uint32_t size;
	uint32_t old = size;

	if (slots > size) {
		size = size ? size : 64;
		while (size < slots)
			size *= 2;
		table = pc__realloc(table, size * sizeof(struct pc__survivor *));
		memset(table + old, 0, (size - old) * sizeof(struct pc__survivor *));
		free_slots = pc__realloc(free_slots, size * sizeof(*free_slots));
	}
	if (slots > n_slots)
		n_slots = slots;
}

struct pc__survivor *pc__survivor_enter(struct pc__session *s, uint64_t number)
{
	struct pc__survivor *v = pc__alloc(sizeof(*v));

	grow(slot_of(number) + 1);
	v->number = number;
	v->s = s;
	s->survivor = v;
	table[slot_of(number)] = v;
	return v;
}

struct pc__survivor *pc__survivor_new(struct pc__session *s)
{
	uint32_t slot = n_free > 0 ? free_slots[n_free - 1] : n_slots;

	if (slot == SLOTS_MOST)
		return NULL;
	if (n_free > 0)
		n_free--;
	return pc__survivor_enter(s, ++generation << SLOT_BITS | slot);
}

void pc__survivor_free(struct pc__survivor *v)
{
	uint32_t slot = slot_of(v->number);

	table[slot] = NULL;
	free_slots[n_free++] = slot;
	free(v);
}

/* ------------------------------------------------------------ from the process before */

void pc__survivors_adopted(uint64_t most_number, int64_t died)
{
	died_ms = died;
	if (most_number >> SLOT_BITS > generation)
		generation = most_number >> SLOT_BITS;
	n_free = 0;
	for (uint32_t slot = 0; slot < n_slots; slot++)
		if (table[slot] == NULL)
			free_slots[n_free++] = slot;
}

int64_t pc__survivors_died_ms(void)
{
	return died_ms;
}

void pc__survivors_past_is_over(void)
{
	for (uint32_t slot = 0; slot < n_slots; slot++)
		if (table[slot])
			table[slot]->past = NULL;
}
