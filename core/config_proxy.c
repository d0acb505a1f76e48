/*
 * config_proxy.c - what reading an option gives: something to append to, to ask for the value, or
 * to assign to another option.
 */
#include <lauxlib.h>

#include "config_internal.h"

#define TYPE "option"

struct proxy {
	struct pc__host_options *part;
	const char *name;
};

void pc__proxy_push(lua_State *L, struct pc__host_options *part, const char *name)
{
	struct proxy *p = lua_newuserdatauv(L, sizeof(*p), 0);

	*p = (struct proxy){ part, pc__reading_keep(L, name) };
	luaL_setmetatable(L, TYPE);
}

void pc__proxy_resolve(lua_State *L)
{
	const struct proxy *p = luaL_testudata(L, -1, TYPE);

	if (p == NULL)
		return;
	if (!pc__reading_push(L, p->part, p->name))
		lua_pushnil(L);
	lua_replace(L, -2);
}

/* Copies the list and the fields of the table at `from` behind those of the one at `to`. */
static void merge(lua_State *L, int from, int to)
{
	lua_Integer n = (lua_Integer)lua_rawlen(L, from), had = (lua_Integer)lua_rawlen(L, to);

	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(L, from, i);
		lua_rawseti(L, to, had + i);
	}
	pc__sandbox_spend(L, (uint64_t)n);
	lua_pushnil(L);
	while (lua_next(L, from)) {
		pc__sandbox_spend(L, 1);
		lua_pushvalue(L, -2);
		lua_insert(L, -2);
		if (lua_type(L, -2) == LUA_TSTRING)
			lua_rawset(L, to);
		else
			lua_pop(L, 2);
	}
}

/* The new list is a table of its own: another option may be the old one. */
static int append(lua_State *L)
{
	struct proxy *p = luaL_checkudata(L, 1, TYPE);

	lua_settop(L, 2);
	pc__proxy_resolve(L);
	if (!lua_istable(L, 2))
		pc__reading_fail(L, "a list is appended to %s, in braces (is a '=' missing?)",
		                 p->name);
	if (!pc__reading_push(L, p->part, p->name))
		lua_newtable(L);
	if (!lua_istable(L, 3))
		pc__reading_fail(L, "option %s is no list (is a '=' missing?)", p->name);
	lua_newtable(L);
	merge(L, 3, 4);
	merge(L, 2, 4);
	pc__reading_set(L, p->part, p->name);
	lua_settop(L, 1);
	return 1;
}

static int value(lua_State *L)
{
	luaL_checkudata(L, 1, TYPE);
	lua_settop(L, 1);
	pc__proxy_resolve(L);
	return 1;
}

static int next_value(lua_State *L)
{
	lua_settop(L, 0);
	lua_pushvalue(L, lua_upvalueindex(2));
	if (!lua_istable(L, lua_upvalueindex(1)) || lua_next(L, lua_upvalueindex(1)) == 0)
		return 0;
	lua_pushvalue(L, -2);
	lua_copy(L, -1, lua_upvalueindex(2));
	lua_pop(L, 1);
	return 1;
}

static int values(lua_State *L)
{
	value(L);
	lua_pushnil(L);
	lua_pushcclosure(L, next_value, 2);
	return 1;
}

static int concat(lua_State *L)
{
	lua_settop(L, 2);
	for (int i = 1; i <= 2; i++) {
		lua_pushvalue(L, i);
		pc__proxy_resolve(L);
		if (lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER)
			pc__reading_fail(L, "only text and numbers can be joined by '..'");
	}
	lua_concat(L, 2);
	return 1;
}

static int method(lua_State *L)
{
	const struct proxy *p = luaL_checkudata(L, 1, TYPE);

	lua_settop(L, 2);
	lua_rawget(L, lua_upvalueindex(1));
	if (lua_isnil(L, -1))
		pc__reading_fail(L, "option %s knows :append{...}, :value() and :values()",
		                 p->name);
	return 1;
}

void pc__proxy_setup(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{ "append", append }, { "value", value }, { "values", values }, { NULL, NULL }
	};
	static const luaL_Reg meta[] = { { "__call", append },
		                         { "__concat", concat },
		                         { NULL, NULL } };

	luaL_newmetatable(L, TYPE);
	luaL_setfuncs(L, meta, 0);
	luaL_newlib(L, methods);
	lua_pushcclosure(L, method, 1);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
}
