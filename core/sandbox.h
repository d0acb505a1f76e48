/*
 * sandbox.h - a Lua state for text that describes things: no library, bounded memory and time.
 *
 * What runs in it has the language and what its maker puts into its environment. Strings have no
 * methods, there is no pcall, no metatable can be reached, bytecode is refused. Instructions are
 * counted, and the clock is watched as well, since one instruction may copy megabytes.
 */
#pragma once

#include <lua.h>

#include <prosody-c/base.h>

struct pc__sandbox {
	size_t used, memory_max;   /* bytes */
	uint64_t steps, steps_max; /* instructions */
	int64_t started, time_max; /* ns */
};

/* A state that knows `sandbox` (which must outlive it); limits are set before. */
lua_State *pc__sandbox_new(struct pc__sandbox *sandbox);
struct pc__sandbox *pc__sandbox_of(lua_State *L);
/* Work done in C on behalf of the script; raises an error when all is spent. */
void pc__sandbox_spend(lua_State *L, uint64_t steps);
/* Puts the harmless functions of Lua into the table at the top of the stack. */
void pc__sandbox_functions(lua_State *L);
