/*
 * job.h - one call of the storage interface on its way: to a store thread and back.
 *
 * A job is made on the main thread, with copies of all that it needs, and given to a worker
 * (worker.h). It comes back by its `done` function on the main thread and is freed after that.
 * A job has one operation, or several writes that happen all or not at all. It belongs to exactly
 * one thread at a time.
 */
#pragma once

#include <prosody-c/store.h>

#include "store/rows.h"
#include "util/arena.h"

typedef enum pc__op_type {
	PC__OP_SET,
	PC__OP_SET_KEYS,
	PC__OP_SWAP,
	PC__OP_PURGE,
	PC__OP_APPEND,
	PC__OP_REPLACE,
	PC__OP_REMOVE,
	PC__OP_EXPIRE,
	PC__OP_LAST_WRITE = PC__OP_EXPIRE,
	PC__OP_GET,
	PC__OP_FIRST_SEARCH, /* may look at much, from here on */
	PC__OP_GET_ALL = PC__OP_FIRST_SEARCH,
	PC__OP_USERS,
	PC__OP_FIND,
	PC__OP_SEARCH,
	PC__OP_EXTENT,
	PC__OP_OUTDATED,
	PC__OP_FIRST_WHOLE, /* of the whole database, from here on */
	PC__OP_CHECK = PC__OP_FIRST_WHOLE,
	PC__OP_BACKUP,  /* key is the path */
	PC__OP_RESTORE, /* the same; with n to force it */
} pc__op_type;

typedef struct pc__op {
	struct pc__op *next;
	struct pc__job *job;
	pc__op_type type;
	pc_key k;
	const char *key, *expected, *value; /* of get, swap, replace (key is the id) */
	size_t len;
	pc_item *items;
	size_t n;
	pc_entry entry;
	size_t most;
	pc_query *query; /* NULL: all */
	pc_search *search;
	const char *text; /* of append, or NULL */
	int64_t before;   /* of expire and outdated, with `most`; `key` is whom they are behind */
	unsigned lane;    /* lane.h */
	struct pc__op *lane_next;
	bool in_lane;
} pc__op;

typedef struct pc__job {
	struct pc__job *next; /* in whatever queue it is */
	pc__arena *arena;     /* this struct itself lies in it */
	pc__op *ops, *last;
	size_t n_ops;
	bool write;
	int err;             /* the result */
	struct pc_rows rows; /* of reading */
	pc_ticket ticket;    /* of writes; of a job without operations: the one waited for */
	size_t bytes;        /* that it was counted with */
	unsigned behind;     /* lanes in which others come before it */
	size_t noted;        /* bytes of its record in a journal; 0: none */
	bool finished;
	bool refused;                      /* a write that was not carried out */
	void (*done)(struct pc__job *job); /* main thread, once */
	void *data;                        /* of `done` */
} pc__job;

/* `bytes`: about how much its copies will need. `done` may be NULL. */
pc__job *pc__job_new(size_t bytes, void (*done)(pc__job *job), void *data);
void pc__job_free(pc__job **job);
/* Adds an operation on that host, user (NULL: the host's own) and store; its arguments are zero. */
pc__op *pc__job_add(pc__job *job, pc__op_type type, const char *host, const char *user,
                    const char *store);
/* Copies of arguments, living as long as the job. NULL gives NULL. */
const char *pc__job_text(pc__job *job, const char *text);
const char *pc__job_bytes(pc__job *job, const char *bytes, size_t len);
void pc__op_items(pc__op *op, const pc_item *items, size_t n);
void pc__op_entry(pc__op *op, const pc_entry *entry);
void pc__op_query(pc__op *op, const pc_query *query);
void pc__op_search(pc__op *op, const pc_search *search);
/* The bytes that its items or entry take, for pc__job_new. */
size_t pc__items_size(const pc_item *items, size_t n);

/* Runs the operations in order until one fails; store threads only. Several writes run inside a
 * savepoint of the driver's. */
int pc__job_run(pc__job *job, const pc_store_driver *driver, pc_db *db, void *reader);

struct pc__job_queue {
	pc__job *head, *tail;
};
void pc__job_queue_add(struct pc__job_queue *q, pc__job *job);
pc__job *pc__job_queue_take(struct pc__job_queue *q); /* NULL: empty */
/* Moves all of `from` behind what is in `q`. */
void pc__job_queue_join(struct pc__job_queue *q, struct pc__job_queue *from);
