/*
 * Prosody's SQLite database: a row of `prosody` for each field of a table (what has a key that is
 * no text is gathered in one row with the key ""), a row of `prosodyarchive` for each entry.
 */
#include "move/move.h"

#include <stdlib.h>
#include <string.h>

#include <lauxlib.h>
#include <sqlite3.h>

#include "util/mem.h"

static const char items_query[] =
        "SELECT host, user, store, key, type, value FROM prosody WHERE user <> ''"
        " ORDER BY host, user, store";
static const char entries_query[] =
        "SELECT host, user, store, key, type, value, \"when\", \"with\" FROM prosodyarchive"
        " WHERE user <> '' ORDER BY host, user, store, sort_id";
static const char json_query[] =
        "SELECT id, parent, key, type, atom FROM json_tree(?1) WHERE json_valid(?1)";

enum { HOST, USER, STORE, KEY, TYPE, VALUE, WHEN, WITH };
enum { J_ID, J_PARENT, J_KEY, J_TYPE, J_ATOM };

struct sql {
	struct move *m;
	sqlite3 *db;
	sqlite3_stmt *rows, *json;
	char *host, *user, *name; /* of the group under way */
	const struct prosody_store *store;
	bool row; /* there is one */
	unsigned long entries;
};

static const char *text(sqlite3_stmt *st, int column)
{
	const unsigned char *s = sqlite3_column_text(st, column);

	return s ? (const char *)s : "";
}

static void step(struct sql *s)
{
	s->row = sqlite3_step(s->rows) == SQLITE_ROW;
}

static bool in_group(const struct sql *s)
{
	return s->row && strcmp(text(s->rows, HOST), s->host) == 0 &&
	       strcmp(text(s->rows, USER), s->user) == 0 &&
	       strcmp(text(s->rows, STORE), s->name) == 0;
}

/* ------------------------------------------------------------ values */

static void push_atom(lua_State *L, sqlite3_stmt *json)
{
	const char *type = text(json, J_TYPE);

	if (strcmp(type, "text") == 0)
		lua_pushlstring(L, text(json, J_ATOM), (size_t)sqlite3_column_bytes(json, J_ATOM));
	else if (strcmp(type, "true") == 0 || strcmp(type, "false") == 0)
		lua_pushboolean(L, *type == 't');
	else if (strcmp(type, "integer") == 0 || strcmp(type, "real") == 0)
		lua_pushnumber(L, sqlite3_column_double(json, J_ATOM));
	else if (strcmp(type, "null") == 0)
		lua_pushnil(L);
	else
		lua_newtable(L);
}

/* Puts the value at the top into its parent, of the tables by id at `tables`, and pops it. */
static void put(lua_State *L, sqlite3_stmt *json, int tables)
{
	if (lua_istable(L, -1)) {
		lua_pushvalue(L, -1);
		lua_rawseti(L, tables, sqlite3_column_int64(json, J_ID));
	}
	if (lua_rawgeti(L, tables, sqlite3_column_int64(json, J_PARENT)) != LUA_TTABLE)
		luaL_error(L, "its JSON is damaged");
	if (sqlite3_column_type(json, J_KEY) == SQLITE_INTEGER)
		lua_pushinteger(L, sqlite3_column_int64(json, J_KEY) + 1);
	else
		lua_pushstring(L, text(json, J_KEY));
	lua_pushvalue(L, -3);
	lua_rawset(L, -3);
	lua_pop(L, 2);
}

/* Pushes the value of JSON that the row has. */
static void push_json(lua_State *L, struct sql *s)
{
	int tables;

	sqlite3_reset(s->json);
	sqlite3_bind_value(s->json, 1, sqlite3_column_value(s->rows, VALUE));
	if (sqlite3_step(s->json) != SQLITE_ROW)
		luaL_error(L, "the JSON of %s is damaged", text(s->rows, KEY));
	push_atom(L, s->json);
	lua_newtable(L);
	tables = lua_gettop(L);
	lua_pushvalue(L, -2);
	lua_rawseti(L, tables, sqlite3_column_int64(s->json, J_ID));
	while (sqlite3_step(s->json) == SQLITE_ROW) {
		push_atom(L, s->json);
		put(L, s->json, tables);
	}
	lua_settop(L, tables - 1);
	tables_mend(L);
}

static void push_value(lua_State *L, struct sql *s)
{
	const char *type = text(s->rows, TYPE);

	if (strcmp(type, "json") == 0)
		push_json(L, s);
	else if (strcmp(type, "number") == 0)
		lua_pushnumber(L, sqlite3_column_double(s->rows, VALUE));
	else if (strcmp(type, "boolean") == 0)
		lua_pushboolean(L, strcmp(text(s->rows, VALUE), "true") == 0);
	else
		lua_pushlstring(L, text(s->rows, VALUE),
		                (size_t)sqlite3_column_bytes(s->rows, VALUE));
}

