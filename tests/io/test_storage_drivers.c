/* What every driver does: the same calls, on each of them. */
#include "storage_each.h"

static int set_all(struct storage *s, const char *user, const pc_item *items, size_t n)
{
	pc__op *op = storage_op(s, PC__OP_SET, user);

	pc__op_items(op, items, n);
	return storage_run(s, op);
}

static void test_items(void **state)
{
	struct storage *s = *state;
	const pc_item items[] = { { "b", "2", 1 }, { "a", "1", 1 }, { "", "0", 1 } };

	assert_int_equal(storage_get(s, "romeo", NULL), PC_OK);
	expect_items(s, "");
	assert_int_equal(set_all(s, "romeo", items, 3), PC_OK);
	storage_get(s, "romeo", NULL);
	expect_items(s, "=0 a=1 b=2");
	storage_get(s, "romeo", "a");
	expect_items(s, "a=1");
	storage_get(s, "romeo", "c");
	expect_items(s, "");
	storage_get(s, "juliet", NULL);
	expect_items(s, "");
	assert_int_equal(storage_put(s, "romeo", "a", "changed"), PC_OK);
	assert_int_equal(storage_put(s, "romeo", "b", NULL), PC_OK);
	assert_int_equal(storage_put(s, "romeo", "nothing", NULL), PC_OK);
	assert_int_equal(storage_put(s, "nobody", "nothing", NULL), PC_OK);
	storage_get(s, "romeo", NULL);
	expect_items(s, "=0 a=changed");
	assert_int_equal(set_all(s, "romeo", items, 1), PC_OK);
	storage_get(s, "romeo", NULL);
	expect_items(s, "b=2");
	assert_int_equal(set_all(s, "romeo", NULL, 0), PC_OK);
	storage_get(s, "romeo", NULL);
	expect_items(s, "");
}

/* Values are bytes; the host's own items are nobody's. */
static void test_values(void **state)
{
	struct storage *s = *state;
	pc__op *op = storage_op(s, PC__OP_SET_KEYS, NULL);
	const pc_item item = { "k", "a\0b\xff", 4 };

	pc__op_items(op, &item, 1);
	assert_int_equal(storage_run(s, op), PC_OK);
	storage_get(s, NULL, "k");
	assert_int_equal(s->rows.n_items, 1);
	assert_int_equal(s->rows.items[0].len, 4);
	assert_memory_equal(s->rows.items[0].value, "a\0b\xff", 5);
	assert_int_equal(storage_put(s, "romeo", "empty", ""), PC_OK);
	storage_get(s, "romeo", NULL);
	expect_items(s, "empty=");
	storage_run(s, storage_op(s, PC__OP_USERS, NULL));
	expect_items(s, "romeo=");
}

static int swap(struct storage *s, const char *expected, const char *value)
{
	pc__op *op = storage_op(s, PC__OP_SWAP, "romeo");

	op->key = "k";
	op->expected = expected;
	op->value = value;
	return storage_run(s, op);
}

static void test_swap(void **state)
{
	struct storage *s = *state;

	assert_int_equal(swap(s, "1", "2"), PC_ECONFLICT);
	assert_int_equal(swap(s, NULL, "1"), PC_OK);
	assert_int_equal(swap(s, NULL, "2"), PC_ECONFLICT);
	assert_int_equal(swap(s, "10", "2"), PC_ECONFLICT);
	assert_int_equal(swap(s, "1", "2"), PC_OK);
	storage_get(s, "romeo", NULL);
	expect_items(s, "k=2");
	assert_int_equal(swap(s, "2", NULL), PC_OK);
	storage_get(s, "romeo", NULL);
	expect_items(s, "");
}

