/* Stores as modules see them: drivers by configuration, callbacks in order, batches, tickets, the
 * end of a module with calls under way. Over the real drivers, as module files. */
#include <libgen.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"
#include "loader.h"
#include "modules.h"
#include "server.h"
#include "stores.h"
#include "util/mem.h"

static const char config_text[] = "default_storage = \"memory\"\n"
                                  "storage = { archive = \"internal\", nowhere = \"missing\" }\n";

static const pc_module_def def = { .abi_major = PC_ABI_MAJOR,
	                           .size = sizeof(pc_module_def),
	                           .name = "tester",
	                           .scope = PC_GLOBAL };

static char folder[] = "/tmp/prosody-c-test-XXXXXX";
static uv_loop_t loop;
static pc_module *m;

/* What was called back since the last run. */
static struct {
	int n, errs[200];
	char rows[1000];
	int64_t total;
	bool more;
} told;

static void on_done(int err, void *data)
{
	assert_ptr_equal(data, &told);
	told.errs[told.n++] = err;
}

static void on_items(int err, const pc_item *items, size_t n, void *data)
{
	on_done(err, data);
	for (size_t i = 0; i < n; i++)
		snprintf(told.rows + strlen(told.rows), sizeof(told.rows) - strlen(told.rows),
		         "%s=%s ", items[i].key, items[i].value);
}

static void on_entries(int err, const pc_entry *entries, size_t n, int64_t total, bool more,
                       void *data)
{
	on_done(err, data);
	told.total = total;
	told.more = more;
	for (size_t i = 0; i < n; i++)
		snprintf(told.rows + strlen(told.rows), sizeof(told.rows) - strlen(told.rows),
		         "%s ", entries[i].value);
}

static void clear(void)
{
	memset(&told, 0, sizeof(told));
}

