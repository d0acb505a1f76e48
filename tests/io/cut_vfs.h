/*
 * cut_vfs.h - a disk that forgets what was not synced.
 *
 * A VFS of SQLite's over the usual one. The files on disk hold what was written; beside each, in
 * memory, is what a power cut would leave: its bytes at the last sync, and the writes since then.
 * After `cut_after` more writes and syncs the power is off: everything fails. cut_restore() then
 * gives each file its synced bytes and a random part of the later writes, some of them torn.
 *
 * Deleting a file is taken as lasting. Include it once, in the test's own file.
 */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>
#include <uv.h>

#include "util/mem.h"

#define SECTOR 512

struct cut_write {
	struct cut_write *next;
	sqlite3_int64 at;
	size_t len; /* SIZE_MAX: a truncation */
	char *bytes;
};

struct cut_image {
	struct cut_image *next;
	char *path;
	char *synced;
	size_t len;
	struct cut_write *later, **later_end;
	bool deleted;
};

struct cut_file {
	sqlite3_file base;
	struct cut_image *image; /* NULL: not followed */
	sqlite3_file *real;
};

static struct {
	uv_mutex_t lock;
	sqlite3_vfs vfs, *real;
	struct cut_image *images;
	int64_t left; /* writes and syncs until the cut; negative: never */
	bool off;
	uint64_t n_syncs, n_writes, n_cuts;
} cut;

/* ---- images */

static void image_write(struct cut_image *i, const struct cut_write *w, size_t len)
{
	size_t end = (size_t)w->at + len;

	if (w->len == SIZE_MAX) {
		if (i->len > (size_t)w->at)
			i->len = (size_t)w->at;
		return;
	}
	if (end > i->len) {
		i->synced = pc__realloc(i->synced, end);
		memset(i->synced + i->len, 0, end - i->len);
		i->len = end;
	}
	memcpy(i->synced + w->at, w->bytes, len);
}

static void image_forget(struct cut_image *i)
{
	for (struct cut_write *w = i->later, *next; w; w = next) {
		next = w->next;
		free(w->bytes);
		free(w);
	}
	i->later = NULL;
	i->later_end = &i->later;
}

static void image_sync(struct cut_image *i)
{
	for (const struct cut_write *w = i->later; w; w = w->next)
		image_write(i, w, w->len);
	image_forget(i);
}

static void image_note(struct cut_image *i, sqlite3_int64 at, const void *bytes, size_t len)
{
	struct cut_write *w = pc__alloc(sizeof(*w));

	w->at = at;
	w->len = len;
	if (bytes)
		w->bytes = memcpy(pc__malloc(len), bytes, len);
	*i->later_end = w;
	i->later_end = &w->next;
}

static void image_read(struct cut_image *i)
{
	FILE *file = fopen(i->path, "rb");

	if (file == NULL)
		return;
	fseek(file, 0, SEEK_END);
	i->len = (size_t)ftell(file);
	i->synced = pc__malloc(i->len);
	rewind(file);
	if (fread(i->synced, 1, i->len, file) != i->len)
		i->len = 0;
	fclose(file);
}

static struct cut_image *image_of(const char *path)
{
	struct cut_image *i = cut.images;

	while (i && strcmp(i->path, path) != 0)
		i = i->next;
	if (i == NULL) {
		i = pc__alloc(sizeof(*i));
		i->path = pc__strdup(path);
		i->later_end = &i->later;
		image_read(i);
		i->next = cut.images;
		cut.images = i;
	}
	i->deleted = false;
	return i;
}

/* ---- files */

/* With the lock held: is there power for this? */
static bool powered(void)
{
	if (!cut.off && cut.left >= 0 && cut.left-- == 0) {
		cut.off = true;
		cut.n_cuts++;
	}
	return !cut.off;
}

static struct cut_file *file_of(sqlite3_file *f)
{
	return (struct cut_file *)(void *)f;
}

static int cut_close(sqlite3_file *f)
{
	sqlite3_file *real = file_of(f)->real;

	return real->pMethods ? real->pMethods->xClose(real) : SQLITE_OK;
}

