/* pc_cron(): periods, and last runs that outlive their module. Over the memory driver. */
#include "service_host.h"

#include <inttypes.h>
#include <libgen.h>
#include <unistd.h>

#include "config.h"
#include "loader.h"
#include "stores.h"
#include "timers.h"

static const char config_text[] = "default_storage = \"memory\"\n"
                                  "tester_often_period = 0.03\n"
                                  "tester_off_period = \"never\"\n"
                                  "tester_texts_period = \"2 days\"\n";

static char folder[] = "/tmp/prosody-c-test-XXXXXX";
static char *file;
static int ran, waited;

static void on_run(void *data)
{
	assert_ptr_equal(data, &ran);
	ran++;
}

static void on_waited(void *data)
{
	(void)data;
	waited++;
}

static void on_stored(int err, void *data)
{
	(void)data;
	assert_int_equal(err, PC_OK);
	waited++;
}

static void on_items(int err, const pc_item *items, size_t n, void *data)
{
	assert_int_equal(err, PC_OK);
	*(int64_t *)data = n == 1 ? strtoll(items[0].value, NULL, 10) : 0;
	waited++;
}

/* What is kept of a cron, in milliseconds since 1970; 0: nothing. */
static int64_t last_run(pc_module *m, const char *key)
{
	pc_store *st = pc_store_open(m, "cron", PC_STORE_MAP);
	int64_t last = -1;

	waited = 0;
	pc_store_get_key(st, NULL, key, on_items, &last);
	assert_true(run_until(&waited, 1));
	return last;
}

static void set_last_run(pc_module *m, const char *key, int64_t when)
{
	pc_store *st = pc_store_open(m, "cron", PC_STORE_MAP);
	char text[24];
	pc_item item = { key, text, (size_t)snprintf(text, sizeof(text), "%" PRId64, when) };

	waited = 0;
	pc_store_set_keys(st, NULL, &item, 1, on_stored, NULL);
	assert_true(run_until(&waited, 1));
}

static void let_pass(pc_module *m, double seconds)
{
	waited = 0;
	pc_after(m, seconds, on_waited, NULL);
	assert_true(run_until(&waited, 1));
}

static int open_world(void **state)
{
	ran = 0;
	*state = module_new();
	return 0;
}

static int close_world(void **state)
{
	module_end(*state, PC__DEAD);
	return 0;
}

static void test_again_and_again(void **state)
{
	int64_t before = pc_time_ms();

	pc_cron(*state, "often", "daily", on_run, &ran);
	assert_int_equal(ran, 0);
	assert_true(run_until(&ran, 3));
	assert_true(last_run(*state, "tester/often") >= before + 60);
}

static void test_made_up_once(void **state)
{
	set_last_run(*state, "tester/missed", pc_time_ms() - 5 * 86400000LL);
	pc_cron(*state, "missed", "daily", on_run, &ran);
	assert_true(run_until(&ran, 1));
	let_pass(*state, 0.1);
	assert_int_equal(ran, 1);
}

static void test_not_due(void **state)
{
	set_last_run(*state, "tester/done", pc_time_ms() - 3600000);
	set_last_run(*state, "tester/texts", pc_time_ms() - 86400000);
	set_last_run(*state, "tester/future", pc_time_ms() + 86400000 * 9LL);
	pc_cron(*state, "done", "weekly", on_run, &ran);
	pc_cron(*state, "texts", "hourly", on_run, &ran);
	pc_cron(*state, "future", "86400", on_run, &ran);
	pc_cron(*state, "off", "0.01", on_run, &ran);
	let_pass(*state, 0.1);
	assert_int_equal(ran, 0);
}

/* The module goes before the store has answered. */
static void test_gone_early(void **state)
{
	pc_module *m = module_new();

	pc_cron(m, "often", "daily", on_run, &ran);
	module_end(m, PC__RETIRED);
	let_pass(*state, 0.1);
	assert_int_equal(ran, 0);
}

static void test_no_period(void **state)
{
	pc_module *m = *state;

	m->state = PC__LOADING;
	pc_cron(m, "bad", "-5", on_run, &ran);
	assert_int_equal(m->err, PC_EINVAL);
	free(m->err_text);
	m->err_text = NULL;
}

static int open_all(void **state)
{
	char *error = NULL, dir[1000], *modules;
	ssize_t len = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
	pc__config *config;
	FILE *out;

	(void)state;
	assert_true(len > 0);
	dir[len] = '\0';
	modules = pc__printf("%s/../modules", dirname(dir));
	assert_non_null(mkdtemp(folder));
	file = pc__printf("%s/prosody-c.conf", folder);
	out = fopen(file, "w");
	fputs(config_text, out);
	fclose(out);
	config = pc__config_load(file, NULL, 0, &error);
	assert_non_null(config);
	pc__config_use(config);
	loop_open();
	pc__server.config_file = file;
	pc__server.config_dir = pc__server.data_path = folder;
	pc__loader_setup((const char *const[]){ modules }, 1);
	free(modules);
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	pc__server.stopping = true; /* storage drivers go at the end only */
	pc__modules_unload_all(NULL);
	pc__stores_close();
	pc__timers_stop();
	loop_end();
	unlink(file);
	pc__free(&file);
	return rmdir(folder);
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD(test_again_and_again), WORLD(test_made_up_once), WORLD(test_not_due),
		WORLD(test_gone_early),      WORLD(test_no_period),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
