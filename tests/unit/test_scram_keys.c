#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <prosody-c/codec.h>
#include <prosody-c/scram.h>

static void make_keys(pc_scram_keys *keys, pc_scram_hash hash, const char *password,
                      const char *salt)
{
	*keys = (pc_scram_keys){ .hash = hash, .iterations = 4096 };
	keys->salt_len =
	        (size_t)pc_base64_decode(salt, strlen(salt), keys->salt, sizeof(keys->salt));
	assert_int_equal(pc_scram_derive(password, keys), PC_OK);
}

static void keys_of_passwords(void **state)
{
	pc_scram_keys keys;

	(void)state;
	for (unsigned hash = 0; hash < PC_SCRAM_HASHES; hash++) {
		make_keys(&keys, (pc_scram_hash)hash, "I\xc2\xadX", "QSXCR+Q6sek8bf92");
		assert_true(pc_scram_check("IX", &keys));
		assert_true(pc_scram_check("I\xc2\xadX", &keys));
		assert_false(pc_scram_check("ix", &keys));
		assert_false(pc_scram_check("", &keys));
		assert_false(pc_scram_check("\xff", &keys));
	}
	assert_int_equal(pc_scram_derive("", &keys), PC_EINVAL);
	assert_int_equal(pc_scram_derive("\x07", &keys), PC_EINVAL);
	keys.iterations = PC_SCRAM_ITERATIONS_MIN - 1;
	assert_int_equal(pc_scram_derive("a", &keys), PC_EINVAL);
	keys.iterations = PC_SCRAM_ITERATIONS_MAX + 1;
	assert_int_equal(pc_scram_derive("a", &keys), PC_EINVAL);
	assert_false(pc_scram_check("IX", &keys));
	keys.iterations = PC_SCRAM_ITERATIONS_MIN;
	keys.salt_len = 0;
	assert_int_equal(pc_scram_derive("a", &keys), PC_EINVAL);
	keys.salt_len = PC_SCRAM_SALT_MAX + 1;
	assert_int_equal(pc_scram_derive("a", &keys), PC_EINVAL);
}

static void fake_keys(void **state)
{
	const uint8_t secret[32] = "a secret of the server", other[32] = "another";
	pc_scram_keys a = { .hash = PC_SCRAM_SHA_256, .iterations = 10000, .salt_len = 16 };
	pc_scram_keys b = a, c = a, d = a;

	(void)state;
	d.hash = PC_SCRAM_SHA_1;
	pc_scram_fake_keys("user", secret, &a);
	pc_scram_fake_keys("user", secret, &b);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(a.iterations, 10000);
	assert_int_equal(a.salt_len, 16);
	pc_scram_fake_keys("user2", secret, &c);
	assert_memory_not_equal(a.salt, c.salt, 16);
	pc_scram_fake_keys("user", other, &c);
	assert_memory_not_equal(a.salt, c.salt, 16);
	pc_scram_fake_keys("user", secret, &d);
	assert_memory_not_equal(a.salt, d.salt, 16);
	assert_false(pc_scram_check("pencil", &a));
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(pc_scram_name(PC_SCRAM_SHA_512, true), "SCRAM-SHA-512-PLUS");
	assert_string_equal(pc_scram_name(PC_SCRAM_SHA_1, false), "SCRAM-SHA-1");
	assert_string_equal(pc_binding_name(PC_BINDING_TLS_EXPORTER), "tls-exporter");
	assert_string_equal(pc_binding_name(PC_BINDING_NONE), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_of_passwords),
		cmocka_unit_test(fake_keys),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
