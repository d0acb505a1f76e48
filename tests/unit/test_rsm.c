#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <prosody-c/rsm.h>
#include <prosody-c/stanza.h>

static const char *const ids[] = { "a", "b", "c", "d", "e" };

/* Reads what a <set/> of that content says; the tree is the caller's. */
static int read_set(const char *inner, pc_rsm *rsm, pc_stanza **tree_r)
{
	char text[1024];

	snprintf(text, sizeof(text), "<q xmlns='urn:q'><set xmlns='" PC_NS_RSM "'>%s</set></q>",
	         inner);
	*tree_r = pc_stanza_parse(text, strlen(text));
	assert_non_null(*tree_r);
	return pc_rsm_read(*tree_r, rsm);
}

static void reads(void **state)
{
	pc_stanza *tree;
	pc_rsm rsm;

	(void)state;
	assert_int_equal(read_set("<max>10</max><after>x</after><before>y</before>", &rsm, &tree),
	                 PC_OK);
	assert_true(rsm.has_max);
	assert_int_equal(rsm.max, 10);
	assert_string_equal(rsm.after, "x");
	assert_string_equal(rsm.before, "y");
	assert_int_equal(rsm.index, -1);
	pc_stanza_free(&tree);
	assert_int_equal(read_set("<max> 0\n</max><index>371</index>", &rsm, &tree), PC_OK);
	assert_true(rsm.has_max);
	assert_int_equal(rsm.max, 0);
	assert_int_equal(rsm.index, 371);
	pc_stanza_free(&tree);
	assert_int_equal(read_set("<before/><after/>", &rsm, &tree), PC_OK);
	assert_false(rsm.has_max);
	assert_null(rsm.after);
	assert_string_equal(rsm.before, "");
	pc_stanza_free(&tree);
	assert_int_equal(read_set("<max>18446744073709551615</max>", &rsm, &tree), PC_OK);
	assert_true(rsm.max >= INT64_MAX);
	pc_stanza_free(&tree);
	tree = pc_stanza_new("q", "urn:q");
	assert_int_equal(pc_rsm_read(tree, &rsm), PC_ENOENT);
	assert_int_equal(rsm.index, -1);
	assert_int_equal(pc_rsm_limit(&rsm, 50), 50);
	pc_stanza_free(&tree);
}

static void refuses(void **state)
{
	static const char *const wrong[] = {
		"<max/>",
		"<max>-1</max>",
		"<max>1 2</max>",
		"<max>ten</max>",
		"<max>184467440737095516150</max>",
		"<index>-1</index>",
		"<index>x</index>",
		"<index/>",
		"<index>1</index><after>a</after>",
		"<index>1</index><before/>",
	};
	pc_stanza *tree;
	pc_rsm rsm;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(read_set(wrong[i], &rsm, &tree), PC_EINVAL);
		pc_stanza_free(&tree);
	}
}

/* The page of "abcde" as text; "?" where an id is unknown. */
static const char *page(const char *inner, size_t most)
{
	static char text[8];
	size_t first = 99, len = 99;
	pc_stanza *tree;
	pc_rsm rsm;

	assert_int_equal(read_set(inner, &rsm, &tree), PC_OK);
	snprintf(text, sizeof(text), "?");
	if (pc_rsm_slice(&rsm, ids, 5, most, &first, &len) == PC_OK) {
		assert_true(first + len <= 5);
		memcpy(text, &"abcde"[first], len);
		text[len] = '\0';
	}
	pc_stanza_free(&tree);
	return text;
}

