#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <prosody-c/codec.h>

#include "util/mem.h"

static void base64_both_ways(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xfe", "+//+" },
	};

	(void)state;
	for (size_t i = 0; i < PC__COUNT(rows); i++) {
		size_t len = strlen(rows[i][0]);
		uint8_t bytes[16];
		char text[pc_base64_size(16)];

		assert_int_equal(pc_base64_encode((const uint8_t *)rows[i][0], len, text),
		                 strlen(rows[i][1]));
		assert_string_equal(text, rows[i][1]);
		assert_int_equal(pc_base64_decode(text, strlen(text), bytes, len), len);
		assert_memory_equal(bytes, rows[i][0], len);
		if (len > 0)
			assert_int_equal(pc_base64_decode(text, strlen(text), bytes, len - 1),
			                 PC_EINVAL);
	}
}

static void base64_is_strict(void **state)
{
	static const char *const bad[] = {
		"Z",      "Zg",       "Zg=",          "=",    "==",       "====",
		"Z===",   "Zg==Zg==", "Zm=v",         "Z=9v", " Zm9v",    "Zm9v ",
		"Zm9v\n", "Zm\n9v",   "Zm9v\n\n\n\n", "Zh==", "Zm9=",     "Zm9-",
		"Zm9_",   "Zm9\xc3",  "Zg==\n\n\n\n", "Zg=a", "Zm8=Zm9v", "!m9v",
	};
	uint8_t out[64];

	(void)state;
	for (size_t i = 0; i < PC__COUNT(bad); i++)
		if (pc_base64_decode(bad[i], strlen(bad[i]), out, sizeof(out)) != PC_EINVAL)
			fail_msg("accepted: %s", bad[i]);
	assert_int_equal(pc_base64_decode("Zm9\0", 4, out, sizeof(out)), PC_EINVAL);
}

static void hex_both_ways(void **state)
{
	uint8_t out[4];
	char text[9];

	(void)state;
	pc_hex_encode((const uint8_t *)"\x00\x7f\x80\xff", 4, text);
	assert_string_equal(text, "007f80ff");
	assert_int_equal(pc_hex_decode("007F80ff", 8, out, 4), 4);
	assert_memory_equal(out, "\x00\x7f\x80\xff", 4);
	assert_int_equal(pc_hex_decode("", 0, out, 4), 0);
	assert_int_equal(pc_hex_decode("0", 1, out, 4), PC_EINVAL);
	assert_int_equal(pc_hex_decode("0g", 2, out, 4), PC_EINVAL);
	assert_int_equal(pc_hex_decode("0 ", 2, out, 4), PC_EINVAL);
	assert_int_equal(pc_hex_decode("0x12", 4, out, 4), PC_EINVAL);
	assert_int_equal(pc_hex_decode("0011223344", 10, out, 4), PC_EINVAL);
}

static void secrets_are_compared(void **state)
{
	(void)state;
	assert_true(pc_equal_secret("abc", "abc", 3));
	assert_false(pc_equal_secret("abc", "abd", 3));
	assert_true(pc_equal_secret("abc", "abd", 2));
	assert_true(pc_equal_secret("", "", 0));
}

static void ids_differ(void **state)
{
	char ids[512][PC_ID_SIZE];

	(void)state;
	for (size_t i = 0; i < PC__COUNT(ids); i++) {
		pc_random_id(ids[i]);
		assert_int_not_equal(ids[i][0], '-');
		assert_int_equal(strlen(ids[i]), PC_ID_SIZE - 1);
		assert_int_equal(strspn(ids[i],
		                        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		                        "0123456789-_"),
		                 PC_ID_SIZE - 1);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(ids[i], ids[k]);
	}
}