static int cut_read(sqlite3_file *f, void *to, int len, sqlite3_int64 at)
{
	return file_of(f)->real->pMethods->xRead(file_of(f)->real, to, len, at);
}

static int cut_write(sqlite3_file *f, const void *bytes, int len, sqlite3_int64 at)
{
	struct cut_file *file = file_of(f);
	int rc = SQLITE_IOERR_WRITE;

	uv_mutex_lock(&cut.lock);
	cut.n_writes++;
	if (powered() || file->image == NULL)
		rc = file->real->pMethods->xWrite(file->real, bytes, len, at);
	/* the write on which the power went may have reached the disk in part */
	if (file->image && (rc == SQLITE_OK || cut.left == -1))
		image_note(file->image, at, bytes, (size_t)len);
	if (cut.off)
		cut.left = -2;
	uv_mutex_unlock(&cut.lock);
	return rc;
}

static int cut_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	struct cut_file *file = file_of(f);
	int rc = SQLITE_IOERR_TRUNCATE;

	uv_mutex_lock(&cut.lock);
	if (powered())
		rc = file->real->pMethods->xTruncate(file->real, size);
	if (rc == SQLITE_OK && file->image)
		image_note(file->image, size, NULL, SIZE_MAX);
	uv_mutex_unlock(&cut.lock);
	return rc;
}

/* The real disk is spared. */
static int cut_sync(sqlite3_file *f, int flags)
{
	struct cut_file *file = file_of(f);
	int rc = SQLITE_IOERR_FSYNC;

	(void)flags;
	uv_mutex_lock(&cut.lock);
	cut.n_syncs++;
	if (powered()) {
		if (file->image)
			image_sync(file->image);
		rc = SQLITE_OK;
	}
	uv_mutex_unlock(&cut.lock);
	return rc;
}

static int cut_size(sqlite3_file *f, sqlite3_int64 *size_r)
{
	sqlite3_file *real = file_of(f)->real;
	return real->pMethods->xFileSize(real, size_r);
}

static int cut_lock(sqlite3_file *f, int lock)
{
	sqlite3_file *real = file_of(f)->real;
	return real->pMethods->xLock(real, lock);
}

static int cut_unlock(sqlite3_file *f, int lock)
{
	sqlite3_file *real = file_of(f)->real;
	return real->pMethods->xUnlock(real, lock);
}

static int cut_reserved(sqlite3_file *f, int *lock_r)
{
	sqlite3_file *real = file_of(f)->real;
	return real->pMethods->xCheckReservedLock(real, lock_r);
}

static int cut_control(sqlite3_file *f, int op, void *arg)
{
	sqlite3_file *real = file_of(f)->real;
	return real->pMethods->xFileControl(real, op, arg);
}

static int cut_sector(sqlite3_file *f)
{
	(void)f;
	return SECTOR;
}

/* No promises: neither that an overwrite leaves its neighbours alone, nor that appends are safe. */
static int cut_traits(sqlite3_file *f)
{
	(void)f;
	return 0;
}

static int cut_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **at_r)
{
	sqlite3_file *real = file_of(f)->real;
	return real->pMethods->xShmMap(real, page, size, extend, at_r);
}

static int cut_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	sqlite3_file *real = file_of(f)->real;
	return real->pMethods->xShmLock(real, at, n, flags);
}

static void cut_shm_barrier(sqlite3_file *f)
{
	sqlite3_file *real = file_of(f)->real;
	real->pMethods->xShmBarrier(real);
}

static int cut_shm_unmap(sqlite3_file *f, int delete_it)
{
	sqlite3_file *real = file_of(f)->real;
	return real->pMethods->xShmUnmap(real, delete_it);
}

static const sqlite3_io_methods cut_methods = {
	.iVersion = 2,
	.xClose = cut_close,
	.xRead = cut_read,
	.xWrite = cut_write,
	.xTruncate = cut_truncate,
	.xSync = cut_sync,
	.xFileSize = cut_size,
	.xLock = cut_lock,
	.xUnlock = cut_unlock,
	.xCheckReservedLock = cut_reserved,
	.xFileControl = cut_control,
	.xSectorSize = cut_sector,
	.xDeviceCharacteristics = cut_traits,
	.xShmMap = cut_shm_map,
	.xShmLock = cut_shm_lock,
	.xShmBarrier = cut_shm_barrier,
	.xShmUnmap = cut_shm_unmap,
};

