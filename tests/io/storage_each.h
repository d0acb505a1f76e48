/*
 * storage_each.h - for tests of what every driver does: a database in a folder of its own for each.
 *
 * Include it once, in the test's own file.
 */
#pragma once

#include "storage_host.h"

extern const pc_module_def pc_mod_storage_sqlite, pc_mod_storage_memory;

static char *folder;

static int set_up(void **state)
{
	folder = folder_new();
	*state = storage_open(*state);
	return 0;
}

static int tear_down(void **state)
{
	struct storage *s = *state;

	assert_string_equal(s->m.log, "");
	storage_free(&s);
	folder_free(&folder);
	return 0;
}

/* The keys and values found, as "a=1 b=2". */
static void expect_items(struct storage *s, const char *wanted)
{
	char got[512] = "";

	assert_int_equal(s->err, PC_OK);
	for (size_t i = 0; i < s->rows.n_items; i++) {
		const pc_item *item = &s->rows.items[i];

		assert_int_equal(strlen(item->value), item->len);
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s=%s", i ? " " : "",
		         item->key, item->value);
	}
	assert_string_equal(got, wanted);
}

static int append(struct storage *s, const char *user, const char *id, int64_t when,
                  const char *with, size_t most)
{
	pc__op *op = storage_op(s, PC__OP_APPEND, user);
	pc_entry entry = { id, when, with, id, strlen(id) };

	op->most = most;
	pc__op_entry(op, &entry);
	return storage_run(s, op);
}

static void expect_entries(struct storage *s, const pc_query *query, const char *wanted)
{
	pc__op *op = storage_op(s, PC__OP_FIND, "romeo");
	char got[512] = "";

	pc__op_query(op, query);
	assert_int_equal(storage_run(s, op), PC_OK);
	for (size_t i = 0; i < s->rows.n_entries; i++) {
		const pc_entry *e = &s->rows.entries[i];

		assert_int_equal(strlen(e->value), e->len);
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", i ? " " : "", e->id);
	}
	if (s->rows.total >= 0)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), " of %d",
		         (int)s->rows.total);
	assert_string_equal(got, wanted);
}

static void fill(struct storage *s)
{
	append(s, "romeo", "a", 1000, "juliet@h", 0);
	append(s, "juliet", "a", 1000, "romeo@h", 0);
	append(s, "romeo", "b", 2000, "nurse@h", 0);
	append(s, "romeo", "c", 3000, "juliet@h/balcony", 0);
	append(s, "romeo", "d", 2500, "juliet@hh", 0);
	append(s, "romeo", "e", 4000, NULL, 0);
}

/* A test of each driver. */
#define BOTH(test)                                                                                 \
	{ #test ": sqlite", test, set_up, tear_down, (void *)(uintptr_t)&pc_mod_storage_sqlite },  \
	{                                                                                          \
#test ": memory", test, set_up, tear_down,                                         \
		        (void *)(uintptr_t)&pc_mod_storage_memory                                  \
	}
