/*
 * config_read.c - a configuration file run: from its text to a configuration.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "config_internal.h"
#include "log.h"
#include "util/mem.h"

#define INSTRUCTIONS 10000000
#define MEMORY (32u << 20)
#define TIME_NS 15000000000

#define PLACED PC__READING_PLACED

struct pc__reading *pc__reading_of(lua_State *L)
{
	return PC__CONTAINER(pc__sandbox_of(L), struct pc__reading, sandbox);
}

/* ---- places. Lua cuts long names of files in its messages, so that chunks are called by number.
 */

static const char *file_of(const struct pc__reading *r, const char *chunk, const char **end_r)
{
	char *end;
	unsigned long i;

	if (chunk[0] != '#')
		return NULL;
	i = strtoul(chunk + 1, &end, 10);
	if (end_r)
		*end_r = end;
	return i < r->n_files ? r->files[i] : NULL;
}

void pc__reading_where(lua_State *L, const char **file_r, int *line_r)
{
	lua_Debug ar;

	*file_r = "";
	*line_r = 0;
	for (int level = 0; lua_getstack(L, level, &ar); level++) {
		lua_getinfo(L, "Sl", &ar);
		if (ar.currentline <= 0 || ar.source[0] != '=')
			continue;
		*file_r = file_of(pc__reading_of(L), ar.source + 1, NULL);
		*line_r = ar.currentline;
		return;
	}
}

static void (*on_warning)(const char *text, void *data);
static void *on_warning_data;

void pc__config_on_warning(void (*fn)(const char *text, void *data), void *data)
{
	on_warning = fn;
	on_warning_data = data;
}

static void warn(const char *format, ...) PC_PRINTF(1, 2);

static void warn(const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (on_warning)
		on_warning(text, on_warning_data);
	else
		pc__log("config", PC_WARN, "%s", text);
}

void pc__reading_warn(lua_State *L, const char *format, ...)
{
	struct pc__reading *r = pc__reading_of(L);
	const char *file;
	char text[512];
	va_list args;
	int line;

	pc__sandbox_spend(L, 100);
	if (++r->n_warnings > PC__CONFIG_WARNINGS)
		return;
	pc__reading_where(L, &file, &line);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	warn("%s:%d: %s", file, line, text);
}

void pc__reading_fail(lua_State *L, const char *format, ...)
{
	const char *file;
	char text[512];
	va_list args;
	int line;

	pc__reading_where(L, &file, &line);
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (line > 0)
		lua_pushfstring(L, PLACED "%s:%d: %s", file, line, text);
	else
		lua_pushstring(L, text);
	lua_error(L);
	abort(); /* not reached */
}

const char *pc__reading_keep(lua_State *L, const char *s)
{
	pc__arena *arena = pc__reading_of(L)->config->arena;
	size_t len = strlen(s);

	if (pc__arena_used(arena) + len > PC__CONFIG_BYTES)
		pc__reading_fail(L, "the configuration is too large");
	return pc__arena_strndup(arena, s, len);
}

/* ---- chunks */

/* A mark of UTF-8 and a first line "#!..." are passed over; its end stays, for the counting. */
static size_t prelude(const char *text, size_t len)
{
	size_t n = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	if (n < len && text[n] == '#')
		while (n < len && text[n] != '\n')
			n++;
	return n;
}

void pc__reading_load(lua_State *L, const char *path, const char *text, size_t len)
{
	struct pc__reading *r = pc__reading_of(L);
	size_t skip = prelude(text, len);
	char chunk[32];

	if ((r->n_files & (r->n_files - 1)) == 0)
		r->files = pc__realloc(r->files,
		                       (r->n_files ? r->n_files * 2 : 1) * sizeof(*r->files));
	snprintf(chunk, sizeof(chunk), "=#%zu", r->n_files);
	r->files[r->n_files++] = path;
	if (luaL_loadbufferx(L, text + skip, len - skip, chunk, "t") != LUA_OK)
		lua_error(L);
	lua_getfield(L, LUA_REGISTRYINDEX, PC__ENV_KEY);
	lua_setupvalue(L, -2, 1);
}

static void run_bytes(lua_State *L, const char *path, const char *text, size_t len)
{
	struct pc__reading *r = pc__reading_of(L);
	struct pc__frame frame = { r->frame, ++r->n_frames, path, &r->config->global };

	pc__reading_load(L, path, text, len);
	r->frame = &frame;
	lua_call(L, 0, 0);
	r->frame = frame.up;
}

void pc__reading_run(lua_State *L, const char *path, bool any)
{
	struct pc__reading *r = pc__reading_of(L);

	if (r->depth == PC__CONFIG_INCLUDES)
		pc__reading_fail(L, "%s: files include one another too deep", path);
	r->depth++;
	pc__reading_bytes(L, path, any);
	run_bytes(L, pc__reading_keep(L, path), r->bytes.p ? r->bytes.p : "", r->bytes.len);
	r->depth--;
}

/* ---- the end: values come out of Lua */

static void copy_part(lua_State *L, struct pc__host_options *part)
{
	for (struct pc__entry *e = part->entries; e; e = e->hh.next) {
		lua_rawgeti(L, LUA_REGISTRYINDEX, e->ref);
		pc__value_copy(L, pc__reading_of(L)->config, e->name, &e->value);
		lua_pop(L, 1);
	}
}

