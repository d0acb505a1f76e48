#include "move/move.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <prosody-c/codec.h>
#include <prosody-c/jid.h>
#include <prosody-c/scram.h>

#include "util/mem.h"

static void add(struct move *m, const char *key, const char *value, size_t len)
{
	if (pc__bundle_add(m->out, &(struct pc__bundle_record){
	                                   .key = key, .value = value, .len = len }) != PC_OK)
		move_fault(m, "%.200s is too large", key);
}

void prosody_add(struct move *m, const char *key, pc_stanza *element)
{
	size_t len;
	char *text = element ? element_text(element, &len) : NULL;

	if (text)
		add(m, key, text, len);
	else
		move_fault(m, "the element %.200s is damaged, or too large", key);
	free(text);
	pc_stanza_free(&element);
}

/* ------------------------------------------------------------ accounts */

void move_scram(char out[static MOVE_SCRAM_MAX], const char *hash, double iterations,
                const void *salt, size_t salt_len, const uint8_t *stored, const uint8_t *server,
                size_t key_len)
{
	char salt64[pc_base64_size(PC_SCRAM_SALT_MAX)];
	char stored64[pc_base64_size(PC_SCRAM_KEY_MAX)], server64[pc_base64_size(PC_SCRAM_KEY_MAX)];

	out[0] = '\0';
	if (salt_len == 0 || salt_len > PC_SCRAM_SALT_MAX || !(iterations >= 1) ||
	    iterations > PC_SCRAM_ITERATIONS_MAX)
		return;
	pc_base64_encode(salt, salt_len, salt64);
	pc_base64_encode(stored, key_len, stored64);
	pc_base64_encode(server, key_len, server64);
	snprintf(out, MOVE_SCRAM_MAX, "%s,%.0f,%s,%s,%s", hash, floor(iterations), salt64, stored64,
	         server64);
}

/* The length of the keys tells the hash. False: there are no keys, or they are damaged. */
static bool read_keys(lua_State *L, char out[static MOVE_SCRAM_MAX])
{
	static const char *const hashes[] = { "SHA-1", "SHA-256", "SHA-512" };
	const char *stored = tables_text(L, -1, "stored_key"),
	           *server = tables_text(L, -1, "server_key"), *salt = tables_text(L, -1, "salt");
	uint8_t keys[2][PC_SCRAM_KEY_MAX];
	double iterations;
	ssize_t len;

	out[0] = '\0';
	if (!stored || !server || !salt ||
	    tables_number(L, -1, "iteration_count", &iterations) != PC_OK)
		return false;
	len = pc_hex_decode(stored, strlen(stored), keys[0], sizeof(keys[0]));
	if (len <= 0 || pc_hex_decode(server, strlen(server), keys[1], sizeof(keys[1])) != len)
		return false;
	for (int i = 0; i < PC_SCRAM_HASHES; i++)
		if ((size_t)len == pc_scram_hash_size((pc_scram_hash)i))
			move_scram(out, hashes[i], iterations, salt, strlen(salt), keys[0], keys[1],
			           (size_t)len);
	return out[0] != '\0';
}

static void take_account(lua_State *L, struct move *m, unsigned long number)
{
	static const char *const times[] = { "created", "updated" };
	const char *password = tables_text(L, -1, "password");
	char text[MOVE_SCRAM_MAX];
	double seconds;

	(void)number;
	if (read_keys(L, text)) {
		add(m, "scram", text, strlen(text));
		m->one_hash++;
	} else if (password && *password) {
		add(m, "password", password, strlen(password));
	} else {
		move_fault(m, "%s@%s has neither password nor keys", m->user, m->host);
		return;
	}
	for (size_t i = 0; i < PC__COUNT(times); i++) {
		if (tables_number(L, -1, times[i], &seconds) != PC_OK)
			continue;
		snprintf(text, sizeof(text), "%.0f", seconds);
		add(m, times[i], text, strlen(text));
	}
	if (tables_true(L, -1, "disabled"))
		add(m, "disabled", "true", 4);
}

