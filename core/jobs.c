#include "jobs.h"

#include <stdlib.h>

#include "log.h"
#include "modules.h"
#include "server.h"
#include "util/mem.h"

#define THREADS 2
/* Hashing needs little stack, and what is reserved counts on small machines. */
#define STACK (256 * 1024)

struct job {
	struct job *next;
	pc_module *m;
	pc_work_fn *work;
	pc_done_fn *done;
	void *data;
};

struct list {
	struct job *first, **end;
};

static struct {
	bool started, stopping;
	size_t pending; /* of the main thread */
	unsigned n_threads;
	uv_thread_t threads[THREADS];
	uv_async_t wake;
	uv_mutex_t lock; /* guards what follows, and stopping */
	uv_cond_t more;
	struct list queued, finished;
} jobs;

static void list_clear(struct list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void list_put(struct list *list, struct job *job)
{
	job->next = NULL;
	*list->end = job;
	list->end = &job->next;
}

static struct job *list_take(struct list *list)
{
	struct job *job = list->first;

	if (job == NULL)
		return NULL;
	list->first = job->next;
	if (list->first == NULL)
		list->end = &list->first;
	return job;
}

static void job_free(struct job *job)
{
	if (job->m != NULL)
		pc__module_release(job->m);
	free(job);
}

static void thread_main(void *arg)
{
	struct job *job;

	(void)arg;
	uv_mutex_lock(&jobs.lock);
	while (!jobs.stopping) {
		job = list_take(&jobs.queued);
		if (job == NULL) {
			uv_cond_wait(&jobs.more, &jobs.lock);
			continue;
		}
		uv_mutex_unlock(&jobs.lock);
		job->work(job->data);
		uv_mutex_lock(&jobs.lock);
		list_put(&jobs.finished, job);
		uv_async_send(&jobs.wake);
	}
	uv_mutex_unlock(&jobs.lock);
}

static struct job *next_finished(void)
{
	struct job *job;

	uv_mutex_lock(&jobs.lock);
	job = list_take(&jobs.finished);
	uv_mutex_unlock(&jobs.lock);
	return job;
}

static void on_wake(uv_async_t *wake)
{
	struct job *job;

	(void)wake;
	while (jobs.started && (job = next_finished()) != NULL) {
		jobs.pending--;
		if (job->m == NULL || pc__module_callable(job->m))
			job->done(PC_OK, job->data);
		job_free(job);
	}
}

static void threads_start(void)
{
	uv_thread_options_t options = { .flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = STACK };

	while (jobs.n_threads < THREADS &&
	       uv_thread_create_ex(&jobs.threads[jobs.n_threads], &options, thread_main, NULL) == 0)
		jobs.n_threads++;
	if (jobs.n_threads == 0)
		pc__log("jobs", PC_ERROR, "no thread can be started");
}

static bool start(void)
{
	if (!jobs.started) {
		if (uv_async_init(pc__server.loop, &jobs.wake, on_wake) < 0)
			return false;
		jobs.stopping = false;
		jobs.pending = 0;
		list_clear(&jobs.queued);
		list_clear(&jobs.finished);
		uv_mutex_init(&jobs.lock);
		uv_cond_init(&jobs.more);
		jobs.started = true;
	}
	if (jobs.n_threads == 0)
		threads_start();
	return jobs.n_threads > 0;
}

int pc_run_job(pc_module *m, pc_work_fn *work, pc_done_fn *done, void *data)
{
	struct job *job;

	if (jobs.pending >= PC__JOBS_MAX || !start())
		return PC_EBUSY;
	job = pc__alloc(sizeof(*job));
	*job = (struct job){ .m = m, .work = work, .done = done, .data = data };
	if (m != NULL)
		pc__module_hold(m);
	jobs.pending++;
	uv_mutex_lock(&jobs.lock);
	list_put(&jobs.queued, job);
	uv_cond_signal(&jobs.more);
	uv_mutex_unlock(&jobs.lock);
	return PC_OK;
}

size_t pc__jobs_pending(void)
{
	return jobs.pending;
}

static void forget(struct list *list)
{
	struct job *job;

	while ((job = list_take(list)) != NULL)
		job_free(job);
}

void pc__jobs_stop(void)
{
	if (!jobs.started)
		return;
	uv_mutex_lock(&jobs.lock);
	jobs.stopping = true;
	uv_cond_broadcast(&jobs.more);
	uv_mutex_unlock(&jobs.lock);
	while (jobs.n_threads > 0)
		uv_thread_join(&jobs.threads[--jobs.n_threads]);
	jobs.started = false;
	forget(&jobs.queued);
	forget(&jobs.finished);
	jobs.pending = 0;
	uv_cond_destroy(&jobs.more);
	uv_mutex_destroy(&jobs.lock);
	uv_close((uv_handle_t *)&jobs.wake, NULL);
}
