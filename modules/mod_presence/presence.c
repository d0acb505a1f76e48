/*
 * mod_presence - presence and subscriptions (RFC 6121 sections 3 and 4).
 */
#include "presence.h"

#include <string.h>

static const pc_event_decl events[] = {
	{ "presence/initial", PC_NOTICE, "a session has become available" },
	{ "presence/again", PC_NOTICE, "a session that is available has sent another presence" },
	{ "presence/gone", PC_NOTICE,
	  "a session that was available is so no longer; the stanza is what it said last" },
	{ "message/offline/broadcast", PC_WAITING,
	  "a session takes messages now: what was kept for the account may be handed out" },
	{ "roster-push", PC_NOTICE, "an item changed: username, jid (text)" },
	{ 0 },
};

static const pc_option options[] = {
	{ .name = "presence_max_directed",
	  .type = PC_OPT_INTEGER,
	  .dflt = "500",
	  .min = 0,
	  .max = 100000,
	  .live = true,
	  .help = "Addresses outside of the roster that a session may send presence to" },
	{ 0 },
};

/* ------------------------------------------------------------ from clients */

static bool is_subscriber(const pc_session *s, const pc_jid *to)
{
	char bare[PC_JID_MAX + 1];

	pc_jid_write_bare(to, bare);
	return s->roster && pc_roster_is_subscriber(s->roster, bare);
}

/* 4.6: who is not told by broadcasts is remembered, to be told when the session ends. */
static pc_result directed(pc_event *ev, const pc_session *s)
{
	pc_module *m = pc_event_module(ev);
	const struct presence *p = pc_module_data(m);
	struct directed *d = pc_session_data(s, m);
	char to[PC_JID_MAX + 1];

	pc_jid_write(pc_event_to(ev), to);
	pc_session_changed(s, m);
	if (pc_stanza_type(pc_event_stanza(ev)) != PC_TYPE_NONE)
		presence_undirect(d, to);
	else if (!is_subscriber(s, pc_event_to(ev)) &&
	         presence_direct(d, to, (size_t)pc_opt_int(m, "presence_max_directed")) != PC_OK) {
		pc_metric_add(p->directed_refused, 1);
		return pc_reply_error(ev, "wait", "resource-constraint",
		                      "directed presence to too many");
	}
	return PC_PASS;
}

static pc_result on_out(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	pc_type type = pc_stanza_type(pc_event_stanza(ev));

	(void)data;
	if (s == NULL || pc_stanza_get(pc_event_stanza(ev), "to") == NULL)
		return PC_PASS;
	if (presence_is_subscription(type))
		return presence_subscription_out(ev, s);
	if (type == PC_TYPE_PROBE)
		return PC_PASS;
	return directed(ev, s);
}

/* ------------------------------------------------------------ to accounts */

static pc_result to_available(pc_event *ev)
{
	const pc_session *s = pc_session_first(pc_event_host(ev), pc_event_to(ev)->local);

	for (; s; s = pc_session_next(s))
		if (pc_session_is_available(s))
			pc_session_send(s, pc_event_stanza(ev));
	return PC_HANDLED;
}

static void answer_probe(pc_event *ev, const pc_roster *r)
{
	pc_module *m = pc_event_module(ev);
	const char *user = pc_event_to(ev)->local;
	char from[PC_JID_MAX + 1], asker[PC_JID_MAX + 1], own[PC_JID_MAX + 1];
	bool may;

	pc_jid_write_bare(pc_event_from(ev), from);
	pc_jid_write(pc_event_from(ev), asker);
	pc_jid_write_bare(pc_event_to(ev), own);
	may = pc_jid_equal_bare(pc_event_from(ev), pc_event_to(ev)) ||
	      (r && pc_roster_is_subscriber(r, from));
	if (!may)
		pc_send(m, pc_stanza_presence("unsubscribed", from, own));
	else if (presence_tell(m, pc_event_host(ev), user, asker, true) == 0)
		pc_send(m, pc_stanza_presence("unavailable", asker, own));
}

static void on_roster(int err, pc_roster *r, void *data)
{
	pc_token token = (pc_token)(uintptr_t)data;
	pc_event *ev = pc_token_event(token);

	if (ev == NULL)
		return;
	if (err == PC_OK)
		answer_probe(ev, r);
	pc_event_resume(token, err == PC_OK ? PC_HANDLED : err);
}

/* 4.3.2. An account that is missing answers like one that does not know the asker. */
static pc_result probe(pc_event *ev)
{
	pc_roster *r = pc_roster_of(pc_event_host(ev), pc_event_to(ev)->local);
	pc_token token;

	if (pc_event_from(ev) == NULL)
		return PC_HANDLED;
	if (r) {
		answer_probe(ev, r);
		return PC_HANDLED;
	}
	token = pc_event_suspend(ev);
	pc_roster_load(pc_event_module(ev), pc_event_host(ev), pc_event_to(ev)->local, on_roster,
	               (void *)(uintptr_t)token);
	return PC_SUSPENDED;
}

