/*
 * Prosody's internal storage: FOLDER/HOST/STORE/USER.dat and .list, where HOST, STORE and USER are
 * written with %xx for what is neither letter nor digit.
 */
#include "move/move.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "util/mem.h"

static int hex(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* In place; false: it is none of Prosody's names. */
static bool decode(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (*s != '%') {
			*out++ = *s;
			continue;
		}
		if (hex(s[1]) < 0 || hex(s[2]) < 0)
			return false;
		*out = (char)(hex(s[1]) * 16 + hex(s[2]));
		if (*out++ == '\0')
			return false;
		s += 2;
	}
	*out = '\0';
	return true;
}

/* ------------------------------------------------------------ one file */

struct file {
	struct move *m;
	const struct prosody_store *store;
	unsigned long entries;
};

static int on_item(lua_State *L)
{
	struct file *f = tables_data(L);

	if (!lua_istable(L, 1))
		return 0;
	lua_settop(L, 1);
	f->store->take(L, f->m, ++f->entries);
	return 0;
}

static int read_file(lua_State *L)
{
	struct file *f = tables_data(L);

	if (f->store->list) {
		tables_read_list(L, f->m->file, on_item);
		return 0;
	}
	tables_read_file(L, f->m->file);
	f->store->take(L, f->m, 0);
	return 0;
}

static void take_file(struct move *m, const struct prosody_store *store, const char *name,
                      const char *path)
{
	struct file f = { .m = m, .store = store };

	m->file = path;
	if (pc__bundle_begin(m->out, store->list, m->host, m->user, name) != PC_OK) {
		move_fault(m, "its name has characters that are not allowed");
		return;
	}
	pc__bundle_end(m->out, tables_run(m, read_file, &f));
}

/* ------------------------------------------------------------ folders, in the order of names */

static int no_dots(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

typedef void each_fn(struct move *m, const char *path, char *name, const void *data);

static int each(struct move *m, const char *folder, each_fn *fn, const void *data)
{
	struct dirent **names;
	int n = scandir(folder, &names, no_dots, alphasort);

	if (n < 0) {
		fprintf(stderr, "prosody-ctl: %s: %s\n", folder, strerror(errno));
		return PC_EIO;
	}
	for (int i = 0; i < n; i++) {
		char *path = pc__printf("%s/%s", folder, names[i]->d_name);

		fn(m, path, names[i]->d_name, data);
		free(path);
		free(names[i]);
	}
	free(names);
	return PC_OK;
}

struct folder {
	const struct prosody_store *store;
	const char *name;
};

static void on_user(struct move *m, const char *path, char *name, const void *data)
{
	const struct folder *folder = data;
	char *suffix = strrchr(name, '.');

	if (suffix == NULL || strcmp(suffix, folder->store->list ? ".list" : ".dat") != 0)
		return; /* indexes, scratch files */
	*suffix = '\0';
	m->user = name;
	m->file = path;
	if (decode(name))
		take_file(m, folder->store, folder->name, path);
	else
		move_fault(m, "it is not named as Prosody names its files");
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void on_store(struct move *m, const char *path, char *name, const void *data)
{
	struct folder folder;

	(void)data;
	if (!is_folder(path) || !decode(name))
		return;
	folder = (struct folder){ prosody_store_find(name), name };
	if (folder.store)
		m->faults += each(m, path, on_user, &folder) != PC_OK;
	else
		printf("not moved: %s\n", path);
}

static void on_host(struct move *m, const char *path, char *name, const void *data)
{
	(void)data;
	if (*name == '_' || !is_folder(path) || !decode(name))
		return;
	m->host = name;
	m->faults += each(m, path, on_store, NULL) != PC_OK;
}

int prosody_files(struct move *m, const char *folder)
{
	return each(m, folder, on_host, NULL);
}