/* Nothing is called back before the call has returned; then all of it. */
static void run(int calls)
{
	assert_int_equal(told.n, 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(told.n, calls);
}

/* ---- the world */

static char *in_folder(const char *name)
{
	return pc__printf("%s/%s", folder, name);
}

static pc_module *new_module(void)
{
	pc_module *made = pc__alloc(sizeof(*made));

	made->def = &def;
	made->state = PC__LIVE;
	made->holds = 1;
	return made;
}

static void end_module(pc_module *which)
{
	while (which->owned) {
		struct pc__owned *o = which->owned;

		pc__disown(o);
		o->drop(o);
	}
	which->state = PC__DEAD;
}

static int start(void **state)
{
	char *file, *error = NULL, dir[1000], *modules;
	ssize_t len = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
	pc__config *config;
	FILE *out;

	(void)state;
	assert_true(len > 0);
	dir[len] = '\0';
	modules = pc__printf("%s/../modules", dirname(dir));
	assert_non_null(mkdtemp(folder));
	file = in_folder("prosody-c.conf");
	out = fopen(file, "w");
	fprintf(out, "data_path = \"%s\"\n%s", folder, config_text);
	fclose(out);
	config = pc__config_load(file, NULL, 0, &error);
	assert_non_null(config);
	pc__config_use(config);
	uv_loop_init(&loop);
	pc__server.loop = &loop;
	pc__server.config_file = file;
	pc__server.config_dir = pc__server.data_path = folder;
	pc__loader_setup((const char *const[]){ modules }, 1);
	free(modules);
	m = new_module();
	return 0;
}

static int stop(void **state)
{
	(void)state;
	end_module(m);
	pc__server.stopping = true; /* storage drivers go at the end only */
	pc__modules_unload_all(NULL);
	pc__stores_close();
	uv_run(&loop, UV_RUN_DEFAULT);
	for (const char *const *name =
	             (const char *const[]){ "prosody.sqlite", "prosody.sqlite.lock",
	                                    "prosody-c.conf", NULL };
	     *name; name++) {
		char *path = in_folder(*name);

		unlink(path);
		free(path);
	}
	return rmdir(folder);
}

static int before(void **state)
{
	(void)state;
	clear();
	return 0;
}

/* ---- tests */

static pc_store *store(const char *name, pc_store_kind kind)
{
	pc_store *st = pc_store_open(m, name, kind);

	assert_int_equal(m->err, PC_OK);
	return st;
}

static void test_map(void **state)
{
	pc_store *st = store("map", PC_STORE_MAP);
	const pc_item items[] = { { "b", "2", 1 }, { "a", "1", 1 } };

	(void)state;
	pc_store_get(st, "romeo", on_items, &told);
	pc_store_set(st, "romeo", items, 2, on_done, &told);
	pc_store_get(st, "romeo", on_items, &told);
	pc_store_swap(st, "romeo", "a", "1", "3", on_done, &told);
	pc_store_swap(st, "romeo", "a", "1", "4", on_done, &told);
	pc_store_get_key(st, "romeo", "a", on_items, &told);
	pc_store_set_keys(st, NULL, items, 1, NULL, NULL);
	run(6);
	assert_string_equal(told.rows, "a=1 b=2 a=3 ");
	assert_int_equal(told.errs[4], PC_ECONFLICT);
	clear();
	pc_store_users(st, on_items, &told);
	pc_store_get_all(st, "b", on_items, &told);
	pc_store_purge(st, "romeo", on_done, &told);
	pc_store_get(st, "romeo", on_items, &told);
	run(4);
	assert_string_equal(told.rows, "romeo= romeo=2 ");
}

static void test_archive(void **state)
{
	pc_store *st = store("archive", PC_STORE_ARCHIVE);
	char ids[4][PC_ENTRY_ID_SIZE];
	pc_query q = { .limit = 2, .count = true };

	(void)state;
	for (int i = 0; i < 4; i++) {
		char text[2] = { (char)('a' + i), '\0' };
		pc_entry entry = { NULL, 1000 + i, "juliet@h", text, 1 };

		pc_archive_append(st, "romeo", &entry, ids[i], on_done, &told);
		assert_int_equal(strlen(ids[i]), 36);
		assert_int_equal(ids[i][14], '7');
		assert_true(i == 0 || strcmp(ids[i - 1], ids[i]) < 0);
	}
	q.after = ids[0];
	pc_archive_find(st, "romeo", &q, on_entries, &told);
	run(5);
	assert_string_equal(told.rows, "b c ");
	assert_int_equal(told.total, 4);
	assert_true(told.more);
	clear();
	pc_archive_replace(st, "romeo", ids[3], "z", 1, on_done, &told);
	q = (pc_query){ .ids = (const char *[]){ ids[0], ids[2] }, .n_ids = 2 };
	pc_archive_delete(st, "romeo", &q, on_done, &told);
	pc_archive_append_limited(st, "romeo", &(pc_entry){ .value = "e", .len = 1 }, 2, ids[0],
	                          on_done, &told);
	pc_archive_find(st, "romeo", NULL, on_entries, &told);
	run(4);
	assert_int_equal(told.errs[2], PC_ELIMIT);
	assert_string_equal(told.rows, "b z ");
}

static void on_found(int err, const pc_found *found, void *data)
{
	on_entries(err, found->entries, found->n, found->total, found->more, data);
}

static void on_extent(int err, const pc_extent *extent, void *data)
{
	on_done(err, data);
	snprintf(told.rows + strlen(told.rows), sizeof(told.rows) - strlen(told.rows),
	         "%d of %d bytes ", (int)extent->entries, (int)extent->bytes);
}

/* More users and entries than one portion holds, each with old ones in front of new ones. */
static void test_expire(void **state)
{
	pc_store *st = store("archive", PC_STORE_ARCHIVE);
	char id[PC_ENTRY_ID_SIZE], user[16];

	(void)state;
	for (int i = 0; i < 250; i++) {
		snprintf(user, sizeof(user), "u%d", i);
		for (int n = 0; n < (i == 7 ? 500 : 2); n++)
			pc_archive_append(st, user,
			                  &(pc_entry){ .when = 10, .value = "old", .len = 3 }, id,
			                  NULL, NULL);
		pc_archive_append(st, user, &(pc_entry){ .when = 20, .value = "new", .len = 3 }, id,
		                  NULL, NULL);
	}
	pc_archive_expire(st, "u3", 20, on_done, &told);
	run(1);
	clear();
	pc_archive_extent(st, "u3", on_extent, &told);
	pc_archive_extent(st, "u7", on_extent, &told);
	run(2);
	assert_string_equal(told.rows, "1 of 3 bytes 501 of 1503 bytes ");
	clear();
	pc_archive_expire(st, NULL, 20, on_done, &told);
	run(1);
	clear();
	for (int i = 0; i < 250; i += 83) {
		snprintf(user, sizeof(user), "u%d", i);
		pc_archive_extent(st, user, on_extent, &told);
	}
	pc_archive_extent(st, "u7", on_extent, &told);
	run(5);
	assert_string_equal(told.rows, "1 of 3 bytes 1 of 3 bytes 1 of 3 bytes 1 of 3 bytes "
	                               "1 of 3 bytes ");
	clear();
	pc_archive_search(st, "u7", &(pc_search){ .size = sizeof(pc_search), .query.count = true },
	                  on_found, &told);
	run(1);
	assert_string_equal(told.rows, "new ");
}

static void test_bad_id(void **state)
{
	pc_store *st = store("archive", PC_STORE_ARCHIVE);
	char id[PC_ENTRY_ID_SIZE];
	pc_entry entry = { "this id is longer than thirty-six bytes", 1, NULL, "x", 1 };
	pc_ticket t = pc_archive_append(st, "nurse", &entry, id, on_done, &told);

	(void)state;
	assert_false(pc_ticket_committed(t));
	run(1);
	assert_int_equal(told.errs[0], PC_EINVAL);
	assert_false(pc_ticket_committed(t));
}

static void test_batch(void **state)
{
	pc_store *map = store("map", PC_STORE_MAP), *other = store("archive", PC_STORE_ARCHIVE);
	pc_batch *b = pc_batch_new(m);
	char id[PC_ENTRY_ID_SIZE];
	pc_ticket t;

	(void)state;
	pc_batch_set(b, map, "tybalt", &(pc_item){ "k", "1", 1 }, 1);
	pc_batch_set_keys(b, map, "paris", &(pc_item){ "k", "2", 1 }, 1);
	t = pc_batch_commit(b, on_done, &told);
	pc_ticket_wait(m, t, on_done, &told);
	pc_store_get_all(map, "k", on_items, &told);
	run(3);
	assert_string_equal(told.rows, "paris=2 tybalt=1 ");
	assert_true(pc_ticket_committed(t));
	/* two databases are not one */
	clear();
	b = pc_batch_new(m);
	pc_batch_set(b, map, "tybalt", NULL, 0);
	pc_batch_append(b, other, "tybalt", &(pc_entry){ .value = "x", .len = 1 }, id);
	t = pc_batch_commit(b, on_done, &told);
	pc_store_get(map, "tybalt", on_items, &told);
	pc_archive_find(other, "tybalt", NULL, on_entries, &told);
	run(3);
	assert_int_equal(told.errs[0], PC_EINVAL);
	assert_string_equal(told.rows, "k=1 ");
	assert_false(pc_ticket_committed(t));
	/* nothing is done at once */
	clear();
	t = pc_batch_commit(pc_batch_new(m), on_done, &told);
	run(1);
	assert_int_equal(told.errs[0], PC_OK);
	assert_true(pc_ticket_committed(t));
}

static void test_no_driver(void **state)
{
	pc_store *st;
	pc_ticket t;

	(void)state;
	m->state = PC__LOADING; /* errors of registration stick then */
	st = pc_store_open(m, "nowhere", PC_STORE_MAP);
	m->state = PC__LIVE;
	assert_int_equal(m->err, PC_EIO);
	pc__free(&m->err_text);
	m->err = PC_OK;
	t = pc_store_set(st, "romeo", NULL, 0, on_done, &told);
	pc_store_get(st, "romeo", on_items, &told);
	pc_ticket_wait(m, t, on_done, &told);
	run(3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(told.errs[i], PC_ENOTSUP);
}

/* What is written goes on being written; nobody is called. */
static void test_module_ends(void **state)
{
	pc_module *mine = new_module();
	pc_store *st = pc_store_open(mine, "map", PC_STORE_MAP), *same;

	(void)state;
	pc_store_set(st, "benvolio", &(pc_item){ "k", "1", 1 }, 1, on_done, &told);
	pc_store_get(st, "benvolio", on_items, &told);
	pc_ticket_wait(mine, 0, on_done, &told);
	end_module(mine);
	run(0);
	assert_int_equal(mine->holds, 1);
	pc__module_release(mine);
	same = store("map", PC_STORE_MAP);
	pc_store_get(same, "benvolio", on_items, &told);
	run(1);
	assert_string_equal(told.rows, "k=1 ");
}

static void test_core_stores(void **state)
{
	pc_store *st = pc__store_open("h", "map", PC_STORE_MAP);
	pc_store *archive = pc__store_open("h", "archive", PC_STORE_ARCHIVE);
	char id[PC_ENTRY_ID_SIZE];
	struct pc__worker_stats stats;

	(void)state;
	pc_store_set(st, "romeo", &(pc_item){ "k", "1", 1 }, 1, NULL, NULL);
	pc__ticket_wait(pc_archive_append(archive, "romeo", &(pc_entry){ .value = "x", .len = 1 },
	                                  id, NULL, NULL),
	                on_done, &told);
	pc__stores_flush();
	assert_int_equal(told.n, 1);
	clear();
	pc__stores_purge("h", "romeo", on_done, &told);
	run(1);
	clear();
	pc_store_get(st, "romeo", on_items, &told);
	pc_archive_find(archive, "romeo", NULL, on_entries, &told);
	pc__store_close(&st); /* what is under way is not disturbed */
	run(2);
	assert_string_equal(told.rows, "");
	pc__store_close(&archive);
	assert_non_null(pc__stores_stats(0, &stats));
	assert_non_null(pc__stores_stats(1, &stats));
	assert_null(pc__stores_stats(2, &stats));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_map, before),
		cmocka_unit_test_setup(test_archive, before),
		cmocka_unit_test_setup(test_expire, before),
		cmocka_unit_test_setup(test_bad_id, before),
		cmocka_unit_test_setup(test_batch, before),
		cmocka_unit_test_setup(test_no_driver, before),
		cmocka_unit_test_setup(test_module_ends, before),
		cmocka_unit_test_setup(test_core_stores, before),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