static void slices(void **state)
{
	(void)state;
	assert_string_equal(page("", 10), "abcde");
	assert_string_equal(page("", 2), "ab");
	assert_string_equal(page("<max>3</max>", 10), "abc");
	assert_string_equal(page("<max>3</max>", 2), "ab");
	assert_string_equal(page("<max>0</max>", 10), "");
	assert_string_equal(page("<max>2</max><after>b</after>", 10), "cd");
	assert_string_equal(page("<max>2</max><after>e</after>", 10), "");
	assert_string_equal(page("<max>2</max><before>d</before>", 10), "bc");
	assert_string_equal(page("<max>2</max><before>a</before>", 10), "");
	assert_string_equal(page("<max>2</max><before/>", 10), "de");
	assert_string_equal(page("<max>9</max><before/>", 10), "abcde");
	assert_string_equal(page("<max>2</max><after>a</after><before>e</before>", 10), "bc");
	assert_string_equal(page("<max>2</max><after>a</after><before/>", 10), "de");
	assert_string_equal(page("<max>2</max><after>d</after><before>b</before>", 10), "");
	assert_string_equal(page("<max>2</max><index>3</index>", 10), "de");
	assert_string_equal(page("<max>2</max><index>5</index>", 10), "");
	assert_string_equal(page("<index>9223372036854775807</index>", 10), "");
	assert_string_equal(page("<after>x</after>", 10), "?");
	assert_string_equal(page("<before>x</before>", 10), "?");
}

static void queries(void **state)
{
	pc_stanza *tree;
	pc_query q = { 0 };
	pc_rsm rsm;

	(void)state;
	read_set("<max>5</max><after>x</after>", &rsm, &tree);
	assert_int_equal(pc_rsm_query(&rsm, 50, &q), PC_OK);
	assert_string_equal(q.after, "x");
	assert_null(q.before);
	assert_int_equal(q.limit, 5);
	assert_false(q.reverse);
	pc_stanza_free(&tree);
	read_set("<before/>", &rsm, &tree);
	assert_int_equal(pc_rsm_query(&rsm, 50, &q), PC_OK);
	assert_null(q.before);
	assert_int_equal(q.limit, 50);
	assert_true(q.reverse);
	pc_stanza_free(&tree);
	read_set("<index>7</index>", &rsm, &tree);
	assert_int_equal(pc_rsm_query(&rsm, 50, &q), PC_ENOTSUP);
	pc_stanza_free(&tree);
	read_set("<index>0</index>", &rsm, &tree);
	assert_int_equal(pc_rsm_query(&rsm, 50, &q), PC_OK);
	pc_stanza_free(&tree);
}

static void writes(void **state)
{
	static const char expected[] =
	        "<q xmlns='urn:q'><set xmlns='" PC_NS_RSM "'><first index='10'>a</first>"
	        "<last>b</last><count>800</count></set>"
	        "<set xmlns='" PC_NS_RSM "'><first>a</first><last>b</last></set>"
	        "<set xmlns='" PC_NS_RSM "'><count>0</count></set>"
	        "<set xmlns='" PC_NS_RSM "'><max>3</max><after>x</after></set>"
	        "<set xmlns='" PC_NS_RSM "'><max>0</max><before/></set>"
	        "<set xmlns='" PC_NS_RSM "'><index>4</index></set></q>";
	pc_stanza *tree = pc_stanza_new("q", "urn:q");
	char *text;

	(void)state;
	pc_rsm_write(tree, &(pc_rsm_page){ "a", "b", 10, 800 });
	pc_rsm_write(tree, &(pc_rsm_page){ "a", "b", -1, -1 });
	pc_rsm_write(tree, &(pc_rsm_page){ NULL, NULL, -1, 0 });
	pc_rsm_ask(tree, &(pc_rsm){ .has_max = true, .max = 3, .after = "x", .index = -1 });
	pc_rsm_ask(tree, &(pc_rsm){ .has_max = true, .before = "", .index = -1 });
	pc_rsm_ask(tree, &(pc_rsm){ .index = 4 });
	text = pc_stanza_write(tree, NULL);
	assert_string_equal(text, expected);
	free(text);
	pc_stanza_free(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),   cmocka_unit_test(refuses), cmocka_unit_test(slices),
		cmocka_unit_test(queries), cmocka_unit_test(writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
