#include "move/xep227.h"

#include <stdlib.h>
#include <string.h>

#include <prosody-c/codec.h>
#include <prosody-c/jid.h>
#include <prosody-c/scram.h>

#include "util/mem.h"
#include "util/number.h"

#define PIECES_MAX 200000 /* of a user */

void xep227_keep(struct xep227_user *u, enum xep227_kind kind, const char *key, pc_stanza *st)
{
	if (u->n == PIECES_MAX) {
		u->too_many = true;
		pc_stanza_free(&st);
		return;
	}
	if (u->n == u->size) {
		u->size = u->size ? u->size * 2 : 16;
		u->pieces = pc__realloc(u->pieces, u->size * sizeof(*u->pieces));
	}
	u->pieces[u->n] = (struct xep227_piece){ kind, u->n, pc__strdup(key), st };
	u->n++;
}

bool xep227_is_kept(const struct xep227_user *u, enum xep227_kind kind, const char *key)
{
	for (size_t i = 0; i < u->n; i++)
		if (u->pieces[i].kind == kind && strcmp(u->pieces[i].key, key) == 0)
			return true;
	return false;
}

/* By kind and key, the first first. */
static int compare(const void *a, const void *b)
{
	const struct xep227_piece *x = a, *y = b;
	int order = (int)x->kind - (int)y->kind;

	if (order == 0)
		order = strcmp(x->key, y->key);
	return order ? order : x->number < y->number ? -1 : 1;
}

static struct xep227_piece *find(const struct xep227_user *u, enum xep227_kind kind,
                                 const char *key)
{
	size_t low = 0, high = u->n;

	while (low < high) {
		size_t mid = (low + high) / 2;
		const struct xep227_piece *p = &u->pieces[mid];

		if (p->kind < kind || (p->kind == kind && strcmp(p->key, key) < 0))
			low = mid + 1;
		else
			high = mid;
	}
	if (low == u->n || u->pieces[low].kind != kind || strcmp(u->pieces[low].key, key) != 0)
		return NULL;
	return &u->pieces[low];
}

/* Is it the first of its kind and key? */
static bool is_first(const struct xep227_user *u, size_t i)
{
	const struct xep227_piece *p = &u->pieces[i];

	return i == 0 || p[-1].kind != p->kind || strcmp(p[-1].key, p->key) != 0;
}

static bool begin(struct xep227_user *u, const char *store)
{
	return pc__bundle_begin(u->m->out, false, u->host, u->name, store) == PC_OK;
}

static void add(struct xep227_user *u, const char *key, const char *value)
{
	const struct pc__bundle_record r = { .key = key, .value = value, .len = strlen(value) };

	if (pc__bundle_add(u->m->out, &r) != PC_OK)
		move_fault(u->m, "%.200s is too large", key);
}

/* ------------------------------------------------------------ rosters */

void xep227_take_contact(struct xep227_user *u, pc_stanza *st)
{
	const char *given = pc_stanza_get(st, "jid");
	char jid[PC_JID_MAX + 1];

	if (bare_of(given, jid, sizeof(jid))) {
		xep227_keep(u, XEP227_CONTACT, jid, st);
		return;
	}
	move_fault(u->m, "the contact %.200s is no address", given ? given : "without one");
	pc_stanza_free(&st);
}

void xep227_take_request(struct xep227_user *u, pc_stanza *st)
{
	const char *given = pc_stanza_get(st, "from");
	char jid[PC_JID_MAX + 1];

	if (pc_stanza_type(st) == PC_TYPE_SUBSCRIBE && bare_of(given, jid, sizeof(jid))) {
		xep227_keep(u, XEP227_REQUEST, jid, st);
		return;
	}
	move_fault(u->m, "the presence of %.200s is no request", given ? given : "nobody");
	pc_stanza_free(&st);
}

static const char *subscription_of(const pc_stanza *contact)
{
	const char *s = pc_stanza_get(contact, "subscription");

	if (s && (strcmp(s, "to") == 0 || strcmp(s, "from") == 0 || strcmp(s, "both") == 0))
		return s;
	return "none";
}

