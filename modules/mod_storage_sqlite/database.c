#include "sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS 5000

/* ---- the file */

static char *path_of(pc_module *m)
{
	const char *folder = pc_opt_str(m, "data_path");
	const char *file = pc_opt_str(m, "sql_database"),
	           *driver = pc_opt_field(m, "sql", "driver");
	const char *field = pc_opt_field(m, "sql", "database");
	char *path;

	if (driver && strcmp(driver, "SQLite3") != 0)
		pc_log(m, PC_WARN, "the option sql names %s; the embedded database is used",
		       driver);
	if (!pc_opt_is_set(m, "sql_database") && field &&
	    (!driver || strcmp(driver, "SQLite3") == 0))
		file = field;
	if (asprintf(&path, "%s%s%s", file[0] == '/' || !folder ? "" : folder,
	             file[0] == '/' || !folder ? "" : "/", file) < 0)
		return NULL;
	return path;
}

/* SQLite's own locks let several processes in. A second server on the same data must stay out, so
 * a file next to the database is locked for as long as it is open. */
static int lock_file(pc_module *m, const char *path)
{
	char *name, pid[32] = "";
	int fd;

	if (asprintf(&name, "%s.lock", path) < 0)
		return -1;
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		pc_log(m, PC_ERROR, "%s cannot be made: %s", name, strerror(errno));
	} else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (pread(fd, pid, sizeof(pid) - 1, 0) < 0)
			pid[0] = '\0';
		pid[strspn(pid, "0123456789")] = '\0';
		pc_log(m, PC_ERROR, "%s is in use by another process (%s)", path,
		       pid[0] ? pid : "unknown");
		close(fd);
		fd = -1;
	} else {
		int len = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());

		/* for the message above alone: a failure harms nothing */
		if (ftruncate(fd, 0) == 0 && pwrite(fd, pid, (size_t)len, 0) < 0)
			pc_log(m, PC_DEBUG, "%s: %s", name, strerror(errno));
	}
	free(name);
	return fd;
}

void sqlite_sync_folder(const char *path)
{
	char *folder = strdup(path), *slash = folder ? strrchr(folder, '/') : NULL;
	int fd;

	if (slash)
		slash[slash == folder] = '\0';
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(folder);
}

/* Made here with the right mode; SQLite gives its other files the same. */
static int touch(pc_module *m, const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0) {
		pc_log(m, PC_ERROR, "%s cannot be opened: %s", path, strerror(errno));
		return PC_EIO;
	}
	close(fd);
	sqlite_sync_folder(path);
	return PC_OK;
}

static bool has_wal(const char *path)
{
	struct stat st;
	char *wal;
	bool has;

	if (asprintf(&wal, "%s-wal", path) < 0)
		return true;
	has = stat(wal, &st) == 0 && st.st_size > 0;
	free(wal);
	return has;
}

/* ---- connections */

