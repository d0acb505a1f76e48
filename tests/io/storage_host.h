/*
 * storage_host.h - what a storage driver needs of a server, for tests that run it alone: the
 * options and the log that it asks for, and a database that is opened, asked and closed in one call
 * each.
 *
 * Include it once, in the test's own file.
 */
#pragma once

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/ticket.h"
#include "store/worker.h"
#include "util/mem.h"

#include <prosody-c/prosody-c.h>

struct pc_module {
	const void *driver; /* that it provided */
	void *blocks[16];
	int n_blocks;
	char log[4096]; /* the lines of the last opening */
};

static const char *option_folder;
static const char *option_database = "prosody.sqlite";
static bool log_quiet = true;

const char *pc_opt_str(pc_module *m, const char *name)
{
	(void)m;
	return strcmp(name, "data_path") == 0 ? option_folder : option_database;
}

const char *pc_opt_field(pc_module *m, const char *name, const char *field)
{
	(void)m, (void)name, (void)field;
	return NULL;
}

bool pc_opt_is_set(pc_module *m, const char *name)
{
	(void)m, (void)name;
	return false;
}

void pc_log(const pc_module *m, pc_level level, const char *format, ...)
{
	char *log = ((pc_module *)(uintptr_t)m)->log;
	size_t len = strlen(log);
	va_list args;

	if (level < PC_WARN)
		return;
	va_start(args, format);
	vsnprintf(log + len, sizeof(((pc_module *)0)->log) - len, format, args);
	va_end(args);
	if (!log_quiet)
		fprintf(stderr, "%s\n", log + len);
}

void pc_provide(pc_module *m, const char *service, const void *vtable)
{
	(void)service;
	m->driver = vtable;
}

void *pc_module_alloc(pc_module *m, size_t size)
{
	return m->blocks[m->n_blocks++] = pc__alloc(size);
}

/* ---- a database */

struct storage {
	uv_loop_t loop;
	pc_module m;
	const pc_store_driver *driver;
	pc_db *db;
	pc__worker *w;
	/* of the last call */
	bool told;
	int err;
	struct pc_rows rows;
};

static struct storage *storage_new(const pc_module_def *def, int *err_r)
{
	struct storage *s = pc__alloc(sizeof(*s));

	def->load(&s->m);
	s->driver = s->m.driver;
	uv_loop_init(&s->loop);
	*err_r = s->driver->open(&s->m, &s->db);
	if (*err_r == PC_OK)
		s->w = pc__worker_new(&s->loop, 1, s->driver, s->db);
	return s;
}

static void storage_free(struct storage **s_p)
{
	struct storage *s = *s_p;

	*s_p = NULL;
	if (s->w) {
		pc__worker_free(&s->w);
		s->driver->close(s->db);
	}
	uv_run(&s->loop, UV_RUN_DEFAULT);
	uv_loop_close(&s->loop);
	for (int i = 0; i < s->m.n_blocks; i++)
		free(s->m.blocks[i]);
	pc__rows_clear(&s->rows);
	free(s);
}

static __attribute__((unused)) struct storage *storage_open(const pc_module_def *def)
{
	int err;
	struct storage *s = storage_new(def, &err);

	assert_int_equal(err, PC_OK);
	return s;
}

static void on_told(pc__job *job)
{
	struct storage *s = job->data;

	s->told = true;
	s->err = job->err;
	pc__rows_clear(&s->rows);
	s->rows = job->rows;
	pc__rows_init(&job->rows);
}

/* A job with one operation of the store "store" on "host", and its running to the end. */
static pc__op *storage_op(struct storage *s, pc__op_type type, const char *user)
{
	return pc__job_add(pc__job_new(0, on_told, s), type, "host", user, "store");
}

static int storage_run(struct storage *s, pc__op *op)
{
	s->told = false;
	pc__worker_submit(s->w, op->job);
	while (!s->told)
		uv_run(&s->loop, UV_RUN_ONCE);
	return s->err;
}

static __attribute__((unused)) int storage_put(struct storage *s, const char *user, const char *key,
                                               const char *value)
{
	pc__op *op = storage_op(s, PC__OP_SET_KEYS, user);

	pc__op_items(op, &(pc_item){ key, value, value ? strlen(value) : 0 }, 1);
	return storage_run(s, op);
}

static __attribute__((unused)) int storage_get(struct storage *s, const char *user, const char *key)
{
	pc__op *op = storage_op(s, PC__OP_GET, user);

	op->key = pc__job_text(op->job, key);
	return storage_run(s, op);
}

/* ---- folders */

static char *folder_new(void)
{
	char *path = pc__strdup("/tmp/prosody-c-test-XXXXXX");

	assert_non_null(mkdtemp(path));
	option_folder = path;
	return path;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void folder_free(char **path)
{
	nftw(*path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	pc__free(path);
	option_folder = NULL;
}

static __attribute__((unused)) char *in_folder(const char *folder, const char *name)
{
	return pc__printf("%s/%s", folder, name);
}
