/*
 * config_words.c - the environment of configuration files: its words, and what other names mean.
 */
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include <prosody-c/jid.h>

#include "config_internal.h"

/* ---- VirtualHost and Component */

static const char *kind(bool component)
{
	return component ? "Component" : "VirtualHost";
}

static struct pc__host_options *host_add(lua_State *L, const char *name, bool component)
{
	pc__config *config = pc__reading_of(L)->config;
	struct pc__host_options *part;

	if (HASH_COUNT(config->hosts) == PC__CONFIG_HOSTS)
		pc__reading_fail(L, "more than %d hosts", PC__CONFIG_HOSTS);
	name = pc__reading_keep(L, name);
	part = pc__arena_alloc(config->arena, sizeof(*part));
	*part = (struct pc__host_options){ .host = { .name = name, .component = component } };
	part->host.component_module = component ? "component" : NULL;
	pc__reading_where(L, &part->host.file, &part->host.line);
	HASH_ADD_KEYPTR(hh, config->hosts, part->host.name, strlen(name), part);
	return part;
}

static struct pc__host_options *host_of(lua_State *L, bool component)
{
	char name[PC_JID_PART_MAX + 1];
	struct pc__host_options *part;
	size_t len;
	const char *text;

	if (lua_type(L, 1) != LUA_TSTRING)
		pc__reading_fail(L, "%s needs a name, in quotes", kind(component));
	text = lua_tolstring(L, 1, &len);
	if (strlen(text) != len || pc_jid_prep_domain(text, name) != PC_OK)
		pc__reading_fail(L, "%s \"%s\": that cannot be the name of a host", kind(component),
		                 text);
	HASH_FIND_STR(pc__reading_of(L)->config->hosts, name, part);
	if (part && part->host.component != component)
		pc__reading_fail(L, "%s \"%s\": that name is a %s already (line %d)",
		                 kind(component), name, kind(!component), part->host.line);
	return part ? part : host_add(L, name, component);
}

/* The form with a table: its options are set, and what follows is global again. */
static int set_options(lua_State *L)
{
	struct pc__host_options *part = lua_touserdata(L, lua_upvalueindex(1));

	lua_settop(L, 1);
	if (!lua_istable(L, 1))
		pc__reading_fail(L, "after %s \"%s\": a table of options is meant",
		                 kind(part->host.component), part->host.name);
	pc__reading_of(L)->frame->part = &pc__reading_of(L)->config->global;
	lua_pushnil(L);
	while (lua_next(L, 1)) {
		if (lua_type(L, -2) != LUA_TSTRING)
			pc__reading_fail(L, "an option of \"%s\" has no name", part->host.name);
		pc__reading_set(L, part, lua_tostring(L, -2));
	}
	return 0;
}

static int virtual_host(lua_State *L)
{
	struct pc__host_options *part = host_of(L, false);

	pc__reading_of(L)->frame->part = part;
	lua_pushlightuserdata(L, part);
	lua_pushcclosure(L, set_options, 1);
	return 1;
}

/* Component "name" "module", which a table may follow. */
static int set_module(lua_State *L)
{
	struct pc__host_options *part = lua_touserdata(L, lua_upvalueindex(1));

	if (lua_type(L, 1) != LUA_TSTRING)
		return set_options(L);
	part->host.component_module = pc__reading_keep(L, lua_tostring(L, 1));
	lua_pushlightuserdata(L, part);
	lua_pushcclosure(L, set_options, 1);
	return 1;
}

static int component(lua_State *L)
{
	struct pc__host_options *part = host_of(L, true);

	pc__reading_of(L)->frame->part = part;
	lua_pushlightuserdata(L, part);
	lua_pushcclosure(L, set_module, 1);
	return 1;
}

/* ---- names */

/* Replaces the name at index 2 by what the table of that key has for it. */
static bool lookup(lua_State *L, const char *key)
{
	lua_getfield(L, LUA_REGISTRYINDEX, key);
	lua_pushvalue(L, 2);
	lua_rawget(L, -2);
	if (!lua_isnil(L, -1))
		return true;
	lua_pop(L, 2);
	return false;
}

