#include "store/ticket.h"

#include <stdlib.h>

#include "util/mem.h"

void pc__tickets_init(struct pc__tickets *t, unsigned index)
{
	*t = (struct pc__tickets){ 0 };
	t->last = t->accepted = t->settled = (pc_ticket)index << PC__TICKET_SHIFT;
}

void pc__tickets_clear(struct pc__tickets *t)
{
	for (pc__job *job = t->waiting, *next; job; job = next) {
		next = job->next;
		pc__job_free(&job);
	}
	pc__free(&t->failed);
	t->waiting = t->waiting_last = NULL;
}

pc_ticket pc__tickets_next(struct pc__tickets *t)
{
	return ++t->last;
}

void pc__tickets_accept(struct pc__tickets *t, pc_ticket ticket)
{
	t->accepted = ticket;
}

static int remembered(const struct pc__tickets *t, pc_ticket ticket)
{
	size_t n = t->n_failed < PC__TICKETS_FAILED ? t->n_failed : PC__TICKETS_FAILED;

	for (size_t i = 0; i < n; i++) {
		if (t->failed[i].ticket == ticket)
			return t->failed[i].err;
	}
	return PC_OK;
}

static int failure_of(const struct pc__tickets *t, pc_ticket ticket)
{
	int err = remembered(t, ticket);

	return err == PC_OK && ticket <= t->forgotten ? PC_EIO : err;
}

bool pc__tickets_settled(const struct pc__tickets *t, pc_ticket ticket, int *err_r)
{
	if (ticket == 0 || ticket > t->last) {
		*err_r = ticket ? PC_EINVAL : PC_OK;
		return true;
	}
	*err_r = ticket <= t->settled ? failure_of(t, ticket) : remembered(t, ticket);
	return *err_r != PC_OK || ticket <= t->settled;
}

void pc__tickets_wait(struct pc__tickets *t, pc__job *job)
{
	pc__job **at = &t->waiting;

	/* most wait for the newest write: behind the last */
	if (t->waiting_last && t->waiting_last->ticket <= job->ticket)
		at = &t->waiting_last->next;
	while (*at && (*at)->ticket <= job->ticket)
		at = &(*at)->next;
	job->next = *at;
	*at = job;
	if (job->next == NULL)
		t->waiting_last = job;
}

static void remember(struct pc__tickets *t, pc_ticket ticket, int err)
{
	size_t at = t->n_failed++ % PC__TICKETS_FAILED;

	if (t->failed == NULL)
		t->failed = pc__alloc(PC__TICKETS_FAILED * sizeof(*t->failed));
	if (t->failed[at].ticket > t->forgotten)
		t->forgotten = t->failed[at].ticket;
	t->failed[at].ticket = ticket;
	t->failed[at].err = err;
}

void pc__tickets_refuse(struct pc__tickets *t, pc_ticket ticket, int err)
{
	remember(t, ticket, err);
	if (t->settled >= t->accepted)
		t->settled = ticket;
}

void pc__tickets_settle(struct pc__tickets *t, pc_ticket ticket, int err,
                        struct pc__job_queue *ready)
{
	pc__job *job;

	if (err)
		remember(t, ticket, err);
	/* behind the last accepted one there are refused ones only */
	t->settled = ticket == t->accepted ? t->last : ticket;
	while ((job = t->waiting) && job->ticket <= t->settled) {
		t->waiting = job->next;
		if (t->waiting == NULL)
			t->waiting_last = NULL;
		job->err = job->ticket == ticket ? err : failure_of(t, job->ticket);
		pc__job_queue_add(ready, job);
	}
}
