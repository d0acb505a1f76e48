#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <prosody-c/scram.h>

#include "util/mem.h"
#include "util/scram_message.h"

#define MSG_SIZE (PC_SCRAM_MESSAGE_MAX + 16)

struct first_row {
	const char *msg;
	bool plus, plus_offered;
	int err;
	const char *username, *authzid;
};

static const struct first_row firsts[] = {
	{ "n,,n=user,r=abc", false, false, PC_OK, "user", NULL },
	{ "n,,n=user,r=abc", false, true, PC_OK, "user", NULL },
	{ "y,,n=user,r=abc", false, false, PC_OK, "user", NULL },
	{ "y,,n=user,r=abc", false, true, PC_EINVAL, NULL, NULL },
	{ "p=tls-exporter,,n=user,r=abc", false, true, PC_EINVAL, NULL, NULL },
	{ "p=tls-exporter,,n=user,r=abc", true, true, PC_OK, "user", NULL },
	{ "p=tls-server-end-point,,n=user,r=abc", true, true, PC_OK, "user", NULL },
	{ "p=tls-unique,,n=user,r=abc", true, true, PC_EINVAL, NULL, NULL },
	{ "p=tls-exporte,,n=user,r=abc", true, true, PC_EINVAL, NULL, NULL },
	{ "p=TLS-EXPORTER,,n=user,r=abc", true, true, PC_EINVAL, NULL, NULL },
	{ "p=,,n=user,r=abc", true, true, PC_EINVAL, NULL, NULL },
	{ "p,,n=user,r=abc", true, true, PC_EINVAL, NULL, NULL },
	{ "n,,n=user,r=abc", true, true, PC_EINVAL, NULL, NULL },
	{ "y,,n=user,r=abc", true, true, PC_EINVAL, NULL, NULL },
	{ "n,a=other,n=user,r=abc", false, false, PC_OK, "user", "other" },
	{ "n,a=a=2Cb=3Dc,n=d=2Ce=3Df,r=abc", false, false, PC_OK, "d,e=f", "a,b=c" },
	{ "n,a=b@c/d,n=user,r=abc", false, false, PC_OK, "user", "b@c/d" },
	{ "n,a=,n=user,r=abc", false, false, PC_EINVAL, NULL, NULL },
	{ "n,a=x=,n=user,r=abc", false, false, PC_EINVAL, NULL, NULL },
	{ "n,b=x,n=user,r=abc", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,n==2c,r=abc", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,n=a=,r=abc", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,n=a=2,r=abc", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,n=a=41,r=abc", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,n=,r=abc", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,n=I\xc2\xadX,r=abc", false, false, PC_OK, "IX", NULL },
	{ "n,,n=\xc2\xad,r=abc", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,n=\x07,r=abc", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,n=\xff,r=abc", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,n=user,r=", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,n=user,r=a b", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,n=user,r=a\xc3\xbc", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,n=user,r=a\177", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,n=user", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,n=user,", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,r=abc,n=user", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,r=abc", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,n=user,n=user,r=abc", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,m=x,n=user,r=abc", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,n=user,r=abc,m=x", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,n=user,r=abc,x=y", false, false, PC_OK, "user", NULL },
	{ "n,,n=user,r=abc,x=y=z,w=v", false, false, PC_OK, "user", NULL },
	{ "n,,n=user,r=abc,", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,n=user,r=abc,x", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,n=user,r=abc,x=", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,n=user,r=abc,1=2", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,n=user,r=abc,xx=2", false, false, PC_EINVAL, NULL, NULL },
	{ "n,n=user,r=abc", false, false, PC_EINVAL, NULL, NULL },
	{ "n=user,r=abc", false, false, PC_EINVAL, NULL, NULL },
	{ "nn,,n=user,r=abc", false, false, PC_EINVAL, NULL, NULL },
	{ "N,,n=user,r=abc", false, false, PC_EINVAL, NULL, NULL },
	{ " n,,n=user,r=abc", false, false, PC_EINVAL, NULL, NULL },
	{ ",,n=user,r=abc", false, false, PC_EINVAL, NULL, NULL },
	{ "n,,", false, false, PC_EINVAL, NULL, NULL },
	{ "n,", false, false, PC_EINVAL, NULL, NULL },
	{ "n", false, false, PC_EINVAL, NULL, NULL },
	{ "", false, false, PC_EINVAL, NULL, NULL },
};

