/*
 * mod_roster.c - the roster as clients see it (RFC 6121 section 2): get, set, push, versions.
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

static pc_result on_get(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	pc_stanza *iq = pc_event_stanza(ev), *reply, *query;
	const char *known = pc_stanza_get(pc_stanza_first(iq), "ver");
	const char *version;

	(void)data;
	if (s == NULL || s->roster == NULL)
		return PC_PASS;
	version = pc_roster_version(s->roster);
	reply = pc_stanza_result(iq);
	if (known == NULL || strcmp(known, version) != 0) {
		query = pc_stanza_open(reply, "query", NS);
		pc_stanza_set(query, "ver", version);
		add_items(query, s->roster);
	}
	pc_session_set_interested(s);
	return pc_reply(ev, reply);
}

/* ------------------------------------------------------------ push (2.1.6) */

static void push(pc_host *host, const char *user, const char *jid)
{
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
	pc_stanza_free(&iq);
}

static pc_result on_push(pc_event *ev, void *data)
{
	(void)data;
	push(pc_event_host(ev), pc_event_str(ev, "username"), pc_event_str(ev, "jid"));
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

static bool is_own(const pc_session *s, const char *jid)
{
	size_t len = strlen(s->username);

	return strncmp(jid, s->username, len) == 0 && jid[len] == '@' &&
	       strcmp(jid + len + 1, s->host) == 0;
}

static pc_result remove_item(pc_event *ev, pc_module *m, const pc_session *s, const char *jid)
{
	pc_contact was;
	pc_ticket ticket;
	int err = pc_roster_remove(s->roster, jid, &was, &ticket);

	if (err == PC_ENOENT)
		return pc_reply_error(ev, NULL, "item-not-found", NULL);
	if (err == PC_EPERM)
		return pc_reply_error(ev, NULL, "not-allowed", "this contact is of a shared group");
	if (err != PC_OK)
		return err;
	push(pc_event_host(ev), s->username, jid);
	pc_reply_after(ev, ticket, pc_stanza_result(pc_event_stanza(ev)));
	pc_notify(
	        m, "roster-item-removed",
	        &(pc_fire_args){ .origin = s,
	                         .args = (pc_arg[]){ PC_STR("username", s->username),
	                                             PC_STR("jid", jid), PC_PTR("contact", &was) },
	                         .n_args = 3 });
	return PC_HANDLED;
}

static pc_result set_item(pc_event *ev, const pc_session *s, const struct wanted *w)
{
	pc_ticket ticket;
	int err = pc_roster_set(s->roster, w->jid, w->name, w->groups, w->n_groups, &ticket);

	if (err == PC_ELIMIT)
		return pc_reply_error(ev, "wait", "resource-constraint", "the roster is full");
	if (err != PC_OK)
		return err;
	push(pc_event_host(ev), s->username, w->jid);
	return pc_reply_after(ev, ticket, pc_stanza_result(pc_event_stanza(ev)));
}

static pc_result on_set(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	char jid[PC_JID_MAX + 1];
	struct wanted w = { .jid = NULL };
	const char *fault;

	(void)data;
	if (s == NULL || s->roster == NULL)
		return PC_PASS;
	fault = take_item(&w, pc_stanza_first(pc_event_stanza(ev)), jid);
	if (fault)
		return pc_reply_error(ev, NULL, fault, NULL);
	if (is_own(s, w.jid))
		return pc_reply_error(ev, NULL, "not-allowed", "that is your own address");
	if (w.removes)
		return remove_item(ev, pc_event_module(ev), s, w.jid);
	return set_item(ev, s, &w);
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
	pc_hook(m, "roster-push", on_push, 0);
}

PC_MODULE(roster, .summary = "Rosters (RFC 6121)", .xeps = "0237:1.3", .events = events,
          .load = load);
