#include "store/worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/worker_internal.h"
#include "util/mem.h"

#define LAST_ROUNDS 100
#define CALLBACKS_NS (2 * 1000 * 1000) /* in a turn of the loop */

static void on_wake(uv_async_t *wake);

pc__worker *pc__worker_new(uv_loop_t *loop, unsigned index, const pc_store_driver *driver,
                           pc_db *db)
{
	pc__worker *w = pc__alloc(sizeof(*w));

	w->driver = driver;
	w->db = db;
	pc__tickets_init(&w->tickets, index);
	atomic_init(&w->committed, w->tickets.last);
	atomic_init(&w->broken, false);
	uv_mutex_init(&w->lock);
	uv_cond_init(&w->to_write);
	uv_cond_init(&w->to_read);
	uv_cond_init(&w->idle);
	uv_async_init(loop, &w->wake, on_wake);
	w->wake.data = w;
	uv_unref((uv_handle_t *)&w->wake);
	if (driver)
		pc__worker_start(w);
	return w;
}

/* ---- there */

/* The loop stays alive while something is under way. */
static void count(pc__worker *w, pc__job *job)
{
	job->bytes = pc__arena_used(job->arena);
	if (w->queued == 0)
		uv_ref((uv_handle_t *)&w->wake);
	w->queued++;
	w->queued_bytes += job->bytes;
}

static void uncount(pc__worker *w, const pc__job *job)
{
	w->queued--;
	w->queued_bytes -= job->bytes;
	if (w->queued == 0)
		uv_unref((uv_handle_t *)&w->wake);
}

static void answer(pc__worker *w, pc__job *job, int err)
{
	struct pc__job_queue one = { 0 };

	count(w, job);
	job->err = err;
	pc__job_queue_add(&one, job);
	pc__worker_publish(w, &one, 0);
}

static int refusal(const pc__worker *w)
{
	if (w->closed)
		return PC_ECANCELED;
	if (w->driver == NULL)
		return PC_ENOTSUP;
	if (w->queued >= PC__WORKER_JOBS || w->queued_bytes >= PC__WORKER_BYTES)
		return PC_EBUSY;
	return PC_OK;
}

/* Told at the next turn, before its turn: nothing of what is too much may pile up. */
pc_ticket pc__worker_refuse(pc__worker *w, pc__job *job, int err)
{
	job->refused = true;
	if (job->write) {
		job->ticket = pc__tickets_next(&w->tickets);
		pc__tickets_refuse(&w->tickets, job->ticket, err);
	}
	answer(w, job, err);
	return job->ticket;
}

static void hand_read(pc__worker *w, pc__job *job)
{
	bool first;

	uv_mutex_lock(&w->lock);
	w->under_way++;
	first = pc__worker_add_read(w, job);
	uv_mutex_unlock(&w->lock);
	/* Told when the lock is free: who wakes up needs it. Who finds more jobs tells the next. */
	if (first)
		uv_cond_signal(&w->to_read);
}

static void hand_writes(pc__worker *w, struct pc__job_queue *jobs, size_t n)
{
	bool first;

	uv_mutex_lock(&w->lock);
	w->under_way += n;
	first = w->writes.head == NULL;
	pc__job_queue_join(&w->writes, jobs);
	uv_mutex_unlock(&w->lock);
	if (first)
		uv_cond_signal(&w->to_write);
}

/* A read that sees what is committed need not wait for what the turn writes. */
static void queue(pc__worker *w, pc__job *job)
{
	bool direct = !job->write && !w->driver->one_thread &&
	              w->tickets.accepted <= atomic_load(&w->committed);
	struct pc__job_queue one = { 0 };

	if (job->write)
		pc__tickets_accept(&w->tickets, job->ticket);
	if (job->write && w->notes)
		job->noted = w->notes->note(pc__ticket_index(job->ticket), job);
	count(w, job);
	if (direct) {
		hand_read(w, job);
	} else if (w->notes) {
		pc__job_queue_add(&w->held, job);
		w->n_held++;
	} else {
		pc__job_queue_add(&one, job);
		hand_writes(w, &one, 1);
	}
}

void pc__worker_release(pc__worker *w)
{
	if (w->n_held == 0)
		return;
	hand_writes(w, &w->held, w->n_held);
	w->n_held = 0;
}

void pc__worker_hold(pc__worker *w, const struct pc__worker_notes *notes, uint64_t epoch)
{
	if (w->driver == NULL)
		return;
	atomic_store(&w->epoch, epoch);
	w->notes = notes;
	if (notes == NULL)
		pc__worker_release(w);
}