/* ------------------------------------------------------------ roster */

static void take_groups(lua_State *L, pc_stanza *item)
{
	lua_pushliteral(L, "groups");
	if (lua_rawget(L, -2) == LUA_TTABLE) {
		for (struct tables_walk w = tables_walk(L, -1); tables_next(L, &w);) {
			if (lua_type(L, -2) == LUA_TSTRING)
				pc_stanza_leaf(item, "group", lua_tostring(L, -2));
			lua_pop(L, 1);
		}
	}
	lua_pop(L, 1);
}

static const char *subscription_of(lua_State *L)
{
	const char *s = tables_text(L, -1, "subscription");

	if (s && (strcmp(s, "to") == 0 || strcmp(s, "from") == 0 || strcmp(s, "both") == 0))
		return s;
	return "none";
}

/* The request of a contact, where roster[false].pending (at `pending`, or 0) has one; taken out. */
static bool take_request(lua_State *L, const struct move *m, int pending, const char *jid,
                         pc_stanza *item)
{
	pc_stanza *request;
	bool asked;

	if (pending == 0)
		return false;
	lua_pushstring(L, jid);
	asked = lua_rawget(L, pending) != LUA_TNIL && lua_toboolean(L, -1);
	request = asked ? element_of(L, lua_gettop(L)) : NULL;
	lua_pop(L, 1);
	if (!asked)
		return false;
	pc_stanza_set(item, "in", "yes");
	if (request == NULL || !pc_stanza_is(request, "presence", PC_NS_CLIENT)) {
		char *to = pc__printf("%s@%s", m->user, m->host); /* older ones kept no stanza */

		pc_stanza_free(&request);
		request = pc_stanza_presence("subscribe", to, jid);
		free(to);
	}
	pc_stanza_append(item, request);
	pc_stanza_free(&request);
	return true;
}

/* The contact whose table is at the top. */
static void take_contact(lua_State *L, struct move *m, const char *jid, int pending)
{
	pc_stanza *item = pc_stanza_new("item", "jabber:iq:roster");

	pc_stanza_set(item, "jid", jid);
	pc_stanza_set(item, "name", tables_text(L, -1, "name"));
	pc_stanza_set(item, "subscription", subscription_of(L));
	pc_stanza_set(item, "ask", tables_text(L, -1, "ask") ? "subscribe" : NULL);
	pc_stanza_set(item, "approved", tables_true(L, -1, "approved") ? "yes" : NULL);
	take_groups(L, item);
	take_request(L, m, pending, jid, item);
	prosody_add(m, jid, item);
}

/* Who asks to be a contact and is none. */
static void take_stranger(lua_State *L, struct move *m, const char *jid, int pending)
{
	pc_stanza *item = pc_stanza_new("item", "jabber:iq:roster");

	pc_stanza_set(item, "jid", jid);
	pc_stanza_set(item, "subscription", "none");
	pc_stanza_set(item, "hidden", "yes");
	if (take_request(L, m, pending, jid, item))
		prosody_add(m, jid, item);
	else
		pc_stanza_free(&item);
}

/* Older versions of Prosody have these two as contacts named "pending" and "version". Pushes the
 * table of requests (or nil), and gives where it is. */
static int push_pending(lua_State *L, int roster, double *version_r)
{
	lua_pushboolean(L, false);
	if (lua_rawget(L, roster) == LUA_TTABLE) {
		tables_number(L, -1, "version", version_r);
		lua_pushliteral(L, "pending");
		lua_rawget(L, -2);
	} else {
		lua_pushliteral(L, "pending");
		lua_rawget(L, roster);
	}
	return lua_istable(L, -1) ? lua_gettop(L) : 0;
}

static bool is_contact(lua_State *L, int roster, const char *jid)
{
	bool is;

	lua_pushstring(L, jid);
	is = lua_rawget(L, roster) == LUA_TTABLE;
	lua_pop(L, 1);
	return is;
}

