#include "sandbox.h"

#include <stdlib.h>
#include <time.h>

#include <lauxlib.h>
#include <lualib.h>

#include "util/mem.h"

#define HOOK_STEPS 100 /* an instruction may take a millisecond: "..", of long strings */

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t); /* the CPU's own clock would be a system call */
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Lua counts a new object's type in old_size, so that it is no size where p is NULL. */
static void *allocate(void *data, void *p, size_t old_size, size_t new_size)
{
	struct pc__sandbox *sandbox = data;
	size_t old = p ? old_size : 0;

	if (new_size == 0) {
		free(p);
		sandbox->used -= old;
		return NULL;
	}
	if (new_size > old && new_size - old > sandbox->memory_max - sandbox->used)
		return NULL;
	sandbox->used += new_size - old;
	return pc__realloc(p, new_size);
}

struct pc__sandbox *pc__sandbox_of(lua_State *L)
{
	return *(struct pc__sandbox **)lua_getextraspace(L);
}

void pc__sandbox_spend(lua_State *L, uint64_t steps)
{
	struct pc__sandbox *sandbox = pc__sandbox_of(L);

	sandbox->steps += steps;
	if (sandbox->steps <= sandbox->steps_max && now() - sandbox->started <= sandbox->time_max)
		return;
	lua_pushliteral(L, "takes too long: an endless loop?");
	lua_error(L);
}

static void on_count(lua_State *L, lua_Debug *ar)
{
	(void)ar;
	pc__sandbox_spend(L, HOOK_STEPS);
}

lua_State *pc__sandbox_new(struct pc__sandbox *sandbox)
{
	lua_State *L;

	sandbox->used = 0;
	sandbox->steps = 0;
	sandbox->started = now();
	L = lua_newstate(allocate, sandbox);
	if (L == NULL)
		return NULL;
	*(struct pc__sandbox **)lua_getextraspace(L) = sandbox;
	lua_sethook(L, on_count, LUA_MASKCOUNT, HOOK_STEPS);
	return L;
}

static int get_env(lua_State *L)
{
	lua_pushstring(L, getenv(luaL_checkstring(L, 1)));
	return 1;
}

/* Nothing that searches text, catches errors (an endless loop must end), loads code, reaches
 * metatables, or does long work in one call. */
void pc__sandbox_functions(lua_State *L)
{
	static const char *const names[] = { "assert", "error",    "ipairs",   "next", "pairs",
		                             "select", "tonumber", "tostring", "type" };
	int target = lua_gettop(L);

	lua_newtable(L); /* luaopen_base fills the table of globals, which is gone after a call */
	lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
	lua_pushcfunction(L, luaopen_base);
	lua_call(L, 0, 1);
	for (size_t i = 0; i < PC__COUNT(names); i++) {
		lua_getfield(L, -1, names[i]);
		lua_setfield(L, target, names[i]);
	}
	lua_settop(L, target);
	/* The rest goes with the table that luaopen_base filled. Not nil: Lua reads this slot of
	 * the registry's array unchecked with every chunk that it loads, and a hole may shrink the
	 * array. */
	lua_newtable(L);
	lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
	lua_createtable(L, 0, 1);
	lua_pushcfunction(L, get_env);
	lua_setfield(L, -2, "getenv");
	lua_setfield(L, target, "os");
}