static pc_result on_bare(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	pc_type type = pc_stanza_type(pc_event_stanza(ev));

	(void)data;
	if (s && pc_event_to_self(ev) && pc_stanza_get(pc_event_stanza(ev), "to") == NULL)
		return presence_broadcast(ev, s);
	if (presence_is_subscription(type))
		return presence_subscription_in(ev);
	if (type == PC_TYPE_PROBE)
		return probe(ev);
	if (type == PC_TYPE_ERROR)
		return PC_HANDLED;
	return to_available(ev);
}

/* 8.5.3: to that session, and else to nobody. What concerns the account goes to the account. */
static pc_result on_full(pc_event *ev, void *data)
{
	const pc_session *to = pc_session_of(pc_event_to(ev));
	pc_type type = pc_stanza_type(pc_event_stanza(ev));

	(void)data;
	if (presence_is_subscription(type))
		return presence_subscription_in(ev);
	if (type == PC_TYPE_PROBE)
		return probe(ev);
	return to ? pc_deliver(ev, to) : PC_HANDLED;
}

/* ------------------------------------------------------------ to the host */

static pc_result on_host(pc_event *ev, void *data)
{
	pc_module *m = pc_event_module(ev);
	const char *host = pc_module_host_name(m);
	char from[PC_JID_MAX + 1];

	(void)data;
	if (pc_event_from(ev) == NULL)
		return PC_HANDLED;
	pc_jid_write_bare(pc_event_from(ev), from);
	switch (pc_stanza_type(pc_event_stanza(ev))) {
	case PC_TYPE_SUBSCRIBE:
		pc_send(m, pc_stanza_presence("subscribed", from, host));
		pc_send(m, pc_stanza_presence(NULL, from, host));
		break;
	case PC_TYPE_PROBE:
		pc_send(m, pc_stanza_presence(NULL, from, host));
		break;
	default:
		break;
	}
	return PC_HANDLED;
}

/* ------------------------------------------------------------ the rest */

static pc_result on_unbind(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);

	(void)data;
	if (s)
		presence_gone(pc_event_module(ev), s, pc_event_str(ev, "reason"));
	return PC_PASS;
}

/* What happened while the server was away was told to nobody. */
static pc_result on_returned(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);

	(void)data;
	if (s && pc_session_is_available(s))
		presence_probe_contacts(pc_event_module(ev), s);
	return PC_PASS;
}

static pc_result on_item_removed(pc_event *ev, void *data)
{
	(void)data;
	return presence_item_removed(ev);
}

static pc_result on_account_removed(pc_event *ev, void *data)
{
	(void)data;
	presence_account_removed(pc_event_module(ev), pc_event_str(ev, "username"));
	return PC_PASS;
}

/* Whom it has told outside of its roster is told when it ends, be it by the end of the process. */
static void session_save(pc_module *m, const pc_session *s, const void *data, pc_blob *blob)
{
	const struct directed *d = data;

	(void)m, (void)s;
	for (size_t i = 0; i < d->n; i++)
		pc_blob_put(blob, d->jids[i], strlen(d->jids[i]) + 1);
}

static int session_restore(pc_module *m, const pc_session *s, void *data, const void *bytes,
                           size_t len)
{
	const char *at = bytes, *end = at + len;

	(void)m, (void)s;
	for (; at < end; at += strlen(at) + 1) {
		if (memchr(at, '\0', (size_t)(end - at)) == NULL)
			return PC_EINVAL;
		if (presence_direct(data, at, SIZE_MAX) != PC_OK)
			return PC_ELIMIT;
	}
	return PC_OK;
}

static void session_free(pc_module *m, void *data)
{
	(void)m;
	presence_directed_free(data);
}

static void load(pc_module *m)
{
	struct presence *p = pc_module_data(m);

	p->directed_refused = pc_counter(m, "directed_refused", NULL);
	pc_hook(m, "pre-presence/bare", on_out, 0);
	pc_hook(m, "pre-presence/full", on_out, 0);
	pc_hook(m, "pre-presence/host", on_out, 0);
	pc_hook(m, "presence/bare", on_bare, 0);
	pc_hook(m, "presence/full", on_full, 0);
	pc_hook(m, "presence/host", on_host, 0);
	pc_hook(m, "resource-unbind", on_unbind, 0);
	pc_hook(m, "session-returned", on_returned, 0);
	pc_hook(m, "roster-item-removed", on_item_removed, -1);
	pc_hook(m, "user-deleted", on_account_removed, 300);
}

static const pc_metric_decl metrics[] = {
	{ "directed_refused", PC_COUNTER, "Presences refused by presence_max_directed" },
	{ 0 },
};

PC_MODULE(presence, .summary = "Presence and subscriptions (RFC 6121)", .events = events,
          .data_size = sizeof(struct presence), .options = options,
          .session_size = sizeof(struct directed), .state_version = 1, .session_free = session_free,
          .session_save = session_save, .session_restore = session_restore, .metrics = metrics,
          .load = load);
