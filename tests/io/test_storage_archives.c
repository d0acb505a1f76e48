/* Archives of every driver: searches, how much there is, what is too old. */
#include "storage_each.h"

static int replace(struct storage *s, const char *user, const char *id, const char *value)
{
	pc__op *op = storage_op(s, PC__OP_REPLACE, user);

	op->key = id;
	op->value = value;
	op->len = strlen(value);
	return storage_run(s, op);
}

/* ids found, "of" the total and "from" the index. */
static void expect_found(struct storage *s, pc_search search, const char *wanted)
{
	pc__op *op = storage_op(s, PC__OP_SEARCH, "romeo");
	char got[512] = "";

	search.size = sizeof(search);
	search.query.count = true;
	pc__op_search(op, &search);
	assert_int_equal(storage_run(s, op), PC_OK);
	for (size_t i = 0; i < s->rows.n_entries; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s ",
		         s->rows.entries[i].id);
	snprintf(got + strlen(got), sizeof(got) - strlen(got), "of %d from %d%s",
	         (int)s->rows.total, (int)s->rows.index, s->rows.more ? " more" : "");
	assert_string_equal(got, wanted);
}

static int search_error(struct storage *s, pc_search search)
{
	pc__op *op = storage_op(s, PC__OP_SEARCH, "romeo");

	search.size = sizeof(search);
	pc__op_search(op, &search);
	return storage_run(s, op);
}

static void test_search(void **state)
{
	struct storage *s = *state;
	const char *known[] = { "e", "a" }, *unknown[] = { "a", "x" };

	expect_found(s, (pc_search){ 0 }, "of 0 from -1");
	assert_int_equal(search_error(s, (pc_search){ .above = "a" }), PC_ENOENT);
	fill(s);
	expect_found(s, (pc_search){ 0 }, "a b c d e of 5 from 0");
	expect_found(s, (pc_search){ .above = "a", .below = "e" }, "b c d of 3 from 0");
	expect_found(s, (pc_search){ .above = "a", .query.after = "c", .query.limit = 1 },
	             "d of 4 from 2 more");
	expect_found(s, (pc_search){ .above = "c", .query.after = "a" }, "d e of 2 from 0");
	expect_found(s, (pc_search){ .below = "c", .query.before = "e", .query.reverse = true },
	             "b a of 2 from 0");
	expect_found(s, (pc_search){ .query = { .with = "juliet@h", .reverse = true, .limit = 1 } },
	             "c of 2 from 1 more");
	expect_found(s, (pc_search){ .query = { .ids = known, .n_ids = 2 }, .all_ids = true },
	             "a e of 2 from 0");
	assert_int_equal(search_error(s, (pc_search){ .query = { .ids = unknown, .n_ids = 2 },
	                                              .all_ids = true }),
	                 PC_ENOENT);
	assert_int_equal(search_error(s, (pc_search){ .above = "x" }), PC_ENOENT);
	assert_int_equal(search_error(s, (pc_search){ .below = "x" }), PC_ENOENT);
	assert_int_equal(search_error(s, (pc_search){ .query.before = "x" }), PC_ENOENT);
}

/* A page of large entries ends early, but holds one. */
static void test_page_bytes(void **state)
{
	struct storage *s = *state;
	char *big = pc__alloc(PC_PAGE_BYTES);
	char id[2] = "0";

	memset(big, 'x', PC_PAGE_BYTES - 1);
	for (; id[0] < '4'; id[0]++) {
		pc__op *op = storage_op(s, PC__OP_APPEND, "romeo");

		pc__op_entry(op, &(pc_entry){ id, 1, NULL, big, PC_PAGE_BYTES - 1 });
		assert_int_equal(storage_run(s, op), PC_OK);
	}
	free(big);
	expect_found(s, (pc_search){ .query.limit = 10 }, "0 1 of 4 from 0 more");
	expect_found(s, (pc_search){ .query = { .limit = 10, .after = "1" } }, "2 3 of 4 from 2");
}

static void test_extent(void **state)
{
	struct storage *s = *state;

	assert_int_equal(storage_run(s, storage_op(s, PC__OP_EXTENT, "romeo")), PC_OK);
	assert_int_equal(s->rows.extent.entries, 0);
	fill(s);
	replace(s, "romeo", "b", "longer");
	assert_int_equal(storage_run(s, storage_op(s, PC__OP_EXTENT, "romeo")), PC_OK);
	assert_int_equal(s->rows.extent.entries, 5);
	assert_int_equal(s->rows.extent.bytes, 10);
	assert_int_equal(s->rows.extent.oldest, 1000);
	assert_int_equal(s->rows.extent.newest, 4000);
}

static void expect_outdated(struct storage *s, const char *user, int64_t before, const char *behind,
                            size_t most, const char *wanted)
{
	pc__op *op = storage_op(s, PC__OP_OUTDATED, user);

	op->before = before;
	op->key = behind;
	op->most = most;
	storage_run(s, op);
	expect_items(s, wanted);
}

static int expire(struct storage *s, int64_t before, size_t most)
{
	pc__op *op = storage_op(s, PC__OP_EXPIRE, "romeo");

	op->before = before;
	op->most = most;
	return storage_run(s, op);
}

static void test_expire(void **state)
{
	struct storage *s = *state;

	assert_int_equal(expire(s, 9000, 10), PC_OK);
	fill(s);
	append(s, "nurse", "n", 5000, NULL, 0);
	storage_put(s, "tybalt", "k", "1");
	expect_outdated(s, NULL, 1001, NULL, 10, "juliet= romeo=");
	expect_outdated(s, NULL, 9000, NULL, 2, "juliet= nurse=");
	expect_outdated(s, NULL, 9000, "nurse", 2, "romeo=");
	expect_outdated(s, NULL, 1000, NULL, 10, "");
	expect_outdated(s, "romeo", 1001, NULL, 10, "romeo=");
	expect_outdated(s, "nurse", 1001, NULL, 10, "");
	assert_int_equal(expire(s, 3000, 2), PC_OK);
	expect_entries(s, NULL, "c d e");
	assert_int_equal(expire(s, 3000, 10), PC_OK);
	expect_entries(s, NULL, "c e");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_search),
		BOTH(test_page_bytes),
		BOTH(test_extent),
		BOTH(test_expire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
