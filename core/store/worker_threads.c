#include <stdlib.h>

#include "store/worker_internal.h"
#include "util/killpoint.h"

#define BATCH_JOBS 500
#define BATCH_NS (5 * 1000 * 1000)
#define READS_AT_ONCE 8
#define STACK_SIZE (512 * 1024)

/* What the writer has in hand. */
struct batch {
	bool open; /* inside begin and commit */
	uint64_t started;
	size_t n_writes;
	pc_ticket noted; /* the last noted write's; 0: none */
	size_t n_done;
	struct pc__job_queue done;  /* told when the batch is committed */
	struct pc__job_queue reads; /* of what is not committed yet */
};

void pc__worker_publish(struct pc__worker *w, struct pc__job_queue *jobs, size_t n)
{
	bool wake;

	uv_mutex_lock(&w->lock);
	for (const pc__job *job = jobs->head; job; job = job->next) {
		w->n_writes += job->write;
		w->n_reads += !job->write && job->n_ops > 0;
		w->n_failures += job->err != PC_OK;
	}
	pc__job_queue_join(&w->finished, jobs);
	w->under_way -= n;
	if (w->under_way == 0)
		uv_cond_broadcast(&w->idle);
	wake = !w->woken;
	w->woken = true;
	uv_mutex_unlock(&w->lock);
	if (wake)
		uv_async_send(&w->wake);
}

static void hand_to_readers(struct pc__worker *w, struct pc__job_queue *reads)
{
	pc__job *job;

	if (reads->head == NULL)
		return;
	uv_mutex_lock(&w->lock);
	while ((job = pc__job_queue_take(reads)))
		pc__worker_add_read(w, job);
	uv_cond_broadcast(&w->to_read);
	uv_mutex_unlock(&w->lock);
}

static void finish(struct batch *b, pc__job *job, int err)
{
	job->err = err;
	pc__job_queue_add(&b->done, job);
	b->n_done++;
}

/* The tickets are settled whether the commit succeeded or not: reads need not wait any longer. */
static void tell(struct pc__worker *w, struct batch *b)
{
	for (const pc__job *job = b->done.head; job; job = job->next) {
		if (job->write)
			atomic_store(&w->committed, job->ticket);
	}
	if (b->n_done > 0)
		pc__worker_publish(w, &b->done, b->n_done);
	hand_to_readers(w, &b->reads);
	*b = (struct batch){ 0 };
}

static int put_committed(struct pc__worker *w, pc_ticket ticket)
{
	char text[PC__COMMITTED_SIZE];
	size_t len = pc__committed_write(atomic_load(&w->epoch), ticket, text);
	pc_key k = { "", "", PC__COMMITTED_STORE };

	return w->driver->set(w->db, &k, &(pc_item){ PC__COMMITTED_KEY, text, len }, 1, false);
}

static void commit(struct pc__worker *w, struct batch *b)
{
	int err = b->noted ? put_committed(w, b->noted) : PC_OK;

	PC__KILLPOINT("before-commit");
	if (!err)
		err = w->driver->commit(w->db);
	PC__KILLPOINT("after-commit");

	if (err) {
		w->driver->rollback(w->db);
		for (pc__job *job = b->done.head; job; job = job->next) {
			if (job->write && job->err == PC_OK)
				job->err = err;
		}
	}
	uv_mutex_lock(&w->lock);
	w->n_commits++;
	uv_mutex_unlock(&w->lock);
	tell(w, b);
}

static int begin(struct pc__worker *w, struct batch *b)
{
	int err;

	if (b->open)
		return PC_OK;
	err = w->driver->begin(w->db);
	if (err)
		return err;
	b->open = true;
	b->started = uv_hrtime();
	return PC_OK;
}

static void write_one(struct pc__worker *w, struct batch *b, pc__job *job)
{
	int err = atomic_load(&w->broken) ? PC_EIO : begin(w, b);

	if (!err) {
		err = pc__job_run(job, w->driver, w->db, NULL);
		b->n_writes++;
		if (job->noted)
			b->noted = job->ticket;
	}
	finish(b, job, err);
}

static void read_one(struct pc__worker *w, struct batch *b, pc__job *job)
{
	if (w->driver->one_thread)
		finish(b, job, pc__job_run(job, w->driver, w->db, NULL));
	else
		pc__job_queue_add(&b->reads, job);
}

static void work(struct pc__worker *w, struct batch *b, struct pc__job_queue *jobs)
{
	pc__job *job;

	while ((job = pc__job_queue_take(jobs))) {
		if (job->write)
			write_one(w, b, job);
		else
			read_one(w, b, job);
		if (!b->open)
			tell(w, b);
		else if (b->n_writes >= BATCH_JOBS || uv_hrtime() - b->started > BATCH_NS)
			commit(w, b);
	}
}

/* Waits for jobs, unless there is something to commit; none: the end, or the moment to commit. */
static struct pc__job_queue next_jobs(struct pc__worker *w, bool wait)
{
	struct pc__job_queue jobs = { 0 };

	uv_mutex_lock(&w->lock);
	while (wait && w->writes.head == NULL && !w->stopping)
		uv_cond_wait(&w->to_write, &w->lock);
	pc__job_queue_join(&jobs, &w->writes);
	uv_mutex_unlock(&w->lock);
	return jobs;
}

