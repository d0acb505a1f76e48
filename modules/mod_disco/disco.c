/*
 * disco.c - Service Discovery (XEP-0030) for the host and its accounts, with the host's
 * capabilities in the stream features (XEP-0115).
 *
 * What is there comes from other modules: by items (info.h; "account-feature" for accounts: a
 * text; "delegated-namespace": a text, whose features, identities and forms count only as its own
 * module has them), and by the events below. Of an account only itself and those who may see its
 * presence learn anything; everybody else gets what he would get if there was no such account.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "info.h"
#include "lib_disco/ver.h"

#define DEFAULT_NAME "prosody-c"

struct disco {
	bool known; /* `ver` is that of now */
	char ver[VER_SIZE];
	struct query *free_queries;
};

/* A request under way. The instance's, and used again, so that one whose callback is dropped
 * (module gone) needs no owner. */
struct query {
	pc_module *m;
	pc_token token;
	pc_stanza *reply, *body; /* the answer, and the <query/> in it */
	bool items, account;
	struct query *next;
};

static struct query *query_new(pc_event *ev, bool items, bool account)
{
	pc_module *m = pc_event_module(ev);
	struct disco *d = pc_module_data(m);
	struct query *q = d->free_queries;
	const pc_stanza *asked = pc_stanza_first(pc_event_stanza(ev));

	if (q)
		d->free_queries = q->next;
	else
		q = pc_module_alloc(m, sizeof(*q));
	*q = (struct query){ .m = m, .items = items, .account = account };
	q->reply = pc_stanza_result(pc_event_stanza(ev));
	q->body = pc_stanza_open(q->reply, "query", items ? NS_ITEMS : NS_INFO);
	pc_stanza_set(q->body, "node", pc_stanza_get(asked, "node"));
	q->token = pc_event_suspend(ev);
	return q;
}

/* Ends the request: with the answer, with an error, or (both NULL) with an answer that somebody
 * else has given. */
static void query_end(struct query *q, bool send_reply, const char *condition)
{
	struct disco *d = pc_module_data(q->m);
	pc_event *ev = pc_token_event(q->token);
	pc_token token = q->token;
	pc_stanza *reply = q->reply;

	q->next = d->free_queries;
	d->free_queries = q;
	if (ev && send_reply) {
		pc_reply(ev, reply);
		reply = NULL;
	} else if (ev && condition) {
		pc_reply_error(ev, NULL, condition, NULL);
	} else if (ev) {
		pc_event_defer(ev);
	}
	pc_stanza_free(&reply);
	pc_event_resume(token, PC_HANDLED);
}

static const char *node_of(const struct query *q)
{
	const char *node = pc_stanza_get(q->body, "node");

	return node && *node ? node : NULL;
}

/* ------------------------------------------------------------ the modules' say */

static void on_asked(pc_event *ev, pc_result result, void *data)
{
	struct query *q = data;
	bool exists = pc_event_int(ev, "exists") != 0;

	if (result < 0)
		query_end(q, false, "internal-server-error");
	else if (result == PC_HANDLED && !exists)
		query_end(q, false, NULL);
	else
		query_end(q, exists, "item-not-found");
}

/* Fires {host,account}-disco-{info,items}[-node]; without a node the answer exists anyway. */
static void ask_modules(struct query *q)
{
	pc_event *ev = pc_token_event(q->token);
	const char *node = node_of(q);
	const pc_arg args[] = { PC_PTR("reply", q->reply), PC_PTR("query", q->body),
		                PC_STR("node", node), PC_INT("exists", node == NULL),
		                PC_STR("username", ev ? pc_event_to(ev)->local : NULL) };
	char name[40];

	if (ev == NULL) {
		query_end(q, false, NULL);
		return;
	}
	snprintf(name, sizeof(name), "%s-disco-%s%s", q->account ? "account" : "host",
	         q->items ? "items" : "info", node ? "-node" : "");
	pc_fire_wait(q->m, name,
	             &(pc_fire_args){ .origin = pc_event_origin(ev),
	                              .stanza = pc_event_stanza(ev),
	                              .args = args,
	                              .n_args = sizeof(args) / sizeof(args[0]) },
	             on_asked, q);
}

/* ------------------------------------------------------------ the host */

static const char *current_ver(pc_module *m)
{
	struct disco *d = pc_module_data(m);
	pc_stanza *query;
	char *text;

	if (!d->known) {
		query = pc_stanza_new("query", NS_INFO);
		info_add(pc_module_host(m), query);
		text = ver_text(query);
		ver_digest(text, "sha-1", d->ver);
		free(text);
		pc_stanza_free(&query);
		d->known = true;
	}
	return d->ver;
}

/* The node under which the capabilities are told, of now: CAPS_NODE "#" ver. */
static bool is_caps_node(pc_module *m, const char *node)
{
	size_t len = strlen(CAPS_NODE "#");

	return strncmp(node, CAPS_NODE "#", len) == 0 && strcmp(node + len, current_ver(m)) == 0;
}

