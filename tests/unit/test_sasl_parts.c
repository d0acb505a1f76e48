/* The pure parts of the log-in: PLAIN's message, and failures by address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../modules/mod_saslauth/plain.c"
#include "../../modules/mod_saslauth/throttle.c"

#define LITERAL(text) (text), sizeof(text) - 1

static bool parse(const char *msg, size_t len, struct plain *plain_r)
{
	static char buf[8192];

	memcpy(buf, msg, len);
	buf[len] = '\0';
	return plain_parse(buf, len, plain_r);
}

static void test_plain_parts(void **state)
{
	struct plain p;

	(void)state;
	assert_true(parse(LITERAL("\0juliet\0r0m30"), &p));
	assert_string_equal(p.authzid, "");
	assert_string_equal(p.authcid, "juliet");
	assert_string_equal(p.password, "r0m30");
	assert_true(parse(LITERAL("juliet@im.example\0juliet\0r"), &p));
	assert_string_equal(p.authzid, "juliet@im.example");
}

static void test_plain_malformed(void **state)
{
	static const struct {
		const char *msg;
		size_t len;
	} bad[] = {
		{ LITERAL("") },
		{ LITERAL("juliet") },
		{ LITERAL("\0juliet") },
		{ LITERAL("\0juliet\0") },
		{ LITERAL("\0\0secret") },
		{ LITERAL("\0juliet\0sec\0ret") },
		{ LITERAL("\0juliet\0secret\0") },
		{ LITERAL("\0jul\xff"
		          "iet\0secret") },
		{ LITERAL("\0juliet\0sec\xc0\x80ret") },     /* an overlong NUL */
		{ LITERAL("\0juliet\0sec\xed\xa0\x80ret") }, /* a surrogate */
		{ LITERAL("\0juliet\0\xf4\x90\x80\x80") },   /* above U+10FFFF */
		{ LITERAL("\0juliet\0secret\xe2\x82") },     /* cut short */
		{ LITERAL("\xe0\x80\x80\0juliet\0secret") },
	};
	struct plain p;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(parse(bad[i].msg, bad[i].len, &p));
}

static void test_plain_lengths(void **state)
{
	char msg[2 + 1 + PLAIN_PART_MAX + 1];
	struct plain p;

	(void)state;
	memset(msg, 'x', sizeof(msg));
	msg[0] = msg[2] = '\0';
	assert_true(parse(msg, 3 + PLAIN_PART_MAX, &p));
	assert_false(parse(msg, 3 + PLAIN_PART_MAX + 1, &p));
	assert_true(parse(LITERAL("\0\xe2\x82\xac\0\xf0\x9f\x8c\xb9"), &p));
}

static struct sasl_throttle *table(void)
{
	static struct sasl_throttle t;

	memset(&t, 0, sizeof(t));
	t.seed = 0x9e3779b97f4a7c15u;
	return &t;
}

static void test_throttle_fills_and_drains(void **state)
{
	struct sasl_throttle *t = table();
	struct sasl_limit by = { .limit = 3, .period = 30, .now = 1000 };

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_true(throttle_allows(t, "192.0.2.1", &by));
		throttle_add(t, "192.0.2.1", &by);
	}
	assert_false(throttle_allows(t, "192.0.2.1", &by));
	assert_false(throttle_allows(t, "::ffff:192.0.2.1", &by));
	assert_true(throttle_allows(t, "192.0.2.2", &by));
	by.now += 10000;
	assert_true(throttle_allows(t, "192.0.2.1", &by));
	throttle_add(t, "192.0.2.1", &by);
	assert_false(throttle_allows(t, "192.0.2.1", &by));
	by.now += 3600000;
	assert_true(throttle_allows(t, "192.0.2.1", &by));
}

static void test_throttle_counts_networks(void **state)
{
	struct sasl_throttle *t = table();
	struct sasl_limit by = { .limit = 1, .period = 30, .now = 1000 };

	(void)state;
	throttle_add(t, "2001:db8:1:2::1", &by);
	assert_false(throttle_allows(t, "2001:db8:1:2:ffff::9", &by));
	assert_true(throttle_allows(t, "2001:db8:1:3::1", &by));
	throttle_add(t, "::1", &by);
	assert_false(throttle_allows(t, "::1", &by));
	by.limit = 0;
	assert_true(throttle_allows(t, "::1", &by));
}

static void test_throttle_is_bounded(void **state)
{
	struct sasl_throttle *t = table();
	struct sasl_limit by = { .limit = 5, .period = 30, .now = 1000 };
	char ip[32];
	int refused = 0;

	(void)state;
	throttle_add(t, "not an address", &by);
	assert_true(throttle_allows(t, "", &by));
	for (int i = 0; i < 5; i++)
		throttle_add(t, "198.51.100.1", &by);
	for (int i = 0; i < 100000; i++) {
		snprintf(ip, sizeof(ip), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
		throttle_add(t, ip, &by);
	}
	/* The fullest bucket of its set stays. */
	refused += !throttle_allows(t, "198.51.100.1", &by);
	assert_int_equal(refused, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_parts),
		cmocka_unit_test(test_plain_malformed),
		cmocka_unit_test(test_plain_lengths),
		cmocka_unit_test(test_throttle_fills_and_drains),
		cmocka_unit_test(test_throttle_counts_networks),
		cmocka_unit_test(test_throttle_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
