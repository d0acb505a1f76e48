/*
 * mod_roster.c - the roster as clients see it (RFC 6121 section 2): get, set, push, versions.
 *
 * Others than the account may get and set as well where a handler of roster-access says so.
 */
#include <string.h>

#include <prosody-c/prosody-c.h>

#define NS "jabber:iq:roster"
#define NS_VERSIONING "urn:xmpp:features:rosterver"
#define NS_PREAPPROVAL "urn:xmpp:features:pre-approval"
#define GROUPS_MOST 64
#define NAME_MOST 1023 /* bytes of a name or a group (RFC 6121 2.1.2.4 leaves it to us) */

static const pc_event_decl events[] = {
	{ "roster-item-removed", PC_NOTICE,
	  "an item was removed: username, jid (text), contact (pc_contact *)" },
	{ "roster-push", PC_NOTICE, "an item changed: username, jid (text)" },
	{ "roster-pushed", PC_NOTICE,
	  "sessions are told of an item: username, jid (text); the stanza is the push, without "
	  "`to`" },
	{ "roster-access", PC_QUESTION,
	  "somebody else than the account asks for its roster, or sets an item; the stanza is the "
	  "request. Set `access` to 1 where he may, to -1 where he is to be told that he may not" },
	{ 0 },
};

static const char *subscription_name(pc_subscription s)
{
	static const char *const names[] = { "none", "to", "from", "both" };

	return names[s];
}

static void add_item(pc_stanza *query, const pc_contact *c)
{
	pc_stanza *item = pc_stanza_open(query, "item", NULL);

	pc_stanza_set(item, "jid", c->jid);
	pc_stanza_set(item, "name", c->name);
	pc_stanza_set(item, "subscription", subscription_name(c->subscription));
	pc_stanza_set(item, "ask", c->pending_out ? "subscribe" : NULL);
	pc_stanza_set(item, "approved", c->approved ? "true" : NULL);
	for (size_t i = 0; i < c->n_groups; i++)
		pc_stanza_leaf(item, "group", c->groups[i]);
}

/* ------------------------------------------------------------ get (2.2, 2.6) */

static void add_items(pc_stanza *query, const pc_roster *r)
{
	pc_contact c;
	size_t cursor = 0;

	while (pc_roster_each(r, &cursor, &c))
		if (c.in_roster)
			add_item(query, &c);
}

static pc_result answer_get(pc_event *ev, const pc_roster *r)
{
	pc_stanza *iq = pc_event_stanza(ev), *reply = pc_stanza_result(iq), *query;
	const char *known = pc_stanza_get(pc_stanza_first(iq), "ver");
	const char *version = pc_roster_version(r);

	if (known == NULL || strcmp(known, version) != 0) {
		query = pc_stanza_open(reply, "query", NS);
		pc_stanza_set(query, "ver", version);
		add_items(query, r);
	}
	return pc_reply(ev, reply);
}

static pc_result on_get(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);

	(void)data;
	if (s == NULL || s->roster == NULL)
		return PC_PASS;
	pc_session_set_interested(s);
	return answer_get(ev, s->roster);
}

/* ------------------------------------------------------------ push (2.1.6) */

/* The stanza is good for others to be told as well: without addresses. */
static void tell_pushed(pc_module *m, pc_stanza *iq, const char *user, const char *jid)
{
	pc_stanza_set(iq, "to", NULL);
	pc_notify(
	        m, "roster-pushed",
	        &(pc_fire_args){ .stanza = iq,
	                         .args = (pc_arg[]){ PC_STR("username", user), PC_STR("jid", jid) },
	                         .n_args = 2 });
}

static void push(pc_module *m, const char *user, const char *jid)
{
	pc_host *host = pc_module_host(m);
	pc_roster *r = pc_roster_of(host, user);
	pc_contact c;
	bool there = r && pc_roster_find(r, jid, &c) && c.in_roster;
	char id[PC_ID_SIZE];
	pc_stanza *iq, *query;

	if (r == NULL)
		return;
	pc_random_id(id);
	iq = pc_stanza_iq("set", id, NULL, NULL);
	query = pc_stanza_open(iq, "query", NS);
	pc_stanza_set(query, "ver", pc_roster_version(r));
	if (there) {
		add_item(query, &c);
	} else {
		pc_stanza *item = pc_stanza_open(query, "item", NULL);

		pc_stanza_set(item, "jid", jid);
		pc_stanza_set(item, "subscription", "remove");
	}
	for (const pc_session *s = pc_session_first(host, user); s; s = pc_session_next(s)) {
		if (!pc_session_is_interested(s))
			continue;
		pc_stanza_set(iq, "to", s->full_jid);
		pc_session_send(s, iq);
	}
	tell_pushed(m, iq, user, jid);
	pc_stanza_free(&iq);
}

