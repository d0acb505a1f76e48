/*
 * mod_pep - each account as a publish-subscribe service of its own (XEP-0163, XEP-0060).
 */
#include "pep.h"

#include "lib_pubsub/mem.h"

#define FORGET_SECONDS 600

/* ------------------------------------------------------------ the kind of service */

static void defaults(struct pubsub *p, const char *node, struct config *c)
{
	(void)p, (void)node;
	*c = (struct config){ .access = ACCESS_PRESENCE,
		              .publish = PUBLISH_PUBLISHERS,
		              .send_last = LAST_ON_SUB_AND_PRESENCE,
		              .notify = true,
		              .payloads = true,
		              .persist = true,
		              .subscribe = true,
		              .notify_delete = true,
		              .notify_retract = true,
		              .max_items = 1,
		              .item_expire = CONFIG_MAX,
		              .max_payload = CONFIG_MAX };
}

static bool is_owner(const struct request *r)
{
	char own[PC_JID_MAX + 1];

	service_jid(r->s, own);
	return strcmp(own, r->bare) == 0;
}

static void on_roster(int err, pc_roster *roster, void *data)
{
	struct request *r = data;
	pc_contact c;

	if (err == PC_OK && roster && pc_roster_find(roster, r->bare, &c)) {
		r->contact = &c;
		r->sees_presence = c.subscription == PC_SUB_FROM || c.subscription == PC_SUB_BOTH;
	}
	request_go_on(r);
}

static void meet(struct request *r, pc_event *ev)
{
	(void)ev;
	if (is_owner(r))
		request_go_on(r);
	else
		pc_roster_load(r->p->m, pc_module_host(r->p->m), r->s->user, on_roster, r);
}

static enum affiliation affiliation(const struct request *r, pc_event *ev)
{
	(void)ev;
	return is_owner(r) ? AFFILIATION_OWNER : AFFILIATION_NONE;
}

static void changed(struct service *s, const char *node, const char *id, const pc_stanza *item)
{
	const pc_arg args[] = { PC_STR("username", s->user), PC_STR("node", node),
		                PC_STR("id", id) };

	pc_notify(s->p->m, "pep-changed",
	          &(pc_fire_args){
	                  .stanza = (pc_stanza *)(uintptr_t)item, .args = args, .n_args = 3 });
}

static const struct pubsub_kind kind = {
	.nodes = "pep",
	.subscriptions = "pep-subscriptions",
	.sizes = "pep-sizes",
	.items = "pep_",
	.defaults = defaults,
	.meet = meet,
	.affiliation = affiliation,
	.stand = pep_stand,
	.audience = pep_audience,
	.changed = changed,
};

/* ------------------------------------------------------------ handlers */

static pc_result on_iq(pc_event *ev, void *data)
{
	return pubsub_iq(data, ev, pc_event_to(ev)->local);
}

static pc_result on_message(pc_event *ev, void *data)
{
	return pc_event_to_self(ev) ? authorize_answer(data, ev, pc_event_to(ev)->local) : PC_PASS;
}

static pc_result on_info(pc_event *ev, void *data)
{
	pc_stanza *identity = pc_stanza_open(pc_event_ptr(ev, "query"), "identity", NULL);

	(void)data;
	pc_stanza_set(identity, "category", "pubsub");
	pc_stanza_set(identity, "type", "pep");
	return PC_PASS;
}

static pc_result on_nodes(pc_event *ev, void *data)
{
	return disco_nodes(data, ev, pc_event_str(ev, "username"));
}

static pc_result on_node_info(pc_event *ev, void *data)
{
	return disco_node_info(data, ev, pc_event_str(ev, "username"));
}

static pc_result on_node_items(pc_event *ev, void *data)
{
	return disco_node_items(data, ev, pc_event_str(ev, "username"));
}