static void writer_main(void *arg)
{
	struct pc__worker *w = arg;
	struct batch b = { 0 };

	for (;;) {
		struct pc__job_queue jobs = next_jobs(w, !b.open);

		if (jobs.head)
			work(w, &b, &jobs);
		else if (b.open)
			commit(w, &b);
		else
			break;
	}
	uv_mutex_lock(&w->lock);
	w->writer_ended = true;
	uv_cond_broadcast(&w->to_read);
	uv_mutex_unlock(&w->lock);
}

/* ---- readers: short reads before long ones */

static enum pc__read kind_of(const pc__job *job)
{
	if (job->n_ops != 1 || job->ops->type < PC__OP_FIRST_SEARCH)
		return PC__READ_SHORT;
	return job->ops->type < PC__OP_FIRST_WHOLE ? PC__READ_SEARCH : PC__READ_WHOLE;
}

bool pc__worker_add_read(struct pc__worker *w, pc__job *job)
{
	struct pc__job_queue *to = &w->reads[kind_of(job)];
	bool first = to->head == NULL;

	pc__job_queue_add(to, job);
	return first;
}

/* One search at a time, and one job over the whole database: however many of them wait, and however
 * long one takes, what a log-in needs does not wait behind them, nor the one kind for the other. */
static struct pc__job_queue *next_queue(struct pc__worker *w)
{
	for (int kind = 0; kind < PC__READS; kind++)
		if (w->reads[kind].head && (kind == PC__READ_SHORT || !w->reading[kind]))
			return &w->reads[kind];
	return NULL;
}

static bool is_at_end(const struct pc__worker *w)
{
	for (int kind = 0; kind < PC__READS; kind++)
		if (w->reads[kind].head)
			return false;
	return w->writer_ended;
}

/* A short job comes with others behind it: what came together is answered together. What is left
 * goes to the next reader. None: the end. */
static struct pc__job_queue next_reads(struct pc__worker *w, enum pc__read *kind_r)
{
	struct pc__job_queue jobs = { 0 }, *from;
	int most;
	bool more;

	*kind_r = PC__READ_SHORT; /* of no jobs, too */
	uv_mutex_lock(&w->lock);
	while ((from = next_queue(w)) == NULL && !is_at_end(w))
		uv_cond_wait(&w->to_read, &w->lock);
	if (from) {
		*kind_r = (enum pc__read)(from - w->reads);
		w->reading[*kind_r] = true;
		most = *kind_r == PC__READ_SHORT ? READS_AT_ONCE : 1;
		while (from->head && most-- > 0)
			pc__job_queue_add(&jobs, pc__job_queue_take(from));
	}
	more = next_queue(w) != NULL;
	uv_mutex_unlock(&w->lock);
	if (more)
		uv_cond_signal(&w->to_read);
	return jobs;
}

static void end_reads(struct pc__worker *w, enum pc__read kind)
{
	if (kind == PC__READ_SHORT)
		return;
	uv_mutex_lock(&w->lock);
	w->reading[kind] = false;
	uv_cond_broadcast(&w->to_read);
	uv_mutex_unlock(&w->lock);
}

static int open_reader(struct pc__worker *w, void **reader)
{
	if (*reader || w->driver->reader_open == NULL)
		return PC_OK;
	return w->driver->reader_open(w->db, reader);
}

static void read_job(struct pc__worker *w, pc__job *job, void **reader)
{
	/* opened with the first read: an idle server has no memory to spare */
	job->err = open_reader(w, reader);
	if (job->err == PC_OK)
		job->err = pc__job_run(job, w->driver, w->db, *reader);
	if (job->ops->type == PC__OP_CHECK && job->err == PC_EIO)
		atomic_store(&w->broken, true);
}

static void reader_main(void *arg)
{
	struct pc__worker *w = arg;
	void *reader = NULL;
	struct pc__job_queue jobs;
	enum pc__read kind;

	while ((jobs = next_reads(w, &kind)).head) {
		size_t n = 0;

		for (pc__job *job = jobs.head; job; job = job->next, n++)
			read_job(w, job, &reader);
		pc__worker_publish(w, &jobs, n);
		end_reads(w, kind);
	}
	if (reader && w->driver->reader_close)
		w->driver->reader_close(w->db, reader);
}

static void spawn(uv_thread_t *thread, uv_thread_cb entry, struct pc__worker *w)
{
	uv_thread_options_t options = { .flags = UV_THREAD_HAS_STACK_SIZE,
		                        .stack_size = STACK_SIZE };

	if (uv_thread_create_ex(thread, &options, entry, w) != 0)
		abort(); /* as out of memory does: there is no service without storage */
}

void pc__worker_start(struct pc__worker *w)
{
	spawn(&w->writer, writer_main, w);
	w->n_readers = w->driver->one_thread ? 0 : PC__WORKER_READERS;
	for (unsigned i = 0; i < w->n_readers; i++)
		spawn(&w->readers[i], reader_main, w);
}

void pc__worker_stop(struct pc__worker *w)
{
	uv_mutex_lock(&w->lock);
	w->stopping = true;
	uv_cond_broadcast(&w->to_write);
	uv_mutex_unlock(&w->lock);
	uv_thread_join(&w->writer);
	for (unsigned i = 0; i < w->n_readers; i++)
		uv_thread_join(&w->readers[i]);
}