static void first_messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < PC__COUNT(firsts); i++) {
		const struct first_row *row = &firsts[i];
		pc_scram_policy policy = { .plus_offered = row->plus_offered };
		pc_scram *sc;

		pc_scram_start(&sc, PC_SCRAM_SHA_256, row->plus, &policy);
		if (pc_scram_client_first(sc, row->msg, strlen(row->msg)) != row->err)
			fail_msg("%s", row->msg);
		if (row->err == PC_OK) {
			assert_string_equal(pc_scram_username(sc), row->username);
			assert_int_equal(pc_scram_authzid(sc) != NULL, row->authzid != NULL);
			if (row->authzid)
				assert_string_equal(pc_scram_authzid(sc), row->authzid);
		} else {
			assert_int_equal(pc_scram_client_first(sc, "n,,n=a,r=b", 10), PC_ESTATE);
		}
		pc_scram_free(&sc);
	}
}

static void fill(char msg[static MSG_SIZE], const char *start)
{
	size_t len = strlen(start);

	for (size_t i = 0; i < MSG_SIZE; i++)
		msg[i] = i < len ? start[i] : 'x';
}

static int first_of(const char *msg, size_t len)
{
	pc_scram *sc;
	int err;

	pc_scram_start(&sc, PC_SCRAM_SHA_1, false, &(pc_scram_policy){ 0 });
	err = pc_scram_client_first(sc, msg, len);
	pc_scram_free(&sc);
	return err;
}

static void long_first_messages(void **state)
{
	char msg[MSG_SIZE], *p;
	char out[PC_SCRAM_MESSAGE_MAX];
	pc_scram_keys keys;
	pc_scram *sc;

	(void)state;
	assert_int_equal(first_of("n,,n=us\0er,r=abc", 16), PC_EINVAL);
	assert_int_equal(first_of("n,,n=user,r=abc\0", 16), PC_EINVAL);
	fill(msg, "n,,n=user,r=");
	assert_int_equal(first_of(msg, 12 + PC__SCRAM_NONCE_MAX), PC_OK);
	assert_int_equal(first_of(msg, 12 + PC__SCRAM_NONCE_MAX + 1), PC_EINVAL);
	fill(msg, "n,,n=user,r=a,x=");
	assert_int_equal(first_of(msg, PC_SCRAM_MESSAGE_MAX - 1), PC_OK);
	assert_int_equal(first_of(msg, PC_SCRAM_MESSAGE_MAX), PC_EINVAL);
	/* A name longer than an account's may be. */
	fill(msg, "n,,n=");
	p = msg + 5 + 1024;
	memcpy(p, ",r=abc", 7);
	assert_int_equal(first_of(msg, (size_t)(p + 6 - msg)), PC_EINVAL);

	/* The longest challenge fits. */
	fill(msg, "n,,n=user,r=");
	keys = (pc_scram_keys){ .hash = PC_SCRAM_SHA_512, .salt_len = PC_SCRAM_SALT_MAX };
	keys.iterations = PC_SCRAM_ITERATIONS_MAX;
	pc_scram_start(&sc, PC_SCRAM_SHA_512, false,
	               &(pc_scram_policy){ .mechanisms = { "SCRAM-SHA-512", 13 } });
	assert_int_equal(pc_scram_client_first(sc, msg, 12 + PC__SCRAM_NONCE_MAX), PC_OK);
	assert_true(pc_scram_server_first(sc, &keys, out) == (ssize_t)strlen(out));
	pc_scram_free(&sc);
}

static void downgrade_texts(void **state)
{
	static const char *const rows[][3] = {
		{ "B,A", "",
		  "A\x1e"
		  "B" },
		{ "A", "b,a",
		  "A\x1f"
		  "a\x1e"
		  "b" },
		{ "AB,A,a,B", "",
		  "A\x1e"
		  "AB\x1e"
		  "B\x1e"
		  "a" },
		{ "SCRAM-SHA-1-PLUS,SCRAM-SHA-1", "tls-server-end-point,tls-exporter",
		  "SCRAM-SHA-1\x1eSCRAM-SHA-1-PLUS\x1ftls-exporter\x1etls-server-end-point" },
	};

	(void)state;
	for (size_t i = 0; i < PC__COUNT(rows); i++) {
		char *text = pc__scram_downgrade_text(rows[i][0], rows[i][1]);

		assert_string_equal(text, rows[i][2]);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_messages),
		cmocka_unit_test(long_first_messages),
		cmocka_unit_test(downgrade_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
