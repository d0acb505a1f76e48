#include <stdlib.h>
#include <string.h>

#include "presence.h"

bool presence_is_subscription(pc_type type)
{
	return type == PC_TYPE_SUBSCRIBE || type == PC_TYPE_SUBSCRIBED ||
	       type == PC_TYPE_UNSUBSCRIBE || type == PC_TYPE_UNSUBSCRIBED;
}

static pc_sub_event event_of(pc_type type, bool out)
{
	switch (type) {
	case PC_TYPE_SUBSCRIBE:
		return out ? PC_SUB_OUT_SUBSCRIBE : PC_SUB_IN_SUBSCRIBE;
	case PC_TYPE_SUBSCRIBED:
		return out ? PC_SUB_OUT_SUBSCRIBED : PC_SUB_IN_SUBSCRIBED;
	case PC_TYPE_UNSUBSCRIBE:
		return out ? PC_SUB_OUT_UNSUBSCRIBE : PC_SUB_IN_UNSUBSCRIBE;
	default:
		return out ? PC_SUB_OUT_UNSUBSCRIBED : PC_SUB_IN_UNSUBSCRIBED;
	}
}

static void push(pc_module *m, const char *user, const char *jid)
{
	pc_notify(
	        m, "roster-push",
	        &(pc_fire_args){ .args = (pc_arg[]){ PC_STR("username", user), PC_STR("jid", jid) },
	                         .n_args = 2 });
}

static void bare_of(const pc_jid *jid, char bare[PC_JID_MAX + 1])
{
	pc_jid_write_bare(jid, bare);
}

/* ------------------------------------------------------------ outbound
 * (3.1.2, 3.1.5, 3.2.2, 3.3.2) */

static void send_on(pc_module *m, const pc_event *ev, const char *from, const char *to)
{
	pc_stanza *copy = pc_stanza_clone(pc_event_stanza(ev));

	pc_stanza_set(copy, "from", from);
	pc_stanza_set(copy, "to", to);
	pc_send(m, copy);
}

pc_result presence_subscription_out(pc_event *ev, const pc_session *s)
{
	pc_module *m = pc_event_module(ev);
	pc_type type = pc_stanza_type(pc_event_stanza(ev));
	char from[PC_JID_MAX + 1], to[PC_JID_MAX + 1];
	pc_ticket ticket;
	int flags;

	if (s->roster == NULL || pc_event_to_self(ev) ||
	    pc_jid_equal_bare(pc_event_from(ev), pc_event_to(ev)))
		return PC_HANDLED;
	bare_of(pc_event_from(ev), from);
	bare_of(pc_event_to(ev), to);
	flags = pc_roster_subscription(s->roster, to, event_of(type, true), NULL, &ticket);
	if (flags == PC_ELIMIT)
		return pc_reply_error(ev, "wait", "resource-constraint", "the roster is full");
	if (flags < 0)
		return flags;
	if (flags & PC_SUB_CHANGED)
		push(m, s->username, to);
	/* 3.2.2: what they could see goes before they are told that they cannot any more. */
	if (type == PC_TYPE_UNSUBSCRIBED && (flags & PC_SUB_ROUTE))
		presence_tell(m, pc_event_host(ev), s->username, to, false);
	if (flags & PC_SUB_ROUTE)
		send_on(m, ev, from, to);
	if (type == PC_TYPE_SUBSCRIBED && (flags & PC_SUB_ROUTE))
		presence_tell(m, pc_event_host(ev), s->username, to, true);
	return PC_HANDLED;
}

/* ------------------------------------------------------------ inbound (3.1.3, 3.1.6, 3.2.3, 3.3.3)
 */

/* A request goes to whoever is available, the rest to who follows the roster. */
static void deliver(pc_event *ev, pc_type type)
{
	const pc_session *s = pc_session_first(pc_event_host(ev), pc_event_to(ev)->local);

	for (; s; s = pc_session_next(s))
		if (type == PC_TYPE_SUBSCRIBE ? pc_session_is_available(s)
		                              : pc_session_is_interested(s))
			pc_session_send(s, pc_event_stanza(ev));
}