static void take_strangers(lua_State *L, struct move *m, int roster, int pending)
{
	char jid[PC_JID_MAX + 1];

	if (pending == 0)
		return;
	for (struct tables_walk w = tables_walk(L, pending); tables_next(L, &w);) {
		const char *key = lua_tostring(L, -2);

		if (bare_of(key, jid, sizeof(jid)) && !is_contact(L, roster, jid))
			take_stranger(L, m, jid, pending);
		lua_pop(L, 1);
	}
}

static void take_roster(lua_State *L, struct move *m, unsigned long number)
{
	int roster = lua_gettop(L), pending;
	char jid[PC_JID_MAX + 1], text[32];
	double version = 0;

	(void)number;
	pending = push_pending(L, roster, &version);
	for (struct tables_walk w = tables_walk(L, roster); tables_next(L, &w);) {
		const char *key = lua_tostring(L, -2);

		if (key && lua_istable(L, -1) && strcmp(key, "pending") != 0) {
			if (bare_of(key, jid, sizeof(jid)))
				take_contact(L, m, jid, pending);
			else
				move_fault(m, "the contact %.200s is no address", key);
		}
		lua_pop(L, 1);
	}
	take_strangers(L, m, roster, pending);
	if (version >= 1 && version < 9e15) {
		snprintf(text, sizeof(text), "%.0f", floor(version));
		add(m, "", text, strlen(text));
	}
	lua_settop(L, roster);
}

/* ------------------------------------------------------------ elements by key */

static void take_private(lua_State *L, struct move *m, unsigned long number)
{
	int table = lua_gettop(L);

	(void)number;
	for (struct tables_walk w = tables_walk(L, table); tables_next(L, &w);) {
		pc_stanza *element = element_of(L, lua_gettop(L));
		char *key = element ? pc__printf("%s:%s", pc_stanza_name(element),
		                                 pc_stanza_ns(element))
		                    : pc__strdup("of private storage");

		prosody_add(m, key, element);
		free(key);
		lua_pop(L, 1);
	}
}

static void take_vcard(lua_State *L, struct move *m, unsigned long number)
{
	pc_stanza *card = element_of(L, lua_gettop(L));

	(void)number;
	if (card && !pc_stanza_is(card, "vCard", "vcard-temp"))
		pc_stanza_free(&card);
	prosody_add(m, "", card);
}

static void take_blocklist(lua_State *L, struct move *m, unsigned long number)
{
	int table = lua_gettop(L);
	char buf[PC_JID_BUF], text[PC_JID_MAX + 1];
	pc_jid jid;

	(void)number;
	for (struct tables_walk w = tables_walk(L, table); tables_next(L, &w);) {
		const char *key = lua_tostring(L, -2);

		if (key && pc_jid_parse(key, buf, &jid) == PC_OK) {
			pc_jid_write(&jid, text);
			add(m, text, "true", 4);
		} else if (key) {
			move_fault(m, "%.200s is blocked and no address", key);
		}
		lua_pop(L, 1);
	}
}

/* ------------------------------------------------------------ messages */

/* The same entry has the same id each time. */
static void make_id(const struct move *m, const char *text, size_t len, unsigned long number,
                    char id[static 33])
{
	char *all = pc__printf("%s %s %lu %.*s", m->host, m->user, number, (int)len, text);
	uint8_t digest[PC_DIGEST_MAX];

	pc_digest("SHA-256", all, strlen(all), digest);
	pc_hex_encode(digest, 16, id);
	free(all);
}

/* In the table at the top, or in the stamps that Prosody puts on the message. */
static int64_t time_of(lua_State *L, const pc_stanza *st)
{
	const char *stamp = pc_stanza_get(st, "stamp");
	double seconds;
	int64_t ms;

	if (tables_number(L, -1, "when", &seconds) == PC_OK && seconds > -6e10 && seconds < 3e11)
		return (int64_t)(seconds * 1000);
	return stamp && pc_datetime_parse(stamp, &ms) == PC_OK ? ms : 0;
}

