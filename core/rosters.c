#include "rosters.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "config.h"
#include "hosts.h"
#include "log.h"
#include "util/mem.h"
#include "xml/parser.h"

/* The key of the version; no address is empty. */
#define VERSION_KEY ""

static const char *const subscription_names[] = { "none", "to", "from", "both" };

pc_roster *pc__roster_new(pc_host *host, const char *user, pc_store *store)
{
	pc_roster *r = pc__alloc(sizeof(*r));

	r->host = host;
	r->user = user;
	r->store = store;
	return r;
}

static void item_free(struct pc__roster_item *item)
{
	if (item == NULL)
		return;
	pc_stanza_free(&item->request);
	free(item);
}

void pc__roster_free(pc_roster **roster)
{
	pc_roster *r = *roster;

	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++)
		item_free(r->items[i]);
	item_free(r->removed);
	free(r->items);
	pc__roster_shared_free(r->shared, r->n_shared);
	pc__free(roster);
}

/* ------------------------------------------------------------ items */

/* Where it is, or where it belongs. */
static size_t position(const pc_roster *r, const char *jid, bool *found_r)
{
	size_t low = 0, high = r->n;

	*found_r = false;
	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = strcmp(r->items[mid]->texts, jid);

		if (order == 0) {
			*found_r = true;
			return mid;
		}
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void insert_at(pc_roster *r, size_t at, struct pc__roster_item *item)
{
	if (r->n == r->size) {
		r->size = r->size ? r->size + r->size / 2 : 4;
		r->items = pc__realloc(r->items, r->size * sizeof(struct pc__roster_item *));
	}
	memmove(&r->items[at + 1], &r->items[at], (r->n - at) * sizeof(struct pc__roster_item *));
	r->items[at] = item;
	r->n++;
	r->n_shown += item->in_roster;
}

static struct pc__roster_item *take_at(pc_roster *r, size_t at)
{
	struct pc__roster_item *item = r->items[at];

	r->n--;
	memmove(&r->items[at], &r->items[at + 1], (r->n - at) * sizeof(struct pc__roster_item *));
	r->n_shown -= item->in_roster;
	return item;
}

static char *put_text(char *at, const char *text)
{
	size_t size = strlen(text) + 1;

	memcpy(at, text, size);
	return at + size;
}

struct pc__roster_item *pc__roster_item_new(const char *jid, const char *name,
                                            const char *const *groups, size_t n_groups)
{
	size_t size = strlen(jid) + 1 + (name ? strlen(name) + 1 : 0);
	struct pc__roster_item *item;
	char *at;

	for (size_t i = 0; i < n_groups; i++)
		size += strlen(groups[i]) + 1;
	item = pc__alloc(sizeof(*item) + size);
	at = put_text(item->texts, jid);
	item->has_name = name != NULL;
	if (name)
		at = put_text(at, name);
	for (size_t i = 0; i < n_groups; i++)
		at = put_text(at, groups[i]);
	item->n_groups = (uint8_t)n_groups;
	return item;
}

struct pc__roster_item *pc__roster_item(const pc_roster *r, const char *jid)
{
	bool found;
	size_t at = position(r, jid, &found);

	return found ? r->items[at] : NULL;
}

static bool has_room(const pc_roster *r, bool shown)
{
	size_t n = shown ? r->n_shown : r->n - r->n_shown;

	return (int64_t)n < pc__opt_int(r->host->name, "roster_max_items");
}

struct pc__roster_item *pc__roster_item_for(pc_roster *r, const char *jid, bool shown)
{
	bool found;
	size_t at = position(r, jid, &found);

	if (found && (r->items[at]->in_roster || !shown))
		return r->items[at];
	if (!has_room(r, shown)) {
		pc__bound_reached(shown ? PC__BOUND_CONTACTS : PC__BOUND_REQUESTS);
		return NULL;
	}
	if (!found)
		insert_at(r, at, pc__roster_item_new(jid, NULL, NULL, 0));
	return r->items[at];
}

void pc__roster_tidy(pc_roster *r, const char *jid)
{
	bool found;
	size_t at = position(r, jid, &found);
	struct pc__roster_item *i = found ? r->items[at] : NULL;

	if (i && !i->in_roster && !i->pending_in && !i->pending_out && !i->approved &&
	    i->subscription == PC_SUB_NONE)
		item_free(take_at(r, at));
}

/* The texts of the groups point into the item; the array serves one call at a time. */
void pc__roster_fill(const struct pc__roster_item *item, pc_contact *c)
{
	static const char *groups[PC__ROSTER_GROUPS];
	const char *at = item->texts + strlen(item->texts) + 1;

	*c = (pc_contact){ .jid = item->texts,
		           .subscription = (pc_subscription)item->subscription,
		           .in_roster = item->in_roster,
		           .pending_out = item->pending_out,
		           .pending_in = item->pending_in,
		           .approved = item->approved,
		           .groups = groups,
		           .n_groups = item->n_groups };
	if (item->has_name) {
		c->name = at;
		at += strlen(at) + 1;
	}
	for (size_t i = 0; i < item->n_groups; i++) {
		groups[i] = at;
		at += strlen(at) + 1;
	}
}

/* ------------------------------------------------------------ reading */

static void fill_whole(const pc_roster *r, const struct pc__roster_item *item, pc_contact *c)
{
	const struct pc__roster_item *shared = pc__roster_shared(r, item->texts);

	if (shared)
		pc__roster_fill_shared(item, shared, c);
	else
		pc__roster_fill(item, c);
}

const char *pc_roster_version(const pc_roster *r)
{
	return r->version_text;
}

size_t pc_roster_count(const pc_roster *r)
{
	size_t n = r->n_shown;

	for (size_t i = 0; i < r->n_shared; i++) {
		const struct pc__roster_item *own = pc__roster_item(r, r->shared[i]->texts);

		n += own == NULL || !own->in_roster;
	}
	return n;
}

bool pc_roster_find(const pc_roster *r, const char *jid, pc_contact *contact_r)
{
	const struct pc__roster_item *item = pc__roster_item(r, jid);
	const struct pc__roster_item *shared = pc__roster_shared(r, jid);

	if (shared)
		pc__roster_fill_shared(item, shared, contact_r);
	else if (item)
		pc__roster_fill(item, contact_r);
	return item || shared;
}

bool pc_roster_each(const pc_roster *r, size_t *cursor, pc_contact *contact_r)
{
	if (*cursor < r->n) {
		fill_whole(r, r->items[(*cursor)++], contact_r);
		return true;
	}
	while (*cursor - r->n < r->n_shared) {
		const struct pc__roster_item *shared = r->shared[(*cursor)++ - r->n];

		if (pc__roster_item(r, shared->texts))
			continue;
		pc__roster_fill_shared(NULL, shared, contact_r);
		return true;
	}
	return false;
}

pc_stanza *pc_roster_request(const pc_roster *r, const char *jid)
{
	bool found;
	size_t at = position(r, jid, &found);

	return found && r->items[at]->request ? pc_stanza_clone(r->items[at]->request) : NULL;
}

bool pc_roster_is_subscriber(const pc_roster *r, const char *jid)
{
	bool found;
	size_t at = position(r, jid, &found);

	return (found && (r->items[at]->subscription == PC_SUB_FROM ||
	                  r->items[at]->subscription == PC_SUB_BOTH)) ||
	       pc__roster_shared(r, jid);
}

/* ------------------------------------------------------------ as text
 *
 * <item jid='' name='' subscription='' ask='subscribe' in='yes' approved='yes' hidden='yes'>
 *   <group/>... <presence type='subscribe'/></item>
 */

static char *item_text(const struct pc__roster_item *item, size_t *len_r)
{
	pc_stanza *st = pc_stanza_new("item", "jabber:iq:roster");
	pc_contact c;
	char *text;

	pc__roster_fill(item, &c);
	pc_stanza_set(st, "jid", c.jid);
	pc_stanza_set(st, "name", c.name);
	pc_stanza_set(st, "subscription", subscription_names[c.subscription]);
	pc_stanza_set(st, "ask", c.pending_out ? "subscribe" : NULL);
	pc_stanza_set(st, "in", c.pending_in ? "yes" : NULL);
	pc_stanza_set(st, "approved", c.approved ? "yes" : NULL);
	pc_stanza_set(st, "hidden", c.in_roster ? NULL : "yes");
	for (size_t i = 0; i < c.n_groups; i++)
		pc_stanza_leaf(st, "group", c.groups[i]);
	if (item->request)
		pc_stanza_append(st, item->request);
	text = pc_stanza_write(st, len_r);
	pc_stanza_free(&st);
	return text;
}

static pc_subscription subscription_of(const char *name)
{
	for (size_t i = 0; name && i < PC__COUNT(subscription_names); i++)
		if (strcmp(subscription_names[i], name) == 0)
			return (pc_subscription)i;
	return PC_SUB_NONE;
}

static struct pc__roster_item *item_parse(pc__stored *parser, const pc_item *stored)
{
	pc_stanza *st = pc__stored_parse(parser, stored->value, stored->len);
	const char *groups[PC__ROSTER_GROUPS];
	struct pc__roster_item *item;
	pc_stanza *request;
	size_t n = 0;

	if (st == NULL)
		return NULL;
	for (pc_stanza *g = pc_stanza_first(st); g && n < PC__ROSTER_GROUPS; g = pc_stanza_next(g))
		if (strcmp(pc_stanza_name(g), "group") == 0)
			groups[n++] = pc_stanza_get_text(g);
	item = pc__roster_item_new(stored->key, pc_stanza_get(st, "name"), groups, n);
	item->subscription = (uint8_t)subscription_of(pc_stanza_get(st, "subscription"));
	item->pending_out = pc_stanza_get(st, "ask") != NULL;
	item->pending_in = pc_stanza_get(st, "in") != NULL;
	item->approved = pc_stanza_get(st, "approved") != NULL;
	item->in_roster = pc_stanza_get(st, "hidden") == NULL;
	request = pc_stanza_child(st, "presence", PC_NS_CLIENT);
	if (request)
		item->request = pc_stanza_clone(request);
	pc_stanza_free(&st);
	return item;
}

void pc__roster_set_version_text(pc_roster *r)
{
	int len = snprintf(r->version_text, sizeof(r->version_text), "%" PRIu64, r->version);

	if (r->n_shared > 0 && len > 0)
		snprintf(r->version_text + len, sizeof(r->version_text) - (size_t)len,
		         "-%08" PRIx32, r->shared_sum);
}

static void set_version(pc_roster *r, uint64_t version)
{
	r->version = version;
	pc__roster_set_version_text(r);
}

void pc__roster_read(pc_roster *r, const pc_item *items, size_t n)
{
	pc__stored *parser = pc__stored_new();

	set_version(r, 0);
	for (size_t i = 0; i < n; i++) {
		struct pc__roster_item *item;
		bool found;
		size_t at;

		if (strcmp(items[i].key, VERSION_KEY) == 0) {
			set_version(r, strtoull(items[i].value, NULL, 10));
			continue;
		}
		at = position(r, items[i].key, &found);
		item = found ? NULL : item_parse(parser, &items[i]);
		if (item)
			insert_at(r, at, item);
		else
			pc__log("rosters", PC_ERROR, "the roster of %s@%s has a damaged item (%s)",
			        r->user, r->host->name, items[i].key);
	}
	pc__stored_free(&parser);
}

/* ------------------------------------------------------------ changing */

pc_ticket pc__roster_save(pc_roster *r, const char *jid)
{
	struct pc__roster_item *item = pc__roster_item(r, jid);
	size_t len = 0;
	char *text = item ? item_text(item, &len) : NULL;
	char version[24];
	pc_item items[2];
	pc_ticket ticket;

	set_version(r, r->version + 1);
	items[0] = (pc_item){ jid, text, len };
	snprintf(version, sizeof(version), "%" PRIu64, r->version);
	items[1] = (pc_item){ VERSION_KEY, version, strlen(version) };
	ticket = pc_store_set_keys(r->store, r->user, items, 2, NULL, NULL);
	free(text);
	return ticket;
}

int pc_roster_set(pc_roster *r, const char *jid, const char *name, const char *const *groups,
                  size_t n_groups, pc_ticket *ticket_r)
{
	const struct pc__roster_item *shared = pc__roster_shared(r, jid);
	const char *own[PC__ROSTER_GROUPS];
	struct pc__roster_item *old, *new;
	bool found;
	size_t at;

	*ticket_r = 0;
	if (n_groups > PC__ROSTER_GROUPS)
		return PC_ELIMIT;
	name = pc__roster_own_name(shared, name);
	n_groups = pc__roster_own_groups(shared, groups, n_groups, own);
	groups = own;
	if (shared && pc__roster_item(r, jid) == NULL && name == NULL && n_groups == 0)
		return PC_OK;
	old = pc__roster_item_for(r, jid, true);
	if (old == NULL)
		return PC_ELIMIT;
	new = pc__roster_item_new(jid, name, groups, n_groups);
	new->subscription = old->subscription;
	new->pending_in = old->pending_in;
	new->pending_out = old->pending_out;
	new->approved = old->approved;
	new->in_roster = true;
	new->request = old->request;
	old->request = NULL;
	at = position(r, jid, &found);
	item_free(take_at(r, at));
	insert_at(r, at, new);
	*ticket_r = pc__roster_save(r, new->texts);
	return PC_OK;
}

int pc_roster_remove(pc_roster *r, const char *jid, pc_contact *was_r, pc_ticket *ticket_r)
{
	bool found;
	size_t at = position(r, jid, &found);

	*ticket_r = 0;
	if (pc__roster_shared(r, jid))
		return PC_EPERM;
	if (!found || !r->items[at]->in_roster)
		return PC_ENOENT;
	item_free(r->removed);
	r->removed = take_at(r, at);
	if (was_r)
		pc__roster_fill(r->removed, was_r);
	*ticket_r = pc__roster_save(r, r->removed->texts);
	return PC_OK;
}