static pc_result on_host_info(pc_event *ev, void *data)
{
	struct query *q = query_new(ev, false, false);
	const char *node = node_of(q);

	(void)data;
	if (node == NULL || is_caps_node(q->m, node))
		info_add(pc_module_host(q->m), q->body);
	if (node && pc_stanza_first(q->body))
		query_end(q, true, NULL);
	else
		ask_modules(q);
	return PC_SUSPENDED;
}

static void add_item(pc_stanza *query, const char *jid, const char *name)
{
	pc_stanza *item = pc_stanza_open(query, "item", NULL);

	pc_stanza_set(item, "jid", jid);
	pc_stanza_set(item, "name", name);
}

/* Components below this host: conference.example.com of example.com, as they call themselves. */
static bool add_component(pc_host *host, void *data)
{
	struct query *q = data;
	const char *name = pc_host_name(host), *own = pc_module_host_name(q->m);
	size_t len = strlen(name), own_len = strlen(own);

	if (pc_host_kind(host) == PC_COMPONENT_HOST && len > own_len + 1 &&
	    name[len - own_len - 1] == '.' && strcmp(name + len - own_len, own) == 0 &&
	    !pc_opt_bool_on(q->m, host, "disco_hidden"))
		add_item(q->body, name, pc_opt_str_on(q->m, host, "name"));
	return true;
}

static void add_configured(struct query *q)
{
	for (unsigned i = 1; i < 1000; i++) {
		char jid[16], name[16];
		const char *value;

		snprintf(jid, sizeof(jid), "%u.1", i);
		snprintf(name, sizeof(name), "%u.2", i);
		value = pc_opt_field(q->m, "disco_items", jid);
		if (value == NULL)
			break;
		add_item(q->body, value, pc_opt_field(q->m, "disco_items", name));
	}
	if (!pc_opt_bool(q->m, "disco_expose_admins"))
		return;
	for (size_t i = 0; i < pc_opt_count(q->m, "admins"); i++)
		add_item(q->body, pc_opt_at(q->m, "admins", i), NULL);
}

static pc_result on_host_items(pc_event *ev, void *data)
{
	struct query *q = query_new(ev, true, false);

	(void)data;
	if (node_of(q) == NULL) {
		pc_each_host(add_component, q);
		add_configured(q);
	}
	ask_modules(q);
	return PC_SUSPENDED;
}

/* ------------------------------------------------------------ accounts */

static bool add_feature(const void *item, pc_module *owner, void *data)
{
	(void)owner;
	pc_stanza_set(pc_stanza_open(data, "feature", NULL), "var", item);
	return true;
}

static void add_account_info(struct query *q)
{
	pc_stanza *identity = pc_stanza_open(q->body, "identity", NULL);

	pc_stanza_set(identity, "category", "account");
	pc_stanza_set(identity, "type", "registered");
	add_feature(NS_INFO, NULL, q->body);
	add_feature(NS_ITEMS, NULL, q->body);
	pc_each_item(pc_module_host(q->m), "account-feature", add_feature, q->body);
}

static void add_resources(struct query *q, const char *username)
{
	const pc_session *s = pc_session_first(pc_module_host(q->m), username);

	for (; s; s = pc_session_next(s))
		if (pc_session_is_available(s))
			add_item(q->body, s->full_jid, NULL);
}

static void answer_for_account(struct query *q)
{
	pc_event *ev = pc_token_event(q->token);

	if (ev && node_of(q) == NULL && q->items)
		add_resources(q, pc_event_to(ev)->local);
	else if (ev && node_of(q) == NULL)
		add_account_info(q);
	ask_modules(q);
}

static void on_stranger_asked(pc_event *ev, pc_result result, void *data)
{
	struct query *q = data;

	(void)ev;
	if (result == PC_HANDLED)
		query_end(q, false, NULL);
	else
		query_end(q, q->items, "service-unavailable");
}

/* Whether there is such an account or not: an empty list, and no information (XEP-0030 9). Unless
 * somebody else answers for the account. */
static void answer_stranger(struct query *q)
{
	pc_event *ev = pc_token_event(q->token);
	const pc_arg args[] = { PC_STR("node", node_of(q)) };

	if (ev == NULL) {
		query_end(q, false, NULL);
		return;
	}
	pc_fire(q->m, q->items ? "stranger-disco-items" : "stranger-disco-info",
	        &(pc_fire_args){ .origin = pc_event_origin(ev),
	                         .stanza = pc_event_stanza(ev),
	                         .args = args,
	                         .n_args = 1 },
	        on_stranger_asked, q);
}

static void on_roster(int err, pc_roster *roster, void *data)
{
	struct query *q = data;
	pc_event *ev = pc_token_event(q->token);
	const pc_jid *from = ev ? pc_event_from(ev) : NULL;
	char bare[PC_JID_MAX + 1];

	if (from)
		pc_jid_write_bare(from, bare);
	if (from && err == PC_OK && roster && pc_roster_is_subscriber(roster, bare))
		answer_for_account(q);
	else
		answer_stranger(q);
}

