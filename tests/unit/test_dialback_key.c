/* Dialback keys (XEP-0185, with the examples of that and of XEP-0220). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../modules/mod_s2s/key.c"

static void key_is(const char *text, const char *receiving, const char *originating, const char *id,
                   const char *wanted)
{
	char secret[S2S_KEY_SIZE], key[S2S_KEY_SIZE];

	key_secret(secret, text);
	key_make(secret, receiving, originating, id, key);
	assert_string_equal(key, wanted);
}

static void test_examples(void **state)
{
	(void)state;
	key_is("s3cr3tf0rd14lb4ck", "xmpp.example.com", "example.org", "D60000229F",
	       "37c69b1cf07a3f67c04a5ef5902fa5114f2c76fe4a2686482ba5b89323075643");
}

static bool same(const char *a[3], const char *b[3])
{
	char secret[S2S_KEY_SIZE], one[S2S_KEY_SIZE], other[S2S_KEY_SIZE];

	key_secret(secret, "secret");
	key_make(secret, a[0], a[1], a[2], one);
	key_make(secret, b[0], b[1], b[2], other);
	return strcmp(one, other) == 0;
}

/* What stands in one of the three does not pass for what stands in another. */
static void test_separators(void **state)
{
	static const char *rows[][3] = { { "example.info", "rm.example.org", "x" },
		                         { "example.in", "form.example.org", "x" },
		                         { "example.in", "form.example.or", "gx" },
		                         { "form.example.org", "example.in", "x" } };

	(void)state;
	for (size_t i = 0; i < 4; i++)
		for (size_t j = 0; j < 4; j++)
			assert_int_equal(same(rows[i], rows[j]), i == j);
}

static void test_random_secret(void **state)
{
	char one[S2S_KEY_SIZE], other[S2S_KEY_SIZE];

	(void)state;
	key_secret(one, NULL);
	key_secret(other, NULL);
	assert_int_equal(strlen(one), S2S_KEY_SIZE - 1);
	assert_string_not_equal(one, other);
}

/* The longest of each fits. */
static void test_long(void **state)
{
	static char domain[PC_JID_PART_MAX + 1], id[S2S_ID_MOST + 1], key[S2S_KEY_SIZE];
	char secret[S2S_KEY_SIZE], other[S2S_KEY_SIZE];

	(void)state;
	memset(domain, 'd', PC_JID_PART_MAX);
	memset(id, 'i', S2S_ID_MOST);
	key_secret(secret, "secret");
	key_make(secret, domain, domain, id, key);
	id[S2S_ID_MOST - 1] = 'j';
	key_make(secret, domain, domain, id, other);
	assert_string_not_equal(key, other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_separators),
		cmocka_unit_test(test_random_secret),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
