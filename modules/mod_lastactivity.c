/*
 * mod_lastactivity.c - when an account was last there (XEP-0012).
 *
 * Told to those who may see its presence, and to nobody else: neither by us nor by a client of it
 * that would.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <prosody-c/prosody-c.h>

#define NS "jabber:iq:last"
#define STATUS_MOST 1023

struct last {
	pc_module *m;
	pc_store *store;
};

/* ------------------------------------------------------------ leaving */

static bool others_are_there(const pc_session *s)
{
	const pc_session *own = pc_session_first(pc_session_host(s), s->username);

	for (; own; own = pc_session_next(own))
		if (own != s && pc_session_is_available(own))
			return true;
	return false;
}

static void note(struct last *l, const pc_session *s, const char *status)
{
	char when[24];
	pc_item items[] = { { .key = "status", .value = status },
		            { .key = "when", .value = when } };

	if (others_are_there(s))
		return;
	items[0].len = status ? strlen(status) : 0;
	if (items[0].len > STATUS_MOST)
		items[0] = (pc_item){ .key = "status" };
	items[1].len =
	        (size_t)snprintf(when, sizeof(when), "%lld", (long long)(pc_time_ms() / 1000));
	pc_store_set_keys(l->store, s->username, items, 2, NULL, NULL);
}

static pc_result on_presence(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	const pc_stanza *st = pc_event_stanza(ev);

	if (s && pc_session_is_available(s) && pc_stanza_type(st) == PC_TYPE_UNAVAILABLE &&
	    pc_stanza_get(st, "to") == NULL)
		note(data, s, pc_stanza_child_text(st, "status", PC_NS_CLIENT));
	return PC_PASS;
}

static pc_result on_unbind(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);

	if (s && pc_session_is_available(s))
		note(data, s, NULL);
	return PC_PASS;
}

/* ------------------------------------------------------------ being asked */

static pc_stanza *answer(const pc_stanza *request, int64_t seconds, const char *status)
{
	pc_stanza *reply = pc_stanza_result(request);
	pc_stanza *query = pc_stanza_open(reply, "query", NS);
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)(seconds > 0 ? seconds : 0));
	pc_stanza_set(query, "seconds", text);
	if (status)
		pc_stanza_text(query, status);
	return reply;
}

static const char *value_of(const pc_item *items, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(items[i].key, key) == 0)
			return items[i].value;
	return NULL;
}

static void on_last(int err, const pc_item *items, size_t n, void *data)
{
	pc_token token = (pc_token)(uintptr_t)data;
	pc_event *ev = pc_token_event(token);
	const char *when = err == PC_OK ? value_of(items, n, "when") : NULL;

	if (ev == NULL)
		return;
	if (err != PC_OK)
		pc_event_resume(token, err);
	else if (when == NULL)
		pc_event_resume(token, pc_reply_error(ev, NULL, "item-not-found",
		                                      "the account was never there"));
	else
		pc_event_resume(token,
		                pc_reply(ev, answer(pc_event_stanza(ev),
		                                    pc_time_ms() / 1000 - strtoll(when, NULL, 10),
		                                    value_of(items, n, "status"))));
}

static bool is_there(pc_host *host, const char *user)
{
	const pc_session *s = pc_session_first(host, user);

	while (s && !pc_session_is_available(s))
		s = pc_session_next(s);
	return s != NULL;
}

static void tell(pc_event *ev, pc_token token)
{
	struct last *l = pc_module_data(pc_event_module(ev));
	const char *user = pc_event_to(ev)->local;

	if (is_there(pc_event_host(ev), user))
		pc_event_resume(token, pc_reply(ev, answer(pc_event_stanza(ev), 0, NULL)));
	else
		pc_store_get(l->store, user, on_last, (void *)(uintptr_t)token);
}

static bool may_know(const pc_event *ev, const pc_roster *r)
{
	char bare[PC_JID_MAX + 1];

	pc_jid_write_bare(pc_event_from(ev), bare);
	return r && pc_roster_is_subscriber(r, bare);
}

static void on_roster(int err, pc_roster *r, void *data)
{
	pc_token token = (pc_token)(uintptr_t)data;
	pc_event *ev = pc_token_event(token);

	if (ev == NULL)
		return;
	if (err != PC_OK)
		pc_event_resume(token, err);
	else if (may_know(ev, r))
		tell(ev, token);
	else
		pc_event_resume(token, pc_reply_error(ev, "auth", "forbidden", NULL));
}

static pc_result on_get(pc_event *ev, void *data)
{
	pc_token token;

	(void)data;
	if (pc_event_to_self(ev))
		return pc_reply(ev, answer(pc_event_stanza(ev), 0, NULL));
	token = pc_event_suspend(ev);
	pc_roster_load(pc_event_module(ev), pc_event_host(ev), pc_event_to(ev)->local, on_roster,
	               (void *)(uintptr_t)token);
	return PC_SUSPENDED;
}

/* A client would answer whoever asks; who may ask is for the server to say (section 4). */
static pc_result on_full(pc_event *ev, void *data)
{
	const pc_stanza *st = pc_event_stanza(ev);
	const pc_stanza *payload = pc_stanza_first(st);
	const pc_session *to = pc_session_of(pc_event_to(ev));

	(void)data;
	if (to == NULL || payload == NULL || pc_stanza_type(st) != PC_TYPE_GET ||
	    !pc_stanza_is(payload, "query", NS))
		return PC_PASS;
	if (pc_jid_equal_bare(pc_event_from(ev), pc_event_to(ev)) || may_know(ev, to->roster))
		return PC_PASS;
	return pc_reply_error(ev, "auth", "forbidden", NULL);
}

static void load(pc_module *m)
{
	struct last *l = pc_module_data(m);

	l->m = m;
	l->store = pc_store_open(m, "lastactivity", PC_STORE_MAP);
	pc_add_feature(m, NS);
	pc_hook(m, "presence", on_presence, 10);
	pc_hook(m, "resource-unbind", on_unbind, 10);
	pc_hook(m, "iq-get/bare/" NS ":query", on_get, 0);
	pc_hook(m, "iq/full", on_full, 0);
}

static const pc_store_decl stores[] = {
	{ "lastactivity", PC_STORE_MAP, "When an account was last there, and what it said then" },
	{ 0 },
};

PC_MODULE(lastactivity, .summary = "When an account was last there", .xeps = "0012:2.0",
          .data_size = sizeof(struct last), .stores = stores, .load = load);
