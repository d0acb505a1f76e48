/*
 * config_files.c - the words that read files.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lauxlib.h>

#include "config_internal.h"
#include "util/mem.h"

/* ---- bytes. Nothing of Lua is called while a descriptor is open: its errors jump. */

/* 0, an errno, or -1 for a file that is too large. */
static int read_fd(int fd, bool any, struct pc__buf *b)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	if (!any && !S_ISREG(st.st_mode))
		return EINVAL;
	while (b->len <= PC__CONFIG_FILE_MAX) {
		ssize_t n = read(fd, pc__buf_room(b, 16384), 16384);

		if (n == 0)
			return 0;
		if (n > 0)
			pc__buf_added(b, (size_t)n);
		else if (errno != EINTR)
			return errno;
	}
	return -1;
}

/* A pipe that nobody writes would block the open. */
static int open_file(const char *path, bool any)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (any ? 0 : O_NONBLOCK));
}

void pc__reading_bytes(lua_State *L, const char *path, bool any)
{
	struct pc__reading *r = pc__reading_of(L);
	int fd, err = 0;

	if (r->no_files)
		pc__reading_fail(L, "files are not read here");
	if (++r->n_reads > PC__CONFIG_FILES)
		pc__reading_fail(L, "more than %d files are read", PC__CONFIG_FILES);
	r->bytes.len = 0;
	fd = open_file(path, any);
	if (fd < 0)
		pc__reading_fail(L, "%s: %s", path, strerror(errno));
	err = read_fd(fd, any, &r->bytes);
	close(fd);
	if (err != 0)
		pc__reading_fail(L, "%s: %s", path, err < 0 ? "too large" : strerror(err));
	pc__sandbox_spend(L, 1000 + r->bytes.len / 16);
}

/* ---- paths */

/* A path as the file under way means it; pushed. */
static const char *resolve(lua_State *L, const char *path)
{
	const char *file = pc__reading_of(L)->frame->file, *slash = strrchr(file, '/');

	if (path[0] == '/' || slash == NULL)
		return lua_pushstring(L, path);
	lua_pushlstring(L, file, (size_t)(slash - file + 1));
	lua_pushstring(L, path);
	lua_concat(L, 2);
	return lua_tostring(L, -1);
}

static const char *name_argument(lua_State *L, const char *word)
{
	size_t len;
	const char *text;

	if (lua_type(L, 1) == LUA_TUSERDATA) {
		lua_settop(L, 1);
		pc__proxy_resolve(L);
	}
	if (lua_type(L, 1) != LUA_TSTRING)
		pc__reading_fail(L, "%s needs the name of a file, in quotes", word);
	text = lua_tolstring(L, 1, &len);
	if (len == 0 || strlen(text) != len)
		pc__reading_fail(L, "%s: that is no name of a file", word);
	return text;
}

/* ---- many files */

/* '*' and '?' only; the last star takes one byte more each time that the rest does not fit. */
static bool matches(const char *pattern, const char *name)
{
	const char *star = NULL, *from = NULL;

	while (*name) {
		if (*pattern == '*') {
			star = ++pattern;
			from = name;
		} else if (*pattern == '?' || *pattern == *name) {
			pattern++;
			name++;
		} else if (star) {
			pattern = star;
			name = ++from;
		} else {
			return false;
		}
	}
	return pattern[strspn(pattern, "*")] == '\0';
}

void pc__reading_names_free(struct pc__reading *r)
{
	for (size_t i = 0; i < r->n_names; i++)
		free(r->names[i]);
	pc__free(&r->names);
	r->n_names = 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool read_names(struct pc__reading *r, const char *dir, const char *pattern)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	pc__reading_names_free(r);
	if (d == NULL)
		return false;
	while ((entry = readdir(d)) != NULL) {
		if (entry->d_name[0] == '.' || !matches(pattern, entry->d_name))
			continue;
		if (r->n_names == PC__CONFIG_FILES)
			break;
		r->names = pc__realloc(r->names, (r->n_names + 1) * sizeof(*r->names));
		r->names[r->n_names++] = pc__strdup(entry->d_name);
	}
	closedir(d);
	if (r->n_names)
		qsort(r->names, r->n_names, sizeof(*r->names), by_text);
	return true;
}

/* Names go to Lua first: the files may include others, and an error must not lose them. */
static void run_all(lua_State *L, const char *dir)
{
	struct pc__reading *r = pc__reading_of(L);
	size_t n = r->n_names;
	int list;

	lua_createtable(L, (int)n, 0);
	list = lua_gettop(L);
	for (size_t i = 0; i < n; i++) {
		lua_pushfstring(L, "%s/%s", dir, r->names[i]);
		lua_rawseti(L, list, (lua_Integer)i + 1);
	}
	for (size_t i = 0; i < n; i++) {
		lua_rawgeti(L, list, (lua_Integer)i + 1);
		pc__reading_run(L, lua_tostring(L, -1), false);
		lua_pop(L, 1);
	}
	lua_pop(L, 1);
}

