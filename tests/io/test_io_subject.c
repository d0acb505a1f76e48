/* Whom a certificate is for (RFC 9525, RFC 6120 section 13.7.1). */
#include "made_certs.h"

#include "io/tls.h"
#include "util/buf.h"

static void test_names(void **state)
{
	static const struct {
		struct wish wish;
		const char *domain, *service;
		bool is;
	} rows[] = {
		{ { .dns = "example.org" }, "example.org", NULL, true },
		{ { .dns = "Example.ORG" }, "example.org", NULL, true },
		{ { .dns = "example.org" }, "sub.example.org", NULL, false },
		{ { .dns = "example.org" }, "example.orgs", NULL, false },
		{ { .dns = "*.example.org" }, "sub.example.org", NULL, true },
		{ { .dns = "*.example.org" }, "example.org", NULL, false },
		{ { .dns = "*.example.org" }, "a.sub.example.org", NULL, false },
		{ { .dns = "s*.example.org" }, "sub.example.org", NULL, false },
		{ { .dns = "sub.*.org" }, "sub.example.org", NULL, false },
		{ { .cn = "example.org" }, "example.org", NULL, false },
		{ { .cn = "example.org", .dns = "other.org" }, "example.org", NULL, false },
		{ { .cn = "example.org", .purposes = SERVER }, "example.org", NULL, false },
		{ { .srv = "_xmpp-server.example.org" }, "example.org", "xmpp-server", true },
		{ { .srv = "_xmpp-client.example.org" }, "example.org", "xmpp-server", false },
		{ { .srv = "_xmpp-server.example.org" }, "example.org", NULL, false },
		{ { .srv = "_xmpp-server.sub.example.org" }, "example.org", "xmpp-server", false },
		{ { .srv = "_xmpp-server.example.org", .cn = "x.org" }, "x.org", NULL, false },
		{ { .xmpp = "example.org" }, "example.org", NULL, true },
		{ { .xmpp = "juliet@example.org" }, "example.org", NULL, false },
		{ { .xmpp = "other.org", .dns = "example.org" }, "example.org", NULL, true },
		{ { .dns = "xn--mnchen-3ya.example" }, "münchen.example", NULL, true },
		{ { .xmpp = "münchen.example" }, "münchen.example", NULL, true },
		{ { .srv = "_xmpp-server.xn--mnchen-3ya.example" },
		  "münchen.example",
		  "xmpp-server",
		  true },
		{ { .dns = "192.0.2.1" }, "192.0.2.1", NULL, false },
		{ { .cn = "nobody" }, "", NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < PC__COUNT(rows); i++) {
		struct made m = { NULL, NULL };
		pc_str der;

		make(&m, &rows[i].wish);
		der = der_of(&m);
		if (pc__cert_is_for(&der, rows[i].domain, rows[i].service) != rows[i].is)
			fail_msg("row %zu: %s", i, rows[i].domain);
		free((void *)(uintptr_t)der.p);
		unmake(&m);
	}
}

static void note_name(pc__cert_kind kind, const char *name, void *data)
{
	pc__buf_printf(data, "%d=%s ", kind, name);
}

static void test_all_names(void **state)
{
	static const struct wish wish = { .dns = "a.example",
		                          .srv = "_xmpp-client.a.example",
		                          .xmpp = "juliet@a.example" };
	struct made m = { NULL, NULL };
	struct pc__buf said = { 0 };
	pc_str der, nothing = { "x", 1 };

	(void)state;
	make(&m, &wish);
	der = der_of(&m);
	pc__cert_names(&der, note_name, &said);
	assert_string_equal(pc__buf_str(&said),
	                    "0=a.example 1=_xmpp-client.a.example 2=juliet@a.example ");
	assert_false(pc__cert_is_for(&nothing, "a.example", NULL));
	pc__buf_free(&said);
	free((void *)(uintptr_t)der.p);
	unmake(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_all_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
