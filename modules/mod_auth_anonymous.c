/*
 * mod_auth_anonymous.c - a host that lets everybody in (SASL ANONYMOUS, RFC 4505, XEP-0175).
 *
 * Each log-in is a new user under a random name, with the role of a guest, who may write to this
 * server only, and subscribe to nobody. What is kept of such users is kept in memory, and goes with
 * them.
 */
#include <prosody-c/prosody-c.h>

#include <stdlib.h>

/* Answers come after the call has returned, as the contract of providers has it. */
struct answer {
	struct anonymous *own;
	struct answer *next;
	int err;
	pc_done_fn *done;
	pc_names_fn *names_done;
	void *data;
};

struct anonymous {
	pc_module *m;
	struct answer *free_answers;
	pc_store *store; /* any: what is purged is everything of the user */
};

/* ------------------------------------------------------------ the provider: who is online exists
 */

struct names {
	const char **at;
	size_t n, size;
};

static bool add_name(const pc_session *s, void *data)
{
	struct names *names = data;

	if (pc_session_first(pc_session_host(s), s->username) != s)
		return true;
	if (names->n == names->size) {
		names->size = names->size ? 2 * names->size : 64;
		names->at = realloc(names->at, names->size * sizeof(*names->at));
		if (names->at == NULL)
			abort(); /* out of memory ends the process */
	}
	names->at[names->n++] = s->username;
	return true;
}

static void give_names(pc_module *m, pc_names_fn *fn, void *data)
{
	struct names names = { 0 };

	pc_each_session(pc_module_host(m), add_name, &names);
	fn(PC_OK, names.at, names.n, data);
	free(names.at);
}

static void give(void *data)
{
	struct answer *a = data, copy = *a;

	a->next = copy.own->free_answers;
	copy.own->free_answers = a;
	if (copy.done)
		copy.done(copy.err, copy.data);
	else
		give_names(copy.own->m, copy.names_done, copy.data);
}

static void answer(pc_module *m, struct answer with)
{
	struct anonymous *own = pc_module_data(m);
	struct answer *a = own->free_answers;

	if (a)
		own->free_answers = a->next;
	else
		a = pc_module_alloc(m, sizeof(*a));
	*a = with;
	a->own = own;
	pc_after(m, 0, give, a);
}

static void exists(pc_module *m, const char *user, pc_done_fn *fn, void *data)
{
	int err = pc_session_first(pc_module_host(m), user) ? PC_OK : PC_ENOENT;

	answer(m, (struct answer){ .err = err, .done = fn, .data = data });
}

static void list(pc_module *m, pc_names_fn *fn, void *data)
{
	answer(m, (struct answer){ .names_done = fn, .data = data });
}

static const pc_auth_provider provider = {
	.size = sizeof(provider),
	.exists = exists,
	.list = list,
	.anonymous = true,
};

/* ------------------------------------------------------------ */

static pc_result on_remote(pc_event *ev, void *data)
{
	(void)data;
	if (pc_opt_bool(pc_event_module(ev), "allow_anonymous_s2s"))
		return PC_PASS;
	return pc_reply_error(ev, "cancel", "not-allowed",
	                      "Anonymous users may write to this server only");
}

/* Relations would have to end with the session (XEP-0175): there are none. */
static pc_result on_subscription(pc_event *ev, void *data)
{
	pc_type type = pc_stanza_type(pc_event_stanza(ev));

	(void)data;
	if (type != PC_TYPE_SUBSCRIBE && type != PC_TYPE_SUBSCRIBED)
		return PC_PASS;
	return pc_reply_error(ev, "cancel", "not-allowed", "Anonymous users have no subscriptions");
}

static pc_result on_unbind(pc_event *ev, void *data)
{
	const struct anonymous *own = data;
	const pc_session *s = pc_event_origin(ev);

	if (s && pc_session_first(pc_event_host(ev), s->username) == NULL)
		pc_store_purge(own->store, s->username, NULL, NULL);
	return PC_PASS;
}

static void load(pc_module *m)
{
	struct anonymous *own = pc_module_data(m);

	own->m = m;
	if (!pc_opt_bool(m, "allow_anonymous_storage"))
		pc_add_item(m, "storage-only", "memory");
	own->store = pc_store_open(m, "accounts", PC_STORE_MAP);
	pc_hook(m, "pre-presence/bare", on_subscription, 1);
	pc_hook(m, "route/remote", on_remote, 300);
	pc_hook(m, "resource-unbind", on_unbind, -1000);
	pc_provide(m, "auth-anonymous", &provider);
}

static const pc_option options[] = {
	{ .name = "allow_anonymous_s2s",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "false",
	  .live = true,
	  .help = "Anonymous users may write to other servers" },
	{ .name = "allow_anonymous_storage",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "false",
	  .help = "What is kept of anonymous users goes where that of others goes, until they "
	          "leave; else it is kept in memory" },
	{ 0 },
};

static const pc_store_decl stores[] = {
	{ "accounts", PC_STORE_MAP, "Nothing: what guests leave is removed from all stores by it" },
	{ 0 },
};

PC_MODULE(auth_anonymous, .summary = "A host that lets everybody in (SASL ANONYMOUS)",
          .xeps = "0175:1.2", .data_size = sizeof(struct anonymous), .options = options,
          .stores = stores, .load = load);
