#include "store/lane.h"

static uint32_t hash(uint32_t h, const char *s)
{
	while (*s)
		h = (h ^ (uint8_t)*s++) * 16777619u;
	return (h ^ 0xff) * 16777619u;
}

static unsigned lane_of(const pc_key *k)
{
	uint32_t h = hash(hash(hash(2166136261u, k->host), k->user), k->store);

	return (h ^ h >> 16) % PC__LANES;
}

void pc__lanes_enter(struct pc__lanes *lanes, pc__job *job)
{
	for (pc__op *op = job->ops; op; op = op->next) {
		if (op->type >= PC__OP_FIRST_WHOLE)
			continue; /* takes minutes, and nobody's order depends on it */
		op->lane = lane_of(&op->k);
		/* a job is in a lane once, or it would wait for itself */
		if (lanes->lane[op->lane].tail && lanes->lane[op->lane].tail->job == job)
			continue;
		op->in_lane = true;
		if (lanes->lane[op->lane].tail) {
			lanes->lane[op->lane].tail->lane_next = op;
			job->behind++;
		} else {
			lanes->lane[op->lane].head = op;
		}
		lanes->lane[op->lane].tail = op;
	}
}

static void leave(struct pc__lanes *lanes, pc__op *op, struct pc__job_queue *ready)
{
	pc__op *next = op->lane_next;

	lanes->lane[op->lane].head = next;
	if (next == NULL) {
		lanes->lane[op->lane].tail = NULL;
		return;
	}
	if (--next->job->behind == 0 && next->job->finished)
		pc__job_queue_add(ready, next->job);
}

void pc__lanes_finish(struct pc__lanes *lanes, pc__job *job, struct pc__job_queue *ready)
{
	struct pc__job_queue leaving = { 0 };

	job->finished = true;
	if (job->behind > 0)
		return;
	pc__job_queue_add(&leaving, job);
	while ((job = pc__job_queue_take(&leaving))) {
		for (pc__op *op = job->ops; op; op = op->next) {
			if (op->in_lane)
				leave(lanes, op, &leaving);
		}
		pc__job_queue_add(ready, job);
	}
}
