#include "loader.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ltdl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "util/mem.h"

#define NAME_MOST 64

struct pc__file {
	const pc_module_def *def; /* NULL: it is no module for this server */
	pc_module_def whole;      /* what `def` is: what the file was built without is zero */
	bool builtin;
	char name[NAME_MOST];
	int copy; /* the descriptor of its bytes; builtin: none */
	lt_dlhandle handle;
	struct pc__file *next; /* the newest first */
};

/* Written like modules and built in: the stream class of clients, and the server's own commands. */
extern const pc_module_def pc_mod_c2s;
extern const pc_module_def pc_mod_admin_shell;
static const pc_module_def *const builtin[] = { &pc_mod_c2s, &pc_mod_admin_shell };

static char **dirs;
static size_t n_dirs;
static struct pc__file *newest;

void pc__loader_setup(const char *const *new_dirs, size_t n)
{
	for (size_t i = 0; i < n_dirs; i++)
		free(dirs[i]);
	dirs = pc__realloc(dirs, n * sizeof(*dirs));
	for (size_t i = 0; i < n; i++)
		dirs[i] = pc__strdup(new_dirs[i]);
	n_dirs = n;
	if (lt_dlinit() != 0)
		pc__log("loader", PC_ERROR, "libltdl: %s", lt_dlerror());
}

/* ------------------------------------------------------------ the file's bytes */

static int open_file(const char *name, char **path_r)
{
	for (size_t i = 0; i < n_dirs; i++) {
		char *path = pc__printf("%s/mod_%s.so", dirs[i], name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);

		if (fd >= 0) {
			*path_r = path;
			return fd;
		}
		free(path);
	}
	return -1;
}

