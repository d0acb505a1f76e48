#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <prosody-c/jid.h>

#include "util/mem.h"
#include "util/utf8.h"

struct row {
	const char *in;
	const char *out; /* NULL: refused */
};

static const struct row addresses[] = {
	{ "example.org", "example.org" },
	{ "Romeo@Example.ORG/Orchard Home", "romeo@example.org/Orchard Home" },
	{ "a@b/c/d@e", "a@b/c/d@e" },
	{ "b/c@d", "b/c@d" },
	{ "a.b-c_d!#$%*+=?^`{|}~@b", "a.b-c_d!#$%*+=?^`{|}~@b" },
	{ "example.org.", "example.org" },
	{ "example.org..", NULL },
	{ ".", NULL },
	{ "", NULL },
	{ "@", NULL },
	{ "/", NULL },
	{ "@b", NULL },
	{ "a@", NULL },
	{ "a@/c", NULL },
	{ "@/c", NULL },
	{ "/c", NULL },
	{ "b/", NULL },
	{ "a@b/", NULL },
	{ "a@b@c", NULL },
	{ "a b@c", NULL },
	{ "a\"b@c", NULL },
	{ "a&b@c", NULL },
	{ "a'b@c", NULL },
	{ "a:b@c", NULL },
	{ "a<b@c", NULL },
	{ "a>b@c", NULL },
	{ "a\tb@c", NULL },
	{ "a\177b@c", NULL },
	{ "a@b/\t", NULL },
	{ "a@b/\177", NULL },
	{ "a@b c", NULL },
	{ "a@b:5222", NULL },
	{ "a@.b", NULL },
	{ "a@b..c", NULL },
	{ "a@-b", NULL },
	{ "a@b-", NULL },
	{ "a@b-.c", NULL },
	{ "a@my_host", "a@my_host" },
	/* literals */
	{ "a@127.0.0.1", "a@127.0.0.1" },
	{ "a@[::1]", "a@[::1]" },
	{ "a@[2001:DB8:0:0::1]/r", "a@[2001:db8::1]/r" },
	{ "a@[::1", NULL },
	{ "a@[]", NULL },
	{ "a@[", NULL },
	{ "a@[::1].", NULL },
	{ "a@[fe80::1%eth0]", NULL },
	{ "a@[12345678901234567890123456789012345678901234567890]", NULL },
	{ "a@::1", NULL },
	/* local parts beyond ASCII */
	{ "J\xc3\x9cRGEN@b", "j\xc3\xbcrgen@b" },
	{ "stra\xc3\x9f"
	  "e@b",
	  "strasse@b" },
	{ "u\xcc\x88@b", "\xc3\xbc@b" }, /* composed */
	{ "a\xc2\xad"
	  "b@c",
	  "ab@c" },                  /* soft hyphen vanishes */
	{ "\xc2\xad@c", NULL },      /* and leaves nothing */
	{ "\xef\xbc\xa1@c", "a@c" }, /* fullwidth A */
	{ "a\xef\xbc\xa0"
	  "b@c",
	  NULL }, /* fullwidth @ */
	{ "a\xef\xbc\x8f"
	  "b@c",
	  NULL }, /* fullwidth / */
	{ "a\xef\xbc\x9a"
	  "b@c",
	  NULL }, /* fullwidth : */
	{ "a\xc2\xa0"
	  "b@c",
	  NULL }, /* no-break space */
	{ "a\xe2\x80\xae"
	  "b@c",
	  NULL },                                       /* right-to-left override */
	{ "a\xef\xbf\xbf@c", NULL },                    /* noncharacter */
	{ "\xee\x80\x80@c", NULL },                     /* private use */
	{ "\xf0\x9f\x98\x80@c", "\xf0\x9f\x98\x80@c" }, /* younger than Unicode 3.2 */
	{ "a\xd7\x90@c", NULL },                        /* left-to-right beside right-to-left */
	{ "\xd7\x90\xd7\x91@c", "\xd7\x90\xd7\x91@c" },
	/* not UTF-8 */
	{ "\xff@c", NULL },
	{ "\xc0\xaf@c", NULL },
	{ "\xc0\x80@c", NULL },
	{ "\xed\xa0\x80@c", NULL },
	{ "\xf4\x90\x80\x80@c", NULL },
	{ "\xc3@c", NULL },
	{ "a@\xc3", NULL },
	{ "a@b/\xc3", NULL },
	{ "a@b/\xe0\x80\xaf", NULL },
	{ "a@b/\x80", NULL },
	/* resources keep their case */
	{ "b/\xc3\x9c", "b/\xc3\x9c" },
	{ "b/\xef\xbc\xa0", "b/@" },
	{ "b/\xc2\xad", NULL },
	{ "b/\xe3\x80\x80", "b/ " }, /* ideographic space */
	/* domains */
	{ "B\xc3\x9c"
	  "CHER.example",
	  "b\xc3\xbc"
	  "cher.example" },
	{ "xn--bcher-kva.example", "b\xc3\xbc"
	                           "cher.example" },
	{ "XN--BCHER-KVA.Example.", "b\xc3\xbc"
	                            "cher.example" },
	{ "xn--bcher-kva.b\xc3\xbc"
	  "cher",
	  "b\xc3\xbc"
	  "cher.b\xc3\xbc"
	  "cher" },
	{ "\xef\xbd\x98n--bcher-kva.example", "b\xc3\xbc"
	                                      "cher.example" },
	{ "\xe4\xbe\x8b\xe3\x80\x82jp", "\xe4\xbe\x8b.jp" },
	{ "\xe4\xbe\x8b.jp\xe3\x80\x82", "\xe4\xbe\x8b.jp" },
	{ "\xe3\x80\x82", NULL },
	{ "a\xe3\x80\x82\xe3\x80\x82"
	  "b",
	  NULL },
	{ "xn--", NULL },
	{ "xn--a", NULL },
	{ "xn--\xc3\xbc", NULL },
	{ "xn--99999999999999", NULL },
	{ "a.xn---.b", NULL },
	{ "\xef\xbc\xa0.example", NULL }, /* fullwidth @ */
	{ "\xe2\x84\x80.example", NULL }, /* a/c in one character */
	{ "a\xe2\x80\xa4"
	  "b.example",
	  NULL }, /* one dot leader */
	{ "\xc2\xad.example", NULL },
	{ "example.\xc2\xad", NULL },
	{ "\xc3\xbc-.example", NULL },
	{ "\xef\xbc\x8d"
	  "a.example",
	  NULL },                     /* fullwidth hyphen */
	{ "\xef\xbc\xbb::1]", NULL }, /* fullwidth [ */
};

