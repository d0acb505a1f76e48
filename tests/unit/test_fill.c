/* Texts with places for values, and networks of addresses: what operators write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <prosody-c/codec.h>

#include "../../modules/mod_register_limits/network.c"

static void check(const char *text, const char *wanted)
{
	const char *const values[] = { "user", "kim", "host", "$user", "none", NULL, NULL };
	char *got = pc_text_fill(text, values);

	assert_string_equal(got, wanted);
	free(got);
}

static void test_fill(void **state)
{
	(void)state;
	check("", "");
	check("plain", "plain");
	check("$user", "kim");
	check("a $user, b", "a kim, b");
	check("$host$user", "$userkim");
	check("$users $use $", "$users $use $");
	check("$$user 5$", "$kim 5$");
}

static bool has(const char *outer, const char *inner)
{
	struct network o, i;

	assert_true(network_parse(outer, &o));
	assert_true(network_parse(inner, &i));
	return network_has(&o, &i);
}

static void test_networks(void **state)
{
	(void)state;
	assert_true(has("192.0.2.1", "192.0.2.1"));
	assert_false(has("192.0.2.1", "192.0.2.2"));
	assert_true(has("192.0.2.77/24", "192.0.2.1"));
	assert_false(has("192.0.2.0/24", "192.0.3.1"));
	assert_true(has("192.0.2.128/25", "192.0.2.200"));
	assert_false(has("192.0.2.128/25", "192.0.2.100"));
	assert_true(has("0.0.0.0/0", "203.0.113.9"));
	assert_false(has("0.0.0.0/0", "2001:db8::1"));
	assert_true(has("192.0.2.0/24", "::ffff:192.0.2.9"));
	assert_true(has("2001:db8::/32", "2001:db8:ffff::1"));
	assert_false(has("2001:db8::/64", "2001:db8:0:1::1"));
	assert_true(has("::/0", "192.0.2.1"));
	assert_false(has("192.0.2.1", "192.0.2.0/24"));
}

static void test_no_networks(void **state)
{
	static const char *const texts[] = {
		"",
		"localhost",
		"192.0.2",
		"192.0.2.1/",
		"192.0.2.1/33",
		"192.0.2.1/-1",
		"192.0.2.1/1 ",
		"::1/129",
		"::1/1/1",
		"::1%eth0",
		"192.0.2.1/0000001",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb/64",
	};
	struct network n;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(network_parse(texts[i], &n));
}

static void test_around(void **state)
{
	struct network address, around;

	(void)state;
	assert_true(network_parse("192.0.2.77", &address));
	around = network_around(&address, 24, 48);
	assert_int_equal(around.bits, 120);
	assert_int_equal(around.bytes[15], 0);
	assert_int_equal(around.bytes[14], 2);
	assert_true(network_parse("2001:db8:1:2::3", &address));
	around = network_around(&address, 32, 64);
	assert_true(network_parse("2001:db8:1:2::/64", &address));
	assert_memory_equal(around.bytes, address.bytes, sizeof(around.bytes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fill),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_no_networks),
		cmocka_unit_test(test_around),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