static void include_matching(lua_State *L, const char *path)
{
	const char *slash = strrchr(path, '/'), *dir = ".";

	pc__sandbox_spend(L, 1000);
	if (slash)
		dir = lua_pushlstring(L, path, (size_t)(slash - path));
	if (read_names(pc__reading_of(L), *dir ? dir : "/", slash ? slash + 1 : path))
		run_all(L, dir);
	else
		pc__reading_warn(L, "%s: %s", dir, strerror(errno));
}

void pc__reading_include(lua_State *L, const char *pattern)
{
	const char *path = resolve(L, pattern), *slash = strrchr(path, '/');

	if (pc__reading_of(L)->no_files)
		pc__reading_fail(L, "files are not read here");
	if (strpbrk(slash ? slash : path, "*?"))
		include_matching(L, path);
	else
		pc__reading_run(L, path, false);
}

void pc__reading_folder(lua_State *L, const char *dir)
{
	int top = lua_gettop(L);
	const char *path = resolve(L, dir);

	if (read_names(pc__reading_of(L), path, "*.conf"))
		run_all(L, path);
	lua_settop(L, top);
}

static int include(lua_State *L)
{
	const char *pattern = name_argument(L, "Include");

	pc__reading_include(L, pattern);
	return 0;
}

/* Names that the script sets are its own; what it returns is the word's value. */
static int run_script(lua_State *L)
{
	struct pc__reading *r = pc__reading_of(L);
	const char *path = resolve(L, name_argument(L, "RunScript"));
	struct pc__frame frame = { r->frame, ++r->n_frames, pc__reading_keep(L, path),
		                   r->frame->part };
	int base = lua_gettop(L);

	if (r->depth == PC__CONFIG_INCLUDES)
		pc__reading_fail(L, "%s: files include one another too deep", path);
	pc__reading_bytes(L, path, false);
	pc__reading_load(L, frame.file, r->bytes.p ? r->bytes.p : "", r->bytes.len);
	lua_newtable(L);
	lua_createtable(L, 0, 1);
	lua_getfield(L, LUA_REGISTRYINDEX, PC__ENV_KEY);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
	lua_setupvalue(L, -2, 1);
	r->frame = &frame;
	r->depth++;
	lua_call(L, 0, LUA_MULTRET);
	r->depth--;
	r->frame = frame.up;
	return lua_gettop(L) - base;
}

void pc__files_words(lua_State *L)
{
	static const luaL_Reg words[] = { { "Include", include },
		                          { "include", include },
		                          { "RunScript", run_script },
		                          { NULL, NULL } };

	luaL_setfuncs(L, words, 0);
}

/* ---- contents */

static struct pc__buf *contents(lua_State *L, const char *word)
{
	pc__reading_bytes(L, resolve(L, name_argument(L, word)), false);
	return &pc__reading_of(L)->bytes;
}

static int file_contents(lua_State *L)
{
	const struct pc__buf *b = contents(L, "FileContents");

	lua_pushlstring(L, b->p, b->len);
	return 1;
}

/* The line that begins there, without its end; where the next one begins. */
static size_t push_line(lua_State *L, const struct pc__buf *b, size_t at)
{
	const char *line = b->p + at, *end = memchr(line, '\n', b->len - at);
	size_t len = end ? (size_t)(end - line) : b->len - at;

	lua_pushlstring(L, line, len && line[len - 1] == '\r' ? len - 1 : len);
	return at + len + 1;
}

static int file_line(lua_State *L)
{
	const struct pc__buf *b = contents(L, "FileLine");

	if (b->len == 0)
		return 0;
	push_line(L, b, 0);
	return 1;
}

static int file_lines(lua_State *L)
{
	const struct pc__buf *b = contents(L, "FileLines");
	lua_Integer n = 0;

	lua_newtable(L);
	for (size_t at = 0; at < b->len;) {
		at = push_line(L, b, at);
		lua_rawseti(L, -2, ++n);
	}
	return 1;
}

/* What systemd hands over (LoadCredential=). */
static int credential(lua_State *L)
{
	const char *name = name_argument(L, "Credential"), *dir = getenv("CREDENTIALS_DIRECTORY");
	const struct pc__reading *r = pc__reading_of(L);

	if (dir == NULL || dir[0] != '/')
		pc__reading_fail(L, "Credential \"%s\": CREDENTIALS_DIRECTORY is not set", name);
	if (name[0] == '.' || strchr(name, '/'))
		pc__reading_fail(L, "Credential \"%s\": that is no name of a credential", name);
	pc__reading_bytes(L, lua_pushfstring(L, "%s/%s", dir, name), false);
	lua_pushlstring(L, r->bytes.p, r->bytes.len);
	return 1;
}

void pc__readers_words(lua_State *L)
{
	static const luaL_Reg words[] = { { "FileContents", file_contents },
		                          { "FileLine", file_line },
		                          { "FileLines", file_lines },
		                          { "Credential", credential },
		                          { NULL, NULL } };

	luaL_setfuncs(L, words, 0);
}