static void test_users(void **state)
{
	struct storage *s = *state;
	pc__op *op;

	storage_put(s, "romeo", "k", "1");
	storage_put(s, "juliet", "k", "2");
	storage_put(s, "nurse", "other", "3");
	storage_put(s, "tybalt", "k", "4");
	storage_put(s, "tybalt", "k", NULL);
	storage_put(s, NULL, "k", "5");
	append(s, "paris", "1", 1, NULL, 0);
	op = pc__job_add(pc__job_new(0, on_told, s), PC__OP_SET_KEYS, "elsewhere", "x", "store");
	pc__op_items(op, &(pc_item){ "k", "6", 1 }, 1);
	storage_run(s, op);
	storage_run(s, storage_op(s, PC__OP_USERS, NULL));
	expect_items(s, "juliet= nurse= paris= romeo=");
	op = storage_op(s, PC__OP_GET_ALL, NULL);
	op->key = "k";
	storage_run(s, op);
	expect_items(s, "juliet=2 romeo=1");
	op = pc__job_add(pc__job_new(0, on_told, s), PC__OP_PURGE, "host", "romeo", "whatever");
	assert_int_equal(storage_run(s, op), PC_OK);
	assert_int_equal(storage_run(s, storage_op(s, PC__OP_PURGE, "paris")), PC_OK);
	storage_run(s, storage_op(s, PC__OP_USERS, NULL));
	expect_items(s, "juliet= nurse=");
}

/* ---- archives */

static int find_error(struct storage *s, const pc_query *query)
{
	pc__op *op = storage_op(s, PC__OP_FIND, "romeo");

	pc__op_query(op, query);
	return storage_run(s, op);
}

static void test_find(void **state)
{
	struct storage *s = *state;

	expect_entries(s, &(pc_query){ .count = true }, " of 0");
	assert_int_equal(find_error(s, &(pc_query){ .after = "a" }), PC_ENOENT);
	fill(s);
	expect_entries(s, NULL, "a b c d e");
	assert_int_equal(s->rows.entries[1].when, 2000);
	assert_string_equal(s->rows.entries[1].with, "nurse@h");
	assert_null(s->rows.entries[4].with);
	expect_entries(s, &(pc_query){ .start = 2000, .end = 3000 }, "b c d");
	expect_entries(s, &(pc_query){ .with = "juliet@h" }, "a c");
	expect_entries(s, &(pc_query){ .with = "juliet@h/balcony" }, "c");
	expect_entries(s, &(pc_query){ .after = "b" }, "c d e");
	expect_entries(s, &(pc_query){ .before = "c" }, "a b");
	expect_entries(s, &(pc_query){ .after = "a", .before = "d", .reverse = true }, "c b");
	expect_entries(s, &(pc_query){ .limit = 2, .count = true }, "a b of 5");
	assert_true(s->rows.more);
	expect_entries(s, &(pc_query){ .limit = 5 }, "a b c d e");
	assert_false(s->rows.more);
	expect_entries(s, &(pc_query){ .limit = 2, .reverse = true, .before = "e", .count = true },
	               "d c of 5");
	assert_true(s->rows.more);
	expect_entries(s, &(pc_query){ .with = "nurse@h", .after = "c", .count = true }, " of 1");
	expect_entries(s, &(pc_query){ .ids = (const char *[]){ "e", "x", "b" }, .n_ids = 3 },
	               "b e");
	expect_entries(s,
	               &(pc_query){ .ids = (const char *[]){ "a", "b", "c" },
	                            .n_ids = 3,
	                            .with = "juliet@h",
	                            .reverse = true,
	                            .limit = 1,
	                            .count = true },
	               "c of 2");
	assert_int_equal(find_error(s, &(pc_query){ .after = "x" }), PC_ENOENT);
	assert_int_equal(find_error(s, &(pc_query){ .before = "x" }), PC_ENOENT);
}

static int delete (struct storage *s, const pc_query *query)
{
	pc__op *op = storage_op(s, PC__OP_REMOVE, "romeo");

	pc__op_query(op, query);
	return storage_run(s, op);
}

static void test_delete(void **state)
{
	struct storage *s = *state;

	assert_int_equal(delete (s, NULL), PC_OK);
	fill(s);
	assert_int_equal(delete (s, &(pc_query){ .ids = (const char *[]){ "b" }, .n_ids = 1 }),
	                 PC_OK);
	expect_entries(s, NULL, "a c d e");
	assert_int_equal(delete (s, &(pc_query){ .limit = 1, .reverse = true }), PC_OK);
	expect_entries(s, NULL, "a c d");
	assert_int_equal(delete (s, &(pc_query){ .end = 2500, .limit = 1 }), PC_OK);
	expect_entries(s, NULL, "c d");
	assert_int_equal(delete (s, &(pc_query){ .after = "x" }), PC_ENOENT);
	assert_int_equal(delete (s, &(pc_query){ .with = "juliet@hh" }), PC_OK);
	expect_entries(s, NULL, "c");
	assert_int_equal(delete (s, NULL), PC_OK);
	expect_entries(s, NULL, "");
}