static pc_result apply(pc_event *ev, pc_roster *r)
{
	pc_module *m = pc_event_module(ev);
	pc_stanza *st = pc_event_stanza(ev);
	pc_type type = pc_stanza_type(st);
	const char *user = pc_event_to(ev)->local;
	char from[PC_JID_MAX + 1], to[PC_JID_MAX + 1];
	pc_ticket ticket;
	int flags;

	bare_of(pc_event_from(ev), from);
	bare_of(pc_event_to(ev), to);
	flags = pc_roster_subscription(r, from, event_of(type, false), st, &ticket);
	if (flags < 0)
		return flags == PC_ELIMIT ? PC_HANDLED : flags;
	if (flags & PC_SUB_ROUTE)
		deliver(ev, type);
	if (flags & PC_SUB_CHANGED)
		push(m, user, from);
	if (flags & PC_SUB_REPLY) {
		pc_send(m, pc_stanza_presence("subscribed", from, to));
		presence_tell(m, pc_event_host(ev), user, from, true);
	}
	if (type == PC_TYPE_UNSUBSCRIBE && (flags & PC_SUB_CHANGED))
		presence_tell(m, pc_event_host(ev), user, from, false);
	return PC_HANDLED;
}

static void on_roster(int err, pc_roster *r, void *data)
{
	pc_token token = (pc_token)(uintptr_t)data;
	pc_event *ev = pc_token_event(token);

	if (ev)
		pc_event_resume(token, err == PC_OK ? apply(ev, r) : err);
}

/* Requests to accounts that are not there are dropped without a word (3.1.3): nothing is stored for
 * them, and nobody learns that they are missing. */
static void on_exists(int err, void *data)
{
	pc_token token = (pc_token)(uintptr_t)data;
	pc_event *ev = pc_token_event(token);

	if (ev == NULL)
		return;
	if (err == PC_OK)
		pc_roster_load(pc_event_module(ev), pc_event_host(ev), pc_event_to(ev)->local,
		               on_roster, data);
	else
		pc_event_resume(token, err == PC_ENOENT ? PC_HANDLED : err);
}

pc_result presence_subscription_in(pc_event *ev)
{
	pc_roster *r = pc_roster_of(pc_event_host(ev), pc_event_to(ev)->local);
	pc_token token;

	if (pc_event_from(ev) == NULL)
		return PC_HANDLED;
	if (r)
		return apply(ev, r);
	token = pc_event_suspend(ev);
	pc_user_exists(pc_event_module(ev), pc_event_host(ev), pc_event_to(ev)->local, on_exists,
	               (void *)(uintptr_t)token);
	return PC_SUSPENDED;
}

/* ------------------------------------------------------------ an item was removed (2.5.2) */

pc_result presence_item_removed(pc_event *ev)
{
	const char *user = pc_event_str(ev, "username");
	const pc_contact *was = pc_event_ptr(ev, "contact");
	pc_module *m = pc_event_module(ev);
	char bare[PC_JID_MAX + 1];
	pc_jid own;

	if (user == NULL || was == NULL)
		return PC_PASS;
	own = (pc_jid){ user, pc_module_host_name(m), NULL };
	bare_of(&own, bare);
	if (was->subscription == PC_SUB_TO || was->subscription == PC_SUB_BOTH || was->pending_out)
		pc_send(m, pc_stanza_presence("unsubscribe", was->jid, bare));
	if (was->subscription == PC_SUB_FROM || was->subscription == PC_SUB_BOTH) {
		presence_tell(m, pc_event_host(ev), user, was->jid, false);
		pc_send(m, pc_stanza_presence("unsubscribed", was->jid, bare));
	} else if (was->pending_in) {
		pc_send(m, pc_stanza_presence("unsubscribed", was->jid, bare));
	}
	return PC_PASS;
}
