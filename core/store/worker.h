/*
 * worker.h - the threads of one database: one that writes, some that read.
 *
 * The writer takes what is queued and commits when its queue is empty, after 500 jobs or after 5 ms
 * of work: while one commit waits for the disk, the next group gathers by itself. Jobs come back on
 * the loop that the worker was made with, a write only after its commit.
 *
 * A read sees every write that was called before it: it goes to a reader at once when those are
 * committed, else it follows them through the writer's queue and goes to a reader after the commit.
 * Short reads come first, and of the readers one at most is busy with a search of an archive: in
 * the order of coming, so that whoever asks for one page at a time gets his turn.
 * Where the driver wants one thread, the writer reads as well.
 *
 * At most PC__WORKER_JOBS jobs, or PC__WORKER_BYTES of them, are under way; further ones come back
 * with PC_EBUSY. When the driver's check has found damage, writes come back with PC_EIO.
 *
 * Where sessions outlive the process (journal.h), jobs are held until pc__worker_release(), that is
 * until the turn which called them is noted as a whole; writes may be noted with it. With the last
 * noted write of a batch its ticket is written into the database, in the same commit: so whoever
 * reads the notes knows which of them have been carried out.
 *
 * Life: new -> submit, wait, ... -> free. All functions are for the main thread.
 */
#pragma once

#include <uv.h>

#include "store/job.h"

#define PC__WORKER_JOBS 100000
#define PC__WORKER_BYTES ((size_t)64 * 1024 * 1024)
#define PC__WORKER_READERS 2

typedef struct pc__worker pc__worker;

/* `index` is the high byte of its tickets. Without a driver every job comes back with PC_ENOTSUP
 * and there are no threads. The driver and its database are borrowed; the caller closes the
 * database after pc__worker_free. */
pc__worker *pc__worker_new(uv_loop_t *loop, unsigned index, const pc_store_driver *driver,
                           pc_db *db);
/* Carries out what is queued, ends the threads, calls what is finished back. Jobs submitted
 * meanwhile come back with PC_ECANCELED. The memory goes with the next turn of the loop. */
void pc__worker_free(pc__worker **worker);

/* Takes the job. Returns the ticket of a write, 0 of a read. */
pc_ticket pc__worker_submit(pc__worker *w, PC_TAKES pc__job *job);
/* Takes a job without operations: it comes back when the ticket is committed or has failed, not
 * before the next turn. */
void pc__worker_wait(pc__worker *w, PC_TAKES pc__job *job, pc_ticket ticket);
/* Takes a job and brings it back with that error at the next turn; the ticket of a write has
 * failed. */
pc_ticket pc__worker_refuse(pc__worker *w, PC_TAKES pc__job *job, int err);
/* ---- jobs that belong to a turn */

struct pc__worker_notes {
	/* A write that will be carried out: returns what is to stand in job->noted. */
	size_t (*note)(unsigned index, const pc__job *job);
	/* All up to that ticket are committed, or have failed; `size` of that one's note. */
	void (*done)(unsigned index, pc_ticket ticket, size_t size);
};
/* From now on. `notes` is borrowed; NULL: no longer, and what is held is released. `epoch` is
 * written with the ticket. */
void pc__worker_hold(pc__worker *w, const struct pc__worker_notes *notes, uint64_t epoch);
void pc__worker_release(pc__worker *w);

/* Where the ticket of the last noted write stands: in that store of the host "", under the key
 * PC__COMMITTED_KEY, as pc__committed_write() makes it. */
#define PC__COMMITTED_STORE "journal"
#define PC__COMMITTED_KEY "committed"
#define PC__COMMITTED_SIZE 40
size_t pc__committed_write(uint64_t epoch, pc_ticket ticket, char out[static PC__COMMITTED_SIZE]);
/* 0: nothing of that epoch. */
pc_ticket pc__committed_read(const char *text, uint64_t epoch);

/* The last ticket given out, and whether all of them are committed or have failed. */
pc_ticket pc__worker_last(const pc__worker *w);
bool pc__worker_settled(const pc__worker *w);
bool pc__worker_committed(const pc__worker *w, pc_ticket ticket);

/* Waits until nothing is under way, and calls back what is finished. What those callbacks submit is
 * not waited for. */
void pc__worker_flush(pc__worker *w);

struct pc__worker_stats {
	uint64_t writes, reads, commits, failures; /* done so far; failures of either */
	size_t queued, queued_bytes;               /* under way */
	bool broken;                               /* the check found damage: no writes */
};
void pc__worker_stats(pc__worker *w, struct pc__worker_stats *stats_r);
