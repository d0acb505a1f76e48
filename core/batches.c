/*
 * batches.c - several writes as one (store.h). The stores must share a database; a batch that mixes
 * them fails as a whole, and nothing of it is written.
 */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "stores.h"
#include "util/mem.h"

struct pc_batch {
	pc_module *m;
	struct pc__database *db; /* of the first write */
	pc__job *job;            /* its reply is filled in by the commit */
	int err;                 /* the first */
};

static void on_nothing(int err, void *data)
{
	(void)err, (void)data;
}

pc_batch *pc_batch_new(pc_module *m)
{
	pc_batch *b = pc__alloc(sizeof(*b));

	b->m = m;
	b->job = pc__reply_done(m, 0, on_nothing, NULL);
	b->job->write = true; /* so that an empty one gets a ticket, too */
	return b;
}

static pc__op *add(pc_batch *b, pc_store *st, pc__op_type type, const char *user,
                   pc_store_kind kind)
{
	if (b->db == NULL)
		b->db = st->db;
	if (b->err == PC_OK && (b->db != st->db || st->kind != kind))
		b->err = PC_EINVAL;
	return pc__store_op(st, b->job, type, user);
}

void pc_batch_set(pc_batch *b, pc_store *st, const char *user, const pc_item *items, size_t n)
{
	pc__op_items(add(b, st, PC__OP_SET, user, PC_STORE_MAP), items, n);
}

void pc_batch_set_keys(pc_batch *b, pc_store *st, const char *user, const pc_item *items, size_t n)
{
	pc__op_items(add(b, st, PC__OP_SET_KEYS, user, PC_STORE_MAP), items, n);
}

void pc_batch_swap(pc_batch *b, pc_store *st, const char *user, const char *key,
                   const char *expected, const char *value)
{
	pc__op *op = add(b, st, PC__OP_SWAP, user, PC_STORE_MAP);

	op->key = pc__job_text(b->job, key);
	op->expected = pc__job_text(b->job, expected);
	op->value = pc__job_text(b->job, value);
}

void pc_batch_append(pc_batch *b, pc_store *st, const char *user, const pc_entry *entry,
                     char id_r[static PC_ENTRY_ID_SIZE])
{
	pc_entry copy = *entry;
	int err = pc__entry_id(entry, id_r);

	if (b->err == PC_OK)
		b->err = err;
	copy.id = id_r;
	pc__op_entry(add(b, st, PC__OP_APPEND, user, PC_STORE_ARCHIVE), &copy);
}

void pc_batch_delete(pc_batch *b, pc_store *st, const char *user, const pc_query *query)
{
	pc__op_query(add(b, st, PC__OP_REMOVE, user, PC_STORE_ARCHIVE), query);
}

/* An empty batch is done, and committed. */
static pc_ticket nothing(struct pc__database *db, pc__job *job)
{
	job->write = false;
	pc__worker_wait(db->worker, job, 0);
	return 0;
}

pc_ticket pc_batch_commit(pc_batch *b, pc_done_fn *fn, void *data)
{
	struct pc__reply *reply = b->job->data;
	struct pc__database *db = b->db ? b->db : pc__database_of(0);
	pc_ticket ticket;

	if (fn) {
		reply->fn.done = fn;
		reply->data = data;
	}
	if (b->err)
		pc__log("stores", PC_ERROR, "a batch of writes cannot be done: %s",
		        pc_strerror(b->err));
	if (b->err)
		ticket = pc__worker_refuse(db->worker, b->job, b->err);
	else if (b->db)
		ticket = pc__worker_submit(db->worker, b->job);
	else
		ticket = nothing(db, b->job);
	free(b);
	return ticket;
}