/* Other modules show what is published in other ways, to who may see it. */
static void may_read(struct request *r, pc_event *ev)
{
	const struct node *n = service_node(r->s, pc_event_str(ev, "node"));
	struct standing who;

	if (n == NULL) {
		request_pass(r);
		return;
	}
	who = request_standing(r, n);
	if (access_check(&n->config, &who, ACTION_READ) == REFUSE_NOT)
		request_done(r);
	else
		request_pass(r);
}

static pc_result on_may_read(pc_event *ev, void *data)
{
	static const struct use use = { .silent = true, .handle = may_read };
	const char *user = pc_event_str(ev, "username"), *jid = pc_event_str(ev, "jid");

	if (user == NULL || jid == NULL)
		return PC_PASS;
	request_begin(data, ev, &use, user, jid);
	return PC_SUSPENDED;
}

static pc_result on_deleted(pc_event *ev, void *data)
{
	pubsub_forget(data, pc_event_str(ev, "username"));
	return PC_PASS;
}

/* ------------------------------------------------------------ the module */

/* Services of those who are away, and that nobody uses, need not be in memory. */
static void forget_idle(void *data)
{
	struct pubsub *p = data;
	struct service *s, *next;

	HASH_ITER(hh, p->services, s, next)
	{
		if (s->users == 0 && pc_session_first(pc_module_host(p->m), s->user) == NULL)
			pubsub_forget(p, s->user);
	}
}

static void configure(pc_module *m)
{
	struct pubsub *p = pc_module_data(m);

	p->limits.max_items = pc_opt_int(m, "pep_max_items");
	p->limits.max_payload = pc_opt_int(m, "pep_max_payload_size");
	p->max_nodes = pc_opt_int(m, "pep_max_nodes");
	p->max_size = pc_opt_int(m, "pep_max_size");
	p->max_subscriptions = pc_opt_int(m, "pep_max_subscriptions");
	p->cache_size = pc_opt_int(m, "pep_service_cache_size");
}

static void hook_all(pc_module *m)
{
	pc_hook(m, "iq-get/bare/" NS_PUBSUB ":pubsub", on_iq, 0);
	pc_hook(m, "iq-set/bare/" NS_PUBSUB ":pubsub", on_iq, 0);
	pc_hook(m, "iq-get/bare/" NS_OWNER ":pubsub", on_iq, 0);
	pc_hook(m, "iq-set/bare/" NS_OWNER ":pubsub", on_iq, 0);
	pc_hook(m, "message/bare", on_message, 10);
	pc_hook(m, "account-disco-info", on_info, 0);
	pc_hook(m, "account-disco-items", on_nodes, 0);
	pc_hook(m, "account-disco-info-node", on_node_info, 0);
	pc_hook(m, "account-disco-items-node", on_node_items, 0);
	pc_hook(m, "user-deleted", on_deleted, 0);
	pc_hook(m, "presence/initial", online_initial, 0);
	pc_hook(m, "presence/again", online_again, 0);
	pc_hook(m, "presence/bare", online_presence, 10);
	pc_hook(m, "presence/full", online_presence, 10);
	pc_hook(m, "caps-known", online_known, 0);
	pc_hook(m, "pep-greet", online_unwanted, 200);
	pc_hook(m, "pep-greet", online_greet, 0);
	pc_hook(m, "pep-may-read", on_may_read, 0);
}

static void load(pc_module *m)
{
	struct pep *pep = pc_module_data(m);
	struct pubsub *p = &pep->pubsub;

	pc_depends(m, "caps");
	p->m = m;
	p->kind = &kind;
	p->limits.presence = true;
	p->create_on_publish = true;
	configure(m);
	pubsub_load(p);
	disco_features(p, "account-feature");
	hook_all(m);
	pc_every(m, FORGET_SECONDS, forget_idle, p);
}

static void unload(pc_module *m)
{
	struct pep *pep = pc_module_data(m);

	peers_clear(pep);
	pubsub_unload(&pep->pubsub);
}