static pc_result on_push(pc_event *ev, void *data)
{
	(void)data;
	push(pc_event_module(ev), pc_event_str(ev, "username"), pc_event_str(ev, "jid"));
	return PC_PASS;
}

/* ------------------------------------------------------------ set (2.3 to 2.5) */

struct wanted {
	const char *jid, *name;
	const char *groups[GROUPS_MOST];
	size_t n_groups;
	bool removes;
};

static bool is_in(const struct wanted *w, const char *group)
{
	for (size_t i = 0; i < w->n_groups; i++)
		if (strcmp(w->groups[i], group) == 0)
			return true;
	return false;
}

/* 2.1.2.6, 2.3.3: what is wrong with the groups; NULL: nothing. */
static const char *take_groups(struct wanted *w, const pc_stanza *item)
{
	for (const pc_stanza *g = pc_stanza_first(item); g; g = pc_stanza_next(g)) {
		const char *text = pc_stanza_get_text(g);

		if (!pc_stanza_is(g, "group", NS))
			continue;
		if (*text == '\0' || strlen(text) > NAME_MOST || w->n_groups == GROUPS_MOST)
			return "not-acceptable";
		if (is_in(w, text))
			return "bad-request";
		w->groups[w->n_groups++] = text;
	}
	return NULL;
}

/* Exactly one item with an address (2.1.5, 2.3.3). */
static const char *take_item(struct wanted *w, const pc_stanza *query, char jid[PC_JID_MAX + 1])
{
	const pc_stanza *item = pc_stanza_first(query);
	const char *text = item ? pc_stanza_get(item, "jid") : NULL;
	const char *subscription = item ? pc_stanza_get(item, "subscription") : NULL;
	char buf[PC_JID_BUF];
	pc_jid parsed;

	if (item == NULL || pc_stanza_next(item) || !pc_stanza_is(item, "item", NS) || text == NULL)
		return "bad-request";
	if (pc_jid_parse(text, buf, &parsed) != PC_OK)
		return "jid-malformed";
	pc_jid_write(&parsed, jid);
	w->jid = jid;
	w->name = pc_stanza_get(item, "name");
	w->removes = subscription && strcmp(subscription, "remove") == 0;
	if (w->name && strlen(w->name) > NAME_MOST)
		return "not-acceptable";
	return take_groups(w, item);
}

static bool is_own(const pc_event *ev, const char *user, const char *jid)
{
	char own[PC_JID_MAX + 1];

	pc_jid_write_bare(&(pc_jid){ user, pc_host_name(pc_event_host(ev)), NULL }, own);
	return strcmp(own, jid) == 0;
}

static pc_result remove_item(pc_event *ev, pc_roster *r, const char *user, const char *jid)
{
	pc_module *m = pc_event_module(ev);
	pc_contact was;
	pc_ticket ticket;
	int err = pc_roster_remove(r, jid, &was, &ticket);

	if (err == PC_ENOENT)
		return pc_reply_error(ev, NULL, "item-not-found", NULL);
	if (err == PC_EPERM)
		return pc_reply_error(ev, NULL, "not-allowed", "this contact is of a shared group");
	if (err != PC_OK)
		return err;
	push(m, user, jid);
	pc_reply_after(ev, ticket, pc_stanza_result(pc_event_stanza(ev)));
	pc_notify(m, "roster-item-removed",
	          &(pc_fire_args){ .origin = pc_event_origin(ev),
	                           .args = (pc_arg[]){ PC_STR("username", user), PC_STR("jid", jid),
	                                               PC_PTR("contact", &was) },
	                           .n_args = 3 });
	return PC_HANDLED;
}

