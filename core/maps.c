/*
 * maps.c - stores of items: keys and texts of each user (store.h).
 */
#include <string.h>

#include "stores.h"

static void ask(pc_store *st, pc__op_type type, const char *user, const char *key, pc_items_fn *fn,
                void *data)
{
	pc__job *job = pc__reply_items(st->m, fn, data);

	pc__store_op(st, job, type, user)->key = pc__job_text(job, key);
	/* the users of an archive may be asked for, too */
	pc__store_submit(st, job, type == PC__OP_USERS ? st->kind : PC_STORE_MAP, PC_OK);
}

void pc_store_get(pc_store *st, const char *user, pc_items_fn *fn, void *data)
{
	ask(st, PC__OP_GET, user, NULL, fn, data);
}

void pc_store_get_key(pc_store *st, const char *user, const char *key, pc_items_fn *fn, void *data)
{
	ask(st, PC__OP_GET, user, key, fn, data);
}

void pc_store_get_all(pc_store *st, const char *key, pc_items_fn *fn, void *data)
{
	ask(st, PC__OP_GET_ALL, NULL, key, fn, data);
}

void pc_store_users(pc_store *st, pc_items_fn *fn, void *data)
{
	ask(st, PC__OP_USERS, NULL, NULL, fn, data);
}

static pc_ticket set(pc_store *st, pc__op_type type, const char *user, const pc_item *items,
                     size_t n, pc_done_fn *fn, void *data)
{
	pc__job *job = pc__reply_done(st->m, pc__items_size(items, n), fn, data);

	pc__op_items(pc__store_op(st, job, type, user), items, n);
	return pc__store_submit(st, job, PC_STORE_MAP, PC_OK);
}

pc_ticket pc_store_set(pc_store *st, const char *user, const pc_item *items, size_t n,
                       pc_done_fn *fn, void *data)
{
	return set(st, PC__OP_SET, user, items, n, fn, data);
}

pc_ticket pc_store_set_keys(pc_store *st, const char *user, const pc_item *items, size_t n,
                            pc_done_fn *fn, void *data)
{
	return set(st, PC__OP_SET_KEYS, user, items, n, fn, data);
}

pc_ticket pc_store_swap(pc_store *st, const char *user, const char *key, const char *expected,
                        const char *value, pc_done_fn *fn, void *data)
{
	pc__job *job = pc__reply_done(st->m, value ? strlen(value) : 0, fn, data);
	pc__op *op = pc__store_op(st, job, PC__OP_SWAP, user);

	op->key = pc__job_text(job, key);
	op->expected = pc__job_text(job, expected);
	op->value = pc__job_text(job, value);
	return pc__store_submit(st, job, PC_STORE_MAP, PC_OK);
}

pc_ticket pc_store_purge(pc_store *st, const char *user, pc_done_fn *fn, void *data)
{
	pc__job *job = pc__reply_done(st->m, 0, fn, data);

	pc__store_op(st, job, PC__OP_PURGE, user);
	return pc__store_submit(st, job, st->kind, PC_OK);
}