static void name_component_module(struct pc__host_options *part)
{
	struct pc__entry *e = pc__config_entry(part, "component_module");

	if (part->host.component && e && e->value.type == PC__STRING)
		part->host.component_module = e->value.s;
}

static void copy_all(lua_State *L)
{
	pc__config *config = pc__reading_of(L)->config;
	size_t n = HASH_COUNT(config->hosts);

	config->list = pc__arena_alloc(config->arena, (n + 1) * sizeof(*config->list));
	copy_part(L, &config->global);
	for (struct pc__host_options *part = config->hosts; part; part = part->hh.next) {
		copy_part(L, part);
		name_component_module(part);
		config->list[config->n_hosts++] = part->host;
	}
}

/* ---- all of it */

struct job {
	const char *file, *text;
	size_t len;
	const char *const *overrides;
	size_t n_overrides;
};

/* Drop-in files: those of the folders that plugin_paths names, then of plugins.d. */
static void run_drop_ins(lua_State *L)
{
	const struct pc__reading *r = pc__reading_of(L);

	if (r->no_files)
		return;
	if (pc__reading_push(L, &r->config->global, "plugin_paths")) {
		if (lua_type(L, -1) == LUA_TSTRING)
			pc__reading_folder(L, lua_tostring(L, -1));
		for (lua_Integer i = 1; lua_istable(L, -1); i++, lua_pop(L, 1)) {
			if (lua_rawgeti(L, -1, i) != LUA_TSTRING)
				break;
			pc__reading_folder(L, lua_tostring(L, -1));
		}
		lua_settop(L, 1);
	}
	pc__reading_folder(L, "plugins.d");
}

/* Protected: whatever fails below comes out of lua_pcall. */
static int read_all(lua_State *L)
{
	const struct job *job = lua_touserdata(L, 1);
	struct pc__reading *r = pc__reading_of(L);
	struct pc__frame frame = { NULL, ++r->n_frames, pc__reading_keep(L, job->file),
		                   &r->config->global };

	pc__words_setup(L);
	r->frame = &frame;
	if (job->text)
		run_bytes(L, frame.file, job->text, job->len);
	else
		pc__reading_run(L, job->file, true);
	run_drop_ins(L);
	frame.file = "-o";
	for (size_t i = 0; i < job->n_overrides; i++)
		pc__reading_override(L, job->overrides[i]);
	copy_all(L);
	return 0;
}

/* Runs where the error was raised: what has no place yet gets it. */
static int add_place(lua_State *L)
{
	const char *text = lua_tostring(L, 1), *file;
	int line;

	if (text == NULL || *text == *PLACED || file_of(pc__reading_of(L), text, NULL))
		return 1;
	pc__reading_where(L, &file, &line);
	if (line > 0)
		lua_pushfstring(L, PLACED "%s:%d: %s", file, line, text);
	return 1;
}

static char *message(const struct pc__reading *r, lua_State *L, const char *file)
{
	const char *text = lua_tostring(L, -1), *rest, *where;

	if (text == NULL)
		return pc__printf("%s: an error that is no text", file);
	if (strcmp(text, "not enough memory") == 0)
		return pc__printf("%s: needs more than %zu MB of memory", file,
		                  r->sandbox.memory_max >> 20);
	if (*text == *PLACED)
		return pc__strdup(text + 1);
	where = file_of(r, text, &rest);
	return where ? pc__printf("%s%s", where, rest) : pc__printf("%s: %s", file, text);
}

static void finish(struct pc__reading *r, lua_State *L)
{
	if (r->n_warnings > PC__CONFIG_WARNINGS)
		warn("and %u more such warnings", r->n_warnings - PC__CONFIG_WARNINGS);
	if (L)
		lua_close(L);
	pc__buf_free(&r->bytes);
	pc__reading_names_free(r);
	free(r->files);
}

pc__config *pc__config_read(const char *file, const char *text, size_t len,
                            const struct pc__reading_limits *limits, const char *const *overrides,
                            size_t n_overrides, char **error_r)
{
	struct pc__reading r = { .config = pc__config_new(file) };
	struct job job = { file, text, len, overrides, n_overrides };
	lua_State *L;

	*error_r = NULL;
	r.sandbox.memory_max = limits ? limits->memory : MEMORY;
	r.sandbox.steps_max = limits ? limits->instructions : INSTRUCTIONS;
	r.sandbox.time_max = TIME_NS;
	r.no_files = limits && limits->no_files;
	L = pc__sandbox_new(&r.sandbox);
	if (L == NULL) {
		*error_r = pc__strdup("too little memory for Lua");
	} else {
		lua_pushcfunction(L, add_place);
		lua_pushcfunction(L, read_all);
		lua_pushlightuserdata(L, &job);
		if (lua_pcall(L, 1, 0, 1) != LUA_OK)
			*error_r = message(&r, L, file);
	}
	finish(&r, L);
	if (*error_r)
		pc__config_free(&r.config);
	return r.config;
}

pc__config *pc__config_load(const char *file, const char *const *overrides, size_t n_overrides,
                            char **error_r)
{
	return pc__config_read(file, NULL, 0, NULL, overrides, n_overrides, error_r);
}