static bool is_true(const char *text)
{
	return text && (strcmp(text, "true") == 0 || strcmp(text, "1") == 0);
}

/* As rosters.c has it; `contact` NULL: somebody who asks and is none. */
static void add_contact(struct xep227_user *u, const char *jid, const pc_stanza *contact)
{
	const struct xep227_piece *request = find(u, XEP227_REQUEST, jid);
	pc_stanza *item = pc_stanza_new("item", "jabber:iq:roster");

	pc_stanza_set(item, "jid", jid);
	if (contact) {
		const char *ask = pc_stanza_get(contact, "ask");

		pc_stanza_set(item, "name", pc_stanza_get(contact, "name"));
		pc_stanza_set(item, "subscription", subscription_of(contact));
		pc_stanza_set(item, "ask",
		              ask && strcmp(ask, "subscribe") == 0 ? "subscribe" : NULL);
		pc_stanza_set(item, "in", request ? "yes" : NULL);
		pc_stanza_set(item, "approved",
		              is_true(pc_stanza_get(contact, "approved")) ? "yes" : NULL);
		for (const pc_stanza *g = pc_stanza_first(contact); g; g = pc_stanza_next(g))
			if (pc_stanza_is(g, "group", "jabber:iq:roster") && *pc_stanza_get_text(g))
				pc_stanza_leaf(item, "group", pc_stanza_get_text(g));
	} else {
		pc_stanza_set(item, "subscription", "none");
		pc_stanza_set(item, "in", "yes");
		pc_stanza_set(item, "hidden", "yes");
	}
	if (request)
		pc_stanza_append(item, request->st);
	prosody_add(u->m, jid, item);
}

static void write_roster(struct xep227_user *u)
{
	uint64_t version;

	if (!begin(u, "roster"))
		return;
	for (size_t i = 0; i < u->n; i++) {
		const struct xep227_piece *p = &u->pieces[i];

		if (p->kind > XEP227_REQUEST || !is_first(u, i))
			continue;
		if (p->kind == XEP227_CONTACT)
			add_contact(u, p->key, p->st);
		else if (find(u, XEP227_CONTACT, p->key) == NULL)
			add_contact(u, p->key, NULL);
	}
	if (u->version &&
	    pc__number_uint(u->version, strlen(u->version), UINT64_MAX / 4, &version) == PC_OK)
		add(u, "", u->version);
	pc__bundle_end(u->m->out, true);
}

/* ------------------------------------------------------------ who is blocked
 *
 * The format has privacy lists (XEP-0016): what can be said by a block list (XEP-0191) is taken
 * from the one that is used by default.
 */

static void block(struct xep227_user *u, const char *given)
{
	char buf[PC_JID_BUF], text[PC_JID_MAX + 1];
	pc_jid jid;

	if (given && pc_jid_parse(given, buf, &jid) == PC_OK) {
		pc_jid_write(&jid, text);
		xep227_keep(u, XEP227_BLOCK, text, NULL);
	} else {
		move_fault(u->m, "%.200s is blocked and no address", given ? given : "nobody");
	}
}

void xep227_take_blocklist(struct xep227_user *u, pc_stanza *st)
{
	for (const pc_stanza *item = pc_stanza_first(st); item; item = pc_stanza_next(item))
		block(u, pc_stanza_get(item, "jid"));
	pc_stanza_free(&st);
}

static bool is(const pc_stanza *st, const char *attr, const char *value)
{
	const char *s = pc_stanza_get(st, attr);

	return s && strcmp(s, value) == 0;
}

static void take_rule(struct xep227_user *u, const char *list, const pc_stanza *item)
{
	bool denies = is(item, "action", "deny"), all = pc_stanza_get(item, "type") == NULL;

	if (denies && is(item, "type", "jid") && pc_stanza_first(item) == NULL)
		block(u, pc_stanza_get(item, "value"));
	else if (denies || !all) /* that the rest is allowed is what a block list says, too */
		move_fault(u->m, "the privacy list %.200s says more than who is blocked", list);
}

