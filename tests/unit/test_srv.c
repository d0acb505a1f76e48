/* SRV records: their form, and the order of trying (RFC 2782). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "util/srv.h"

static const char good[] = "\0\12\0\5\24\146\4xmpp\7example\3org";

static void test_read(void **state)
{
	struct pc__srv srv;

	(void)state;
	assert_true(pc__srv_read(good, sizeof(good), &srv));
	assert_int_equal(srv.priority, 10);
	assert_int_equal(srv.weight, 5);
	assert_int_equal(srv.port, 5222);
	assert_string_equal(srv.target, "xmpp.example.org");
	assert_true(pc__srv_read("\0\0\0\0\0\0\0", 7, &srv)); /* there is no such service */
	assert_string_equal(srv.target, "");
}

/* Cut anywhere, longer, with labels that are none: never read beyond, never taken. */
static void test_damaged(void **state)
{
	char bytes[400] = { 0 };
	struct pc__srv srv;

	(void)state;
	for (size_t len = 0; len < sizeof(good); len++)
		assert_false(pc__srv_read(good, len, &srv));
	memcpy(bytes, good, sizeof(good));
	assert_false(pc__srv_read(bytes, sizeof(good) + 1, &srv));
	bytes[6] = (char)0xc0; /* a compressed name */
	assert_false(pc__srv_read(bytes, sizeof(good), &srv));
	bytes[6] = 4;
	bytes[8] = '.';
	assert_false(pc__srv_read(bytes, sizeof(good), &srv));
	for (size_t at = 6; at < 6 + 5 * 64; at += 64) { /* longer than a name may be */
		bytes[at] = 63;
		memset(bytes + at + 1, 'a', 63);
	}
	bytes[6 + 5 * 64] = 0;
	assert_false(pc__srv_read(bytes, 6 + 5 * 64 + 1, &srv));
}

static uint32_t fixed;
static uint32_t draw_fixed(uint32_t most)
{
	return fixed > most ? most : fixed;
}

static void order(const char *wanted)
{
	struct pc__srv srvs[] = { { .priority = 20, .weight = 1, .target = "c" },
		                  { .priority = 10, .weight = 30, .target = "a" },
		                  { .priority = 10, .weight = 70, .target = "b" },
		                  { .priority = 10, .weight = 0, .target = "z" } };
	char got[5] = "";

	pc__srv_order(srvs, 4, draw_fixed);
	for (size_t i = 0; i < 4; i++)
		got[i] = srvs[i].target[0];
	assert_string_equal(got, wanted);
}

static void test_order(void **state)
{
	(void)state;
	fixed = 0;
	order("zabc");
	fixed = 1;
	order("abzc");
	fixed = 31;
	order("bazc");
	fixed = UINT32_MAX;
	order("bazc");
	pc__srv_order(NULL, 0, draw_fixed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
