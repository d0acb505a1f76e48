/*
 * Prosody keeps an element as { name = "", attr = { ... }, CHILD, "text", ... }.
 */
#include "move/move.h"

#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <prosody-c/jid.h>

#include "util/utf8.h"

#define DEPTH_MAX 100

static bool is_name(const char *s)
{
	if (s == NULL || *s == '\0' || strchr("-.0123456789", *s))
		return false;
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x80 && !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		                        "0123456789-._",
		                        c))
			return false;
	}
	return true;
}

static bool is_text(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
			return false;
	}
	return pc__utf8_valid(s, len);
}

/* Attributes of other namespaces ("NAMESPACE\1NAME") are left out: nothing that is kept has them.
 */
static void take_attributes(lua_State *L, int table, pc_stanza *st)
{
	lua_pushliteral(L, "attr");
	if (lua_rawget(L, table) == LUA_TTABLE) {
		for (struct tables_walk w = tables_walk(L, -1); tables_next(L, &w);) {
			const char *name =
			        lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
			const char *value =
			        lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;

			if (value && is_text(value, strlen(value)) && strcmp(name, "xmlns") != 0 &&
			    (is_name(name) || strcmp(name, "xml:lang") == 0))
				pc_stanza_set(st, name, value);
			lua_pop(L, 1);
		}
	}
	lua_pop(L, 1);
}

static const char *namespace_of(lua_State *L, int table)
{
	const char *ns = NULL;

	lua_pushliteral(L, "attr");
	if (lua_rawget(L, table) == LUA_TTABLE)
		ns = tables_text(L, -1, "xmlns");
	lua_pop(L, 1);
	return ns && *ns && is_text(ns, strlen(ns)) ? ns : NULL;
}

static bool fill(lua_State *L, int table, pc_stanza *st, int depth);

/* The value at the top of the stack. */
static bool take_child(lua_State *L, pc_stanza *st, int depth)
{
	int top = lua_gettop(L);
	size_t len;
	const char *text;

	if (lua_type(L, top) == LUA_TSTRING) {
		text = lua_tolstring(L, top, &len);
		if (is_text(text, len))
			pc_stanza_text_n(st, text, len);
		return is_text(text, len);
	}
	if (!lua_istable(L, top) || !is_name(tables_text(L, top, "name")))
		return false;
	st = pc_stanza_open(st, tables_text(L, top, "name"), namespace_of(L, top));
	return fill(L, top, st, depth + 1);
}

static bool fill(lua_State *L, int table, pc_stanza *st, int depth)
{
	lua_Unsigned n = lua_rawlen(L, table);
	bool good = depth < DEPTH_MAX && lua_checkstack(L, 8);

	if (good)
		take_attributes(L, table, st);
	for (lua_Unsigned i = 1; i <= n && good; i++) {
		lua_rawgeti(L, table, (lua_Integer)i);
		good = take_child(L, st, depth);
		lua_pop(L, 1);
	}
	return good;
}

pc_stanza *element_of(lua_State *L, int table)
{
	const char *name = lua_istable(L, table) ? tables_text(L, table, "name") : NULL;
	pc_stanza *st;

	if (!is_name(name))
		return NULL;
	st = pc_stanza_new(name, namespace_of(L, table));
	if (!fill(L, table, st, 0))
		pc_stanza_free(&st);
	return st;
}

char *element_text(const pc_stanza *st, size_t *len_r)
{
	char *text = pc_stanza_write(st, len_r);
	pc_stanza *again = pc_stanza_parse(text, *len_r);

	if (again == NULL) {
		free(text);
		return NULL;
	}
	pc_stanza_free(&again);
	return text;
}

bool bare_of(const char *jid, char *out, size_t size)
{
	char buf[PC_JID_BUF];
	pc_jid parts;

	if (jid == NULL || pc_jid_parse(jid, buf, &parts) < 0 || size <= PC_JID_MAX)
		return false;
	parts.resource = NULL;
	pc_jid_write(&parts, out);
	return true;
}
