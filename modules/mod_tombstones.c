/*
 * mod_tombstones.c - names of removed accounts are not given to others.
 *
 * Who takes such a name would get what is still on its way to the old owner, from people who do not
 * know. So it cannot be registered for user_tombstone_expiry, and contacts that still send presence
 * are told that it is gone, so that their rosters become true. An administrator may make the
 * account again: a tombstone counts only where there is no account.
 */
#include <prosody-c/prosody-c.h>
#include <prosody-c/table.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What is known of a name: in memory for those that were asked for last. */
struct tomb {
	char *name;    /* the key, behind the struct */
	int64_t since; /* ms since 1970; 0: there is no tombstone */
	UT_hash_handle hh;
};

/* A question on its way; the instance's, and used again. */
struct call {
	pc_module *m;
	struct call *next;
	pc_token token;
	void (*then)(struct call *call, bool dead);
	char name[PC_JID_PART_MAX + 1];
};

struct graveyard {
	pc_store *store; /* of the host: names, and when they were removed (seconds) */
	struct tomb *tombs;
	struct call *free_calls;
};

/* ------------------------------------------------------------ what is known */

static void forget(struct graveyard *g, struct tomb *t)
{
	HASH_DELETE(hh, g->tombs, t);
	free(t);
}

static struct tomb *find(struct graveyard *g, const char *name)
{
	struct tomb *t;

	HASH_FIND_STR(g->tombs, name, t);
	return t;
}

static void note(pc_module *m, const char *name, int64_t since)
{
	struct graveyard *g = pc_module_data(m);
	size_t len = strlen(name) + 1;
	struct tomb *t = find(g, name);

	if (t)
		forget(g, t);
	if (HASH_COUNT(g->tombs) >= (size_t)pc_opt_int(m, "tombstone_cache_size"))
		forget(g, g->tombs);
	t = calloc(1, sizeof(*t) + len);
	if (t == NULL)
		abort(); /* out of memory ends the process */
	t->name = memcpy(t + 1, name, len);
	t->since = since;
	HASH_ADD_KEYPTR(hh, g->tombs, t->name, len - 1, t);
}

static bool is_dead(pc_module *m, int64_t since)
{
	double expiry = pc_opt_seconds(m, "user_tombstone_expiry");

	return since > 0 && (isinf(expiry) || (double)(pc_time_ms() - since) < expiry * 1000);
}

/* ------------------------------------------------------------ asking */

static struct call *call_new(pc_event *ev, const char *name, void (*then)(struct call *, bool))
{
	struct graveyard *g = pc_module_data(pc_event_module(ev));
	struct call *call = g->free_calls;

	if (call)
		g->free_calls = call->next;
	else
		call = pc_module_alloc(pc_event_module(ev), sizeof(*call));
	*call = (struct call){ .m = pc_event_module(ev), .then = then };
	snprintf(call->name, sizeof(call->name), "%s", name);
	call->token = pc_event_suspend(ev);
	return call;
}

static void call_end(struct call *call, pc_result result)
{
	struct graveyard *g = pc_module_data(call->m);
	pc_token token = call->token;

	call->next = g->free_calls;
	g->free_calls = call;
	pc_event_resume(token, result);
}

static void on_exists(int err, void *data)
{
	struct call *call = data;

	call->then(call, err == PC_ENOENT);
}

/* A name with a tombstone: has somebody made the account again? */
static void look_closer(struct call *call, int64_t since)
{
	if (is_dead(call->m, since))
		pc_user_exists(call->m, pc_module_host(call->m), call->name, on_exists, call);
	else
		call->then(call, false);
}

static void on_read(int err, const pc_item *items, size_t n, void *data)
{
	struct call *call = data;
	int64_t since =
	        err == PC_OK && n > 0 ? (int64_t)strtoll(items[0].value, NULL, 10) * 1000 : 0;

	if ((err == PC_OK || err == PC_ENOENT) && find(pc_module_data(call->m), call->name) == NULL)
		note(call->m, call->name, since);
	look_closer(call, since);
}

/* Ends by `then`. */
static pc_result ask(pc_event *ev, const char *name, void (*then)(struct call *call, bool dead))
{
	struct graveyard *g = pc_module_data(pc_event_module(ev));
	const struct tomb *t = find(g, name);
	struct call *call;

	if (t && !is_dead(pc_event_module(ev), t->since))
		return PC_PASS;
	call = call_new(ev, name, then);
	if (t)
		look_closer(call, t->since);
	else
		pc_store_get_key(g->store, NULL, name, on_read, call);
	return PC_SUSPENDED;
}

/* ------------------------------------------------------------ accounts */

static pc_result on_deleted(pc_event *ev, void *data)
{
	const struct graveyard *g = data;
	const char *name = pc_event_str(ev, "username");
	char now[24];
	pc_item item = { .key = name, .value = now };

	item.len = (size_t)snprintf(now, sizeof(now), "%lld", (long long)(pc_time_ms() / 1000));
	pc_store_set_keys(g->store, NULL, &item, 1, NULL, NULL);
	note(pc_event_module(ev), name, pc_time_ms());
	return PC_PASS;
}

