#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <prosody-c/table.h>

#include "util/mem.h"
#include "util/siphash.h"

/* The key 0; the bytes 0, 1, 2, ...: as another implementation hashes them (CPython 3.11 without
 * randomisation). */
static void vectors(void **state)
{
	static const struct {
		size_t len;
		uint64_t hash;
	} rows[] = {
		{ 1, UINT64_C(0x68a914128e01e473) },  { 7, UINT64_C(0x2f098ab0c751325a) },
		{ 8, UINT64_C(0xead411e67ebe2eea) },  { 15, UINT64_C(0xf30eb725bb91c9ea) },
		{ 16, UINT64_C(0x8972188433a5c5b7) }, { 31, UINT64_C(0x169739443111d49b) },
		{ 63, UINT64_C(0x385d3e39e5f37359) },
	};
	static const uint64_t zero[2], other[2] = { 1, 0 };
	uint8_t bytes[65];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i - 1);
	for (size_t i = 0; i < PC__COUNT(rows); i++) {
		assert_true(pc__siphash(zero, bytes + 1, rows[i].len) == rows[i].hash);
		assert_true(pc__siphash(other, bytes + 1, rows[i].len) != rows[i].hash);
	}
	assert_true(pc__siphash(zero, NULL, 0) == pc__siphash(zero, "", 0));
	assert_true(pc_hash("a", 1) == pc_hash("a", 1));
	assert_true(pc_hash("a", 1) != pc__siphash(zero, "a", 1));
}

struct entry {
	int value;
	UT_hash_handle hh;
	char key[];
};

static void a_table(void **state)
{
	struct entry *table = NULL, *found, *next;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct entry *entry = pc__alloc(sizeof(*entry) + 8);

		entry->value = i;
		entry->key[0] = (char)('a' + i % 10);
		entry->key[1] = (char)('a' + i / 10 % 10);
		entry->key[2] = (char)('a' + i / 100);
		HASH_ADD_STR(table, key, entry);
	}
	HASH_FIND_STR(table, "cba", found);
	assert_non_null(found);
	assert_int_equal(found->value, 12);
	assert_int_equal(found->hh.hashv, (unsigned)pc_hash("cba", 3));
	HASH_FIND_STR(table, "cbz", found);
	assert_null(found);
	HASH_ITER(hh, table, found, next)
	{
		HASH_DEL(table, found);
		free(found);
	}
	assert_null(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors),
		cmocka_unit_test(a_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