static void addresses_are_split_and_prepared(void **state)
{
	(void)state;
	for (size_t i = 0; i < PC__COUNT(addresses); i++) {
		const struct row *row = &addresses[i];
		char buf[PC_JID_BUF], out[PC_JID_MAX + 1];
		pc_jid jid;
		int err = pc_jid_parse(row->in, buf, &jid);

		if (row->out == NULL) {
			if (err != PC_EINVAL)
				fail_msg("accepted: %s", row->in);
			assert_null(jid.domain);
			continue;
		}
		if (err != PC_OK)
			fail_msg("refused: %s", row->in);
		assert_int_equal(pc_jid_write(&jid, out), strlen(row->out));
		assert_string_equal(out, row->out);
		assert_int_equal(pc_jid_parse(out, buf, &jid), PC_OK);
		pc_jid_write(&jid, out);
		assert_string_equal(out, row->out);
	}
}

static void parts_are_told_apart(void **state)
{
	char buf[PC_JID_BUF], out[PC_JID_MAX + 1];
	pc_jid jid;

	(void)state;
	assert_int_equal(pc_jid_parse("A@B/C", buf, &jid), PC_OK);
	assert_string_equal(jid.local, "a");
	assert_string_equal(jid.domain, "b");
	assert_string_equal(jid.resource, "C");
	assert_int_equal(pc_jid_write_bare(&jid, out), 3);
	assert_string_equal(out, "a@b");
	assert_int_equal(pc_jid_parse("b", buf, &jid), PC_OK);
	assert_null(jid.local);
	assert_null(jid.resource);
	assert_int_equal(pc_jid_parse(NULL, buf, &jid), PC_EINVAL);
	assert_int_equal(pc_jid_parse_n("a@bcd", 3, buf, &jid), PC_OK);
	assert_string_equal(jid.domain, "b");
	assert_int_equal(pc_jid_parse_n("a\0b@c", 5, buf, &jid), PC_EINVAL);
	assert_int_equal(pc_jid_parse_n("a@b\0c", 5, buf, &jid), PC_EINVAL);
	assert_int_equal(pc_jid_parse_n("a@b/\0", 5, buf, &jid), PC_EINVAL);
	assert_int_equal(pc_jid_parse_n("\xc3\xbc\0@b", 5, buf, &jid), PC_EINVAL);
	assert_int_equal(pc_jid_parse_n("a@\xc3\xbc\0b", 6, buf, &jid), PC_EINVAL);
	assert_int_equal(pc_jid_parse_n("a@b/\xc3\xbc\0", 7, buf, &jid), PC_EINVAL);
	assert_int_equal(pc_jid_parse_n("a@[::1\0]", 8, buf, &jid), PC_EINVAL);
}

