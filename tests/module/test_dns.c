/* The resolver, against a name server of the test's own on loopback. */
#include "service_host.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config.h"
#include "dns.h"
#include "timers.h"

static uv_udp_t name_server;
static uint16_t port;
static char folder[] = "/tmp/prosody-c-test-XXXXXX";
static uint8_t asked[256]; /* the last question's name, as it came */
static char packet[2048];

/* ---- the name server: a.example has an address, there is no other name; "late" gets no answer */

static void on_sent(uv_udp_send_t *req, int status)
{
	(void)status;
	free(req->data);
	free(req);
}

static void on_alloc(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
	(void)handle;
	(void)wanted;
	*buf = uv_buf_init(packet, sizeof(packet));
}

static size_t name_len(const uint8_t *name)
{
	size_t len = 0;

	while (name[len] != 0)
		len += name[len] + 1u;
	return len + 1;
}

static size_t make_answer(uint8_t *out, const uint8_t *question, size_t question_len)
{
	static const uint8_t record[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7 };
	bool known =
	        memcmp(question + 12, "\1a\7example", 10) == 0 && question[question_len - 3] == 1;

	memcpy(out, question, question_len);
	out[2] = 0x85;                                            /* an answer, authoritative */
	out[3] = (uint8_t)(0x80 | (question[13] == 'n' ? 3 : 0)); /* "none": no such name */
	memset(out + 6, 0, 6);
	if (!known)
		return question_len;
	out[7] = 1;
	memcpy(out + question_len, record, sizeof(record));
	return question_len + sizeof(record);
}

static void on_question(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
                        unsigned flags)
{
	const uint8_t *question = (const uint8_t *)buf->base;
	size_t name, len;
	uv_udp_send_t *req;
	uv_buf_t out;

	(void)flags;
	if (n < 17 || from == NULL)
		return;
	name = name_len(question + 12);
	memcpy(asked, question + 12, name < sizeof(asked) ? name : sizeof(asked));
	if (memcmp(question + 12, "\4late", 5) == 0)
		return;
	req = pc__alloc(sizeof(*req));
	req->data = pc__alloc(1024);
	len = make_answer(req->data, question, 12 + name + 4);
	out = uv_buf_init(req->data, (unsigned)len);
	uv_udp_send(req, udp, &out, 1, from, on_sent);
}

static void start_name_server(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int len = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	uv_udp_init(&loop, &name_server);
	assert_int_equal(uv_udp_bind(&name_server, (struct sockaddr *)&address, 0), 0);
	uv_udp_getsockname(&name_server, (struct sockaddr *)&address, &len);
	port = ntohs(address.sin_port);
	uv_udp_recv_start(&name_server, on_alloc, on_question);
}

/* ---- */

static struct {
	int n, err;
	char data[64];
	size_t records;
	uint32_t ttl;
} told;

static void on_answer(const pc_dns_answer *answer, void *data)
{
	assert_ptr_equal(data, &told);
	told.n++;
	told.err = answer->err;
	told.records = answer->n;
	told.ttl = answer->ttl;
	if (answer->n > 0)
		memcpy(told.data, answer->data[0].p, answer->data[0].len);
	assert_false(answer->secure);
}

static void use_config(void)
{
	char *file, *error = NULL;
	pc__config *config;
	FILE *f;

	assert_non_null(mkdtemp(folder));
	file = pc__printf("%s/test.conf", folder);
	f = fopen(file, "w");
	fprintf(f,
	        "unbound = { resolvconf = false; hoststxt = false; forward = \"127.0.0.1@%u\";\n"
	        "  options = { [\"do-not-query-localhost:\"] = \"no\"; [\"module-config:\"] =\n"
	        "  \"iterator\"; [\"no such option:\"] = \"passed over\" } }\n",
	        port);
	fclose(f);
	config = pc__config_load(file, NULL, 0, &error);
	assert_non_null(config);
	pc__config_use(config);
	unlink(file);
	rmdir(folder);
	free(file);
}

static void ask(pc_module *m, const char *name)
{
	memset(&told, 0, sizeof(told));
	assert_int_equal(pc_resolve(m, name, 1, on_answer, &told), PC_OK);
	assert_int_equal(told.n, 0);
}

static void test_answers(void **state)
{
	pc_module *m = *state;

	ask(m, "a.example");
	assert_true(run_until(&told.n, 1));
	assert_int_equal(told.err, PC_OK);
	assert_int_equal(told.records, 1);
	assert_memory_equal(told.data, "\xc0\x00\x02\x07", 4);
	assert_int_equal(told.ttl, 60);
	ask(m, "none.example");
	assert_true(run_until(&told.n, 1));
	assert_int_equal(told.err, PC_ENOENT);
	ask(m, "empty.example");
	assert_true(run_until(&told.n, 1));
	assert_int_equal(told.err, PC_ENOENT);
}

static void test_international(void **state)
{
	ask(*state, "b\303\274cher.example");
	assert_true(run_until(&told.n, 1));
	assert_string_equal((char *)asked, "\15xn--bcher-kva\7example");
}

static void test_refused(void **state)
{
	assert_int_equal(pc_resolve(*state, "", 1, on_answer, &told), PC_EINVAL);
	assert_int_equal(pc_resolve(*state, "a b", 1, on_answer, &told), PC_EINVAL);
	assert_int_equal(pc_resolve(*state, "\xff.example", 1, on_answer, &told), PC_EINVAL);
}

static void test_bounded_and_module_gone(void **state)
{
	pc_module *m = module_new();

	(void)state;
	memset(&told, 0, sizeof(told));
	for (int i = 0; i < PC__DNS_MAX; i++)
		assert_int_equal(pc_resolve(m, "late.example", 1, on_answer, &told), PC_OK);
	assert_int_equal(pc_resolve(m, "late.example", 1, on_answer, &told), PC_EBUSY);
	module_end(m, PC__DEAD);
	pc__dns_stop();
	assert_int_equal(told.n, 0);
}

static int open_world(void **state)
{
	*state = module_new();
	return 0;
}

static int close_world(void **state)
{
	module_end(*state, PC__DEAD);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, open_world, close_world),
		cmocka_unit_test_setup_teardown(test_international, open_world, close_world),
		cmocka_unit_test_setup_teardown(test_refused, open_world, close_world),
		cmocka_unit_test_setup_teardown(test_bounded_and_module_gone, open_world,
		                                close_world),
	};
	int failed;

	loop_open();
	start_name_server();
	use_config();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	pc__dns_stop();
	uv_close((uv_handle_t *)&name_server, NULL);
	pc__timers_stop();
	loop_end();
	pc__config_use(NULL);
	return failed;
}
