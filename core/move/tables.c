#include "move/move.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <lauxlib.h>

#include "sandbox.h"
#include "util/mem.h"

#define MEMORY_MAX ((size_t)512 << 20)
#define STEPS_MAX 100000000
#define SECONDS_MAX 20
#define MEND_DEPTH 64

void move_fault(struct move *m, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "left out: %s:", m->file);
	if (m->line)
		fprintf(stderr, "%lu:", m->line);
	fputc(' ', stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	m->faults++;
}

/* ------------------------------------------------------------ states */

struct run {
	struct pc__sandbox sandbox; /* first: pc__sandbox_of() leads here */
	lua_CFunction fn;
	void *data;
};

void *tables_data(lua_State *L)
{
	return ((struct run *)(void *)pc__sandbox_of(L))->data;
}

bool tables_run(struct move *m, lua_CFunction fn, void *data)
{
	struct run run = {
		.sandbox = { .memory_max = MEMORY_MAX,
		             .steps_max = STEPS_MAX,
		             .time_max = (int64_t)SECONDS_MAX * 1000000000 },
		.data = data,
	};
	lua_State *L = pc__sandbox_new(&run.sandbox);
	bool done;

	lua_pushcfunction(L, fn);
	done = lua_pcall(L, 0, 0, 0) == LUA_OK;
	if (!done)
		move_fault(m, "%s", lua_isstring(L, -1) ? lua_tostring(L, -1) : "it is damaged");
	lua_close(L);
	return done;
}

/* ------------------------------------------------------------ files */

struct reading {
	FILE *file;
	char bytes[16384];
};

static const char *read_some(lua_State *L, void *data, size_t *size_r)
{
	struct reading *r = data;

	(void)L;
	*size_r = fread(r->bytes, 1, sizeof(r->bytes), r->file);
	return *size_r ? r->bytes : NULL;
}

/* The file is closed whatever happens: nothing here raises an error before that. */
static int load_open(lua_State *L, FILE *file)
{
	struct reading r = { .file = file };
	struct stat st;
	int status;

	if (fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > TABLES_FILE_MAX) {
		fclose(file);
		return LUA_ERRFILE;
	}
	status = lua_load(L, read_some, &r, "=file", "t");
	if (ferror(file))
		status = LUA_ERRFILE;
	fclose(file);
	return status;
}

/* Pushes the file as a function, which sees the table at the top of the stack and nothing else. */
static void load(lua_State *L, const char *path)
{
	FILE *file = fopen(path, "re");
	int status = file ? load_open(L, file) : LUA_ERRFILE;

	if (status == LUA_ERRFILE)
		luaL_error(L, "it is too large, or cannot be read");
	if (status != LUA_OK)
		lua_error(L);
	lua_insert(L, -2);
	if (lua_setupvalue(L, -2, 1) == NULL)
		lua_pop(L, 1);
}

void tables_read_file(lua_State *L, const char *path)
{
	lua_newtable(L);
	load(L, path);
	lua_call(L, 0, 1);
	if (!lua_istable(L, -1))
		luaL_error(L, "it holds no data");
}

void tables_read_list(lua_State *L, const char *path, lua_CFunction item)
{
	lua_newtable(L);
	lua_pushcfunction(L, item);
	lua_setfield(L, -2, "item");
	load(L, path);
	lua_call(L, 0, 0);
}

/* ------------------------------------------------------------ JSON
 *
 * Prosody writes what JSON objects cannot have as a key into fields of their own: "__array" holds
 * the values of 1, 2, ..., "__hash" keys and values in turn.
 */

/* The list in that field becomes fields of the table at the top; `step` 2: of keys and values. */
static void spread(lua_State *L, const char *field, int step)
{
	int table = lua_gettop(L);

	lua_pushstring(L, field);
	if (lua_rawget(L, table) == LUA_TTABLE) {
		lua_Unsigned n = lua_rawlen(L, -1);

		for (lua_Unsigned i = 1; i + (lua_Unsigned)step - 1 <= n; i += (lua_Unsigned)step) {
			if (step == 2)
				lua_rawgeti(L, -1, (lua_Integer)i);
			else
				lua_pushinteger(L, (lua_Integer)i);
			lua_rawgeti(L, -2, (lua_Integer)i + step - 1);
			if (lua_isnil(L, -2))
				lua_pop(L, 2);
			else
				lua_rawset(L, table);
		}
		lua_pushstring(L, field);
		lua_pushnil(L);
		lua_rawset(L, table);
	}
	lua_settop(L, table);
}

static void mend(lua_State *L, int depth)
{
	int table = lua_gettop(L);

	luaL_checkstack(L, 8, NULL);
	if (depth > MEND_DEPTH)
		luaL_error(L, "it is nested too deeply");
	spread(L, "__array", 1);
	spread(L, "__hash", 2);
	lua_pushnil(L);
	while (lua_next(L, table)) {
		if (lua_istable(L, -1))
			mend(L, depth + 1);
		lua_pop(L, 1);
	}
}

void tables_mend(lua_State *L)
{
	if (lua_istable(L, -1))
		mend(L, 0);
}

/* ------------------------------------------------------------ fields */

/* A number becomes text in the copy alone, so that a walk over the table goes on. */
const char *tables_text(lua_State *L, int table, const char *field)
{
	const char *text = NULL;

	lua_pushstring(L, field);
	if (lua_rawget(L, table < 0 ? table - 1 : table) == LUA_TSTRING)
		text = lua_tostring(L, -1);
	lua_pop(L, 1);
	return text;
}

int tables_number(lua_State *L, int table, const char *field, double *number_r)
{
	int err = PC_ENOENT;

	lua_pushstring(L, field);
	if (lua_rawget(L, table < 0 ? table - 1 : table) == LUA_TNUMBER) {
		*number_r = lua_tonumber(L, -1);
		err = PC_OK;
	}
	lua_pop(L, 1);
	return err;
}

bool tables_true(lua_State *L, int table, const char *field)
{
	bool set;

	lua_pushstring(L, field);
	lua_rawget(L, table < 0 ? table - 1 : table);
	set = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return set;
}

/* ------------------------------------------------------------ walks */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static lua_Integer count_keys(lua_State *L, int table)
{
	lua_Integer n = 0;

	lua_pushnil(L);
	for (; lua_next(L, table); lua_pop(L, 1))
		n += lua_type(L, -2) == LUA_TSTRING;
	return n;
}

/* The keys live in the table; the array of them is a block of Lua's, for an error may come. */
struct tables_walk tables_walk(lua_State *L, int table)
{
	struct tables_walk w = { .table = lua_absindex(L, table) };
	lua_Integer n = 0;

	luaL_checkstack(L, 8, NULL);
	w.n = count_keys(L, w.table);
	w.keys = lua_newuserdatauv(L, (size_t)(w.n + 1) * sizeof(*w.keys), 0);
	lua_pushnil(L);
	for (; lua_next(L, w.table); lua_pop(L, 1))
		if (lua_type(L, -2) == LUA_TSTRING)
			w.keys[n++] = lua_tostring(L, -2);
	qsort(w.keys, (size_t)n, sizeof(*w.keys), by_text);
	return w;
}

bool tables_next(lua_State *L, struct tables_walk *w)
{
	lua_pop(L, w->i > 0); /* the last key */
	if (w->i == w->n) {
		lua_pop(L, 1);
		return false;
	}
	lua_pushstring(L, w->keys[w->i++]);
	lua_pushvalue(L, -1);
	lua_rawget(L, w->table);
	return true;
}