static bool is_env(const char *name)
{
	return strncmp(name, "ENV_", 4) == 0;
}

static bool is_set(lua_State *L, const char *name)
{
	if (!pc__reading_push(L, pc__reading_of(L)->frame->part, name))
		return false;
	lua_pop(L, 1);
	return true;
}

static int unknown(lua_State *L, const char *name)
{
	pc__reading_warn(L, "%s is not known here (are quotes missing around it?)", name);
	lua_pushnil(L);
	return 1;
}

static int read_name(lua_State *L)
{
	struct pc__reading *r = pc__reading_of(L);
	const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";

	if (is_env(name)) {
		lua_pushstring(L, getenv(name + 4));
		return 1;
	}
	if (lookup(L, PC__READERS_KEY))
		return 1;
	if (r->plain)
		pc__reading_fail(L, "%s: unknown", name);
	if (lookup(L, PC__WORDS_KEY))
		return 1;
	if (is_set(L, name)) {
		pc__proxy_push(L, r->frame->part, name);
		return 1;
	}
	if (!lookup(L, PC__FUNCTIONS_KEY))
		return unknown(L, name);
	pc__reading_warn(L, "%s of Lua is written Lua.%s", name, name);
	return 1;
}

static int write_name(lua_State *L)
{
	struct pc__reading *r = pc__reading_of(L);
	const char *name;
	size_t len;

	if (lua_type(L, 2) != LUA_TSTRING)
		pc__reading_fail(L, "an option needs a name");
	name = lua_tolstring(L, 2, &len);
	if (strlen(name) != len)
		pc__reading_fail(L, "the name of an option has a zero byte");
	if (is_env(name) || lookup(L, PC__WORDS_KEY) || lookup(L, PC__READERS_KEY))
		pc__reading_fail(L, "%s is a word of the configuration language: no '=' after it",
		                 name);
	pc__reading_check_twice(L, r->frame->part, name);
	lua_settop(L, 3);
	pc__reading_set(L, r->frame->part, name);
	return 0;
}

/* Lua.x, for what is not there. */
static int lua_unknown(lua_State *L)
{
	pc__reading_warn(L, "Lua.%s is not available in a configuration",
	                 lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "?");
	return 0;
}

static int read_only(lua_State *L)
{
	pc__reading_fail(L, "what Lua has cannot be changed");
}

/* ---- tables */

static void put_meta(lua_State *L, lua_CFunction get, lua_CFunction set)
{
	lua_createtable(L, 0, 2);
	lua_pushcfunction(L, get);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, set);
	lua_setfield(L, -2, "__newindex");
	lua_setmetatable(L, -2);
}

static void make_functions(lua_State *L)
{
	lua_newtable(L);
	pc__sandbox_functions(L);
	lua_setfield(L, LUA_REGISTRYINDEX, PC__FUNCTIONS_KEY);
}

static void make_words(lua_State *L)
{
	static const luaL_Reg words[] = {
		{ "VirtualHost", virtual_host }, { "Host", virtual_host },
		{ "host", virtual_host },        { "Component", component },
		{ "component", component },      { NULL, NULL }
	};

	lua_newtable(L);
	luaL_setfuncs(L, words, 0);
	pc__files_words(L);
	lua_newtable(L);
	pc__sandbox_functions(L);
	put_meta(L, lua_unknown, read_only);
	lua_setfield(L, -2, "Lua");
	lua_setfield(L, LUA_REGISTRYINDEX, PC__WORDS_KEY);
}

void pc__words_setup(lua_State *L)
{
	pc__proxy_setup(L);
	make_functions(L);
	make_words(L);
	lua_newtable(L);
	pc__readers_words(L);
	lua_setfield(L, LUA_REGISTRYINDEX, PC__READERS_KEY);
	lua_newtable(L);
	put_meta(L, read_name, write_name);
	lua_setfield(L, LUA_REGISTRYINDEX, PC__ENV_KEY);
}