static void addresses_are_made_of_parts(void **state)
{
	char buf[PC_JID_BUF];
	pc_jid jid;

	(void)state;
	assert_int_equal(pc_jid_make("A", "B", "C", buf, &jid), PC_OK);
	assert_string_equal(jid.local, "a");
	assert_string_equal(jid.resource, "C");
	assert_int_equal(pc_jid_make(NULL, "B", NULL, buf, &jid), PC_OK);
	assert_null(jid.local);
	assert_int_equal(pc_jid_make("", "b", NULL, buf, &jid), PC_EINVAL);
	assert_int_equal(pc_jid_make("a", "b", "", buf, &jid), PC_EINVAL);
	assert_int_equal(pc_jid_make("a", NULL, NULL, buf, &jid), PC_EINVAL);
	assert_int_equal(pc_jid_make("a@b", "c", NULL, buf, &jid), PC_EINVAL);
	assert_int_equal(pc_jid_make("a", "b/c", NULL, buf, &jid), PC_EINVAL);
}

static void comparison(void **state)
{
	char buf[3][PC_JID_BUF];
	pc_jid a, b, c;

	(void)state;
	pc_jid_parse("a@b/c", buf[0], &a);
	pc_jid_parse("A@B/c", buf[1], &b);
	pc_jid_parse("a@b", buf[2], &c);
	assert_true(pc_jid_equal(&a, &b));
	assert_false(pc_jid_equal(&a, &c));
	assert_true(pc_jid_equal_bare(&a, &c));
	pc_jid_parse("b", buf[1], &b);
	assert_false(pc_jid_equal_bare(&a, &b));
}

static void fill_domain(char *out, size_t len)
{
	memset(out, 'd', len);
	for (size_t i = 63; i < len - 1; i += 64)
		out[i] = '.';
	out[len] = '\0';
}

static void limits(void **state)
{
	char text[2 * PC_JID_MAX], out[PC_JID_PART_MAX + 1], buf[PC_JID_BUF];
	char domain[PC_JID_PART_MAX + 2];
	pc_jid jid;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[1024] = '\0';
	assert_int_equal(pc_jid_prep_local(text, out), PC_EINVAL);
	assert_int_equal(pc_jid_prep_resource(text, out), PC_EINVAL);
	assert_int_equal(pc_saslprep(text, out), PC_EINVAL);
	text[1023] = '\0';
	assert_int_equal(pc_jid_prep_local(text, out), PC_OK);
	assert_int_equal(strlen(out), 1023);
	assert_int_equal(pc_jid_prep_resource(text, out), PC_OK);
	assert_int_equal(pc_saslprep(text, out), PC_OK);
	text[64] = '\0'; /* a label */
	assert_int_equal(pc_jid_prep_domain(text, out), PC_EINVAL);
	text[63] = '\0';
	assert_int_equal(pc_jid_prep_domain(text, out), PC_OK);
	fill_domain(domain, 1024);
	assert_int_equal(pc_jid_prep_domain(domain, out), PC_EINVAL);
	fill_domain(domain, 1023);
	assert_int_equal(pc_jid_prep_domain(domain, out), PC_OK);
	assert_string_equal(domain, out);

	/* Three parts of the greatest length. */
	memset(text, 'x', PC_JID_MAX);
	text[1023] = '@';
	fill_domain(text + 1024, 1023);
	text[2047] = '/';
	text[PC_JID_MAX] = '\0';
	assert_int_equal(strlen(text), PC_JID_MAX);
	assert_int_equal(pc_jid_parse(text, buf, &jid), PC_OK);
	text[PC_JID_MAX] = 'x';
	assert_int_equal(pc_jid_parse_n(text, PC_JID_MAX + 1, buf, &jid), PC_EINVAL);
}

static void domain_of_what_is_no_address(void **state)
{
	static const struct {
		const char *text, *domain;
	} rows[] = {
		{ "a@B.example/x", "b.example" },
		{ "b.example", "b.example" },
		{ "a b@b.example/x", "b.example" },
		{ "@b.example", "b.example" },
		{ "a@b.example./", "b.example" },
		{ "b.example/x@c.example/y", "b.example" },
		{ "a@b@c.example", NULL },
		{ "a@/x", NULL },
		{ "@", NULL },
		{ "/b.example", NULL },
		{ "", NULL },
	};
	char out[PC_JID_PART_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int err = pc_jid_domain_of(rows[i].text, out);

		assert_int_equal(err, rows[i].domain ? PC_OK : PC_EINVAL);
		if (rows[i].domain)
			assert_string_equal(out, rows[i].domain);
	}
}