void xep227_take_privacy(struct xep227_user *u, pc_stanza *st)
{
	const pc_stanza *chosen = pc_stanza_child(st, "default", "jabber:iq:privacy");
	const char *name = chosen ? pc_stanza_get(chosen, "name") : NULL;

	for (const pc_stanza *list = pc_stanza_first(st); list; list = pc_stanza_next(list)) {
		const char *own = pc_stanza_get(list, "name");

		if (!pc_stanza_is(list, "list", "jabber:iq:privacy") || own == NULL)
			continue;
		if (name == NULL || strcmp(own, name) != 0) {
			move_fault(u->m, "the privacy list %.200s is not used by default", own);
			continue;
		}
		for (const pc_stanza *i = pc_stanza_first(list); i; i = pc_stanza_next(i))
			take_rule(u, own, i);
	}
	pc_stanza_free(&st);
}

static void write_blocklist(struct xep227_user *u)
{
	if (!begin(u, "blocklist"))
		return;
	for (size_t i = 0; i < u->n; i++)
		if (u->pieces[i].kind == XEP227_BLOCK && is_first(u, i))
			add(u, u->pieces[i].key, "true");
	pc__bundle_end(u->m->out, true);
}

/* ------------------------------------------------------------ nodes of PEP */

static void take_of_node(struct xep227_user *u, enum xep227_kind kind, pc_stanza *st)
{
	const char *node = pc_stanza_get(st, "node");

	if (node && *node) {
		xep227_keep(u, kind, node, st);
		return;
	}
	move_fault(u->m, "<%.100s/> of a node without a name", pc_stanza_name(st));
	pc_stanza_free(&st);
}

void xep227_take_node(struct xep227_user *u, pc_stanza *st)
{
	take_of_node(u, XEP227_NODE, st);
}

void xep227_take_affiliations(struct xep227_user *u, pc_stanza *st)
{
	take_of_node(u, XEP227_AFFILIATIONS, st);
}

/* The form as it is kept: filled in. */
static void add_form(pc_stanza *pubsub, const char *node, const pc_stanza *given)
{
	const pc_stanza *form = given ? pc_stanza_child(given, "x", XEP227_NS_FORM) : NULL;
	pc_stanza *configure = pc_stanza_open(pubsub, "configure", NULL), *own;

	pc_stanza_set(configure, "node", node);
	if (form) {
		pc_stanza_set(pc_stanza_append(configure, form), "type", "submit");
		return;
	}
	own = pc_stanza_open(configure, "x", XEP227_NS_FORM);
	pc_stanza_set(own, "type", "submit");
	own = pc_stanza_open(own, "field", NULL);
	pc_stanza_set(own, "var", "FORM_TYPE");
	pc_stanza_set(own, "type", "hidden");
	pc_stanza_leaf(own, "value", XEP227_NS_PUBSUB "#node_config");
}

static void add_node(struct xep227_user *u, const char *node)
{
	const struct xep227_piece *config = find(u, XEP227_NODE, node);
	const struct xep227_piece *affiliations = find(u, XEP227_AFFILIATIONS, node);
	pc_stanza *pubsub = pc_stanza_new("pubsub", XEP227_NS_OWNER);

	add_form(pubsub, node, config ? config->st : NULL);
	if (affiliations)
		pc_stanza_append(pubsub, affiliations->st);
	prosody_add(u->m, node, pubsub);
}

static void write_nodes(struct xep227_user *u)
{
	if (!begin(u, "pep"))
		return;
	for (size_t i = 0; i < u->n; i++) {
		const struct xep227_piece *p = &u->pieces[i];
		bool told = p->kind == XEP227_ITEMS && find(u, XEP227_NODE, p->key);

		if ((p->kind == XEP227_NODE || p->kind == XEP227_ITEMS) && is_first(u, i) && !told)
			add_node(u, p->key);
	}
	pc__bundle_end(u->m->out, true);
}

/* ------------------------------------------------------------ accounts */

static ssize_t decode(const pc_stanza *st, const char *name, uint8_t *out, size_t size)
{
	const char *text = pc_stanza_child_text(st, name, XEP227_NS_SCRAM);

	return text ? pc_base64_decode(text, strlen(text), out, size) : -1;
}

static const char *const hashes[] = { "SHA-1", "SHA-256", "SHA-512" };

