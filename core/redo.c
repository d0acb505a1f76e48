#include "redo.h"

#include "log.h"
#include "store/note.h"
#include "stores.h"
#include "util/mem.h"

/* The writes of one database. */
struct redo {
	const pc__past *past;
	pc__worker *worker;
	pc_ticket committed; /* before us */
	size_t made, failed;
};

static void on_committed(pc__job *job)
{
	struct redo *r = job->data;

	for (size_t i = 0; i < job->rows.n_items; i++)
		r->committed = pc__committed_read(job->rows.items[i].value, r->past->epoch);
}

static void find_committed(struct redo *r)
{
	pc__job *job = pc__job_new(0, on_committed, r);

	pc__job_add(job, PC__OP_GET, "", NULL, PC__COMMITTED_STORE)->key =
	        pc__job_text(job, PC__COMMITTED_KEY);
	pc__worker_submit(r->worker, job);
	pc__worker_flush(r->worker);
}

/* One that failed then fails now, too: it was written on the same state. */
static void on_made(pc__job *job)
{
	struct redo *r = job->data;

	r->made += job->err == PC_OK;
	r->failed += job->err == PC_EIO;
}

/* With the number of the write, so that it is made once however often we come here. */
static void make(struct redo *r, const struct pc__past_job *past)
{
	char text[PC__COMMITTED_SIZE];
	size_t len = pc__committed_write(r->past->epoch, past->ticket, text);
	pc__job *job = pc__note_read(past->note, past->note_len, on_made, r);

	if (job == NULL) {
		r->failed++;
		return;
	}
	pc__op_items(pc__job_add(job, PC__OP_SET_KEYS, "", NULL, PC__COMMITTED_STORE),
	             &(pc_item){ PC__COMMITTED_KEY, text, len }, 1);
	pc__worker_submit(r->worker, job);
}

static void redo(struct redo *r, const struct pc__past_job *jobs, size_t n)
{
	r->worker = pc__stores_worker(jobs->driver);
	if (r->worker == NULL) {
		pc__log("redo", PC_ERROR, "%zu writes under way are lost: no storage driver %s", n,
		        jobs->driver);
		return;
	}
	find_committed(r);
	for (size_t i = 0; i < n; i++)
		if (jobs[i].ticket > r->committed)
			make(r, &jobs[i]);
	pc__worker_flush(r->worker);
	if (r->failed > 0)
		pc__log("redo", PC_ERROR, "%zu writes under way are lost", r->failed);
	if (r->made > 0)
		pc__log("redo", PC_INFO, "%zu writes of the process before are made now", r->made);
}

void pc__redo_run(const pc__past *past)
{
	for (size_t i = 0, n; i < past->n_jobs; i += n) {
		const struct pc__past_job *jobs = &past->jobs[i];
		struct redo r = { .past = past };

		for (n = 1; i + n < past->n_jobs && jobs[n].database == jobs->database; n++)
			;
		redo(&r, jobs, n);
	}
}
