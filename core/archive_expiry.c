/*
 * archive_expiry.c - what is too old goes out of archives (store.h: pc_archive_expire).
 *
 * A reader tells which users have something to remove, and each write removes a few entries of one
 * of them; the next is made when that one is committed. So other writes wait for one such portion
 * at most, however much there is to remove.
 */
#include <stdlib.h>
#include <string.h>

#include "stores.h"
#include "util/mem.h"

#define USERS_AT_ONCE 100
#define ENTRIES_AT_ONCE 200

struct expiry {
	pc_store *st;
	int64_t before;
	bool one; /* user alone, not all */
	char *user;
	char *users[USERS_AT_ONCE]; /* that are left of those who were found */
	size_t n, at;
	bool more; /* users behind them */
	pc_done_fn *fn;
	void *data;
};

static void look(struct expiry *e, const char *user, const char *behind);

static void drop_users(struct expiry *e)
{
	for (size_t i = 0; i < e->n; i++)
		free(e->users[i]);
	e->n = e->at = 0;
}

static void end(struct expiry *e, int err)
{
	if (e->fn)
		e->fn(err, e->data);
	drop_users(e);
	free(e->user);
	free(e);
}

static void next_user(struct expiry *e)
{
	if (e->at < e->n) {
		look(e, e->users[e->at], NULL);
	} else if (e->one || !e->more) {
		end(e, PC_OK);
	} else {
		pc__free(&e->user);
		e->user = pc__strdup(e->users[e->n - 1]);
		drop_users(e);
		look(e, NULL, e->user);
	}
}

static bool is_gone(const struct expiry *e)
{
	return e->st->m && !pc__module_callable(e->st->m);
}

/* The end of a module ends what it asked for, between two portions. */
static void quit(struct expiry *e)
{
	e->fn = NULL;
	end(e, PC_ECANCELED);
}

static void on_removed(pc__job *job)
{
	struct expiry *e = job->data;
	pc_module *m = e->st->m;

	if (is_gone(e))
		quit(e);
	else if (job->err)
		end(e, job->err);
	else
		look(e, e->users[e->at], NULL);
	if (m)
		pc__module_release(m);
}

/* A job of our own kind: its `done` gets the job itself. */
static pc__job *new_job(struct expiry *e, void (*done)(pc__job *job))
{
	if (e->st->m)
		pc__module_hold(e->st->m);
	return pc__job_new(0, done, e);
}

static void remove_some(struct expiry *e)
{
	pc__job *job = new_job(e, on_removed);
	pc__op *op = pc__store_op(e->st, job, PC__OP_EXPIRE, e->users[e->at]);

	op->before = e->before;
	op->most = ENTRIES_AT_ONCE;
	pc__store_submit(e->st, job, PC_STORE_ARCHIVE, PC_OK);
}

/* Of one user: is there still something? */
static void take_answer(struct expiry *e, const struct pc_rows *rows)
{
	if (rows->n_items > 0) {
		remove_some(e);
		return;
	}
	e->at++;
	next_user(e);
}

static void take_users(struct expiry *e, const struct pc_rows *rows)
{
	for (size_t i = 0; i < rows->n_items; i++)
		e->users[e->n++] = pc__strdup(rows->items[i].key);
	e->more = e->n == USERS_AT_ONCE;
	next_user(e);
}

static void on_outdated(pc__job *job)
{
	struct expiry *e = job->data;
	pc_module *m = e->st->m;

	if (is_gone(e))
		quit(e);
	else if (job->err)
		end(e, job->err);
	else if (e->n > 0)
		take_answer(e, &job->rows);
	else
		take_users(e, &job->rows);
	if (m)
		pc__module_release(m);
}

/* Is this user's oldest entry too old, or (NULL) those of which users behind that one? */
static void look(struct expiry *e, const char *user, const char *behind)
{
	pc__job *job = new_job(e, on_outdated);
	pc__op *op = pc__store_op(e->st, job, PC__OP_OUTDATED, user);

	op->before = e->before;
	op->key = pc__job_text(job, behind);
	op->most = USERS_AT_ONCE;
	pc__store_submit(e->st, job, PC_STORE_ARCHIVE, PC_OK);
}

void pc_archive_expire(pc_store *st, const char *user, int64_t before, pc_done_fn *fn, void *data)
{
	struct expiry *e = pc__alloc(sizeof(*e));

	*e = (struct expiry){
		.st = st, .before = before, .one = user != NULL, .fn = fn, .data = data
	};
	look(e, user, NULL);
}
