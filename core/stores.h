/*
 * stores.h - stores and the databases behind them, on the main thread.
 *
 * A database is opened with the first store that needs its driver, is shared by all hosts, and is
 * kept until pc__stores_close(). Which driver serves a store is said by the options `storage` (a
 * name, or a table from store names to names) and `default_storage`; "internal" and "sql" mean the
 * embedded database. An item "storage-only" of a host, a driver's name, stands above all of them.
 * Calls to a store that has no driver come back with PC_ENOTSUP.
 */
#pragma once

#include "modules.h"
#include "store/job.h"
#include "store/worker.h"

#define PC__DATABASES 16

/* ---- for the rest of the core */

/* A store of the core's own, without a module: its callbacks are always called. Never NULL; close
 * it when its host goes. Closing does not disturb what is under way. */
pc_store *pc__store_open(const char *host, const char *name, pc_store_kind kind);
void pc__store_close(pc_store **st);
/* Everything of the user on that host, in every database that is open; fn may be NULL. */
void pc__stores_purge(const char *host, const char *user, pc_done_fn *fn, void *data);
/* As pc_ticket_wait, for the core. */
void pc__ticket_wait(pc_ticket ticket, pc_done_fn *fn, void *data);

/* The start is over: PC_EIO where a database could not be opened, which its driver has told.
 * Whoever served without it would tell all users that they have no account. */
int pc__stores_started(void);
/* How many writes there were, to see whether one has come; whether all of them are committed or
 * have failed; and waiting until all of them up to now are, not before this returns. */
uint64_t pc__stores_written(void);
bool pc__stores_settled(void);
void pc__stores_wait(pc_done_fn *fn, void *data);

/* A copy of the database that can be copied into a new file, and back; fn gets what the driver says
 * (store.h), PC_ENOTSUP where no driver can. Restoring is for a process that serves nobody: what
 * modules have in memory does not change. */
void pc__stores_backup(const char *path, pc_done_fn *fn, void *data);
/* The drivers of the databases that such a copy leaves out, from 0 on; NULL past the last. */
const char *pc__stores_left_out(unsigned i);
void pc__stores_restore(const char *path, bool force, pc_done_fn *fn, void *data);

/* Jobs of all databases, also of those that are opened later, belong to turns: store/worker.h. */
void pc__stores_hold(const struct pc__worker_notes *notes, uint64_t epoch);
void pc__stores_release(void);
/* The driver of the database whose tickets have that index, or NULL. */
const char *pc__stores_driver(unsigned index);
/* The worker of that driver's database, which is opened where it is not; NULL: it cannot be. */
pc__worker *pc__stores_worker(const char *driver);
/* While the server starts: one cannot be opened, so that it will not start. */
bool pc__stores_failed(void);

/* Blocks until all that was called is committed, and calls back. For the orderly stop. */
void pc__stores_flush(void);
/* Carries out what is queued, ends the threads, closes the databases. Their memory goes with the
 * next turn of the loop. */
void pc__stores_close(void);

/* The databases that are open, from 0 on: its driver's name and figures; NULL past the last. */
const char *pc__stores_stats(unsigned i, struct pc__worker_stats *stats_r);

/* ---- shared by maps.c, archives.c, batches.c and tickets.c */

struct pc__database {
	char *driver_name; /* NULL: none, answers PC_ENOTSUP */
	const pc_store_driver *driver;
	pc_store_driver known; /* what `driver` is: its provider may know less of the struct */
	pc_module *owner;
	pc_db *db;
	pc__worker *worker;
};

struct pc_store {
	pc_module *m;            /* NULL: the core's own */
	const char *host, *name; /* behind the struct */
	pc_store_kind kind;
	struct pc__database *db;
};

/* The one whose tickets these are; that without a driver for 0 and for what never was. */
struct pc__database *pc__database_of(pc_ticket ticket);

/* Whom a job calls back, and how. */
struct pc__reply {
	pc_module *m;
	union {
		pc_done_fn *done;
		pc_items_fn *items;
		pc_entries_fn *entries;
		pc_found_fn *found;
		pc_extent_fn *extent;
	} fn;
	void *data;
};

/* A job that ends by reply: the module is held until then. Without a function nobody is called. */
pc__job *pc__reply_done(pc_module *m, size_t bytes, pc_done_fn *fn, void *data);
pc__job *pc__reply_items(pc_module *m, pc_items_fn *fn, void *data);
pc__job *pc__reply_entries(pc_module *m, pc_entries_fn *fn, void *data);
pc__job *pc__reply_found(pc_module *m, pc_found_fn *fn, void *data);
pc__job *pc__reply_extent(pc_module *m, pc_extent_fn *fn, void *data);
/* Adds an operation of that store. */
pc__op *pc__store_op(pc_store *st, pc__job *job, pc__op_type type, const char *user);
/* Gives the job to the store's worker, or refuses it where `err` is not PC_OK or the store is of
 * the other kind. */
pc_ticket pc__store_submit(pc_store *st, pc__job *job, pc_store_kind kind, int err);
/* Fills id_r with the entry's id, or makes one. PC_EINVAL: it is too long, or empty. */
int pc__entry_id(const pc_entry *entry, char id_r[static PC_ENTRY_ID_SIZE]);
