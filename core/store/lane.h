/*
 * lane.h - the order in which finished jobs are told: that of their calls, for each user and store.
 *
 * Jobs of one user and store enter the same lane when they are called, and leave it in that order,
 * whichever thread finishes first. Users and stores are spread over a fixed number of lanes by a
 * hash: two that share one wait for each other, which costs time and nothing else. Main thread.
 */
#pragma once

#include "store/job.h"

#define PC__LANES 256

struct pc__lanes {
	struct {
		pc__op *head, *tail;
	} lane[PC__LANES];
};

void pc__lanes_enter(struct pc__lanes *lanes, pc__job *job);
/* The job is finished: it, and those that waited behind it alone, are added to `ready`. */
void pc__lanes_finish(struct pc__lanes *lanes, pc__job *job, struct pc__job_queue *ready);