size_t pc__committed_write(uint64_t epoch, pc_ticket ticket, char out[static PC__COMMITTED_SIZE])
{
	return (size_t)snprintf(out, PC__COMMITTED_SIZE, "%" PRIx64 " %" PRIx64, epoch, ticket);
}

pc_ticket pc__committed_read(const char *text, uint64_t epoch)
{
	uint64_t of, ticket;

	if (sscanf(text, "%" SCNx64 " %" SCNx64, &of, &ticket) != 2 || of != epoch)
		return 0;
	return ticket;
}

pc_ticket pc__worker_submit(pc__worker *w, pc__job *job)
{
	int err = refusal(w);

	if (err)
		return pc__worker_refuse(w, job, err);
	job->ticket = job->write ? pc__tickets_next(&w->tickets) : 0;
	pc__lanes_enter(&w->lanes, job);
	queue(w, job);
	return job->ticket;
}

void pc__worker_wait(pc__worker *w, pc__job *job, pc_ticket ticket)
{
	int err;

	job->ticket = ticket;
	if (pc__tickets_settled(&w->tickets, ticket, &err)) {
		answer(w, job, err);
		return;
	}
	count(w, job);
	pc__tickets_wait(&w->tickets, job);
}

pc_ticket pc__worker_last(const pc__worker *w)
{
	return w->tickets.last;
}

bool pc__worker_settled(const pc__worker *w)
{
	return w->tickets.settled == w->tickets.last;
}

bool pc__worker_committed(const pc__worker *w, pc_ticket ticket)
{
	int err;

	return pc__tickets_settled(&w->tickets, ticket, &err) && err == PC_OK;
}

/* ---- and back */

/* Some callbacks compute, and many may be ready at once: the loop goes round in between. */
static bool used_up(uint64_t began)
{
	return uv_hrtime() - began > CALLBACKS_NS;
}

static void call_ready(pc__worker *w, bool all)
{
	uint64_t began = uv_hrtime();
	pc__job *job;

	while ((all || !used_up(began)) && (job = pc__job_queue_take(&w->ready))) {
		uncount(w, job);
		if (job->done)
			job->done(job);
		pc__job_free(&job);
	}
}

/* Each job's own callback comes before those that wait for its ticket. */
static void drain(pc__worker *w, bool all)
{
	struct pc__job_queue finished = { 0 };
	pc__job *job;

	uv_mutex_lock(&w->lock);
	pc__job_queue_join(&finished, &w->finished);
	w->woken = false;
	uv_mutex_unlock(&w->lock);
	while ((job = pc__job_queue_take(&finished))) {
		bool settle = job->write && !job->refused;
		pc_ticket ticket = job->ticket;
		size_t noted = job->noted;
		int err = job->err;

		pc__lanes_finish(&w->lanes, job, &w->ready);
		if (settle)
			pc__tickets_settle(&w->tickets, ticket, err, &w->ready);
		if (settle && w->notes)
			w->notes->done(pc__ticket_index(ticket), ticket, noted);
	}
	call_ready(w, all);
	if (w->ready.head)
		uv_async_send(&w->wake);
}

static void on_wake(uv_async_t *wake)
{
	drain(wake->data, false);
}

void pc__worker_flush(pc__worker *w)
{
	pc__worker_release(w);
	uv_mutex_lock(&w->lock);
	while (w->under_way > 0)
		uv_cond_wait(&w->idle, &w->lock);
	uv_mutex_unlock(&w->lock);
	drain(w, true);
}

static void on_closed(uv_handle_t *handle)
{
	pc__worker *w = handle->data;

	uv_mutex_destroy(&w->lock);
	uv_cond_destroy(&w->to_write);
	uv_cond_destroy(&w->to_read);
	uv_cond_destroy(&w->idle);
	pc__tickets_clear(&w->tickets);
	free(w);
}

void pc__worker_free(pc__worker **worker)
{
	pc__worker *w = *worker;

	if (w == NULL)
		return;
	w->closed = true;
	w->notes = NULL;
	pc__worker_release(w);
	if (w->driver)
		pc__worker_stop(w);
	/* callbacks may submit again; those that never stop are left */
	for (int round = 0; w->queued > 0 && round < LAST_ROUNDS; round++)
		drain(w, true);
	*worker = NULL;
	uv_close((uv_handle_t *)&w->wake, on_closed);
}

void pc__worker_stats(pc__worker *w, struct pc__worker_stats *s)
{
	uv_mutex_lock(&w->lock);
	s->writes = w->n_writes;
	s->reads = w->n_reads;
	s->commits = w->n_commits;
	s->failures = w->n_failures;
	uv_mutex_unlock(&w->lock);
	s->queued = w->queued;
	s->queued_bytes = w->queued_bytes;
	s->broken = atomic_load(&w->broken);
}