static void digests(void **state)
{
	static const char *const rows[][2] = {
		{ "SHA-1", "a9993e364706816aba3e25717850c26c9cd0d89d" },
		{ "sha-256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "SHA-512", "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		             "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" },
		{ "sha3-256", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532" },
	};
	uint8_t out[PC_DIGEST_MAX];
	char text[2 * PC_DIGEST_MAX + 1];

	(void)state;
	for (size_t i = 0; i < PC__COUNT(rows); i++) {
		ssize_t len = pc_digest(rows[i][0], "abc", 3, out);

		assert_int_equal(len, strlen(rows[i][1]) / 2);
		pc_hex_encode(out, (size_t)len, text);
		assert_string_equal(text, rows[i][1]);
	}
	assert_int_equal(pc_digest("SHA-1", NULL, 0, out), 20);
	pc_hex_encode(out, 20, text);
	assert_string_equal(text, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
	assert_int_equal(pc_digest("SHA-2", "abc", 3, out), PC_ENOTSUP);
	assert_int_equal(pc_digest("", "abc", 3, out), PC_ENOTSUP);
}

static void datetimes_are_written(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ -1, "1969-12-31T23:59:59.999Z" },
		{ 1, "1970-01-01T00:00:00.001Z" },
		{ 951782400000, "2000-02-29T00:00:00Z" },
		{ 951868800000, "2000-03-01T00:00:00Z" },
		{ 1036000000050, "2002-10-30T17:46:40.050Z" },
		{ 1735689599999, "2024-12-31T23:59:59.999Z" },
		{ -2208988800000, "1900-01-01T00:00:00Z" },
		{ -62135596800000, "0001-01-01T00:00:00Z" },
		{ 253402300799999, "9999-12-31T23:59:59.999Z" },
	};
	char out[PC_DATETIME_SIZE];
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < PC__COUNT(rows); i++) {
		pc_datetime_write(rows[i].ms, out);
		assert_string_equal(out, rows[i].text);
		assert_int_equal(pc_datetime_parse(out, &ms), PC_OK);
		assert_true(ms == rows[i].ms);
	}
	pc_datetime_write(INT64_MAX, out);
	assert_string_equal(out, "9999-12-31T23:59:59.999Z");
	pc_datetime_write(INT64_MIN, out);
	assert_string_equal(out, "0001-01-01T00:00:00Z");
}

static void every_day_of_four_centuries(void **state)
{
	char out[PC_DATETIME_SIZE], last[PC_DATETIME_SIZE] = "";
	int64_t ms;

	(void)state;
	for (int64_t day = -70000; day < 80000; day++) {
		pc_datetime_write(day * 86400000, out);
		assert_true(strcmp(last, out) < 0);
		assert_int_equal(pc_datetime_parse(out, &ms), PC_OK);
		assert_true(ms == day * 86400000);
		memcpy(last, out, sizeof(last));
	}
}

static void datetimes_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{ "1969-07-21T02:56:15Z", -14159025000 },
		{ "1969-07-20T21:56:15-05:00", -14159025000 },
		{ "1969-07-21T08:26:15+05:30", -14159025000 },
		{ "1970-01-01T00:00:00.5Z", 500 },
		{ "1970-01-01T00:00:00.123456789Z", 123 },
		{ "1970-01-01T00:00:00+00:00", 0 },
	};
	static const char *const bad[] = {
		"",
		"1970-01-01",
		"1970-01-01T00:00:00",
		"1970-01-01T00:00:00z",
		"1970-01-01t00:00:00Z",
		"1970-01-01 00:00:00Z",
		"1970-01-01T00:00Z",
		"1970-1-01T00:00:00Z",
		" 1970-01-01T00:00:00Z",
		"1970-01-01T00:00:00Z ",
		"+1970-01-01T00:00:00Z",
		"-970-01-01T00:00:00Z",
		"0000-01-01T00:00:00Z",
		"11970-01-01T00:00:00Z",
		"1970-00-01T00:00:00Z",
		"1970-13-01T00:00:00Z",
		"1970-01-00T00:00:00Z",
		"1970-01-32T00:00:00Z",
		"1970-04-31T00:00:00Z",
		"1970-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z",
		"1970-01-01T24:00:00Z",
		"1970-01-01T00:60:00Z",
		"1970-01-01T00:00:60Z",
		"1970-01-01T00:00:00.Z",
		"1970-01-01T00:00:00,5Z",
		"1970-01-01T00:00:00+0000",
		"1970-01-01T00:00:00+00",
		"1970-01-01T00:00:00+14:01",
		"1970-01-01T00:00:00+01:60",
		"1970-01-01T00:00:00+01:00Z",
		"1970-01-01T00:00:00+-1:00",
		"19700101T00:00:00",
	};
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < PC__COUNT(good); i++) {
		assert_int_equal(pc_datetime_parse(good[i].text, &ms), PC_OK);
		assert_true(ms == good[i].ms);
	}
	for (size_t i = 0; i < PC__COUNT(bad); i++)
		if (pc_datetime_parse(bad[i], &ms) != PC_EINVAL)
			fail_msg("accepted: %s", bad[i]);
}

static void errors_have_names(void **state)
{
	(void)state;
	for (int err = PC_EPARTIAL; err <= 0; err++)
		assert_string_not_equal(pc_strerror(err), "unknown error");
	assert_string_equal(pc_strerror(1), "unknown error");
	assert_string_equal(pc_strerror(PC_EPARTIAL - 1), "unknown error");
	assert_string_equal(pc_strerror(INT32_MIN), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_both_ways),
		cmocka_unit_test(base64_is_strict),
		cmocka_unit_test(hex_both_ways),
		cmocka_unit_test(secrets_are_compared),
		cmocka_unit_test(ids_differ),
		cmocka_unit_test(digests),
		cmocka_unit_test(datetimes_are_written),
		cmocka_unit_test(every_day_of_four_centuries),
		cmocka_unit_test(datetimes_are_read),
		cmocka_unit_test(errors_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
