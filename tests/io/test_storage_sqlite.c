/* The database's file: whose it is, which version, locked, damaged, full. */
#include "storage_host.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

extern const pc_module_def pc_mod_storage_sqlite;

static char *folder, *path;

static int set_up(void **state)
{
	(void)state;
	folder = folder_new();
	path = in_folder(folder, "prosody.sqlite");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(path);
	folder_free(&folder);
	return 0;
}

static void sql(const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static int64_t number(const char *text)
{
	sqlite3 *db;
	sqlite3_stmt *st;
	int64_t n;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

static void expect_refused(const char *why)
{
	int err;
	struct storage *s = storage_new(&pc_mod_storage_sqlite, &err);

	assert_int_equal(err, PC_EIO);
	if (strstr(s->m.log, why) == NULL)
		fail_msg("\"%s\" is not in the log: %s", why, s->m.log);
	storage_free(&s);
}

static void test_new_file(void **state)
{
	struct storage *s = storage_open(&pc_mod_storage_sqlite);
	struct stat st;

	(void)state;
	assert_int_equal(storage_put(s, "romeo", "k", "1"), PC_OK);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	storage_free(&s);
	assert_int_equal(number("PRAGMA user_version"), 2);
	assert_int_equal(number("PRAGMA application_id"), 0x50434442);
	/* closed in order: no log is left, and what was written is there */
	s = storage_open(&pc_mod_storage_sqlite);
	assert_int_equal(storage_get(s, "romeo", "k"), PC_OK);
	assert_int_equal(s->rows.n_items, 1);
	assert_string_equal(s->m.log, "");
	storage_free(&s);
}

/* A file without any table is a new one. */
static void test_empty_file(void **state)
{
	struct storage *s;

	(void)state;
	sql("VACUUM");
	s = storage_open(&pc_mod_storage_sqlite);
	assert_int_equal(storage_put(s, "romeo", "k", "1"), PC_OK);
	storage_free(&s);
	assert_int_equal(number("PRAGMA user_version"), 2);
}

static void test_newer_version(void **state)
{
	struct storage *s = storage_open(&pc_mod_storage_sqlite);

	(void)state;
	storage_free(&s);
	sql("PRAGMA user_version = 99");
	expect_refused("newer version");
	assert_int_equal(number("PRAGMA user_version"), 99);
}

static void test_foreign(void **state)
{
	(void)state;
	sql("CREATE TABLE prosody (host TEXT, user TEXT, store TEXT, key TEXT, type TEXT, value "
	    "TEXT)");
	expect_refused("another program");
	assert_int_equal(number("SELECT count(*) FROM sqlite_master"), 1);
	sql("DROP TABLE prosody; PRAGMA application_id = 17");
	expect_refused("another program");
	sql("PRAGMA application_id = 0; PRAGMA user_version = 3");
	expect_refused("another program");
}

static void test_garbage(void **state)
{
	FILE *file = fopen(path, "w");

	(void)state;
	for (int i = 0; i < 1000; i++)
		fputs("this is no database\n", file);
	fclose(file);
	expect_refused("not a database");
}

static void test_no_folder(void **state)
{
	(void)state;
	assert_int_equal(rmdir(folder), 0);
	expect_refused("No such file");
	assert_int_equal(mkdir(folder, 0700), 0);
}

/* A second server on the same data, as another process. */
static void test_locked(void **state)
{
	struct storage *s = storage_open(&pc_mod_storage_sqlite);
	int status;
	pid_t pid;

	(void)state;
	expect_refused("in use by another process");
	pid = fork();
	if (pid == 0) {
		int err;
		struct storage *second = storage_new(&pc_mod_storage_sqlite, &err);

		_exit(err == PC_EIO && strstr(second->m.log, "in use by") ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(storage_put(s, "romeo", "k", "1"), PC_OK);
	storage_free(&s);
	s = storage_open(&pc_mod_storage_sqlite);
	storage_free(&s);
}

/* Somebody reads and writes the file with another tool meanwhile. */
static void test_guest(void **state)
{
	struct storage *s = storage_open(&pc_mod_storage_sqlite);

	(void)state;
	assert_int_equal(storage_put(s, "romeo", "k", "1"), PC_OK);
	assert_int_equal(number("SELECT count(*) FROM items"), 1);
	sql("UPDATE items SET value = '2'");
	storage_get(s, "romeo", "k");
	assert_string_equal(s->rows.items[0].value, "2");
	assert_int_equal(storage_put(s, "romeo", "k", "3"), PC_OK);
	storage_free(&s);
}

/* ---- a file of the first version of the tables */

static const char first_version[] =
        "CREATE TABLE owner (id INTEGER PRIMARY KEY, host TEXT NOT NULL, store TEXT NOT NULL,"
        "  user TEXT NOT NULL, UNIQUE (host, store, user));"
        "CREATE INDEX owner_user ON owner (host, user);"
        "CREATE TABLE items (owner INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
        "  PRIMARY KEY (owner, key)) WITHOUT ROWID;"
        "CREATE TABLE archive (sort INTEGER PRIMARY KEY, owner INTEGER NOT NULL, id TEXT NOT NULL,"
        "  \"when\" INTEGER NOT NULL, \"with\" TEXT, value TEXT NOT NULL);"
        "CREATE UNIQUE INDEX archive_id ON archive (owner, id);"
        "CREATE INDEX archive_order ON archive (owner, sort, \"when\", \"with\");"
        "INSERT INTO owner VALUES (1, 'host', 'store', 'romeo');"
        "INSERT INTO items VALUES (1, 'k', '1');"
        "INSERT INTO archive VALUES (7, 1, 'a', 1000, 'juliet@h', 'old');"
        "PRAGMA user_version = 1; PRAGMA application_id = 1346585666; PRAGMA journal_mode = WAL";

static int append_text(struct storage *s, const char *user, const char *id, const char *text)
{
	pc__op *op = storage_op(s, PC__OP_APPEND, user);

	pc__op_entry(op, &(pc_entry){ id, 2000, NULL, "value", 5 });
	op->text = pc__job_text(op->job, text);
	return storage_run(s, op);
}

/* The ids of what has these words, with a space behind each. */
static void expect_words(struct storage *s, const char *text, const char *wanted)
{
	pc__op *op = storage_op(s, PC__OP_SEARCH, "romeo");
	char got[256] = "";

	pc__op_search(op, &(pc_search){ .size = sizeof(pc_search),
	                                .query = { .count = true, .limit = 10 },
	                                .text = text });
	assert_int_equal(storage_run(s, op), PC_OK);
	for (size_t i = 0; i < s->rows.n_entries; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s ",
		         s->rows.entries[i].id);
	assert_string_equal(got, wanted);
	assert_int_equal(s->rows.total, s->rows.n_entries);
}

static void test_first_version(void **state)
{
	struct storage *s;

	(void)state;
	sql(first_version);
	s = storage_open(&pc_mod_storage_sqlite);
	storage_get(s, "romeo", "k");
	assert_string_equal(s->rows.items[0].value, "1");
	assert_int_equal(append_text(s, "romeo", "b", "new words"), PC_OK);
	assert_int_equal(storage_run(s, storage_op(s, PC__OP_FIND, "romeo")), PC_OK);
	assert_int_equal(s->rows.n_entries, 2);
	assert_string_equal(s->rows.entries[0].value, "old");
	expect_words(s, "words", "b ");
	storage_free(&s);
	assert_int_equal(number("PRAGMA user_version"), 2);
}

/* ---- words */

static void test_words(void **state)
{
	struct storage *s = storage_open(&pc_mod_storage_sqlite);
	pc__op *op;

	(void)state;
	append_text(s, "romeo", "a", "Wherefore art thou, Rom\u00e9o?");
	append_text(s, "romeo", "b", "Deny thy father; and refuse thy name");
	append_text(s, "juliet", "c", "thou art not mine, romeo");
	append_text(s, "romeo", "d", "o1 o2 o3 owner text: thou");
	expect_words(s, "THOU", "a d ");
	expect_words(s, "romeo thou", "a ");
	expect_words(s, "thy name", "b ");
	expect_words(s, "o1", "d ");
	expect_words(s, "nothing", "");
	expect_words(s, "", "");
	expect_words(s, " ?! ... \"", "");
	/* what would be syntax is none */
	expect_words(s, "thou OR name", "");
	expect_words(s, "tho*", "");
	expect_words(s, "owner:o2", "");
	expect_words(s, "\") OR owner:o2 OR (\"", "");
	expect_words(s, "name\" OR \"thou", "");
	expect_words(s, "NEAR(thou art)", "");
	/* words go with their entry, with its value and with the user */
	op = storage_op(s, PC__OP_REPLACE, "romeo");
	op->key = "b", op->value = "gone", op->len = 4;
	assert_int_equal(storage_run(s, op), PC_OK);
	expect_words(s, "name", "");
	append_text(s, "romeo", "d", "anew");
	expect_words(s, "thou", "a ");
	expect_words(s, "anew", "d ");
	op = storage_op(s, PC__OP_REMOVE, "romeo");
	pc__op_query(op, &(pc_query){ .ids = (const char *[]){ "a" }, .n_ids = 1 });
	assert_int_equal(storage_run(s, op), PC_OK);
	expect_words(s, "thou", "");
	assert_int_equal(storage_run(s, storage_op(s, PC__OP_PURGE, "romeo")), PC_OK);
	assert_int_equal(storage_run(s, storage_op(s, PC__OP_PURGE, "juliet")), PC_OK);
	storage_free(&s);
	assert_int_equal(number("SELECT count(*) FROM words_docsize"), 0);
}

/* ---- damage */

static void fill(struct storage *s)
{
	char user[16];

	for (int i = 0; i < 400; i++) {
		snprintf(user, sizeof(user), "user%d", i);
		assert_int_equal(storage_put(s, user, "key", "a value of some length"), PC_OK);
	}
}

static void overwrite(long at, size_t len)
{
	FILE *file = fopen(path, "r+");

	fseek(file, at, SEEK_SET);
	for (size_t i = 0; i < len; i++)
		fputc(0x5a, file);
	fclose(file);
}

/* The server was killed, and the file is damaged: reads go on where they can, writes stop. */
static void test_damaged(void **state)
{
	struct storage *s = storage_open(&pc_mod_storage_sqlite);
	char *wal = in_folder(folder, "prosody.sqlite-wal");
	struct stat st;

	(void)state;
	fill(s);
	storage_free(&s);
	assert_int_equal(stat(path, &st), 0);
	overwrite(st.st_size / 2, 4096);
	fclose(fopen(wal, "w"));
	assert_int_equal(truncate(wal, 1), 0); /* the sign of an unclean stop */
	s = storage_open(&pc_mod_storage_sqlite);
	assert_int_equal(storage_run(s, storage_op(s, PC__OP_CHECK, NULL)), PC_EIO);
	assert_true(strlen(s->m.log) > 0);
	assert_int_equal(storage_put(s, "user1", "key", "x"), PC_EIO);
	storage_free(&s);
	free(wal);
}

static void test_truncated(void **state)
{
	struct storage *s = storage_open(&pc_mod_storage_sqlite);

	(void)state;
	fill(s);
	storage_free(&s);
	assert_int_equal(truncate(path, 6000), 0);
	expect_refused("malformed");
	/* and under the server: the failure is told, nothing else happens */
	assert_int_equal(unlink(path), 0);
	s = storage_open(&pc_mod_storage_sqlite);
	fill(s);
	storage_free(&s);
	s = storage_open(&pc_mod_storage_sqlite);
	assert_int_equal(truncate(path, 6000), 0);
	storage_get(s, "user5", "key");
	assert_int_equal(s->err, PC_EIO);
	assert_int_equal(storage_put(s, "user5", "key", "x"), PC_EIO);
	assert_non_null(strstr(s->m.log, "the database failed"));
	storage_free(&s);
}

/* No room for more: every write fails, nothing written before is lost, and it goes on later. */
static void test_full(void **state)
{
	struct storage *s = storage_open(&pc_mod_storage_sqlite);
	struct rlimit old, small;
	char *big = pc__alloc(200001);
	pc_ticket lost;

	(void)state;
	memset(big, 'x', 200000);
	assert_int_equal(storage_put(s, "romeo", "k", "1"), PC_OK);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 150000;
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(storage_put(s, "romeo", "big", big), PC_EIO);
	lost = (1ull << PC__TICKET_SHIFT) + 2;
	assert_false(pc__worker_committed(s->w, lost));
	assert_int_equal(storage_put(s, "romeo", "big", big), PC_EIO);
	assert_non_null(strstr(s->m.log, "the database failed"));
	assert_int_equal(storage_put(s, "romeo", "k", "2"), PC_OK);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(storage_put(s, "romeo", "big", big), PC_OK);
	storage_get(s, "romeo", NULL);
	assert_int_equal(s->rows.n_items, 2);
	assert_string_equal(s->rows.items[1].value, "2");
	assert_false(pc__worker_committed(s->w, lost));
	storage_free(&s);
	free(big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_new_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_empty_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_newer_version, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_foreign, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_garbage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_folder, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_locked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_guest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_first_version, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_words, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damaged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_truncated, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