static bool copy_bytes(int from, int to)
{
	struct stat st;
	off_t done = 0;

	if (fstat(from, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	while (done < st.st_size) {
		ssize_t n = sendfile(to, from, &done, (size_t)(st.st_size - done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
	}
	return true;
}

/* Once it is loaded the copy's descriptor stays open for ever: both dynamic loaders know a file by
 * its path, and a number that is used again in /proc/self/fd would give the old code. */
static int private_copy(const char *name, char **error_r)
{
	char *path = NULL, *label;
	int from = open_file(name, &path), to;

	if (from < 0) {
		*error_r = pc__printf("there is no mod_%s.so in the module folders", name);
		return -1;
	}
	label = pc__printf("mod_%s.so", name);
	to = memfd_create(label, MFD_CLOEXEC);
	free(label);
	if (to >= 0 && !copy_bytes(from, to)) {
		close(to);
		to = -1;
	}
	if (to < 0)
		*error_r = pc__printf("%s: %s", path, strerror(errno));
	close(from);
	free(path);
	return to;
}

static const void *map(int fd, size_t size)
{
	void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);

	return bytes == MAP_FAILED ? NULL : bytes;
}

static void unmap(const void *bytes, size_t size)
{
	if (bytes)
		munmap((void *)(uintptr_t)bytes, size);
}

static bool same_bytes(int one, int other)
{
	struct stat a, b;
	const void *p, *q;
	bool same;

	if (fstat(one, &a) != 0 || fstat(other, &b) != 0 || a.st_size != b.st_size ||
	    a.st_size == 0)
		return false;
	p = map(one, (size_t)a.st_size);
	q = map(other, (size_t)a.st_size);
	same = p && q && memcmp(p, q, (size_t)a.st_size) == 0;
	unmap(p, (size_t)a.st_size);
	unmap(q, (size_t)a.st_size);
	return same;
}

/* ------------------------------------------------------------ from a file to its definition */

static const pc_module_def *find_def(lt_dlhandle handle, const char *name, char **error_r)
{
	char *symbol = pc__printf("pc_mod_%s", name);
	const pc_module_def *def = lt_dlsym(handle, symbol);

	if (def == NULL)
		*error_r = pc__printf("mod_%s.so does not define %s (PC_MODULE)", name, symbol);
	free(symbol);
	return def;
}

static bool abi_fits(const pc_module_def *def, char **error_r)
{
	if (def->abi_major == PC_ABI_MAJOR && def->abi_minor <= PC_ABI_MINOR)
		return true;
	*error_r = pc__printf("module is built for ABI %u.%u, this server has %u.%u",
	                      def->abi_major, def->abi_minor, PC_ABI_MAJOR, PC_ABI_MINOR);
	return false;
}

/* libltdl binds lazily and says "file not found" for whatever is wrong, so the verdict is asked of
 * the dynamic linker first: a missing symbol is found now and named. */
static lt_dlhandle load_code(const char *name, int fd, char **error_r)
{
	char *path = pc__printf("/proc/self/fd/%d", fd);
	lt_dlhandle handle = NULL;

	if (dlopen(path, RTLD_NOW | RTLD_LOCAL) == NULL) {
		*error_r = pc__printf("mod_%s.so: %s", name, dlerror());
		close(fd);
	} else if ((handle = lt_dlopen(path)) == NULL) {
		*error_r = pc__printf("mod_%s.so: %s", name, lt_dlerror());
	}
	free(path);
	return handle;
}

/* ------------------------------------------------------------ files */

static bool is_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return len > 0 && len < NAME_MOST && name[len] == '\0';
}

static struct pc__file *remember(const char *name)
{
	struct pc__file *file = pc__alloc(sizeof(*file));

	memcpy(file->name, name, strlen(name) + 1);
	file->next = newest;
	newest = file;
	return file;
}

static struct pc__file *find_file(const char *name)
{
	for (struct pc__file *f = newest; f; f = f->next)
		if (f->def && strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

/* Modules hold no state of their own, so the same bytes need not be loaded twice; it is the newest
 * from now on. */
static struct pc__file *find_copy(const char *name, int fd)
{
	for (struct pc__file **at = &newest; *at; at = &(*at)->next) {
		struct pc__file *f = *at;

		if (f->builtin || strcmp(f->name, name) != 0 || !same_bytes(f->copy, fd))
			continue;
		*at = f->next;
		f->next = newest;
		newest = f;
		return f;
	}
	return NULL;
}

static void set_def(struct pc__file *file, const pc_module_def *def)
{
	size_t size = def->size < sizeof(file->whole) ? def->size : sizeof(file->whole);

	memset(&file->whole, 0, sizeof(file->whole));
	memcpy(&file->whole, def, size);
	file->def = &file->whole;
}

static struct pc__file *find_builtin(const char *name)
{
	for (size_t i = 0; i < PC__COUNT(builtin); i++)
		if (strcmp(builtin[i]->name, name) == 0) {
			struct pc__file *file = remember(name);

			set_def(file, builtin[i]);
			file->builtin = true;
			return file;
		}
	return NULL;
}

static struct pc__file *load_copy(const char *name, int fd, char **error_r)
{
	lt_dlhandle handle = load_code(name, fd, error_r);
	struct pc__file *file;

	if (handle == NULL)
		return NULL;
	file = remember(name);
	file->handle = handle;
	file->copy = fd;
	return file;
}

static struct pc__file *open_copy(const char *name, char **error_r)
{
	int fd = private_copy(name, error_r);
	struct pc__file *file;
	const pc_module_def *def;

	if (fd < 0)
		return NULL;
	file = find_copy(name, fd);
	if (file)
		close(fd);
	else
		file = load_copy(name, fd, error_r);
	if (file == NULL)
		return NULL;
	def = find_def(file->handle, name, error_r);
	file->def = NULL;
	if (def == NULL || !abi_fits(def, error_r))
		return NULL;
	set_def(file, def);
	return file;
}

struct pc__file *pc__file_open(const char *name, bool anew, char **error_r)
{
	struct pc__file *file;

	if (!is_name(name)) {
		*error_r = pc__strdup("that is no name of a module");
		return NULL;
	}
	file = find_file(name);
	if (file == NULL)
		file = find_builtin(name);
	if (file && (file->builtin || !anew))
		return file;
	return open_copy(name, error_r);
}

const pc_module_def *pc__file_def(const struct pc__file *file)
{
	return file->def;
}

bool pc__file_is_builtin(const struct pc__file *file)
{
	return file->builtin;
}

/* ------------------------------------------------------------ which there are */

struct names {
	char **at;
	size_t n;
};

static void add_name(struct names *names, const char *name, size_t len)
{
	for (size_t i = 0; i < names->n; i++)
		if (strncmp(names->at[i], name, len) == 0 && names->at[i][len] == '\0')
			return;
	names->at = pc__realloc(names->at, (names->n + 2) * sizeof(*names->at));
	names->at[names->n++] = pc__strndup(name, len);
	names->at[names->n] = NULL;
}

/* mod_NAME.so */
static void add_names_of(struct names *names, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL) {
		size_t len = strlen(e->d_name);

		if (len > 7 && strncmp(e->d_name, "mod_", 4) == 0 &&
		    strcmp(e->d_name + len - 3, ".so") == 0)
			add_name(names, e->d_name + 4, len - 7);
	}
	if (d)
		closedir(d);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **pc__loader_names(void)
{
	struct names names = { NULL, 0 };

	for (size_t i = 0; i < PC__COUNT(builtin); i++)
		add_name(&names, builtin[i]->name, strlen(builtin[i]->name));
	for (size_t i = 0; i < n_dirs; i++)
		add_names_of(&names, dirs[i]);
	qsort(names.at, names.n, sizeof(*names.at), by_text);
	return names.at;
}
