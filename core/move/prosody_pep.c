#include "move/move.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <prosody-c/codec.h>
#include <prosody-c/jid.h>

#include "util/mem.h"

#define NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define NS_OWNER NS_PUBSUB "#owner"
#define NS_CONFIG NS_PUBSUB "#node_config"

/* The value at the top as text; false: it is none that a form could have. */
static bool text_of(lua_State *L, char *out, size_t size)
{
	switch (lua_type(L, -1)) {
	case LUA_TBOOLEAN:
		snprintf(out, size, "%d", lua_toboolean(L, -1));
		return true;
	case LUA_TNUMBER:
		snprintf(out, size, "%.0f", lua_tonumber(L, -1));
		return true;
	case LUA_TSTRING:
		snprintf(out, size, "%s", lua_tostring(L, -1));
		return true;
	default:
		return false;
	}
}

static void add_field(pc_stanza *form, const char *name, const char *type, const char *value)
{
	pc_stanza *field = pc_stanza_open(form, "field", NULL);

	pc_stanza_set(field, "var", name);
	pc_stanza_set(field, "type", type);
	pc_stanza_leaf(field, "value", value);
}

/* Prosody names the fields without their prefix. */
static void add_config(lua_State *L, pc_stanza *form)
{
	char value[1024];

	lua_pushliteral(L, "config");
	if (lua_rawget(L, -2) == LUA_TTABLE) {
		for (struct tables_walk w = tables_walk(L, -1); tables_next(L, &w);) {
			if (lua_type(L, -2) == LUA_TSTRING && text_of(L, value, sizeof(value))) {
				const char *key = lua_tostring(L, -2);
				char *var = pc__printf(
				        "%s%s", strncmp(key, "pubsub#", 7) == 0 ? "" : "pubsub#",
				        key);

				add_field(form, var, NULL, value);
				free(var);
			}
			lua_pop(L, 1);
		}
	}
	lua_pop(L, 1);
}

static void add_affiliations(lua_State *L, pc_stanza *pubsub, const char *node)
{
	pc_stanza *list = NULL;

	lua_pushliteral(L, "affiliations");
	if (lua_rawget(L, -2) == LUA_TTABLE) {
		for (struct tables_walk w = tables_walk(L, -1); tables_next(L, &w);) {
			if (lua_type(L, -2) == LUA_TSTRING && lua_type(L, -1) == LUA_TSTRING) {
				pc_stanza *one;

				if (list == NULL) {
					list = pc_stanza_open(pubsub, "affiliations", NULL);
					pc_stanza_set(list, "node", node);
				}
				one = pc_stanza_open(list, "affiliation", NULL);
				pc_stanza_set(one, "jid", lua_tostring(L, -2));
				pc_stanza_set(one, "affiliation", lua_tostring(L, -1));
			}
			lua_pop(L, 1);
		}
	}
	lua_pop(L, 1);
}

void prosody_pep_nodes(lua_State *L, struct move *m, unsigned long number)
{
	int table = lua_gettop(L);

	(void)number;
	for (struct tables_walk w = tables_walk(L, table); tables_next(L, &w);) {
		const char *node = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
		pc_stanza *pubsub = pc_stanza_new("pubsub", NS_OWNER);
		pc_stanza *configure = pc_stanza_open(pubsub, "configure", NULL);
		pc_stanza *form = pc_stanza_open(configure, "x", "jabber:x:data");

		pc_stanza_set(configure, "node", node);
		pc_stanza_set(form, "type", "submit");
		add_field(form, "FORM_TYPE", "hidden", NS_CONFIG);
		if (lua_istable(L, -1)) { /* else a node without settings */
			add_config(L, form);
			add_affiliations(L, pubsub, node);
		}
		if (*node)
			prosody_add(m, node, pubsub);
		else
			pc_stanza_free(&pubsub);
		lua_pop(L, 1);
	}
}

/* Prosody keeps the payload alone; an element that is an item already is taken as it is. */
static pc_stanza *wrap(pc_stanza *payload, const char *publisher)
{
	pc_stanza *item;

	if (payload == NULL || pc_stanza_is(payload, "item", NS_PUBSUB))
		return payload;
	pc_stanza_set(payload, "stamp", NULL);
	pc_stanza_set(payload, "stamp_legacy", NULL);
	item = pc_stanza_new("item", NS_PUBSUB);
	if (publisher && *publisher)
		pc_stanza_set(item, "publisher", publisher);
	pc_stanza_append(item, payload);
	pc_stanza_free(&payload);
	return item;
}

void prosody_item(struct move *m, pc_stanza *payload, const char *key, const char *publisher,
                  int64_t when, unsigned long number)
{
	pc_stanza *item = wrap(payload, publisher);
	char with[PC_JID_MAX + 1], id[PC_SHORT_ID_SIZE];
	bool has_with;

	if (item && key && *key)
		pc_stanza_set(item, "id", key);
	if (item)
		pc_stanza_set(item, "stamp", NULL);
	if (item && publisher == NULL)
		publisher = pc_stanza_get(item, "publisher");
	has_with = publisher && bare_of(publisher, with, sizeof(with));
	key = item ? pc_stanza_get(item, "id") : NULL;
	if (key && *key) {
		pc_short_id(key, id);
		prosody_add_entry(m, id, has_with ? with : NULL, when, item);
	} else {
		move_fault(m, "item %lu of %s@%s is damaged, or has no id", number, m->user,
		           m->host);
		pc_stanza_free(&item);
	}
}

void prosody_pep_item(lua_State *L, struct move *m, unsigned long number)
{
	double seconds = 0;

	tables_number(L, -1, "when", &seconds);
	prosody_item(m, element_of(L, lua_gettop(L)), tables_text(L, -1, "key"),
	             tables_text(L, -1, "with"),
	             seconds > -6e10 && seconds < 3e11 ? (int64_t)seconds * 1000 : 0, number);
}
