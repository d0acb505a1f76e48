/*
 * fake_driver.h - a driver that only counts, fails on request and can be held; and a worker over it
 * that notes what comes back. A key "bad" fails; reads tell how many writes were committed.
 *
 * Include it once, in the test's own file.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/ticket.h"
#include "store/worker.h"
#include "util/mem.h"

struct pc_db {
	uv_mutex_t lock;
	uv_cond_t changed;
	bool held; /* commits wait */
	bool in_commit;
	bool fail_commit, fail_begin, damaged;
	bool open;
	int written, committed, commits, rollbacks, undone, savepoints;
	int readers;
	bool hold_searches; /* they wait */
	int searching, searching_most;
};

/* ---- the driver */

static int fake_begin(pc_db *db)
{
	if (db->fail_begin)
		return PC_EIO;
	assert_false(db->open);
	db->open = true;
	return PC_OK;
}

static int fake_commit(pc_db *db)
{
	int err;

	uv_mutex_lock(&db->lock);
	db->in_commit = true;
	uv_cond_broadcast(&db->changed);
	while (db->held)
		uv_cond_wait(&db->changed, &db->lock);
	db->in_commit = false;
	err = db->fail_commit ? PC_EIO : PC_OK;
	if (!err) {
		db->committed += db->written;
		db->written = 0;
		db->commits++;
		db->open = false;
	}
	uv_mutex_unlock(&db->lock);
	return err;
}

static void fake_rollback(pc_db *db)
{
	uv_mutex_lock(&db->lock);
	db->written = 0;
	db->open = false;
	db->rollbacks++;
	uv_mutex_unlock(&db->lock);
}

static int fake_set(pc_db *db, const pc_key *k, const pc_item *items, size_t n, bool replace_all)
{
	(void)k, (void)replace_all;
	if (!db->open || (n > 0 && strcmp(items[0].key, "bad") == 0))
		return PC_ELIMIT;
	db->written++;
	return PC_OK;
}

static int fake_savepoint(pc_db *db)
{
	db->savepoints = db->written;
	return PC_OK;
}

static int fake_release(pc_db *db, bool undo)
{
	if (undo) {
		db->undone += db->written - db->savepoints;
		db->written = db->savepoints;
	}
	return PC_OK;
}

static int fake_reader_open(pc_db *db, void **reader_r)
{
	uv_mutex_lock(&db->lock);
	db->readers++;
	uv_mutex_unlock(&db->lock);
	*reader_r = db;
	return PC_OK;
}

static void fake_reader_close(pc_db *db, void *reader)
{
	assert_ptr_equal(db, reader);
	uv_mutex_lock(&db->lock);
	db->readers--;
	uv_mutex_unlock(&db->lock);
}

static int fake_get(pc_db *db, void *reader, const pc_key *k, const char *key, pc_rows *rows)
{
	char n[16];

	(void)reader, (void)k;
	uv_mutex_lock(&db->lock);
	snprintf(n, sizeof(n), "%d", db->committed + (reader ? 0 : db->written));
	uv_mutex_unlock(&db->lock);
	pc_rows_item(rows, key ? key : "", n, strlen(n));
	return PC_OK;
}

static int fake_search(pc_db *db, void *reader, const pc_key *k, const pc_search *search,
                       pc_rows *rows)
{
	(void)reader, (void)k, (void)search;
	uv_mutex_lock(&db->lock);
	db->searching++;
	if (db->searching > db->searching_most)
		db->searching_most = db->searching;
	uv_cond_broadcast(&db->changed);
	while (db->hold_searches)
		uv_cond_wait(&db->changed, &db->lock);
	db->searching--;
	uv_mutex_unlock(&db->lock);
	pc_rows_item(rows, "", "0", 1);
	return PC_OK;
}

static int fake_check(pc_db *db, void *reader)
{
	(void)reader;
	return db->damaged ? PC_EIO : PC_OK;
}

static const pc_store_driver threads = {
	.size = sizeof(pc_store_driver),
	.reader_open = fake_reader_open,
	.reader_close = fake_reader_close,
	.begin = fake_begin,
	.commit = fake_commit,
	.rollback = fake_rollback,
	.set = fake_set,
	.get = fake_get,
	.check = fake_check,
	.savepoint = fake_savepoint,
	.release = fake_release,
	.search = fake_search,
};

/* ---- a loop, a database, a worker */

#define LOG_SIZE 20000

struct world {
	uv_loop_t loop;
	pc_db db;
	pc__worker *w;
	struct {
		int number, err, value;
	} log[LOG_SIZE];
	int n;
	uint64_t callback_ns; /* what each callback takes */
};

static struct world *world_new(const pc_store_driver *driver)
{
	struct world *s = pc__alloc(sizeof(*s));

	uv_loop_init(&s->loop);
	uv_mutex_init(&s->db.lock);
	uv_cond_init(&s->db.changed);
	s->w = pc__worker_new(&s->loop, 3, driver, &s->db);
	return s;
}

static void hold(struct world *s, bool held)
{
	uv_mutex_lock(&s->db.lock);
	s->db.held = held;
	uv_cond_broadcast(&s->db.changed);
	uv_mutex_unlock(&s->db.lock);
}

/* Until the writer stands in a commit. */
static void wait_commit(struct world *s)
{
	uv_mutex_lock(&s->db.lock);
	while (!s->db.in_commit)
		uv_cond_wait(&s->db.changed, &s->db.lock);
	uv_mutex_unlock(&s->db.lock);
}

static void run(struct world *s)
{
	uv_run(&s->loop, UV_RUN_DEFAULT);
}

static void world_free(struct world *s)
{
	pc__worker_free(&s->w);
	run(s);
	assert_int_equal(s->db.readers, 0);
	assert_int_equal(uv_loop_close(&s->loop), 0);
	uv_mutex_destroy(&s->db.lock);
	uv_cond_destroy(&s->db.changed);
	free(s);
}

struct note {
	struct world *s;
	int number;
};

static void on_done(pc__job *job)
{
	struct note *note = job->data;
	struct world *s = note->s;

	s->log[s->n].number = note->number;
	s->log[s->n].err = job->err;
	s->log[s->n].value = job->rows.n_items ? atoi(job->rows.items[0].value) : -1;
	s->n++;
	for (uint64_t end = uv_hrtime() + s->callback_ns; uv_hrtime() < end;)
		;
	free(note);
}

static pc__job *new_job(struct world *s, int number)
{
	struct note *note = pc__alloc(sizeof(*note));

	*note = (struct note){ s, number };
	return pc__job_new(0, on_done, note);
}

static void add_set(pc__job *job, const char *user, const char *key)
{
	pc_item item = { key, "value", 5 };

	pc__op_items(pc__job_add(job, PC__OP_SET, "host", user, "store"), &item, 1);
}

static pc_ticket put(struct world *s, int number, const char *user, const char *key)
{
	pc__job *job = new_job(s, number);

	add_set(job, user, key);
	return pc__worker_submit(s->w, job);
}

static void ask(struct world *s, int number, const char *user)
{
	pc__job *job = new_job(s, number);

	pc__job_add(job, PC__OP_GET, "host", user, "store");
	assert_int_equal(pc__worker_submit(s->w, job), 0);
}