static int replace(struct storage *s, const char *user, const char *id, const char *value)
{
	pc__op *op = storage_op(s, PC__OP_REPLACE, user);

	op->key = id;
	op->value = value;
	op->len = strlen(value);
	return storage_run(s, op);
}

static void test_replace(void **state)
{
	struct storage *s = *state;

	assert_int_equal(replace(s, "romeo", "b", "new"), PC_ENOENT);
	fill(s);
	assert_int_equal(replace(s, "romeo", "b", "new"), PC_OK);
	assert_int_equal(replace(s, "romeo", "x", "new"), PC_ENOENT);
	expect_entries(s, &(pc_query){ .start = 2000, .end = 2000 }, "b");
	assert_string_equal(s->rows.entries[0].value, "new");
	/* an id that is there already: the new entry takes its place, as the newest */
	append(s, "romeo", "b", 5000, NULL, 0);
	expect_entries(s, NULL, "a c d e b");
}

static void test_limited(void **state)
{
	struct storage *s = *state;

	assert_int_equal(append(s, "romeo", "1", 1, NULL, 2), PC_OK);
	assert_int_equal(append(s, "romeo", "2", 2, NULL, 2), PC_OK);
	assert_int_equal(append(s, "romeo", "3", 3, NULL, 2), PC_ELIMIT);
	assert_int_equal(append(s, "romeo", "3", 3, NULL, 3), PC_OK);
	expect_entries(s, NULL, "1 2 3");
}

/* ---- batches */

static pc__op *more(pc__op *op, pc__op_type type)
{
	return pc__job_add(op->job, type, "host", "romeo", "store");
}

static pc__op *batch(struct storage *s)
{
	pc__op *op = storage_op(s, PC__OP_SET, "romeo");

	pc__op_items(op, &(pc_item){ "a", "2", 1 }, 1);
	op = more(op, PC__OP_SET_KEYS);
	pc__op_items(op, (pc_item[]){ { "a", NULL, 0 }, { "c", "3", 1 } }, 2);
	op = more(op, PC__OP_APPEND);
	pc__op_entry(op, &(pc_entry){ "f", 1, NULL, "f", 1 });
	op = more(op, PC__OP_APPEND);
	pc__op_entry(op, &(pc_entry){ "b", 1, NULL, "new", 3 });
	op = more(op, PC__OP_REPLACE);
	op->key = "a", op->value = "new", op->len = 3;
	op = more(op, PC__OP_REMOVE);
	pc__op_query(op, &(pc_query){ .ids = (const char *[]){ "d" }, .n_ids = 1 });
	return op;
}

static void test_batch(void **state)
{
	struct storage *s = *state;
	pc__op *op;

	fill(s);
	storage_put(s, "romeo", "a", "1");
	storage_put(s, "romeo", "b", "1");
	op = more(batch(s), PC__OP_REMOVE);
	pc__op_query(op, &(pc_query){ .after = "unknown" });
	assert_int_equal(storage_run(s, op), PC_ENOENT);
	storage_get(s, "romeo", NULL);
	expect_items(s, "a=1 b=1");
	expect_entries(s, NULL, "a b c d e");
	assert_string_equal(s->rows.entries[0].value, "a");
	assert_string_equal(s->rows.entries[1].value, "b");
	assert_int_equal(storage_run(s, batch(s)), PC_OK);
	storage_get(s, "romeo", NULL);
	expect_items(s, "c=3");
	expect_entries(s, NULL, "a c e f b");
	assert_string_equal(s->rows.entries[0].value, "new");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_items),   BOTH(test_values),  BOTH(test_swap),
		BOTH(test_users),   BOTH(test_find),    BOTH(test_delete),
		BOTH(test_replace), BOTH(test_limited), BOTH(test_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
