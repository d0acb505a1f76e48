/*
 * tokens.c - suspended firings by number.
 *
 * A token is {generation, slot}. Resuming twice, resuming after the deadline, or after the module
 * was unloaded finds another generation and does nothing: that is decided here and nowhere else.
 */
#include <stdlib.h>

#include "bounds.h"
#include "event_internal.h"
#include "log.h"
#include "util/mem.h"

#define DEADLINE_MS 30000
#define SWEEP_SECONDS 1.0

static struct slot {
	pc_event *ev; /* NULL: free */
	uint32_t generation;
	uint32_t next_free;
	int64_t deadline;
} * slots;
static uint32_t n_slots, first_free = UINT32_MAX;
static size_t in_use;
static struct pc__timer sweep_timer;

static void sweep(struct pc__timer *timer);

static uint32_t take_slot(void)
{
	uint32_t i = first_free;

	if (i != UINT32_MAX) {
		first_free = slots[i].next_free;
		return i;
	}
	i = n_slots;
	n_slots = n_slots ? n_slots * 2 : 64;
	slots = pc__realloc(slots, n_slots * sizeof(*slots));
	for (uint32_t k = n_slots; k-- > i;) {
		slots[k] = (struct slot){ .next_free = first_free };
		first_free = k;
	}
	first_free = slots[i].next_free;
	return i;
}

pc_token pc__token_new(pc_event *ev)
{
	uint32_t i = take_slot();

	slots[i].ev = ev;
	slots[i].generation++;
	slots[i].deadline = pc_now_ms() + DEADLINE_MS;
	if (in_use++ == 0)
		pc__timer_set(&sweep_timer, SWEEP_SECONDS, sweep);
	return (uint64_t)slots[i].generation << 32 | i;
}

static struct slot *find(pc_token token)
{
	uint32_t i = (uint32_t)token;

	if (token == 0 || i >= n_slots || slots[i].ev == NULL ||
	    slots[i].generation != (uint32_t)(token >> 32))
		return NULL;
	return &slots[i];
}

void pc__token_free(pc_token token)
{
	struct slot *s = find(token);

	if (s == NULL)
		return;
	s->ev = NULL;
	s->next_free = first_free;
	first_free = (uint32_t)token;
	if (--in_use == 0)
		pc__timer_clear(&sweep_timer);
}

void pc_event_resume(pc_token token, pc_result result)
{
	struct slot *s = find(token);
	pc_event *ev;

	if (s == NULL)
		return;
	ev = s->ev;
	if (pc__event_is_running(ev)) { /* its handler has not returned yet */
		ev->early = result;
		ev->has_early = true;
		return;
	}
	pc__token_free(token);
	pc__event_resume(ev, result);
}

pc_event *pc_token_event(pc_token token)
{
	struct slot *s = find(token);

	return s ? s->ev : NULL;
}

static void cancel_if(bool (*matches)(const struct slot *s, const void *data), const void *data,
                      pc_result result)
{
	for (uint32_t i = 0; i < n_slots; i++) {
		pc_event *ev = slots[i].ev;

		if (ev && !pc__event_is_running(ev) && matches(&slots[i], data)) {
			if (result == PC_ETIMEOUT)
				pc__bound_reached(PC__BOUND_WAITING);
			pc__token_free((uint64_t)slots[i].generation << 32 | i);
			pc__event_resume(ev, result);
		}
	}
}

static bool is_late(const struct slot *s, const void *data)
{
	return s->deadline <= *(const int64_t *)data;
}

static bool is_of(const struct slot *s, const void *data)
{
	return s->ev->running == data;
}

static void sweep(struct pc__timer *timer)
{
	int64_t now = pc_now_ms();

	cancel_if(is_late, &now, PC_ETIMEOUT);
	if (in_use > 0)
		pc__timer_set(timer, SWEEP_SECONDS, sweep);
}

void pc__tokens_cancel(pc_module *m)
{
	cancel_if(is_of, m, PC_ECANCELED);
}

size_t pc__tokens_count(void)
{
	return in_use;
}
