/*
 * mod_blocklist - blocking (XEP-0191).
 *
 * What a blocked one sends ends before any other module has seen it. Messages are dropped without a
 * word unless bounce_blocked_messages is set: an answer tells a spammer that the account is there.
 */
#include <string.h>

#include <prosody-c/blocking.h>

#include "blocklist.h"

#define NS_ERRORS "urn:xmpp:blocking:errors"
/* Before whatever else looks at a stanza. */
#define EARLY 100

static const pc_option options[] = {
	{ .name = "blocklist_cache_size",
	  .type = PC_OPT_INTEGER,
	  .dflt = "256",
	  .min = 1,
	  .max = 1000000,
	  .live = true,
	  .help = "Lists in memory, those of accounts that are away among them" },
	{ .name = "blocklist_max_items",
	  .type = PC_OPT_INTEGER,
	  .dflt = "1000",
	  .min = 0,
	  .max = 100000,
	  .live = true,
	  .help = "Addresses that an account may block" },
	{ .name = "bounce_blocked_messages",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "false",
	  .live = true,
	  .help = "Answer messages of blocked senders with an error, as XEP-0191 has it" },
	{ 0 },
};

/* ------------------------------------------------------------ stanzas wait for the list */

static pc_result ask(pc_event *ev, struct lists *l, const char *user, decide_fn *decide)
{
	struct list *list = lists_find(l, user);

	if (list)
		return decide(ev, list);
	lists_load(l, user, pc_event_suspend(ev), decide);
	return PC_SUSPENDED;
}

/* ------------------------------------------------------------ inbound */

static pc_result in(pc_event *ev, const struct list *list)
{
	pc_module *m = pc_event_module(ev);

	if (!list_blocks(list, pc_event_from(ev)))
		return PC_PASS;
	switch (pc_stanza_kind(pc_event_stanza(ev))) {
	case PC_IQ:
		return pc_reply_error(ev, NULL, "service-unavailable", NULL);
	case PC_MESSAGE:
		if (pc_opt_bool(m, "bounce_blocked_messages"))
			return pc_reply_error(ev, NULL, "service-unavailable", NULL);
		return PC_HANDLED;
	default:
		return PC_HANDLED;
	}
}

static pc_result on_in(pc_event *ev, void *data)
{
	const pc_jid *from = pc_event_from(ev), *to = pc_event_to(ev);

	if (from == NULL || to == NULL || to->local == NULL || pc_jid_equal_bare(from, to))
		return PC_PASS;
	return ask(ev, data, to->local, in);
}

/* ------------------------------------------------------------ outbound (section 4) */

static pc_result out(pc_event *ev, const struct list *list)
{
	const pc_stanza *st = pc_event_stanza(ev);
	pc_stanza *error;
	pc_type type = pc_stanza_type(st);

	if (!list_blocks(list, pc_event_to(ev)))
		return PC_PASS;
	if (type == PC_TYPE_ERROR || (pc_stanza_kind(st) == PC_IQ && type == PC_TYPE_RESULT))
		return PC_HANDLED;
	error = pc_stanza_error(st, "cancel", "not-acceptable", NULL);
	pc_stanza_open(pc_stanza_child(error, "error", NULL), "blocked", NS_ERRORS);
	return pc_reply(ev, error);
}

static pc_result on_out(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);

	if (s == NULL || s->username == NULL || pc_event_to_self(ev) ||
	    pc_stanza_get(pc_event_stanza(ev), "to") == NULL)
		return PC_PASS;
	return ask(ev, data, s->username, out);
}

/* Whoever is blocked gets nothing of what the account publishes (XEP-0163 4.3.3). The stanza is his
 * presence. */
static pc_result greeted(pc_event *ev, const struct list *list)
{
	const char *from = pc_stanza_get(pc_event_stanza(ev), "from");
	char buf[PC_JID_BUF];
	pc_jid jid;

	return from && pc_jid_parse(from, buf, &jid) == PC_OK && list_blocks(list, &jid)
	               ? PC_HANDLED
	               : PC_PASS;
}

static pc_result on_greet(pc_event *ev, void *data)
{
	const char *user = pc_event_str(ev, "username");

	return user ? ask(ev, data, user, greeted) : PC_PASS;
}

static bool blocks(pc_module *owner, const char *user, const char *jid)
{
	const struct list *list = lists_find(pc_module_data(owner), user);
	char buf[PC_JID_BUF];
	pc_jid parsed;

	return list && list->n > 0 && pc_jid_parse(jid, buf, &parsed) == PC_OK &&
	       list_blocks(list, &parsed);
}

static const pc_blocking service = { .size = sizeof(service), .blocks = blocks };

/* ------------------------------------------------------------ the list is there while one is
 * online */

static pc_result loaded(pc_event *ev, const struct list *list)
{
	(void)ev;
	(void)list;
	return PC_PASS;
}

static pc_result on_bind(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);

	return s && s->username ? ask(ev, data, s->username, loaded) : PC_PASS;
}

static pc_result on_deleted(pc_event *ev, void *data)
{
	lists_forget(data, pc_event_str(ev, "username"));
	return PC_PASS;
}

/* Sessions that were there before the module. */
static bool load_list(const pc_session *s, void *data)
{
	if (lists_find(data, s->username) == NULL)
		lists_load(data, s->username, 0, NULL);
	return true;
}

static void load(pc_module *m)
{
	static const char *const inbound[] = { "message/bare",  "message/full", "presence/bare",
		                               "presence/full", "iq/bare",      "iq/full" };
	static const char *const outbound[] = { "pre-message/bare",  "pre-message/full",
		                                "pre-message/host",  "pre-presence/bare",
		                                "pre-presence/full", "pre-presence/host",
		                                "pre-iq/bare",       "pre-iq/full",
		                                "pre-iq/host" };
	struct lists *l = pc_module_data(m);

	l->m = m;
	l->store = pc_store_open(m, "blocklist", PC_STORE_MAP);
	pc_add_feature(m, NS_BLOCKING);
	pc_provide(m, "blocking", &service);
	for (size_t i = 0; i < sizeof(inbound) / sizeof(*inbound); i++)
		pc_hook(m, inbound[i], on_in, EARLY);
	for (size_t i = 0; i < sizeof(outbound) / sizeof(*outbound); i++)
		pc_hook(m, outbound[i], on_out, EARLY);
	pc_hook(m, "iq-get/self/" NS_BLOCKING ":blocklist", blocklist_get, 0);
	pc_hook(m, "iq-set/self/" NS_BLOCKING ":block", blocklist_block, 0);
	pc_hook(m, "iq-set/self/" NS_BLOCKING ":unblock", blocklist_unblock, 0);
	pc_hook(m, "pep-greet", on_greet, EARLY);
	pc_hook(m, "bind", on_bind, EARLY);
	pc_hook(m, "user-deleted", on_deleted, 0);
	pc_each_session(pc_module_host(m), load_list, l);
}

static void unload(pc_module *m)
{
	lists_clear(pc_module_data(m));
}

static const pc_store_decl stores[] = {
	{ "blocklist", PC_STORE_MAP, "Whom an account has blocked" },
	{ 0 },
};

PC_MODULE(blocklist, .summary = "Blocking of users and servers", .xeps = "0191:1.3",
          .data_size = sizeof(struct lists), .session_size = sizeof(bool), .options = options,
          .stores = stores, .load = load, .unload = unload);