static int hash_of(const char *mechanism)
{
	if (mechanism == NULL || strncmp(mechanism, "SCRAM-", 6) != 0)
		return -1;
	for (int i = 0; i < PC_SCRAM_HASHES; i++)
		if (strcmp(mechanism + 6, hashes[i]) == 0)
			return i;
	return -1;
}

static bool read_scram(struct xep227_user *u, const pc_stanza *st, int hash)
{
	const char *count = pc_stanza_child_text(st, "iter-count", XEP227_NS_SCRAM);
	uint8_t salt[PC_SCRAM_SALT_MAX], stored[PC_SCRAM_KEY_MAX], server[PC_SCRAM_KEY_MAX];
	ssize_t len = decode(st, "salt", salt, sizeof(salt));
	size_t key = pc_scram_hash_size((pc_scram_hash)hash);
	uint64_t iterations;

	if (count == NULL || *count == '0' || len <= 0 ||
	    pc__number_uint(count, strlen(count), PC_SCRAM_ITERATIONS_MAX, &iterations) != PC_OK ||
	    decode(st, "stored-key", stored, sizeof(stored)) != (ssize_t)key ||
	    decode(st, "server-key", server, sizeof(server)) != (ssize_t)key)
		return false;
	move_scram(u->scram[hash], hashes[hash], (double)iterations, salt, (size_t)len, stored,
	           server, key);
	return u->scram[hash][0] != '\0';
}

void xep227_take_scram(struct xep227_user *u, pc_stanza *st)
{
	const char *mechanism = pc_stanza_get(st, "mechanism");
	int hash = hash_of(mechanism);

	if (hash < 0)
		move_fault(u->m, "keys of %.100s are of no use here",
		           mechanism ? mechanism : "nothing");
	else if (u->scram[hash][0] != '\0')
		move_fault(u->m, "keys of %s come twice", mechanism);
	else if (!read_scram(u, st, hash))
		move_fault(u->m, "the keys of %s are damaged", mechanism);
	pc_stanza_free(&st);
}

static char *seconds_of(const pc_stanza *st, const char *attr)
{
	const char *text = pc_stanza_get(st, attr);
	int64_t number;

	return text && pc__number_int(text, strlen(text), 0, INT64_MAX / 1000, &number) == PC_OK
	               ? pc__strdup(text)
	               : NULL;
}

void xep227_take_account(struct xep227_user *u, pc_stanza *st)
{
	u->disabled = is_true(pc_stanza_get(st, "disabled"));
	pc__free(&u->created);
	pc__free(&u->updated);
	u->created = seconds_of(st, "created");
	u->updated = seconds_of(st, "updated");
	pc_stanza_free(&st);
}

static void join_scram(const struct xep227_user *u, char out[static 3 * MOVE_SCRAM_MAX])
{
	char *at = out;

	*at = '\0';
	for (int i = 0; i < PC_SCRAM_HASHES; i++)
		if (u->scram[i][0])
			at += snprintf(at, MOVE_SCRAM_MAX, "%s%s", at == out ? "" : " ",
			               u->scram[i]);
}

static void write_account(struct xep227_user *u)
{
	char scram[3 * MOVE_SCRAM_MAX];

	join_scram(u, scram);
	if (u->password == NULL && *scram == '\0') {
		move_fault(u->m, "%s@%s has neither password nor keys", u->name, u->host);
		return;
	}
	if (!begin(u, "accounts"))
		return;
	if (u->created)
		add(u, "created", u->created);
	if (u->disabled)
		add(u, "disabled", "true");
	if (u->password)
		add(u, "password", u->password);
	if (*scram)
		add(u, "scram", scram);
	if (u->updated)
		add(u, "updated", u->updated);
	pc__bundle_end(u->m->out, true);
	u->m->one_hash += u->password == NULL && strchr(scram, ' ') == NULL;
	explicit_bzero(scram, sizeof(scram));
}

void xep227_write_parts(struct xep227_user *u)
{
	if (u->n > 0)
		qsort(u->pieces, u->n, sizeof(*u->pieces), compare);
	write_roster(u);
	write_blocklist(u);
	write_nodes(u);
	write_account(u);
}
