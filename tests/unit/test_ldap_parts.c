/* The pure parts of mod_auth_ldap: filters with names from outside in them, and the list of
 * servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../modules/mod_auth_ldap/filter.c"
#include "../../modules/mod_auth_ldap/servers.c"

static void filter_is(const char *text, const char *user, const char *wanted)
{
	char *filter = filter_make(text, user, "h.example");

	assert_string_equal(filter, wanted);
	free(filter);
}

static void test_filter(void **state)
{
	(void)state;
	filter_is("(uid=$user)", "juliet", "(uid=juliet)");
	filter_is("(&(uid=$user)(o=$host)(mail=$user@$host))", "a",
	          "(&(uid=a)(o=h.example)(mail=a@h.example))");
	filter_is("(uid=$users)", "a", "(uid=$users)");
	filter_is("(a=$)($", "a", "(a=$)($");
	filter_is("", "a", "");
	filter_is("(uid=$user)", "", "(uid=)");
}

/* RFC 4515 section 3: they are bytes of a value, whatever they are. */
static void test_filter_is_not_changed_by_names(void **state)
{
	(void)state;
	filter_is("(uid=$user)", "*", "(uid=\\2A)");
	filter_is("(uid=$user)", "a)(uid=*", "(uid=a\\29\\28uid=\\2A)");
	filter_is("(uid=$user)", "\\2a", "(uid=\\5C2a)");
	filter_is("(uid=$user)", "$host", "(uid=$host)");
	filter_is("(uid=$user)", "zo\xc3\xa9", "(uid=zo\\C3\\A9)");
}

static void servers_are(const char *text, size_t n, const char *host, unsigned port, bool tls)
{
	struct servers s;

	assert_true(servers_read(&s, text));
	assert_int_equal(s.n, n);
	assert_string_equal(s.at[n - 1].host, host);
	assert_int_equal(s.at[n - 1].port, port);
	assert_int_equal(s.at[n - 1].tls, tls);
}

static void test_servers(void **state)
{
	(void)state;
	servers_are("localhost", 1, "localhost", 389, false);
	servers_are(" a.example  b.example:3389 ", 2, "b.example", 3389, false);
	servers_are("ldap://a.example/", 1, "a.example", 389, false);
	servers_are("ldaps://a.example", 1, "a.example", 636, true);
	servers_are("a,ldaps://b:1636", 2, "b", 1636, true);
	servers_are("192.0.2.1:65535", 1, "192.0.2.1", 65535, false);
	servers_are("2001:db8::1", 1, "2001:db8::1", 389, false);
	servers_are("ldaps://[2001:db8::1]:1636/", 1, "2001:db8::1", 1636, true);
}

static void test_servers_refused(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		":389",
		"a:",
		"a:0",
		"a:65536",
		"a:x",
		"a:389x",
		"a:-1",
		"ldap://",
		"ldaps:///",
		"http://a",
		"[::1",
		"[a]",
		"[::1]x",
		"a/b",
		"1 2 3 4 5 6 7 8 9",
	};
	char longest[400];
	struct servers s;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (servers_read(&s, bad[i]))
			fail_msg("taken: %s", bad[i]);
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (size_t i = 0; i < sizeof(longest) - 1; i++)
		servers_read(&s, longest + i);
	assert_false(servers_read(&s, longest));
}

static void test_addresses(void **state)
{
	char addresses[SERVER_ADDRESSES][SERVER_ADDRESS_SIZE];
	struct servers s;

	(void)state;
	assert_true(servers_read(&s, "192.0.2.1 localhost a.example"));
	assert_int_equal(server_addresses(&s.at[0], addresses), 1);
	assert_string_equal(addresses[0], "192.0.2.1");
	assert_int_equal(server_addresses(&s.at[1], addresses), 2);
	assert_string_equal(addresses[1], "::1");
	assert_int_equal(server_addresses(&s.at[2], addresses), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_filter_is_not_changed_by_names),
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_servers_refused),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
