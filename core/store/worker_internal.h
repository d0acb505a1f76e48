/*
 * worker_internal.h - what the two halves of a worker share: worker.c (main thread) and
 * worker_threads.c.
 */
#pragma once

#include <stdatomic.h>

#include "store/lane.h"
#include "store/ticket.h"
#include "store/worker.h"

/* A few pages of an index; a query over an archive; all there is. */
enum pc__read { PC__READ_SHORT, PC__READ_SEARCH, PC__READ_WHOLE, PC__READS };

struct pc__worker {
	const pc_store_driver *driver;
	pc_db *db;

	uv_mutex_t lock; /* for this block */
	uv_cond_t to_write, to_read, idle;
	struct pc__job_queue writes; /* and reads that follow them */
	struct pc__job_queue reads[PC__READS];
	bool reading[PC__READS]; /* one of that kind is being read */
	struct pc__job_queue finished;
	size_t under_way; /* submitted and not finished */
	bool stopping;    /* nothing comes any more */
	bool writer_ended;
	bool woken; /* main will look into `finished` */
	uint64_t n_writes, n_reads, n_commits, n_failures;

	atomic_bool broken;
	_Atomic(pc_ticket) committed; /* by the writer; or failed to */
	_Atomic(uint64_t) epoch;      /* of noted writes */

	/* main thread only */
	uv_async_t wake;
	uv_thread_t writer, readers[PC__WORKER_READERS];
	unsigned n_readers;
	bool closed;
	struct pc__job_queue ready; /* to be called back */
	struct pc__lanes lanes;
	struct pc__tickets tickets;
	size_t queued, queued_bytes;
	const struct pc__worker_notes *notes; /* NULL: nothing is held */
	struct pc__job_queue held;            /* for the writer */
	size_t n_held;
};

/* Starts and ends the threads; ending waits for what is queued. */
void pc__worker_start(struct pc__worker *w);
void pc__worker_stop(struct pc__worker *w);
/* With the lock: a read that may begin. True: a reader must be told. */
bool pc__worker_add_read(struct pc__worker *w, pc__job *job);
/* Any thread: these jobs are finished; main is woken. `n` of them were under way. */
void pc__worker_publish(struct pc__worker *w, struct pc__job_queue *jobs, size_t n);