static void add_entry(struct move *m, const char *id, const char *with, int64_t when,
                      const char *text, size_t len)
{
	if (pc__bundle_add(m->out, &(struct pc__bundle_record){ .key = id,
	                                                        .with = with,
	                                                        .when = when,
	                                                        .value = text,
	                                                        .len = len }) != PC_OK)
		move_fault(m, "an entry of %s@%s is too large", m->user, m->host);
}

void prosody_add_entry(struct move *m, const char *id, const char *with, int64_t when,
                       pc_stanza *element)
{
	size_t len;
	char *text = element_text(element, &len);

	if (text)
		add_entry(m, id, with, when, text, len);
	else
		move_fault(m, "the element %.200s is damaged, or too large", id);
	free(text);
	pc_stanza_free(&element);
}

void prosody_message(struct move *m, pc_stanza *st, const char *key, const char *party,
                     int64_t when, unsigned long number)
{
	char id[33], with[PC_JID_MAX + 1], *text = NULL;
	bool has_with = bare_of(party, with, sizeof(with));
	size_t len = 0;

	if (st) {
		pc_stanza_set(st, "stamp", NULL);
		pc_stanza_set(st, "stamp_legacy", NULL);
		text = element_text(st, &len);
	}
	if (text) {
		make_id(m, text, len, number, id);
		add_entry(m, key && *key && strlen(key) <= 36 ? key : id, has_with ? with : NULL,
		          when, text, len);
	} else {
		move_fault(m, "message %lu of %s@%s is damaged, or too large", number, m->user,
		           m->host);
	}
	free(text);
	pc_stanza_free(&st);
}

/* What the value on the top says of an address, or of all others. */
static const char *policy_of(lua_State *L)
{
	const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;

	if (lua_isboolean(L, -1))
		return lua_toboolean(L, -1) ? "always" : "never";
	return text && strcmp(text, "roster") == 0 ? text : NULL;
}

static void take_choice(lua_State *L, struct move *m, const char *key)
{
	const char *policy = policy_of(L);
	char buf[PC_JID_BUF], text[PC_JID_MAX + 1];
	pc_jid jid;

	if (policy == NULL || pc_jid_parse(key, buf, &jid) != PC_OK) {
		move_fault(m, "what is archived of %.200s is not understood", key);
		return;
	}
	pc_jid_write(&jid, text);
	add(m, text, policy, strlen(policy));
}

/* The key false is for all who have none of their own. */
static void take_choices(lua_State *L, struct move *m, unsigned long number)
{
	int table = lua_gettop(L);
	const char *others;

	(void)number;
	lua_pushboolean(L, 0);
	lua_rawget(L, table);
	others = policy_of(L);
	if (others)
		add(m, "", others, strlen(others));
	lua_pop(L, 1);
	for (struct tables_walk w = tables_walk(L, table); tables_next(L, &w);) {
		const char *key = lua_tostring(L, -2);

		if (key)
			take_choice(L, m, key);
		lua_pop(L, 1);
	}
}

static void take_message(lua_State *L, struct move *m, unsigned long number)
{
	pc_stanza *st = element_of(L, lua_gettop(L));

	prosody_message(m, st, tables_text(L, -1, "key"), tables_text(L, -1, "with"),
	                st ? time_of(L, st) : 0, number);
}

/* ------------------------------------------------------------ */

static const struct prosody_store stores[] = {
	{ "accounts", false, take_account }, { "roster", false, take_roster },
	{ "private", false, take_private },  { "blocklist", false, take_blocklist },
	{ "vcard", false, take_vcard },      { "pep", false, prosody_pep_nodes },
	{ "pep_*", true, prosody_pep_item }, { "offline", true, take_message },
	{ "archive", true, take_message },   { "archive_prefs", false, take_choices },
};

const struct prosody_store *prosody_store_find(const char *name)
{
	for (size_t i = 0; i < PC__COUNT(stores); i++) {
		size_t len = strcspn(stores[i].name, "*");
		bool any = stores[i].name[len] == '*';

		if (strncmp(name, stores[i].name, len) == 0 && (any || name[len] == '\0'))
			return &stores[i];
	}
	return NULL;
}
