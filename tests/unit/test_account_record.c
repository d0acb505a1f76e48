/* Accounts as they are stored: our own form and Prosody's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../modules/mod_auth_internal_hashed/record.c"

#define ITEM(k, v)                                                                                 \
	{                                                                                          \
		.key = (k), .value = (v), .len = sizeof(v) - 1                                     \
	}
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define STORED "0123456789abcdef0123456789abcdef01234567"
#define SERVER "89abcdef0123456789abcdef0123456789abcdef"

static void make(struct record *r)
{
	*r = (struct record){ .hashes = 7 };
	for (int i = 0; i < PC_SCRAM_HASHES; i++) {
		r->keys[i] = (pc_scram_keys){ .hash = (pc_scram_hash)i,
			                      .salt_len = i == 0 ? PC_SCRAM_SALT_MAX : 16,
			                      .iterations = PC_SCRAM_ITERATIONS_MAX };
		memset(r->keys[i].salt, 0xf0 + i, r->keys[i].salt_len);
		memset(r->keys[i].stored_key, 0x10 + i, pc_scram_hash_size((pc_scram_hash)i));
		memset(r->keys[i].server_key, 0x20 + i, pc_scram_hash_size((pc_scram_hash)i));
	}
}

static void test_round_trip(void **state)
{
	char text[RECORD_SCRAM_MAX];
	struct record a, b;
	pc_item item = { .key = "scram", .value = text };

	(void)state;
	make(&a);
	record_write(&a, text);
	item.len = strlen(text);
	record_read(&item, 1, &b);
	assert_int_equal(b.hashes, 7);
	assert_memory_equal(a.keys, b.keys, sizeof(a.keys));
	assert_ptr_equal(b.scram, text);
	assert_true(record_exists(&b));
}

static void test_damaged_parts_are_left_out(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"SHA-1",
		"SHA-1,10000,c2FsdA==,AAAA,AAAA",
		"MD5,10000,c2FsdA==,AAAA,AAAA",
		"SHA-1,0,c2FsdA==,AAAAAAAAAAAAAAAAAAAAAAAAAAA=,AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"SHA-1,-5,c2FsdA==,AAAAAAAAAAAAAAAAAAAAAAAAAAA=,AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		("SHA-1,99999999999,c2FsdA==,AAAAAAAAAAAAAAAAAAAAAAAAAAA=,"
		 "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
		"SHA-1,4096,,AAAAAAAAAAAAAAAAAAAAAAAAAAA=,AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		"SHA-1,4096,c2FsdA==,AAAAAAAAAAAAAAAAAAAAAAAAAAA=",
	};
	struct record r;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		pc_item item = { .key = "scram", .value = bad[i], .len = strlen(bad[i]) };

		record_read(&item, 1, &r);
		assert_false(record_exists(&r));
	}
}

static void test_prosody(void **state)
{
	const pc_item items[] = {
		ITEM("iteration_count", "10000"),
		ITEM("salt", "b5a9dd1c-7d33-4b3a-9a37-8ff0e1ee2f58"),
		ITEM("server_key", SERVER),
		ITEM("stored_key", STORED),
	};
	struct record r;

	(void)state;
	record_read(items, COUNT(items), &r);
	assert_int_equal(r.hashes, 1u << PC_SCRAM_SHA_1);
	assert_int_equal(r.keys[0].iterations, 10000);
	assert_int_equal(r.keys[0].salt_len, 36);
	assert_memory_equal(r.keys[0].salt, "b5a9dd1c", 8);
	assert_int_equal(r.keys[0].stored_key[1], 0x23);
	assert_int_equal(r.keys[0].server_key[0], 0x89);
	assert_null(r.scram);
	/* A salt is missing: nothing to log in with. */
	record_read(items + 2, 2, &r);
	assert_false(record_exists(&r));
}

static void test_our_own_form_counts_alone(void **state)
{
	const pc_item items[] = {
		ITEM("iteration_count", "10000"),
		ITEM("password", "old"),
		ITEM("salt", "salt"),
		ITEM("scram", "damaged"),
		ITEM("server_key", SERVER),
		ITEM("stored_key", STORED),
	};
	struct record r;

	(void)state;
	record_read(items, COUNT(items), &r);
	assert_false(record_exists(&r));
}

static void test_clear_and_disabled(void **state)
{
	const pc_item items[] = { ITEM("disabled", "true"), ITEM("password", "secret") };
	const pc_item enabled[] = { ITEM("disabled", "false"), ITEM("password", "") };
	struct record r;

	(void)state;
	record_read(items, COUNT(items), &r);
	assert_true(r.disabled);
	assert_string_equal(r.password, "secret");
	record_read(enabled, COUNT(enabled), &r);
	assert_false(r.disabled);
	assert_false(record_exists(&r));
	record_read(NULL, 0, &r);
	assert_false(record_exists(&r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_damaged_parts_are_left_out),
		cmocka_unit_test(test_prosody),
		cmocka_unit_test(test_our_own_form_counts_alone),
		cmocka_unit_test(test_clear_and_disabled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