static int cut_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *f, int flags, int *flags_r)
{
	const int followed = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL;
	struct cut_file *file = file_of(f);
	int rc;

	(void)vfs;
	file->base.pMethods = NULL;
	file->real = (sqlite3_file *)(file + 1);
	file->image = NULL;
	rc = cut.real->xOpen(cut.real, path, file->real, flags, flags_r);
	if (rc != SQLITE_OK)
		return rc;
	file->base.pMethods = &cut_methods;
	if (path && (flags & followed)) {
		uv_mutex_lock(&cut.lock);
		file->image = image_of(path);
		uv_mutex_unlock(&cut.lock);
	}
	return SQLITE_OK;
}

static int cut_delete(sqlite3_vfs *vfs, const char *path, int sync_folder)
{
	int rc = SQLITE_OK;

	(void)vfs;
	uv_mutex_lock(&cut.lock);
	if (!cut.off) {
		struct cut_image *i = image_of(path);

		image_forget(i);
		i->len = 0;
		i->deleted = true;
		rc = cut.real->xDelete(cut.real, path, sync_folder);
	}
	uv_mutex_unlock(&cut.lock);
	return rc;
}

/* ---- for tests */

static void cut_start(void)
{
	uv_mutex_init(&cut.lock);
	cut.left = -1;
	cut.real = sqlite3_vfs_find(NULL);
	cut.vfs = *cut.real;
	cut.vfs.zName = "cut";
	cut.vfs.szOsFile = (int)sizeof(struct cut_file) + cut.real->szOsFile;
	cut.vfs.xOpen = cut_open;
	cut.vfs.xDelete = cut_delete;
	sqlite3_vfs_register(&cut.vfs, 1);
}

static void cut_forget_all(void)
{
	for (struct cut_image *i = cut.images, *next; i; i = next) {
		next = i->next;
		image_forget(i);
		free(i->synced);
		free(i->path);
		free(i);
	}
	cut.images = NULL;
}

static void cut_end(void)
{
	cut_forget_all();
	sqlite3_vfs_unregister(&cut.vfs);
	sqlite3_vfs_register(cut.real, 1);
	uv_mutex_destroy(&cut.lock);
}

static void cut_after(int64_t operations)
{
	uv_mutex_lock(&cut.lock);
	cut.left = operations;
	uv_mutex_unlock(&cut.lock);
}

static bool cut_is_off(void)
{
	bool off;

	uv_mutex_lock(&cut.lock);
	off = cut.off;
	uv_mutex_unlock(&cut.lock);
	return off;
}

/* Each later write survives or not; of some only whole sectors from the front do. */
static void image_restore(struct cut_image *i)
{
	unsigned luck = (unsigned)rand() % 4; /* none of them, a few, half, most */
	FILE *file;

	for (const struct cut_write *w = i->later; w; w = w->next) {
		size_t len = w->len;

		if ((unsigned)rand() % 4 >= luck)
			continue;
		if (len != SIZE_MAX && len > SECTOR && rand() % 4 == 0)
			len = (size_t)rand() % (len / SECTOR) * SECTOR;
		image_write(i, w, len);
	}
	unlink(i->path);
	if (i->deleted)
		return;
	file = fopen(i->path, "wb");
	if (file) {
		fwrite(i->synced, 1, i->len, file);
		fclose(file);
	}
}

/* The power is back. Shared memory has gone with it. Was there a cut at all? */
static bool cut_restore(const char *database)
{
	char *shm = pc__printf("%s-shm", database);
	bool was = cut.off;

	if (was) {
		for (struct cut_image *i = cut.images; i; i = i->next)
			image_restore(i);
		unlink(shm);
	}
	cut_forget_all();
	cut.off = false;
	cut.left = -1;
	free(shm);
	return was;
}
