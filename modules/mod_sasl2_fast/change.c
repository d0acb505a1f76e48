/*
 * change.c - what a log-in changes in the tokens of its client.
 *
 * A token is known to the client before it counts here, and what was revoked is revoked before the
 * client is told so: the answer waits until the write is kept.
 */
#include <math.h>
#include <string.h>

#include "fast.h"

/* The instance's memory: one whose module goes ends with it. */
struct change {
	pc_module *m;
	pc_token token;
	bool used, was_new, revoke, give;
	struct token current, given;
	char user[PC_JID_PART_MAX + 1];
	char client[CLIENT_SIZE];
};

static void end(struct change *c, pc_result result)
{
	pc_module *m = c->m;
	pc_token token = c->token;

	explicit_bzero(c, sizeof(*c));
	pc_module_free(m, c);
	pc_event_resume(token, result);
}

static void on_kept(int err, void *data)
{
	struct change *c = data;
	const struct fast *f = pc_module_data(c->m);
	pc_event *ev = pc_token_event(c->token);
	char expires[PC_DATETIME_SIZE];
	pc_stanza *token;

	if (err != PC_OK)
		pc_log(c->m, PC_WARN, "tokens of %s cannot be changed: %s", c->user,
		       pc_strerror(err));
	if (err == PC_OK && c->give && ev) {
		pc_datetime_write(c->given.expires / 1000 * 1000, expires);
		token = pc_stanza_open(pc_event_edit(ev), "token", NS_FAST);
		pc_stanza_set(token, "token", c->given.secret);
		pc_stanza_set(token, "expiry", expires);
		pc_metric_add(f->given, 1);
	}
	end(c, err != PC_OK && c->revoke ? err : PC_PASS);
}

/* ---- how many clients: one that has no token yet takes the place of the one that got its token
 * first */

struct pile {
	pc_item *items;
	size_t n;
};

static void drop(struct pile *pile, const char *key)
{
	pile->items[pile->n++] = (pc_item){ .key = key };
}

/* When the token in that slot was issued; 0: it is damaged, or over. */
static int64_t issue_of(const pc_item *item, int64_t now)
{
	struct token token;
	bool good = token_read(item->value, &token) && token.expires > now;
	int64_t issued = good ? token.issued : 0;

	explicit_bzero(&token, sizeof(token));
	return issued;
}

static bool is_same_client(const char *a, const char *b)
{
	size_t len = strcspn(a, "/");

	return strncmp(a, b, len) == 0 && (b[len] == '/' || b[len] == '\0');
}

/* The slots of one client, which follow each other: how many. */
static size_t group_of(const pc_item *items, size_t n)
{
	size_t len = 1;

	while (len < n && is_same_client(items[0].key, items[len].key))
		len++;
	return len;
}

static int64_t newest_of(const pc_item *items, size_t n, int64_t now)
{
	int64_t newest = 0;

	for (size_t i = 0; i < n; i++) {
		int64_t issued = issue_of(&items[i], now);

		newest = issued > newest ? issued : newest;
	}
	return newest;
}

static void drop_all(struct pile *pile, const pc_item *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		drop(pile, items[i].key);
}

static void make_room(const struct change *c, const pc_item *items, size_t n, struct pile *pile)
{
	size_t most = (size_t)pc_opt_int(c->m, "sasl2_fast_max_clients"), others = 0, len;
	int64_t now = pc_time_ms(), oldest = INT64_MAX;
	const pc_item *eldest = NULL;

	for (size_t i = 0; i < n; i += len) {
		int64_t newest;

		len = group_of(items + i, n - i);
		if (is_same_client(items[i].key, c->client))
			continue;
		newest = newest_of(items + i, len, now);
		if (newest == 0) {
			drop_all(pile, items + i, len);
			continue;
		}
		others++;
		if (newest < oldest) {
			oldest = newest;
			eldest = items + i;
		}
	}
	if (others >= most && eldest)
		drop_all(pile, eldest, group_of(eldest, (size_t)(items + n - eldest)));
}

static bool is_there(const pc_item *items, size_t n, const char *slot)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(items[i].key, slot) == 0)
			return true;
	return false;
}