int sqlite_connect(struct connection *c, pc_module *m, const char *path)
{
	c->m = m;
	if (sqlite3_open_v2(path, &c->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		return sqlite_fail(c, path);
	sqlite3_extended_result_codes(c->sql, 1);
	sqlite3_busy_timeout(c->sql, BUSY_MS);
	return PC_OK;
}

void sqlite_disconnect(struct connection *c)
{
	sqlite_finalize_all(c);
	sqlite3_close(c->sql);
	c->sql = NULL;
}

static int use_wal(struct connection *c, const char *path)
{
	sqlite3_stmt *st = sqlite_prepare(c, "PRAGMA journal_mode = WAL", false);
	bool wal;
	int err;

	if (st == NULL)
		return PC_EIO;
	wal = sqlite_row(c, st, &err) &&
	      strcmp((const char *)sqlite3_column_text(st, 0), "wal") == 0;
	sqlite3_finalize(st);
	if (err || wal)
		return err;
	pc_log(c->m, PC_ERROR, "%s cannot be used: its file system knows no shared memory", path);
	return PC_EIO;
}

/* Nothing is changed in the file before it is known to be ours. */
static int set_up(struct connection *c, const char *path)
{
	int err = sqlite_exec(c, "PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;"
	                         "PRAGMA cell_size_check = ON; PRAGMA cache_size = -2000;");

	if (!err)
		err = sqlite_schema(c, path);
	if (!err)
		err = use_wal(c, path);
	if (!err)
		err = sqlite_words_follow(c);
	if (!err)
		err = sqlite_exec(c, "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000;"
		                     "PRAGMA journal_size_limit = 16777216;");
	return err;
}

static int open_at(pc_db *db, pc_module *m)
{
	int err;

	db->lock = lock_file(m, db->path);
	if (db->lock < 0)
		return PC_EIO;
	db->unclean = has_wal(db->path);
	err = touch(m, db->path);
	if (!err)
		err = sqlite_connect(&db->writer, m, db->path);
	if (!err)
		err = set_up(&db->writer, db->path);
	if (!err)
		return PC_OK;
	pc_log(m, PC_ERROR, "the database %s cannot be used", db->path);
	sqlite_disconnect(&db->writer);
	close(db->lock);
	return err;
}

int sqlite_db_open(pc_module *m, pc_db **db_r)
{
	pc_db *db = pc_module_alloc(m, sizeof(*db));
	int err;

	db->path = path_of(m);
	err = db->path ? open_at(db, m) : PC_EIO;
	if (err) {
		free(db->path);
		return err;
	}
	*db_r = db;
	return PC_OK;
}

/* The last connection empties the log, so that the next start finds a clean stop. */
void sqlite_db_close(pc_db *db)
{
	sqlite3_wal_checkpoint_v2(db->writer.sql, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite_disconnect(&db->writer);
	close(db->lock);
	free(db->path);
}

/* Few pages are kept: the system's cache holds the file as well. */
int sqlite_reader_open(pc_db *db, void **reader_r)
{
	struct connection *c = calloc(1, sizeof(*c));
	int err;

	if (c == NULL)
		return PC_EIO;
	err = sqlite_connect(c, db->writer.m, db->path);
	if (!err)
		err = sqlite_exec(c, "PRAGMA query_only = ON; PRAGMA cache_size = -256;"
		                     "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
		                     "PRAGMA temp_store = MEMORY;");
	if (err) {
		sqlite_disconnect(c);
		free(c);
		return err;
	}
	*reader_r = c;
	return PC_OK;
}

void sqlite_reader_close(pc_db *db, void *reader)
{
	(void)db;
	sqlite_disconnect(reader);
	free(reader);
}

/* ---- transactions */

bool sqlite_is_lost(const pc_db *db)
{
	return sqlite3_get_autocommit(db->writer.sql) != 0;
}

int sqlite_begin(pc_db *db)
{
	return sqlite_run_simple(&db->writer, BEGIN);
}

int sqlite_commit(pc_db *db)
{
	return sqlite_is_lost(db) ? PC_EIO : sqlite_run_simple(&db->writer, COMMIT);
}

void sqlite_rollback(pc_db *db)
{
	if (!sqlite_is_lost(db))
		sqlite_run_simple(&db->writer, ROLLBACK);
}

int sqlite_savepoint(pc_db *db)
{
	return sqlite_is_lost(db) ? PC_EIO : sqlite_run_simple(&db->writer, SAVE_BATCH);
}

int sqlite_release(pc_db *db, bool undo)
{
	int err = PC_OK;

	if (sqlite_is_lost(db))
		return PC_EIO;
	if (undo)
		err = sqlite_run_simple(&db->writer, SAVE_BATCH_UNDO);
	return err ? err : sqlite_run_simple(&db->writer, SAVE_BATCH_RELEASE);
}

/* ---- the check */

int sqlite_check(pc_db *db, void *reader)
{
	struct connection *c = reader;
	sqlite3_stmt *st;
	bool damaged = false;
	int err;

	if (!db->unclean)
		return PC_OK;
	st = sqlite_statement(c, QUICK_CHECK);
	if (st == NULL)
		return PC_EIO;
	while (sqlite_row(c, st, &err)) {
		const char *finding = (const char *)sqlite3_column_text(st, 0);

		if (finding && strcmp(finding, "ok") == 0)
			continue;
		damaged = true;
		pc_log(c->m, PC_ERROR, "%s: %s", db->path, finding ? finding : "damaged");
	}
	return damaged ? PC_EIO : err;
}
