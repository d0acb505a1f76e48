/*
 * backup.c - a copy of the database while it serves, and the way back.
 *
 * A copy is written by VACUUM INTO on a connection of its own, inside one read transaction: it
 * shows one moment, and writers go on meanwhile. It is on the disk, whole, before it gets its name.
 * Restoring copies a file's pages into the database as one transaction (SQLite's backup interface),
 * so that what is cut short leaves the database as it was.
 */
#include "sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- making one */

static int log_errno(pc_module *m, const char *path)
{
	int number = errno;

	pc_log(m, PC_ERROR, "%s: %s", path, strerror(number));
	return number == EEXIST ? PC_EEXIST : number == EACCES ? PC_EPERM : PC_EIO;
}

static int vacuum_into(struct connection *c, const char *path)
{
	sqlite3_stmt *st = sqlite_prepare(c, "VACUUM INTO ?1", false);
	int err;

	if (st == NULL)
		return PC_EIO;
	sqlite_bind_text(st, 1, path);
	err = sqlite_run(c, st);
	sqlite3_finalize(st);
	return err;
}

/* SQLite does not wait for the disk here. */
static int sync_file(pc_module *m, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = PC_OK;

	if (fd < 0 || fsync(fd) != 0)
		err = log_errno(m, path);
	if (fd >= 0)
		close(fd);
	return err;
}

/* Made here, so that nobody else may read it; VACUUM INTO takes an empty file. */
static int make_private(pc_module *m, const char *path)
{
	int fd;

	unlink(path); /* of a backup that was cut short */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return log_errno(m, path);
	close(fd);
	return PC_OK;
}

static int write_copy(pc_db *db, const char *part, const char *path)
{
	struct connection c = { 0 };
	int err = make_private(db->writer.m, part);

	if (err)
		return err;
	err = sqlite_connect(&c, db->writer.m, db->path);
	if (!err)
		err = vacuum_into(&c, part);
	sqlite_disconnect(&c);
	if (!err)
		err = sync_file(db->writer.m, part);
	if (!err && renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE) != 0)
		err = log_errno(db->writer.m, path);
	if (err)
		unlink(part);
	else
		sqlite_sync_folder(path);
	return err;
}

int sqlite_backup(pc_db *db, const char *path)
{
	char *part;
	int err;

	if (access(path, F_OK) == 0) {
		errno = EEXIST;
		return log_errno(db->writer.m, path);
	}
	if (asprintf(&part, "%s.part", path) < 0)
		return PC_EIO;
	err = write_copy(db, part, path);
	free(part);
	return err;
}

/* ---- the way back */

static bool is_whole(struct connection *c, const char *path)
{
	sqlite3_stmt *st = sqlite_prepare(c, "PRAGMA integrity_check(1)", false);
	const char *finding;
	bool whole;
	int err;

	if (st == NULL)
		return false;
	whole = sqlite_row(c, st, &err);
	finding = whole ? (const char *)sqlite3_column_text(st, 0) : NULL;
	whole = finding && strcmp(finding, "ok") == 0;
	if (!whole)
		pc_log(c->m, PC_ERROR, "%s is damaged: %s", path,
		       finding ? finding : "it cannot be read");
	sqlite3_finalize(st);
	return whole;
}

/* Opened for reading only: nothing of the file is ever changed. */
static int open_backup(struct connection *c, pc_module *m, const char *path)
{
	sqlite3_int64 mark = 0;

	c->m = m;
	if (access(path, R_OK) != 0) {
		pc_log(m, PC_ERROR, "%s: %s", path, strerror(errno));
		return errno == ENOENT ? PC_ENOENT : PC_EPERM;
	}
	if (sqlite3_open_v2(path, &c->sql, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		return sqlite_fail(c, path);
	if (sqlite_number(c, "PRAGMA application_id", &mark) != PC_OK || mark != SQLITE_DRIVER_ID) {
		pc_log(m, PC_ERROR, "%s is no backup of this server", path);
		return PC_EINVAL;
	}
	return sqlite_is_known_version(c, path) && is_whole(c, path) ? PC_OK : PC_EINVAL;
}

static bool holds_users(struct connection *c)
{
	sqlite3_int64 any = 1;

	return sqlite_number(c, "SELECT EXISTS (SELECT 1 FROM owner WHERE user <> '')", &any) ||
	       any;
}

static int copy_pages(struct connection *to, struct connection *from)
{
	sqlite3_backup *copy = sqlite3_backup_init(to->sql, "main", from->sql, "main");

	if (copy == NULL)
		return sqlite_fail(to, "restore");
	sqlite3_backup_step(copy, -1);
	return sqlite3_backup_finish(copy) == SQLITE_OK ? PC_OK : sqlite_fail(to, "restore");
}

static int restore_from(pc_db *db, struct connection *from, bool force)
{
	struct connection to = { 0 };
	int err = sqlite_connect(&to, db->writer.m, db->path);

	if (!err && !force && holds_users(&to))
		err = PC_EEXIST;
	if (!err)
		err = copy_pages(&to, from);
	if (!err)
		err = sqlite_schema(&to, db->path); /* a backup may be older than we are */
	sqlite_disconnect(&to);
	return err;
}

int sqlite_restore(pc_db *db, const char *path, bool force)
{
	struct connection from = { 0 };
	int err = open_backup(&from, db->writer.m, path);

	if (!err)
		err = restore_from(db, &from, force);
	sqlite_disconnect(&from);
	return err;
}