static void write_slots(const struct change *c, struct pile *pile, const char *current,
                        const char *new, char stored[static 2 * STORED_SIZE])
{
	if (c->revoke) {
		drop(pile, current);
		drop(pile, new);
	} else if (c->used) {
		token_write(&c->current, stored);
		pile->items[pile->n++] = (pc_item){ current, stored, strlen(stored) };
		if (c->was_new && !c->give)
			drop(pile, new);
	}
	if (c->give) {
		char *text = stored + STORED_SIZE;

		token_write(&c->given, text);
		/* Behind a revocation of the same slot: of one key the last counts. */
		if (c->revoke)
			pile->n--;
		pile->items[pile->n++] = (pc_item){ new, text, strlen(text) };
	}
}

static void on_tokens(int err, const pc_item *items, size_t n, void *data)
{
	struct change *c = data;
	const struct fast *f = pc_module_data(c->m);
	char current[SLOT_SIZE], new[SLOT_SIZE], stored[2 * STORED_SIZE];
	struct pile pile = { NULL, 0 };

	fast_slot(c->client, false, current);
	fast_slot(c->client, true, new);
	if (err != PC_OK) {
		on_kept(err, c);
		return;
	}
	if (c->used && !is_there(items, n, c->was_new ? new : current)) {
		pc_log(c->m, PC_INFO, "the token of a client of %s was revoked meanwhile", c->user);
		end(c, PC_EPERM);
		return;
	}
	pile.items = pc_module_alloc(c->m, (n + 4) * sizeof(*pile.items));
	if (c->give)
		make_room(c, items, n, &pile);
	write_slots(c, &pile, current, new, stored);
	pc_store_set_keys(f->store, c->user, pile.items, pile.n, on_kept, c);
	pc_module_free(c->m, pile.items);
	explicit_bzero(stored, sizeof(stored));
}

static bool is_true(const char *text)
{
	return text && (strcmp(text, "1") == 0 || strcmp(text, "true") == 0);
}

static bool is_due(pc_module *m, const struct token *token)
{
	return pc_time_ms() - token->issued >
	       (int64_t)(fmin(pc_opt_seconds(m, "sasl2_fast_token_min_ttl"), 1e9) * 1000);
}

/* Which mechanism a new token is for, or -1: none is given. */
static int wanted(const struct change *c, const pc_stanza *request)
{
	const pc_stanza *asked = pc_stanza_child(request, "request-token", NS_FAST);
	const char *mechanism = asked ? pc_stanza_get(asked, "mechanism") : NULL;

	if (asked)
		return mechanism ? fast_find(mechanism) : -1;
	return c->used && !c->revoke && is_due(c->m, &c->current) ? (int)c->current.binding : -1;
}

pc_result fast_on_success(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	const pc_stanza *request = pc_event_ptr(ev, "request"), *fast;
	struct fast *f = data;
	struct fast_session *by;
	struct change *c;
	int binding;

	if (s == NULL || request == NULL || s->client_id == NULL ||
	    strlen(s->client_id) >= CLIENT_SIZE)
		return PC_PASS;
	fast = pc_stanza_child(request, "fast", NS_FAST);
	by = pc_session_data(s, f->m);
	c = pc_module_alloc(f->m, sizeof(*c));
	*c = (struct change){
		.m = f->m, .used = by->used, .was_new = by->was_new, .current = by->token
	};
	explicit_bzero(by, sizeof(*by));
	memcpy(c->user, s->username, strlen(s->username) + 1);
	memcpy(c->client, s->client_id, strlen(s->client_id) + 1);
	c->revoke = c->used && fast && is_true(pc_stanza_get(fast, "invalidate"));
	binding = wanted(c, request);
	c->give = binding >= 0;
	if (c->give)
		token_make(&c->given, (enum fast_binding)binding, pc_time_ms(),
		           pc_opt_seconds(f->m, "sasl2_fast_token_ttl"));
	if (!c->give && !c->revoke && !c->was_new && !(c->used && c->current.count)) {
		explicit_bzero(c, sizeof(*c));
		pc_module_free(f->m, c);
		return PC_PASS;
	}
	c->token = pc_event_suspend(ev);
	pc_store_get(f->store, c->user, on_tokens, c);
	return PC_SUSPENDED;
}
