/*
 * files.h - a folder of small files for a test.
 */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/mem.h"

struct folder {
	char path[64];
};

static inline void folder_make(struct folder *f)
{
	snprintf(f->path, sizeof(f->path), "/tmp/prosody-c-test-XXXXXX");
	if (mkdtemp(f->path) == NULL)
		abort();
}

static inline char *folder_file(const struct folder *f, const char *name)
{
	return pc__printf("%s/%s", f->path, name);
}

static inline void folder_write_n(const struct folder *f, const char *name, const void *bytes,
                                  size_t len)
{
	char *path = folder_file(f, name);
	FILE *file = fopen(path, "w");

	if (file == NULL || fwrite(bytes, 1, len, file) != len || fclose(file) != 0)
		abort();
	free(path);
}

static inline void folder_write(const struct folder *f, const char *name, const char *text)
{
	folder_write_n(f, name, text, strlen(text));
}

static inline void folder_sub(const struct folder *f, const char *name)
{
	char *path = folder_file(f, name);

	if (mkdir(path, 0700) != 0)
		abort();
	free(path);
}

/* The whole file as a string; the caller frees it. "" where there is none. */
static inline char *folder_read(const struct folder *f, const char *name)
{
	char *path = folder_file(f, name), *text = pc__alloc(1 << 20);
	FILE *file = fopen(path, "r");

	if (file) {
		text[fread(text, 1, (1 << 20) - 1, file)] = '\0';
		fclose(file);
	}
	free(path);
	return text;
}

static inline void folder_empty(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL) {
		char *inner = pc__printf("%s/%s", path, e->d_name);

		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    unlink(inner) != 0)
			rmdir(inner);
		free(inner);
	}
	if (d)
		closedir(d);
}

/* Two levels deep. */
static inline void folder_remove(struct folder *f)
{
	DIR *d = opendir(f->path);
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL) {
		char *inner = pc__printf("%s/%s", f->path, e->d_name);

		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			folder_empty(inner);
		free(inner);
	}
	if (d)
		closedir(d);
	folder_empty(f->path);
	rmdir(f->path);
}
