/*
 * config_set.c - what assignments do, in files and on the command line.
 */
#include <string.h>

#include <lauxlib.h>

#include "config_internal.h"
#include "util/mem.h"

static struct pc__entry *find(const struct pc__host_options *part, const char *name)
{
	struct pc__entry *e;

	HASH_FIND_STR(part->entries, name, e);
	return e;
}

static struct pc__entry *add(lua_State *L, struct pc__host_options *part, const char *name)
{
	pc__config *config = pc__reading_of(L)->config;
	struct pc__entry *e;

	if (++config->n_entries > PC__CONFIG_OPTIONS)
		pc__reading_fail(L, "more than %d options", PC__CONFIG_OPTIONS);
	name = pc__reading_keep(L, name);
	e = pc__arena_alloc(config->arena, sizeof(*e));
	*e = (struct pc__entry){ .name = name, .ref = LUA_REFNIL };
	HASH_ADD_KEYPTR(hh, part->entries, e->name, strlen(e->name), e);
	return e;
}

void pc__reading_set(lua_State *L, struct pc__host_options *part, const char *name)
{
	struct pc__entry *e = find(part, name);
	struct pc__reading *r = pc__reading_of(L);

	pc__sandbox_spend(L, 50);
	if (*name == '\0' || strlen(name) > PC__CONFIG_NAME_MAX)
		pc__reading_fail(L, "a name of an option has 1 to %d bytes", PC__CONFIG_NAME_MAX);
	pc__proxy_resolve(L);
	if (e == NULL)
		e = add(L, part, name);
	luaL_unref(L, LUA_REGISTRYINDEX, e->ref);
	e->ref = LUA_REFNIL; /* in case that the next one fails */
	e->ref = luaL_ref(L, LUA_REGISTRYINDEX);
	e->frame = r->frame->number;
	pc__reading_where(L, &e->value.file, &e->value.line);
	if (e->value.line == 0)
		e->value.file = r->frame->file;
}

bool pc__reading_push(lua_State *L, const struct pc__host_options *part, const char *name)
{
	const struct pc__entry *e = find(part, name);

	if (e == NULL || e->ref == LUA_REFNIL)
		e = find(&pc__reading_of(L)->config->global, name);
	if (e == NULL || e->ref == LUA_REFNIL)
		return false;
	lua_rawgeti(L, LUA_REGISTRYINDEX, e->ref);
	return true;
}

void pc__reading_check_twice(lua_State *L, struct pc__host_options *part, const char *name)
{
	const struct pc__entry *e = find(part, name);

	if (e && e->ref != LUA_REFNIL && e->frame == pc__reading_of(L)->frame->number)
		pc__reading_warn(L, "option %s was set in line %d already", name, e->value.line);
}

/* ---- the command line */

static int eval(lua_State *L)
{
	size_t len;
	const char *text;

	lua_pushfstring(L, "return (%s\n)", lua_tostring(L, 1));
	text = lua_tolstring(L, -1, &len);
	pc__reading_load(L, "-o", text, len);
	lua_call(L, 0, 1);
	if (lua_isfunction(L, -1) || lua_isuserdata(L, -1))
		pc__reading_fail(L, "no value");
	return 1;
}

/* What is no expression, or one of unknown words, is meant as it stands. */
static void push_value(lua_State *L, const char *text)
{
	struct pc__reading *r = pc__reading_of(L);

	r->plain = true;
	lua_pushcfunction(L, eval);
	lua_pushstring(L, text);
	if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
		lua_pop(L, 1);
		lua_pushstring(L, text);
	}
	r->plain = false;
}

/* The last colon, as addresses of hosts may have some. */
static struct pc__host_options *part_of(lua_State *L, char *key, char **name_r)
{
	struct pc__reading *r = pc__reading_of(L);
	struct pc__host_options *part;
	char *colon = strrchr(key, ':');

	*name_r = key;
	if (colon == NULL)
		return &r->config->global;
	*colon = '\0';
	*name_r = colon + 1;
	HASH_FIND_STR(r->config->hosts, key, part);
	if (part == NULL)
		pc__reading_fail(L, "-o %s:%s: no such host is configured", key, colon + 1);
	return part;
}

void pc__reading_override(lua_State *L, const char *text)
{
	const char *equals = strchr(text, '=');
	struct pc__host_options *part;
	char *name, key[PC__CONFIG_NAME_MAX * 2 + 2];
	size_t len = equals ? (size_t)(equals - text) : 0;

	if (len == 0 || len >= sizeof(key))
		pc__reading_fail(L, "-o %s: [HOST:]OPTION=VALUE is meant", text);
	memcpy(key, text, len);
	key[len] = '\0';
	part = part_of(L, key, &name);
	push_value(L, equals + 1);
	pc__reading_set(L, part, name);
}