/* U+FDFA becomes eighteen characters, 33 bytes: short before preparation, long after. */
static void preparation_that_grows(void **state)
{
	char text[PC_JID_PART_MAX + 1] = "", out[PC_JID_PART_MAX + 1];

	(void)state;
	for (size_t i = 0; i < 30; i++)
		memcpy(text + 3 * i, "\xef\xb7\xba", 4);
	assert_int_equal(pc_jid_prep_resource(text, out), PC_OK);
	assert_int_equal(strlen(out), 990);
	for (size_t i = 0; i < 340; i++)
		memcpy(text + 3 * i, "\xef\xb7\xba", 4);
	assert_int_equal(pc_jid_prep_resource(text, out), PC_EINVAL);
	assert_int_equal(pc_jid_prep_local(text, out), PC_EINVAL);
	assert_int_equal(pc_jid_prep_domain(text, out), PC_EINVAL);
	/* One byte that becomes two at the very edge. */
	memset(text, 'x', 1021);
	memcpy(text + 1021, "\xc7\xb0", 3); /* folds to j and a caron, then composes again */
	assert_int_equal(pc_jid_prep_local(text, out), PC_OK);
}

static void saslprep(void **state)
{
	static const struct row rows[] = {
		{ "I\xc2\xadX", "IX" },
		{ "user", "user" },
		{ "USER", "USER" },
		{ "\xc2\xaa", "a" },
		{ "\xe2\x85\xa8", "IX" },
		{ "\x07", NULL },
		{ "\xd8\xa7\x31", NULL },
		{ "a\xc2\xa0"
		  "b",
		  "a b" },
		{ "", NULL },
		{ "\xc2\xad", NULL },
		{ "\xff", NULL },
		{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
	};
	char out[PC_JID_PART_MAX + 1];

	(void)state;
	for (size_t i = 0; i < PC__COUNT(rows); i++) {
		int err = pc_saslprep(rows[i].in, out);

		assert_int_equal(err, rows[i].out ? PC_OK : PC_EINVAL);
		if (rows[i].out)
			assert_string_equal(out, rows[i].out);
	}
}

static void utf8(void **state)
{
	static const char *const good[] = { "",
		                            "a",
		                            "\x7f",
		                            "\xc2\x80",
		                            "\xdf\xbf",
		                            "\xe0\xa0\x80",
		                            "\xed\x9f\xbf",
		                            "\xee\x80\x80",
		                            "\xef\xbf\xbf",
		                            "\xf0\x90\x80\x80",
		                            "\xf4\x8f\xbf\xbf" };
	static const char *const bad[] = { "\x80",
		                           "\xbf",
		                           "\xc0\x80",
		                           "\xc1\xbf",
		                           "\xc2",
		                           "\xc2\x41",
		                           "\xe0\x9f\xbf",
		                           "\xed\xa0\x80",
		                           "\xed\xbf\xbf",
		                           "\xe1\x80",
		                           "\xe1\x80\x41",
		                           "\xf0\x8f\xbf\xbf",
		                           "\xf4\x90\x80\x80",
		                           "\xf5\x80\x80\x80",
		                           "\xf1\x80\x80",
		                           "\xf1\x80\x80\x41",
		                           "\xfe",
		                           "\xff" };

	(void)state;
	for (size_t i = 0; i < PC__COUNT(good); i++)
		assert_true(pc__utf8_valid(good[i], strlen(good[i])));
	for (size_t i = 0; i < PC__COUNT(bad); i++)
		assert_false(pc__utf8_valid(bad[i], strlen(bad[i])));
	assert_true(pc__utf8_valid("a\0b", 3));
	assert_false(pc__utf8_valid("\xe2\x82\xac", 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_split_and_prepared),
		cmocka_unit_test(parts_are_told_apart),
		cmocka_unit_test(addresses_are_made_of_parts),
		cmocka_unit_test(comparison),
		cmocka_unit_test(limits),
		cmocka_unit_test(domain_of_what_is_no_address),
		cmocka_unit_test(preparation_that_grows),
		cmocka_unit_test(saslprep),
		cmocka_unit_test(utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