static pc_result on_account(pc_event *ev, bool items)
{
	struct query *q = query_new(ev, items, true);

	if (pc_event_to_self(ev))
		answer_for_account(q);
	else if (pc_event_from(ev) == NULL)
		answer_stranger(q);
	else
		pc_roster_load(q->m, pc_module_host(q->m), pc_event_to(ev)->local, on_roster, q);
	return PC_SUSPENDED;
}

static pc_result on_account_info(pc_event *ev, void *data)
{
	(void)data;
	return on_account(ev, false);
}

static pc_result on_account_items(pc_event *ev, void *data)
{
	(void)data;
	return on_account(ev, true);
}

/* ------------------------------------------------------------ capabilities */

static pc_result on_features(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	pc_stanza *c;

	(void)data;
	if (s == NULL || s->type != PC_C2S_UNBOUND)
		return PC_PASS;
	c = pc_stanza_open(pc_event_stanza(ev), "c", NS_CAPS);
	pc_stanza_set(c, "hash", "sha-1");
	pc_stanza_set(c, "node", CAPS_NODE);
	pc_stanza_set(c, "ver", current_ver(pc_event_module(ev)));
	return PC_PASS;
}

static pc_result on_change(pc_event *ev, void *data)
{
	struct disco *d = data;

	(void)ev;
	d->known = false;
	return PC_PASS;
}

/* ------------------------------------------------------------ the module */

static void watch_items(pc_module *m)
{
	static const char *const changes[] = {
		"item-added/feature",
		"item-removed/feature",
		"item-added/identity",
		"item-removed/identity",
		"item-added/extension",
		"item-removed/extension",
		"item-added/delegated-namespace",
		"item-removed/delegated-namespace",
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		pc_hook(m, changes[i], on_change, 0);
		pc_hook_global(m, changes[i], on_change, 0);
	}
}

/* A component's addresses are no accounts: who made them answers for them. */
static void load_accounts(pc_module *m)
{
	const char *name = pc_opt_str(m, "name");

	pc_add_identity(m, "server", "im", name ? name : DEFAULT_NAME);
	pc_hook(m, "iq-get/bare/" NS_INFO ":query", on_account_info, 0);
	pc_hook(m, "iq-get/bare/" NS_ITEMS ":query", on_account_items, 0);
}

static void load(pc_module *m)
{
	watch_items(m);
	if (pc_host_kind(pc_module_host(m)) == PC_VIRTUAL_HOST)
		load_accounts(m);
	pc_add_feature(m, NS_INFO);
	pc_add_feature(m, NS_ITEMS);
	pc_add_feature(m, NS_CAPS);
	pc_hook(m, "iq-get/host/" NS_INFO ":query", on_host_info, 0);
	pc_hook(m, "iq-get/host/" NS_ITEMS ":query", on_host_items, 0);
	pc_hook(m, "stream-features", on_features, -1);
}

static const pc_option options[] = {
	{ .name = "name",
	  .type = PC_OPT_STRING,
	  .help = "What the host is called in service discovery (default: " DEFAULT_NAME
	          "); of a Component: among the items of the host above it" },
	{ .name = "disco_hidden",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "false",
	  .live = true,
	  .help = "Of a Component: it is not among the items of the host above it" },
	{ .name = "disco_items",
	  .type = PC_OPT_TABLE,
	  .live = true,
	  .help = "More items of the host: { { \"JID\", \"name\" }, ... }" },
	{ .name = "disco_expose_admins",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "false",
	  .live = true,
	  .help = "List the administrators' addresses as items of the host" },
	{ .name = "admins",
	  .type = PC_OPT_SET,
	  .live = true,
	  .inherited = true,
	  .help = "Addresses of the host's administrators" },
	{ 0 },
};

#define EVENT_HELP                                                                                 \
	"`query` (pointer to the answer's <query/>, to be extended), `node`, `username`; set "     \
	"`exists` to 1 where the node is yours"
static const pc_event_decl events[] = {
	{ "host-disco-info", PC_WAITING, EVENT_HELP },
	{ "host-disco-info-node", PC_WAITING, EVENT_HELP },
	{ "host-disco-items", PC_WAITING, EVENT_HELP },
	{ "host-disco-items-node", PC_WAITING, EVENT_HELP },
	{ "account-disco-info", PC_WAITING, EVENT_HELP },
	{ "account-disco-info-node", PC_WAITING, EVENT_HELP },
	{ "account-disco-items", PC_WAITING, EVENT_HELP },
	{ "account-disco-items-node", PC_WAITING, EVENT_HELP },
	{ "stranger-disco-info", PC_QUESTION,
	  "Of an account, by somebody who may not see its presence: `node`; PC_HANDLED: you "
	  "answer" },
	{ "stranger-disco-items", PC_QUESTION, "The same of its items" },
	{ 0 },
};

PC_MODULE(disco, .summary = "Service Discovery and server capabilities",
          .xeps = "0030:2.5.0 0115:1.6.0 0128:1.0.1", .data_size = sizeof(struct disco),
          .options = options, .events = events, .load = load);