static void session_free(pc_module *m, void *data)
{
	(void)m;
	free(((struct pep_session *)data)->given);
}

static void save(pc_module *m, pc_state *state)
{
	peers_save(pc_module_data(m), state);
}

static void resume(void *data)
{
	online_resume(data);
}

static void restore(pc_module *m, const pc_state *state)
{
	peers_restore(pc_module_data(m), state);
	pc_after(m, 0, resume, m); /* when the hooks are there */
}

static const pc_option options[] = {
	{ .name = "pep_max_items",
	  .type = PC_OPT_INTEGER,
	  .dflt = "256",
	  .min = 1,
	  .max = 1000000,
	  .live = true,
	  .help = "Items that a node of an account may keep" },
	{ .name = "pep_max_nodes",
	  .type = PC_OPT_INTEGER,
	  .dflt = "250",
	  .min = 1,
	  .max = 100000,
	  .live = true,
	  .help = "Nodes of an account" },
	{ .name = "pep_max_payload_size",
	  .type = PC_OPT_SIZE,
	  .dflt = "192 KiB",
	  .min = 1024,
	  .max = 1e9,
	  .live = true,
	  .help = "Bytes of an item" },
	{ .name = "pep_max_size",
	  .type = PC_OPT_SIZE,
	  .dflt = "32 MiB",
	  .min = 1024,
	  .max = 1e12,
	  .live = true,
	  .help = "Bytes of all items of an account" },
	{ .name = "pep_max_subscriptions",
	  .type = PC_OPT_INTEGER,
	  .dflt = "1000",
	  .min = 0,
	  .max = 1000000,
	  .live = true,
	  .help = "Subscriptions to a node of an account, besides those by presence" },
	{ .name = "pep_service_cache_size",
	  .type = PC_OPT_INTEGER,
	  .dflt = "1000",
	  .min = 1,
	  .max = 1000000,
	  .live = true,
	  .help = "Accounts whose nodes are in memory" },
	{ .name = "pep_info_cache_size",
	  .type = PC_OPT_INTEGER,
	  .dflt = "10000",
	  .min = 1,
	  .max = 10000000,
	  .live = true,
	  .help = "Contacts on other servers whose presence is remembered" },
	{ 0 },
};

static const pc_event_decl events[] = {
	{ "pep-changed", PC_NOTICE,
	  "An item of an account was published (it is the stanza), or retracted, or (no `id`) all "
	  "of "
	  "the node are gone: `username`, `node`, `id`" },
	{ "pep-greet", PC_WAITING,
	  "Somebody has come online, whose presence is the stanza, and gets last items of the "
	  "account `username`; PC_HANDLED: he does not. `was`: the presence, as text, for which he "
	  "has got some already" },
	{ 0 },
};

static const pc_store_decl stores[] = {
	{ "pep", PC_STORE_MAP, "Nodes of accounts: settings and affiliations" },
	{ "pep_*", PC_STORE_ARCHIVE, "Items of a node" },
	{ "pep-subscriptions", PC_STORE_MAP, "Subscriptions to nodes, besides those by presence" },
	{ "pep-sizes", PC_STORE_MAP, "How many items nodes have, and of how many bytes" },
	{ 0 },
};

static const pc_metric_decl metrics[] = {
	{ "published", PC_COUNTER, "Items that were published" },
	{ "notifications", PC_COUNTER, "Notifications that were sent" },
	{ 0 },
};

PC_MODULE(pep, .summary = "Personal eventing: avatars, bookmarks, keys and what contacts publish",
          .xeps = "0163:1.2.2 0060:1.30.0 0059:1.0 0222:1.0 0223:1.1.1",
          .data_size = sizeof(struct pep), .session_size = sizeof(struct pep_session),
          .state_version = 1, .session_free = session_free, .options = options, .events = events,
          .stores = stores, .metrics = metrics, .load = load, .unload = unload, .save = save,
          .restore = restore, .config_changed = configure);
