/*
 * ticket.h - who waits for which write of one database.
 *
 * A ticket is the database's index in the high byte and a counter below it. Writes are settled in
 * the order of their tickets; of those that failed the last PC__TICKETS_FAILED are remembered, for
 * who asks late. What is older than the last that had to be forgotten counts as failed: a write
 * that was lost must never pass for one that was kept. Main thread.
 */
#pragma once

#include "store/job.h"

#define PC__TICKET_SHIFT 56
#define PC__TICKETS_FAILED 1024

static inline unsigned pc__ticket_index(pc_ticket ticket)
{
	return (unsigned)(ticket >> PC__TICKET_SHIFT);
}

struct pc__tickets {
	pc_ticket last;     /* given out */
	pc_ticket accepted; /* the last whose write is carried out; those behind it were refused */
	pc_ticket settled;  /* all up to this one are committed or have failed */
	pc__job *waiting;   /* by ticket */
	pc__job *waiting_last;
	struct {
		pc_ticket ticket;
		int err;
	} * failed; /* a ring; made with the first failure */
	size_t n_failed;
	pc_ticket forgotten; /* the newest failure that fell out of the ring */
};

void pc__tickets_init(struct pc__tickets *t, unsigned index);
void pc__tickets_clear(struct pc__tickets *t);
pc_ticket pc__tickets_next(struct pc__tickets *t);
/* Its write will be carried out, and settled in its turn. */
void pc__tickets_accept(struct pc__tickets *t, pc_ticket ticket);
/* True when it is settled, with its PC_OK or PC_E*. A number that was never given out: PC_EINVAL.
 */
bool pc__tickets_settled(const struct pc__tickets *t, pc_ticket ticket, int *err_r);
/* Keeps the job until job->ticket is settled. */
void pc__tickets_wait(struct pc__tickets *t, pc__job *job);
/* Its write is not carried out. */
void pc__tickets_refuse(struct pc__tickets *t, pc_ticket ticket, int err);
/* The ticket, and with it all before it, is settled; who waited is added to `ready`. */
void pc__tickets_settle(struct pc__tickets *t, pc_ticket ticket, int err,
                        struct pc__job_queue *ready);