static pc_result set_item(pc_event *ev, pc_roster *r, const char *user, const struct wanted *w)
{
	pc_ticket ticket;
	int err = pc_roster_set(r, w->jid, w->name, w->groups, w->n_groups, &ticket);

	if (err == PC_ELIMIT)
		return pc_reply_error(ev, "wait", "resource-constraint", "the roster is full");
	if (err != PC_OK)
		return err;
	push(pc_event_module(ev), user, w->jid);
	return pc_reply_after(ev, ticket, pc_stanza_result(pc_event_stanza(ev)));
}

static pc_result answer_set(pc_event *ev, pc_roster *r, const char *user)
{
	char jid[PC_JID_MAX + 1];
	struct wanted w = { .jid = NULL };
	const char *fault = take_item(&w, pc_stanza_first(pc_event_stanza(ev)), jid);

	if (fault)
		return pc_reply_error(ev, NULL, fault, NULL);
	if (is_own(ev, user, w.jid))
		return pc_reply_error(ev, NULL, "not-allowed", "that is the account's own address");
	if (w.removes)
		return remove_item(ev, r, user, w.jid);
	return set_item(ev, r, user, &w);
}

static pc_result on_set(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);

	(void)data;
	if (s == NULL || s->roster == NULL)
		return PC_PASS;
	return answer_set(ev, s->roster, s->username);
}

/* ------------------------------------------------------------ for somebody else */

static void on_loaded(int err, pc_roster *r, void *data)
{
	pc_token token = (pc_token)(uintptr_t)data;
	pc_event *ev = pc_token_event(token);

	if (ev == NULL)
		return;
	if (err == PC_OK && pc_stanza_type(pc_event_stanza(ev)) == PC_TYPE_GET)
		err = answer_get(ev, r);
	else if (err == PC_OK)
		err = answer_set(ev, r, pc_event_to(ev)->local);
	pc_event_resume(token, err);
}

static void on_exists(int err, void *data)
{
	pc_token token = (pc_token)(uintptr_t)data;
	pc_event *ev = pc_token_event(token);

	if (ev == NULL)
		return;
	if (err == PC_OK)
		pc_roster_load(pc_event_module(ev), pc_event_host(ev), pc_event_to(ev)->local,
		               on_loaded, data);
	else if (err == PC_ENOENT)
		pc_event_resume(token, pc_reply_error(ev, NULL, "item-not-found", NULL));
	else
		pc_event_resume(token, err);
}

static void on_access(pc_event *ev, pc_result result, void *data)
{
	(void)result;
	*(int64_t *)data = pc_event_int(ev, "access");
}

static pc_result on_foreign(pc_event *ev, void *data)
{
	pc_module *m = pc_event_module(ev);
	int64_t access = 0;
	pc_token token;

	(void)data;
	if (pc_event_to_self(ev))
		return PC_PASS;
	pc_fire(m, "roster-access",
	        &(pc_fire_args){ .origin = pc_event_origin(ev), .stanza = pc_event_stanza(ev) },
	        on_access, &access);
	if (access < 0)
		return pc_reply_error(ev, NULL, "forbidden", NULL);
	if (access == 0)
		return PC_PASS;
	token = pc_event_suspend(ev);
	pc_user_exists(m, pc_event_host(ev), pc_event_to(ev)->local, on_exists,
	               (void *)(uintptr_t)token);
	return PC_SUSPENDED;
}

/* ------------------------------------------------------------ features (2.6.1, 3.4.4) */

static pc_result on_features(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);

	(void)data;
	if (s && s->type == PC_C2S_UNBOUND) {
		pc_stanza_open(pc_event_stanza(ev), "ver", NS_VERSIONING);
		pc_stanza_open(pc_event_stanza(ev), "sub", NS_PREAPPROVAL);
	}
	return PC_PASS;
}

static void load(pc_module *m)
{
	pc_add_feature(m, NS);
	pc_hook(m, "stream-features", on_features, 0);
	pc_hook(m, "roster-request", on_get, 0);
	pc_hook(m, "iq-set/self/" NS ":query", on_set, 0);
	pc_hook(m, "iq-get/bare/" NS ":query", on_foreign, 0);
	pc_hook(m, "iq-set/bare/" NS ":query", on_foreign, 0);
	pc_hook(m, "roster-push", on_push, 0);
}

PC_MODULE(roster, .summary = "Rosters (RFC 6121)", .xeps = "0237:1.3", .events = events,
          .load = load);