/* ------------------------------------------------------------ groups */

/* All fields of the table at the top go into that one. */
static void merge(lua_State *L, int into)
{
	lua_pushnil(L);
	while (lua_next(L, -2)) {
		lua_pushvalue(L, -2);
		lua_insert(L, -2);
		lua_rawset(L, into);
	}
}

static int take_items(lua_State *L)
{
	struct sql *s = tables_data(L);

	lua_newtable(L);
	for (; in_group(s); step(s)) {
		const char *key = text(s->rows, KEY);

		push_value(L, s);
		if (*key == '\0' && lua_istable(L, -1)) {
			merge(L, 1);
		} else if (*key) {
			lua_pushstring(L, key);
			lua_pushvalue(L, -2);
			lua_rawset(L, 1);
		}
		lua_settop(L, 1);
	}
	s->store->take(L, s->m, 0);
	return 0;
}

/* Elements are kept as text here; what another program has put there as JSON is a table. */
static void take_entry(lua_State *L, struct sql *s)
{
	int64_t when = sqlite3_column_int64(s->rows, WHEN) * 1000;
	const char *key = text(s->rows, KEY);
	bool is_xml = strcmp(text(s->rows, TYPE), "xml") == 0;
	pc_stanza *st;

	s->entries++;
	if (!is_xml)
		push_value(L, s);
	st = is_xml ? pc_stanza_parse(text(s->rows, VALUE),
	                              (size_t)sqlite3_column_bytes(s->rows, VALUE))
	            : element_of(L, lua_gettop(L));
	if (strncmp(s->name, "pep_", 4) == 0)
		prosody_item(s->m, st, key, text(s->rows, WITH), when, s->entries);
	else
		prosody_message(s->m, st, key, text(s->rows, WITH), when, s->entries);
	lua_settop(L, 0);
}

static int take_entries(lua_State *L)
{
	struct sql *s = tables_data(L);

	for (; in_group(s); step(s))
		take_entry(L, s);
	return 0;
}

static void take_group(struct sql *s, lua_CFunction fn)
{
	s->m->host = s->host;
	s->m->user = s->user;
	s->entries = 0;
	if (pc__bundle_begin(s->m->out, s->store->list, s->host, s->user, s->name) != PC_OK)
		move_fault(s->m, "the %s of an account: a name has characters that are not allowed",
		           s->store->name);
	else
		pc__bundle_end(s->m->out, tables_run(s->m, fn, s));
}

static void take_all(struct sql *s, bool archives)
{
	for (step(s); s->row;) {
		s->host = pc__strdup(text(s->rows, HOST));
		s->user = pc__strdup(text(s->rows, USER));
		s->name = pc__strdup(text(s->rows, STORE));
		s->store = prosody_store_find(s->name);
		if (s->store && s->store->list == archives)
			take_group(s, archives ? take_entries : take_items);
		while (in_group(s)) /* of no use, or damaged */
			step(s);
		pc__free(&s->host);
		pc__free(&s->user);
		pc__free(&s->name);
	}
}

/* ------------------------------------------------------------ the file */

static int run_query(struct sql *s, const char *query, bool archives)
{
	int rc;

	if (sqlite3_prepare_v2(s->db, query, -1, &s->rows, NULL) != SQLITE_OK)
		return PC_EINVAL;
	take_all(s, archives);
	rc = sqlite3_finalize(s->rows);
	if (rc == SQLITE_OK)
		return PC_OK;
	move_fault(s->m, "%s", sqlite3_errstr(rc));
	return PC_EIO;
}

static int read_all(struct sql *s)
{
	int err;

	sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, PC__BUNDLE_TEXT_MAX);
	if (sqlite3_prepare_v2(s->db, json_query, -1, &s->json, NULL) != SQLITE_OK)
		return PC_EINVAL;
	err = run_query(s, items_query, false);
	if (err != PC_EINVAL && run_query(s, entries_query, true) == PC_EIO)
		err = PC_EIO; /* a database that has no archives is fine */
	sqlite3_finalize(s->json);
	return err;
}

int prosody_sql(struct move *m, const char *file)
{
	struct sql s = { .m = m };
	int err = PC_EINVAL;

	m->file = file;
	if (sqlite3_open_v2(file, &s.db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) ==
	    SQLITE_OK)
		err = read_all(&s);
	if (err == PC_EINVAL)
		fprintf(stderr, "prosody-ctl: %s: %s\n", file,
		        sqlite3_errcode(s.db) == SQLITE_ERROR ? "no database of Prosody"
		                                              : sqlite3_errmsg(s.db));
	sqlite3_close(s.db);
	return err;
}
