/*
 * A tick is a number of seven digits of six bits. A node lies on the level of the highest digit in
 * which its tick differs from the wheel's, in the slot of its own digit there. So what lies on a
 * lower level expires earlier, and when the wheel reaches a slot above level 0, the slot's nodes
 * move down.
 */
#include "util/wheel.h"

#include "util/mem.h"

#define DIGIT 6
#define MASK (PC__WHEEL_SLOTS - 1)
#define TICK_MAX ((UINT64_C(1) << (DIGIT * PC__WHEEL_LEVELS)) - 1)

static void list_init(struct pc__wheel_link *list)
{
	list->next = list->prev = list;
}

static bool list_empty(const struct pc__wheel_link *list)
{
	return list->next == list;
}

static void list_append(struct pc__wheel_link *list, struct pc__wheel_link *link)
{
	link->next = list;
	link->prev = list->prev;
	list->prev->next = link;
	list->prev = link;
}

static void list_move(struct pc__wheel_link *from, struct pc__wheel_link *to)
{
	if (list_empty(from)) {
		list_init(to);
		return;
	}
	*to = *from;
	to->next->prev = to->prev->next = to;
	list_init(from);
}

static struct pc__wheel_node *list_first(const struct pc__wheel_link *list)
{
	return PC__CONTAINER(list->next, struct pc__wheel_node, link);
}

void pc__wheel_init(struct pc__wheel *w, uint64_t now_ms)
{
	*w = (struct pc__wheel){ .tick = now_ms / PC__WHEEL_TICK };
	for (unsigned level = 0; level < PC__WHEEL_LEVELS; level++)
		for (unsigned slot = 0; slot < PC__WHEEL_SLOTS; slot++)
			list_init(&w->slots[level][slot]);
	list_init(&w->late);
	list_init(&w->firing);
}

static unsigned digit(uint64_t tick, unsigned level)
{
	return (unsigned)(tick >> (DIGIT * level)) & MASK;
}

/* node->tick is above the wheel's. */
static void insert(struct pc__wheel *w, struct pc__wheel_node *node)
{
	unsigned level = (unsigned)(63 - __builtin_clzll(node->tick ^ w->tick)) / DIGIT;
	unsigned slot = digit(node->tick, level);

	list_append(&w->slots[level][slot], &node->link);
	w->map[level] |= UINT64_C(1) << slot;
}

static uint64_t tick_of(uint64_t when_ms)
{
	uint64_t tick = when_ms / PC__WHEEL_TICK + (when_ms % PC__WHEEL_TICK != 0);

	return tick < TICK_MAX ? tick : TICK_MAX;
}

void pc__wheel_set(struct pc__wheel *w, struct pc__wheel_node *node, uint64_t when_ms)
{
	pc__wheel_stop(w, node);
	node->tick = tick_of(when_ms);
	if (node->tick <= w->tick)
		list_append(&w->late, &node->link);
	else
		insert(w, node);
}

/* The list behind `head` is empty now: if it is a slot's, the map shall say so. */
static void emptied(struct pc__wheel *w, const struct pc__wheel_link *head)
{
	const struct pc__wheel_link *first = &w->slots[0][0];
	size_t i = ((uintptr_t)head - (uintptr_t)first) / sizeof(*head);

	if (head >= first && i < PC__WHEEL_LEVELS * PC__WHEEL_SLOTS)
		w->map[i / PC__WHEEL_SLOTS] &= ~(UINT64_C(1) << i % PC__WHEEL_SLOTS);
}

void pc__wheel_stop(struct pc__wheel *w, struct pc__wheel_node *node)
{
	struct pc__wheel_link *link = &node->link;

	if (link->next == NULL)
		return;
	link->prev->next = link->next;
	link->next->prev = link->prev;
	if (link->next == link->prev)
		emptied(w, link->next);
	link->next = link->prev = NULL;
}

/* The earliest slot with something in it; false when there is none. */
static bool next_slot(const struct pc__wheel *w, unsigned *level_r, uint64_t *tick_r)
{
	for (unsigned level = 0; level < PC__WHEEL_LEVELS; level++) {
		uint64_t later = ~UINT64_C(1) << digit(w->tick, level);
		uint64_t slots = w->map[level] & later;
		uint64_t above;

		if (slots == 0)
			continue;
		above = w->tick >> (DIGIT * level) & ~(uint64_t)MASK;
		*level_r = level;
		*tick_r = (above | (unsigned)__builtin_ctzll(slots)) << (DIGIT * level);
		return true;
	}
	return false;
}

/* The wheel's tick has come to this slot: what expires now goes to `firing`, the rest down. */
static void open_slot(struct pc__wheel *w, unsigned level)
{
	unsigned slot = digit(w->tick, level);
	struct pc__wheel_link list;

	list_move(&w->slots[level][slot], &list);
	w->map[level] &= ~(UINT64_C(1) << slot);
	while (!list_empty(&list)) {
		struct pc__wheel_node *node = list_first(&list);

		pc__wheel_stop(w, node);
		if (node->tick <= w->tick)
			list_append(&w->firing, &node->link);
		else
			insert(w, node);
	}
}

static void fire(struct pc__wheel *w)
{
	while (!list_empty(&w->firing)) {
		struct pc__wheel_node *node = list_first(&w->firing);

		pc__wheel_stop(w, node);
		node->fn(node);
	}
}

void pc__wheel_run(struct pc__wheel *w, uint64_t now_ms)
{
	uint64_t now = now_ms / PC__WHEEL_TICK, tick;
	unsigned level;

	list_move(&w->late, &w->firing);
	fire(w);
	while (next_slot(w, &level, &tick) && tick <= now) {
		w->tick = tick;
		open_slot(w, level);
		fire(w);
	}
	if (now > w->tick)
		w->tick = now < TICK_MAX ? now : TICK_MAX;
}

int64_t pc__wheel_next(const struct pc__wheel *w, uint64_t now_ms)
{
	uint64_t tick, when;
	unsigned level;

	if (!list_empty(&w->late) || !list_empty(&w->firing))
		return 0;
	if (!next_slot(w, &level, &tick))
		return -1;
	when = tick * PC__WHEEL_TICK;
	return when > now_ms ? (int64_t)(when - now_ms) : 0;
}
