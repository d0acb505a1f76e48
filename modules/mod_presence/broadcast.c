#include <stdlib.h>
#include <string.h>

#include <prosody-c/blocking.h>

#include "presence.h"

static bool sees_us(const pc_contact *c)
{
	return c->subscription == PC_SUB_FROM || c->subscription == PC_SUB_BOTH;
}

static bool is_seen(const pc_contact *c)
{
	return c->subscription == PC_SUB_TO || c->subscription == PC_SUB_BOTH;
}

/* ------------------------------------------------------------ to many */

/* Whom the account has blocked is not told (XEP-0191 section 4). */
struct blocked {
	const pc_blocking *service;
	pc_module *owner;
	const char *user;
};

static struct blocked blocked_by(const pc_session *s)
{
	struct blocked b = { .user = s->username };

	b.service = pc_provider(pc_session_host(s), "blocking", &b.owner);
	return b;
}

static bool is_blocked(const struct blocked *b, const char *jid)
{
	return b->service && b->service->blocks(b->owner, b->user, jid);
}

/* To the contacts that are subscribed; the addresses lie in the roster. Takes the stanza. */
static void to_contacts(pc_module *m, const pc_session *s, pc_stanza *st)
{
	size_t most = 64, n = 0, cursor = 0;
	const char **jids = malloc(most * sizeof(*jids));
	struct blocked blocked = blocked_by(s);
	pc_contact c;

	while (s->roster && jids && pc_roster_each(s->roster, &cursor, &c)) {
		if (!sees_us(&c) || is_blocked(&blocked, c.jid))
			continue;
		if (n == most) {
			const char **more = realloc(jids, (most *= 2) * sizeof(*jids));

			if (more == NULL)
				break;
			jids = more;
		}
		jids[n++] = c.jid;
	}
	pc_broadcast(m, st, jids, n);
	free(jids);
}

/* 4.2.2: also to the account's own available sessions, the one it came from included. */
static void to_own_sessions(const pc_session *s, pc_stanza *st)
{
	const pc_session *own = pc_session_first(pc_session_host(s), s->username);

	for (; own; own = pc_session_next(own)) {
		if (!pc_session_is_available(own))
			continue;
		pc_stanza_set(st, "to", own->full_jid);
		pc_session_send(own, st);
	}
	pc_stanza_set(st, "to", NULL);
}

static void to_directed(pc_module *m, const pc_session *s, const pc_stanza *st)
{
	struct directed *d = pc_session_data_if(s, m);

	if (d == NULL || d->n == 0)
		return;
	pc_broadcast(m, pc_stanza_clone(st), (const char *const *)d->jids, d->n);
	presence_directed_free(d);
	pc_session_changed(s, m);
}

/* ------------------------------------------------------------ initial presence (4.2.2, 4.3) */

void presence_probe_contacts(pc_module *m, const pc_session *s)
{
	struct blocked blocked = blocked_by(s);
	size_t cursor = 0;
	pc_contact c;

	while (s->roster && pc_roster_each(s->roster, &cursor, &c))
		if (is_seen(&c) && !is_blocked(&blocked, c.jid))
			pc_send(m, pc_stanza_presence("probe", c.jid, s->full_jid));
}

/* The other sessions of the account to this one. */
static void show_own_sessions(const pc_session *s)
{
	const pc_session *own = pc_session_first(pc_session_host(s), s->username);

	for (; own; own = pc_session_next(own)) {
		pc_stanza *copy;

		if (own == s || !pc_session_is_available(own))
			continue;
		copy = pc_session_presence(own, s->full_jid);
		pc_session_send(s, copy);
		pc_stanza_free(&copy);
	}
}

/* 3.1.3: requests that nobody has answered yet come again. */
static void show_requests(const pc_session *s)
{
	size_t cursor = 0;
	pc_contact c;

	while (s->roster && pc_roster_each(s->roster, &cursor, &c)) {
		pc_stanza *request = c.pending_in ? pc_roster_request(s->roster, c.jid) : NULL;

		if (request == NULL)
			continue;
		pc_session_send(s, request);
		pc_stanza_free(&request);
	}
}

/* 3.1.2: and so do our own that were not answered. */
static void ask_again(pc_module *m, const pc_session *s)
{
	char bare[PC_JID_MAX + 1];
	pc_jid jid = { s->username, s->host, NULL };
	size_t cursor = 0;
	pc_contact c;

	pc_jid_write_bare(&jid, bare);
	while (s->roster && pc_roster_each(s->roster, &cursor, &c))
		if (c.pending_out)
			pc_send(m, pc_stanza_presence("subscribe", c.jid, bare));
}

static void tell(pc_module *m, const char *event, const pc_session *s)
{
	pc_notify(m, event,
	          &(pc_fire_args){ .origin = s, .stanza = (pc_stanza *)(uintptr_t)s->presence });
}

static void welcome(pc_module *m, const pc_session *s)
{
	tell(m, "presence/initial", s);
	presence_probe_contacts(m, s);
	show_own_sessions(s);
	show_requests(s);
	ask_again(m, s);
}

/* ------------------------------------------------------------ the broadcast */

static pc_result available(pc_event *ev, const pc_session *s)
{
	pc_module *m = pc_event_module(ev);
	bool initial = !pc_session_is_available(s);
	bool took_messages = !initial && s->priority >= 0;
	pc_stanza *st = pc_event_take(ev);

	pc_stanza_set(st, "to", NULL);
	pc_session_set_presence(s, st);
	to_own_sessions(s, st);
	to_contacts(m, s, st);
	if (initial)
		welcome(m, s);
	else
		tell(m, "presence/again", s);
	if (!took_messages && s->priority >= 0)
		pc_fire_wait(m, "message/offline/broadcast", &(pc_fire_args){ .origin = s }, NULL,
		             NULL);
	return PC_HANDLED;
}

static void unavailable(pc_module *m, const pc_session *s, pc_stanza *st)
{
	to_directed(m, s, st);
	to_own_sessions(s, st);
	if (pc_session_is_available(s))
		pc_notify(m, "presence/gone", &(pc_fire_args){ .origin = s, .stanza = st });
	pc_session_set_presence(s, NULL);
	to_contacts(m, s, st);
}

pc_result presence_broadcast(pc_event *ev, const pc_session *s)
{
	switch (pc_stanza_type(pc_event_stanza(ev))) {
	case PC_TYPE_NONE:
		return available(ev, s);
	case PC_TYPE_UNAVAILABLE:
		unavailable(pc_event_module(ev), s, pc_event_take(ev));
		return PC_HANDLED;
	default:
		return PC_HANDLED; /* the other types are always to somebody */
	}
}

void presence_gone(pc_module *m, const pc_session *s, const char *status)
{
	pc_stanza *st = pc_stanza_presence("unavailable", NULL, s->full_jid);

	if (status)
		pc_stanza_leaf(st, "status", status);
	if (pc_session_is_available(s)) {
		unavailable(m, s, st);
	} else {
		to_directed(m, s, st);
		pc_stanza_free(&st);
	}
}

size_t presence_tell(pc_module *m, pc_host *host, const char *user, const char *to,
                     bool is_available)
{
	const pc_session *s = pc_session_first(host, user);
	size_t n = 0;

	for (; s; s = pc_session_next(s)) {
		pc_stanza *st;

		if (!pc_session_is_available(s))
			continue;
		st = is_available ? pc_session_presence(s, to)
		                  : pc_stanza_presence("unavailable", to, s->full_jid);
		pc_send(m, st);
		n++;
	}
	return n;
}
