/* Connections counted by where they come from. */
#include "io_host.h"

#include <arpa/inet.h>

#include "io/ends.h"

static struct sockaddr_storage address(const char *ip)
{
	struct sockaddr_storage addr = { 0 };

	if (strchr(ip, ':') != NULL)
		uv_ip6_addr(ip, 1234, (struct sockaddr_in6 *)&addr);
	else
		uv_ip4_addr(ip, 1234, (struct sockaddr_in *)&addr);
	return addr;
}

static bool admit(struct host *h, pc__io_quota *quota, const char *ip, struct pc__origin **o)
{
	struct sockaddr_storage addr = address(ip);

	return pc__origins_admit(h->io, quota, &addr, o);
}

/* One address leaves no room for itself, and all for the others. */
static void test_addresses(void **state)
{
	static const char *const same[][2] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "192.0.2.1", "::ffff:192.0.2.1" },
		{ "2001:db8:1:2::1", "2001:db8:1:2:ffff::2" },
	};
	static const char *const other[][2] = {
		{ "192.0.2.1", "192.0.2.2" },
		{ "2001:db8:1:2::1", "2001:db8:1:3::1" },
		{ "192.0.2.1", "c000:201::1" },
	};
	pc__io_quota quota = { .total = 1 };
	struct pc__origin *a, *b;
	struct host h;

	(void)state;
	host_start(&h);
	for (size_t i = 0; i < PC__COUNT(same); i++) {
		assert_true(admit(&h, &quota, same[i][0], &a));
		assert_false(admit(&h, &quota, same[i][1], &b));
		pc__origins_leave(h.io, a, false);
		assert_null(h.io->origins);
	}
	for (size_t i = 0; i < PC__COUNT(other); i++) {
		assert_true(admit(&h, &quota, other[i][0], &a));
		assert_true(admit(&h, &quota, other[i][1], &b));
		pc__origins_leave(h.io, a, false);
		pc__origins_leave(h.io, b, false);
	}
	host_stop(&h);
}

/* Each service counts for itself. */
static void test_quotas(void **state)
{
	pc__io_quota one = { .total = 1 }, two = { .total = 1 };
	struct pc__origin *a, *b, *c;
	struct host h;

	(void)state;
	host_start(&h);
	assert_true(admit(&h, &one, "192.0.2.1", &a));
	assert_true(admit(&h, &two, "192.0.2.1", &b));
	assert_false(admit(&h, &two, "192.0.2.1", &c));
	assert_true(admit(&h, NULL, "192.0.2.1", &c));
	assert_null(c);
	host_stop(&h); /* with both of them there */
}

static void test_unproven(void **state)
{
	pc__io_quota quota = { .total = 3, .unproven = 1 };
	struct pc__origin *a, *b, *c;
	struct host h;

	(void)state;
	host_start(&h);
	assert_true(admit(&h, &quota, "192.0.2.1", &a));
	assert_false(admit(&h, &quota, "192.0.2.1", &b));
	pc__origins_prove(a);
	assert_true(admit(&h, &quota, "192.0.2.1", &b));
	pc__origins_prove(b);
	assert_true(admit(&h, &quota, "192.0.2.1", &c));
	pc__origins_prove(c);
	assert_false(admit(&h, &quota, "192.0.2.1", &c));
	pc__origins_leave(h.io, a, true);
	pc__origins_leave(h.io, a, true);
	pc__origins_leave(h.io, a, true);
	assert_null(h.io->origins);
	host_stop(&h);
}

static void test_networks(void **state)
{
	static const struct {
		const char *net, *ip;
		bool in;
	} rows[] = {
		{ "192.0.2.0/24", "192.0.2.255", true },
		{ "192.0.2.0/24", "192.0.3.0", false },
		{ "192.0.2.0/23", "192.0.3.0", true },
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.0", false },
		{ "0.0.0.0/0", "203.0.113.9", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "127.0.0.0/8", "::ffff:127.9.9.9", true },
		{ "2001:db8::/33", "2001:db8:7fff::", true },
		{ "2001:db8::/33", "2001:db8:8000::", false },
		{ "::1", "::1", true },
		{ "::1", "::2", false },
	};
	struct pc__origin *o;
	struct host h;

	(void)state;
	host_start(&h);
	for (size_t i = 0; i < PC__COUNT(rows); i++) {
		pc__io_net net;
		pc__io_quota quota = { .total = 1, .spared = &net, .n_spared = 1 };

		assert_int_equal(pc__io_net_read(rows[i].net, &net), PC_OK);
		assert_true(admit(&h, &quota, rows[i].ip, &o));
		if ((o == NULL) != rows[i].in)
			fail_msg("%s in %s", rows[i].ip, rows[i].net);
		pc__origins_leave(h.io, o, false);
	}
	host_stop(&h);
}

static void test_no_network(void **state)
{
	static const char *const texts[] = { "",
		                             "localhost",
		                             "192.0.2",
		                             "192.0.2.1/33",
		                             "192.0.2.1/",
		                             "192.0.2.1/-1",
		                             "::1/129",
		                             "::1/64/64",
		                             "1:2:3:4:5:6:7:8:9:10:11:12:13:14:15:16:17:18:19:20" };
	pc__io_net net;

	(void)state;
	for (size_t i = 0; i < PC__COUNT(texts); i++)
		assert_int_equal(pc__io_net_read(texts[i], &net), PC_EINVAL);
}

/* Over sockets: refused at once; one that goes makes room, and so does one that is proven. */
static void test_refused(void **state)
{
	static pc__io_quota quota = { .total = 2, .unproven = 1 };
	static const pc__io_kind kind = { .framing = PC__RAW, .quota = &quota };
	struct host h;
	struct peer p[4];

	(void)state;
	host_start(&h);
	host_listen(&h, "127.0.0.1", &kind);
	peer_connect(&h, &p[0]);
	UNTIL(&h, h.accepted == 1);
	peer_connect(&h, &p[1]);
	UNTIL(&h, p[1].eof && h.refused == 1);
	pc__io_prove(h.io, h.conn);
	pc__io_prove(h.io, h.conn); /* counts once */
	peer_connect(&h, &p[2]);
	UNTIL(&h, h.accepted == 2);
	peer_close(&p[2]);
	UNTIL(&h, h.closed == 1);
	peer_connect(&h, &p[2]);
	UNTIL(&h, h.accepted == 3);
	pc__io_prove(h.io, h.conn);
	peer_connect(&h, &p[3]);
	UNTIL(&h, p[3].eof && h.refused == 2);
	assert_int_equal(host_stats(&h).connections, 2);
	for (int i = 0; i < 4; i++)
		peer_close(&p[i]);
	UNTIL(&h, h.closed == 3);
	assert_null(h.io->origins);
	host_stop(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),  cmocka_unit_test(test_quotas),
		cmocka_unit_test(test_unproven),   cmocka_unit_test(test_networks),
		cmocka_unit_test(test_no_network), cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
