/*
 * config_value.c - values as Lua has them, copied into the configuration.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>

#include "config_internal.h"
#include "util/utf8.h"

/* A copy under way. Tables are entered at most PC__CONFIG_DEPTH deep; `path` are those above. */
struct copy {
	lua_State *L;
	pc__config *config;
	const char *name, *file;
	int line;
	unsigned depth;
	const void *path[PC__CONFIG_DEPTH];
};

static void refuse(struct copy *c, const char *what)
{
	luaL_error(c->L, PC__READING_PLACED "%s:%d: option %s %s", c->file, c->line, c->name, what);
}

/* One table may stand in many places, so that little Lua memory can mean very many values. */
static void *room(struct copy *c, size_t size)
{
	if (pc__arena_used(c->config->arena) + size > PC__CONFIG_BYTES)
		refuse(c, "is too large");
	return memset(pc__arena_alloc(c->config->arena, size), 0, size);
}

static const char *text(struct copy *c, int idx)
{
	size_t len;
	const char *s = lua_tolstring(c->L, idx, &len);

	if (memchr(s, '\0', len))
		refuse(c, "has a zero byte in its text");
	if (!pc__utf8_valid(s, len))
		refuse(c, "has text that is not UTF-8");
	return memcpy(room(c, len + 1), s, len + 1);
}

static const char *number_text(struct copy *c, double n)
{
	char s[40];
	int len = snprintf(s, sizeof(s), n == floor(n) && fabs(n) < 1e15 ? "%.0f" : "%.14g", n);

	return memcpy(room(c, (size_t)len + 1), s, (size_t)len + 1);
}

static void copy_value(struct copy *c, pc__value *v);

/* The item at the top of the stack, popped. */
static void copy_item(struct copy *c, pc__value *v)
{
	copy_value(c, v);
	lua_pop(c->L, 1);
}

static void copy_list(struct copy *c, pc__value *v, size_t n)
{
	pc__value *list = n ? room(c, n * sizeof(*list)) : NULL;

	for (size_t i = 1; i <= n; i++) {
		lua_rawgeti(c->L, -1, (lua_Integer)i);
		if (!lua_isnil(c->L, -1))
			copy_item(c, &list[v->n_list++]);
		else
			lua_pop(c->L, 1);
	}
	v->list = list;
}

/* Keys: names, and numbers that do not continue the list. */
static bool is_field(struct copy *c, size_t n_list)
{
	lua_Integer i;

	if (lua_type(c->L, -2) == LUA_TSTRING)
		return true;
	if (!lua_isinteger(c->L, -2))
		return false;
	i = lua_tointeger(c->L, -2);
	return i < 1 || (size_t)i > n_list;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct pc__field *)a)->name, ((const struct pc__field *)b)->name);
}

static size_t count_fields(struct copy *c, size_t n_list)
{
	size_t n = 0;

	lua_pushnil(c->L);
	while (lua_next(c->L, -2)) {
		n += is_field(c, n_list);
		lua_pop(c->L, 1);
	}
	return n;
}

static void copy_fields(struct copy *c, pc__value *v, size_t n_list)
{
	size_t n = count_fields(c, n_list);
	struct pc__field *fields;

	if (n == 0)
		return;
	fields = room(c, n * sizeof(*fields));
	lua_pushnil(c->L);
	while (lua_next(c->L, -2)) {
		struct pc__field *field = &fields[v->n_fields];

		if (!is_field(c, n_list)) {
			lua_pop(c->L, 1);
			continue;
		}
		lua_pushvalue(c->L,
		              -2); /* a copy: making text of a number would confuse lua_next */
		field->name = text(c, -1);
		lua_pop(c->L, 1);
		copy_item(c, &field->value);
		v->n_fields++;
	}
	qsort(fields, v->n_fields, sizeof(*fields), by_name);
	v->fields = fields;
}

static void copy_table(struct copy *c, pc__value *v)
{
	const void *self = lua_topointer(c->L, -1);
	size_t n = lua_rawlen(c->L, -1);

	for (unsigned i = 0; i < c->depth; i++)
		if (c->path[i] == self)
			refuse(c, "is a table that contains itself");
	if (c->depth == PC__CONFIG_DEPTH)
		refuse(c, "has tables in tables, too deep");
	luaL_checkstack(c->L, 8, "tables in tables");
	c->path[c->depth++] = self;
	copy_list(c, v, n);
	copy_fields(c, v, n);
	c->depth--;
}

static void copy_value(struct copy *c, pc__value *v)
{
	pc__sandbox_spend(c->L, 10);
	pc__proxy_resolve(c->L);
	*v = (pc__value){ .file = c->file, .line = c->line };
	switch (lua_type(c->L, -1)) {
	case LUA_TNIL:
		break;
	case LUA_TBOOLEAN:
		v->type = PC__BOOL;
		v->b = lua_toboolean(c->L, -1);
		v->s = v->b ? "true" : "false";
		break;
	case LUA_TNUMBER:
		v->type = PC__NUMBER;
		v->n = lua_tonumber(c->L, -1);
		v->s = number_text(c, v->n);
		break;
	case LUA_TSTRING:
		v->type = PC__STRING;
		v->s = text(c, -1);
		break;
	case LUA_TTABLE:
		v->type = PC__TABLE;
		copy_table(c, v);
		break;
	default:
		refuse(c, "is a function, which is no value");
	}
}

void pc__value_copy(lua_State *L, pc__config *config, const char *name, pc__value *value_r)
{
	struct copy c = {
		.L = L, .config = config, .name = name, .file = value_r->file, .line = value_r->line
	};

	copy_value(&c, value_r);
}