static void registering(struct call *call, bool dead)
{
	pc_event *ev = pc_token_event(call->token);

	if (ev && dead) {
		pc_event_set_int(ev, "allowed", 0);
		pc_event_set_str(ev, "error_type", "cancel");
		pc_event_set_str(ev, "error_condition", "conflict");
		pc_event_set_str(ev, "reason", "The requested username already exists");
	}
	call_end(call, dead ? PC_HANDLED : PC_PASS);
}

static pc_result on_registering(pc_event *ev, void *data)
{
	(void)data;
	return pc_event_int(ev, "allowed") ? ask(ev, pc_event_str(ev, "username"), registering)
	                                   : PC_PASS;
}

/* ------------------------------------------------------------ presence from contacts */

static void answer(pc_module *m, const pc_event *ev, pc_stanza *st)
{
	char bare[PC_JID_MAX + 1], to[PC_JID_MAX + 1];

	pc_jid_write_bare(pc_event_to(ev), bare);
	pc_jid_write_bare(pc_event_from(ev), to);
	pc_stanza_set(st, "from", bare);
	pc_stanza_set(st, "to", to);
	pc_send(m, st);
}

/* The sender is no contact any more in either direction. */
static void presence(struct call *call, bool dead)
{
	pc_event *ev = pc_token_event(call->token);

	if (ev && dead) {
		switch (pc_stanza_type(pc_event_stanza(ev))) {
		case PC_TYPE_NONE:
		case PC_TYPE_SUBSCRIBED:
			answer(call->m, ev, pc_stanza_presence("unsubscribe", NULL, NULL));
			break;
		case PC_TYPE_PROBE:
		case PC_TYPE_SUBSCRIBE:
			answer(call->m, ev, pc_stanza_presence("unsubscribed", NULL, NULL));
			break;
		default:
			break;
		}
	}
	call_end(call, dead ? PC_HANDLED : PC_PASS);
}

static pc_result on_presence(pc_event *ev, void *data)
{
	const pc_jid *to = pc_event_to(ev);

	(void)data;
	if (to == NULL || to->local == NULL || pc_event_from(ev) == NULL ||
	    pc_user_known(pc_event_host(ev), to->local) == 1)
		return PC_PASS;
	return ask(ev, to->local, presence);
}

/* ------------------------------------------------------------ the end of tombstones */

static void on_all(int err, const pc_item *items, size_t n, void *data)
{
	pc_module *m = data;
	struct graveyard *g = pc_module_data(m);

	for (size_t i = 0; err == PC_OK && i < n; i++)
		if (!is_dead(m, (int64_t)strtoll(items[i].value, NULL, 10) * 1000))
			pc_store_set_keys(g->store, NULL, &(pc_item){ .key = items[i].key }, 1,
			                  NULL, NULL);
}

static void clean_up(void *data)
{
	const struct graveyard *g = pc_module_data(data);

	pc_store_get(g->store, NULL, on_all, data);
}

/* ------------------------------------------------------------ the module */

static void load(pc_module *m)
{
	struct graveyard *g = pc_module_data(m);

	g->store = pc_store_open(m, "tombstones", PC_STORE_MAP);
	pc_hook(m, "user-deleted", on_deleted, 0);
	pc_hook(m, "user-registering", on_registering, 1);
	pc_hook(m, "presence/bare", on_presence, 1);
	pc_cron(m, "cleanup", "daily", clean_up, m);
}

static void unload(pc_module *m)
{
	struct graveyard *g = pc_module_data(m);
	struct tomb *t, *next;

	HASH_ITER(hh, g->tombs, t, next)
	forget(g, t);
}

static const pc_option options[] = {
	{ .name = "user_tombstone_expiry",
	  .type = PC_OPT_PERIOD,
	  .dflt = "never",
	  .min = 1,
	  .max = 3153600000,
	  .live = true,
	  .help = "For how long the name of a removed account cannot be registered" },
	{ .name = "tombstone_cache_size",
	  .type = PC_OPT_INTEGER,
	  .dflt = "1024",
	  .min = 1,
	  .max = 1000000,
	  .live = true,
	  .help = "Names that are kept in memory" },
	{ .name = "tombstones_cleanup_period",
	  .type = PC_OPT_PERIOD,
	  .min = 1,
	  .max = 31536000,
	  .help = "How often expired tombstones are removed (default: daily)" },
	{ 0 },
};

static const pc_store_decl stores[] = {
	{ "tombstones", PC_STORE_MAP, "Of the host: names of removed accounts, and since when" },
	{ 0 },
};

PC_MODULE(tombstones, .summary = "Names of removed accounts are not given to others",
          .data_size = sizeof(struct graveyard), .options = options, .stores = stores, .load = load,
          .unload = unload);
