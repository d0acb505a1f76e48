/*
 * store_replies.c - from a job that came back to the callback of who called.
 */
#include <string.h>

#include "log.h"
#include "server.h"
#include "stores.h"

static struct pc__reply *of(pc__job *job)
{
	return job->data;
}

static bool callable(const struct pc__reply *r)
{
	return r->m == NULL || pc__module_callable(r->m);
}

static void release(const struct pc__reply *r)
{
	if (r->m)
		pc__module_release(r->m);
}

static void on_done(pc__job *job)
{
	const struct pc__reply *r = of(job);

	if (callable(r))
		r->fn.done(job->err, r->data);
	release(r);
}

static void on_items(pc__job *job)
{
	const struct pc__reply *r = of(job);

	if (callable(r))
		r->fn.items(job->err, job->rows.items, job->rows.n_items, r->data);
	release(r);
}

static void on_entries(pc__job *job)
{
	const struct pc__reply *r = of(job);
	const struct pc_rows *rows = &job->rows;

	if (callable(r))
		r->fn.entries(job->err, rows->entries, rows->n_entries, rows->total, rows->more,
		              r->data);
	release(r);
}

static void on_found(pc__job *job)
{
	const struct pc__reply *r = of(job);
	const struct pc_rows *rows = &job->rows;

	if (callable(r))
		r->fn.found(job->err,
		            &(pc_found){ .entries = rows->entries,
		                         .n = rows->n_entries,
		                         .more = rows->more,
		                         .total = rows->total,
		                         .index = rows->index },
		            r->data);
	release(r);
}

static void on_extent(pc__job *job)
{
	const struct pc__reply *r = of(job);

	if (callable(r))
		r->fn.extent(job->err, &job->rows.extent, r->data);
	release(r);
}

static pc__job *new_job(pc_module *m, size_t bytes, void (*done)(pc__job *job),
                        struct pc__reply reply)
{
	pc__job *job = pc__job_new(bytes + sizeof(reply), done, NULL);

	reply.m = m;
	job->data = pc__arena_alloc(job->arena, sizeof(reply));
	*(struct pc__reply *)job->data = reply;
	if (m && done)
		pc__module_hold(m);
	return job;
}

pc__job *pc__reply_done(pc_module *m, size_t bytes, pc_done_fn *fn, void *data)
{
	return new_job(m, bytes, fn ? on_done : NULL,
	               (struct pc__reply){ .fn.done = fn, .data = data });
}

pc__job *pc__reply_items(pc_module *m, pc_items_fn *fn, void *data)
{
	return new_job(m, 0, on_items, (struct pc__reply){ .fn.items = fn, .data = data });
}

pc__job *pc__reply_entries(pc_module *m, pc_entries_fn *fn, void *data)
{
	return new_job(m, 0, on_entries, (struct pc__reply){ .fn.entries = fn, .data = data });
}

pc__job *pc__reply_found(pc_module *m, pc_found_fn *fn, void *data)
{
	return new_job(m, 0, on_found, (struct pc__reply){ .fn.found = fn, .data = data });
}

pc__job *pc__reply_extent(pc_module *m, pc_extent_fn *fn, void *data)
{
	return new_job(m, 0, on_extent, (struct pc__reply){ .fn.extent = fn, .data = data });
}

pc__op *pc__store_op(pc_store *st, pc__job *job, pc__op_type type, const char *user)
{
	return pc__job_add(job, type, st->host, user, st->name);
}

pc_ticket pc__store_submit(pc_store *st, pc__job *job, pc_store_kind kind, int err)
{
	if (!err && pc__bug(st->kind != kind))
		err = PC_EINVAL;
	if (err)
		return pc__worker_refuse(st->db->worker, job, err);
	return pc__worker_submit(st->db->worker, job);
}

/* ---- tickets */

static void wait_for(pc_module *m, pc_ticket ticket, pc_done_fn *fn, void *data)
{
	pc__worker_wait(pc__database_of(ticket)->worker, pc__reply_done(m, 0, fn, data), ticket);
}

void pc_ticket_wait(pc_module *m, pc_ticket ticket, pc_done_fn *fn, void *data)
{
	wait_for(m, ticket, fn, data);
}

void pc__ticket_wait(pc_ticket ticket, pc_done_fn *fn, void *data)
{
	wait_for(NULL, ticket, fn, data);
}

bool pc_ticket_committed(pc_ticket ticket)
{
	return pc__worker_committed(pc__database_of(ticket)->worker, ticket);
}
