/*
 * contacts.c - what comes of invitations: inviter and new account as contacts of each other, and
 * requests that are approved because they show an invitation (XEP-0379).
 */
#include <stdio.h>
#include <string.h>

#include "redeemer.h"

/* ------------------------------------------------------------ becoming contacts */

/* Two accounts of this host, and how far they are. */
struct pair {
	pc_module *m;
	char token[PC_ID_SIZE];
	size_t at;
	struct side {
		char user[PC_JID_PART_MAX + 1], bare[PC_JID_MAX + 1];
	} two[2];
};

static void push(pc_module *m, const char *user, const char *jid)
{
	const pc_arg args[] = { PC_STR("username", user), PC_STR("jid", jid) };

	pc_notify(m, "roster-push", &(pc_fire_args){ .args = args, .n_args = 2 });
}

/* What comes of it if both ask and both say yes (RFC 6121 appendix A). */
static void subscribe(pc_roster *roster, const char *own, const char *other)
{
	static const pc_sub_event steps[] = { PC_SUB_OUT_SUBSCRIBE, PC_SUB_IN_SUBSCRIBED,
		                              PC_SUB_IN_SUBSCRIBE, PC_SUB_OUT_SUBSCRIBED };
	pc_stanza *request = pc_stanza_presence("subscribe", own, other);
	pc_ticket ticket;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		pc_roster_subscription(roster, other, steps[i],
		                       steps[i] == PC_SUB_IN_SUBSCRIBE ? request : NULL, &ticket);
	pc_stanza_free(&request);
}

static void on_roster(int err, pc_roster *roster, void *data)
{
	struct pair *p = data;
	const struct redeemer *r = pc_module_data(p->m);
	const struct side *own = &p->two[p->at], *other = &p->two[!p->at];

	if (err == PC_OK) {
		subscribe(roster, own->bare, other->bare);
		push(p->m, own->user, other->bare);
	} else {
		pc_log(p->m, PC_WARN, "%s does not get the contact %s: %s", own->bare, other->bare,
		       pc_strerror(err));
	}
	if (++p->at < 2) {
		pc_roster_load(p->m, pc_module_host(p->m), other->user, on_roster, p);
		return;
	}
	r->service->use(r->invites, p->token, p->two[1].user, NULL, NULL);
	pc_module_free(p->m, p);
}

static void befriend(pc_module *m, const char *inviter, const char *invitee, const char *token)
{
	struct pair *p = pc_module_alloc(m, sizeof(*p));
	const char *const users[] = { inviter, invitee };

	p->m = m;
	snprintf(p->token, sizeof(p->token), "%s", token);
	for (size_t i = 0; i < 2; i++) {
		snprintf(p->two[i].user, sizeof(p->two[i].user), "%s", users[i]);
		pc_jid_write_bare(&(pc_jid){ users[i], pc_module_host_name(m), NULL },
		                  p->two[i].bare);
	}
	pc_roster_load(m, pc_module_host(m), p->two[0].user, on_roster, p);
}

/* ------------------------------------------------------------ the account is there */

static void on_role(int err, void *data)
{
	if (err)
		pc_log(data, PC_WARN, "an account did not get its invitation's role: %s",
		       pc_strerror(err));
}

static void on_redeemed(int err, const pc_invite *invite, void *data)
{
	pc_module *m = data;
	const struct redeemer *r = pc_module_data(m);

	if (err != PC_OK)
		return;
	pc_metric_add(r->redeemed, 1);
	if (invite->role)
		pc_user_set_role(m, pc_module_host(m), invite->claimed_by, invite->role, on_role,
		                 m);
	if (invite->subscribes && invite->inviter)
		befriend(m, invite->inviter, invite->claimed_by, invite->token);
	else
		r->service->use(r->invites, invite->token, invite->claimed_by, NULL, NULL);
}

pc_result contacts_on_registered(pc_event *ev, void *data)
{
	const struct redeemer *r = data;
	const pc_session *s = pc_event_origin(ev);
	const char *token = pc_event_str(ev, "invite");
	struct shown *shown = s ? pc_session_data_if(s, pc_event_module(ev)) : NULL;

	if (shown)
		shown->token[0] = '\0';
	if (token)
		r->service->claimed(r->invites, token, pc_event_str(ev, "username"), on_redeemed,
		                    pc_event_module(ev));
	return PC_PASS;
}

/* ------------------------------------------------------------ what a crash has left undone */

struct leftover {
	pc_module *m;
	char token[PC_ID_SIZE], by[PC_JID_MAX + 1];
};

static void on_claimer(int err, void *data)
{
	struct leftover *l = data;
	const struct redeemer *r = pc_module_data(l->m);

	if (err == PC_OK)
		r->service->claimed(r->invites, l->token, l->by, on_redeemed, l->m);
	else if (err == PC_ENOENT)
		r->service->release(r->invites, l->token, l->by);
	pc_module_free(l->m, l);
}

/* A claim of the process before: by its account one sees how far it came. Requests of contacts are
 * made again by their clients. */
static void on_unsettled(int err, const pc_invite *invite, void *data)
{
	pc_module *m = data;
	const struct redeemer *r = pc_module_data(m);
	struct leftover *l;

	if (err)
		return;
	if (strchr(invite->claimed_by, '@')) {
		r->service->release(r->invites, invite->token, invite->claimed_by);
		return;
	}
	l = pc_module_alloc(m, sizeof(*l));
	l->m = m;
	snprintf(l->token, sizeof(l->token), "%s", invite->token);
	snprintf(l->by, sizeof(l->by), "%s", invite->claimed_by);
	pc_user_exists(m, pc_module_host(m), l->by, on_claimer, l);
}

void contacts_finish(pc_module *m)
{
	const struct redeemer *r = pc_module_data(m);

	r->service->unsettled(r->invites, on_unsettled, m);
}

/* ------------------------------------------------------------ asking to become a contact */

static const char *shown_by(const pc_event *ev)
{
	const pc_stanza *st = pc_event_stanza(ev);
	const pc_stanza *preauth = pc_stanza_child(st, "preauth", NS_PREAUTH);

	return preauth && pc_stanza_type(st) == PC_TYPE_SUBSCRIBE ? pc_stanza_get(preauth, "token")
	                                                          : NULL;
}

static void bare_of(const pc_jid *jid, char bare[static PC_JID_MAX + 1])
{
	pc_jid_write_bare(jid, bare);
}

/* The request goes on to those who see to subscriptions, and finds that it was approved. Then the
 * account asks in return. */
static void approve(pc_event *ev, pc_roster *roster, void *data)
{
	pc_module *m = pc_event_module(ev);
	pc_host *host = pc_module_host(m);
	char own[PC_JID_MAX + 1], other[PC_JID_MAX + 1], user[PC_JID_PART_MAX + 1];
	pc_ticket ticket;
	int flags;

	bare_of(pc_event_to(ev), own);
	bare_of(pc_event_from(ev), other);
	snprintf(user, sizeof(user), "%s", pc_event_to(ev)->local);
	flags = pc_roster_subscription(roster, other, PC_SUB_OUT_SUBSCRIBED, NULL, &ticket);
	redeem_resume(data, PC_PASS);
	roster = pc_roster_of(host, user);
	if (flags < 0 || roster == NULL)
		return;
	flags = pc_roster_subscription(roster, other, PC_SUB_OUT_SUBSCRIBE, NULL, &ticket);
	if (flags > 0 && (flags & PC_SUB_CHANGED)) {
		push(m, user, other);
		pc_send(m, pc_stanza_presence("subscribe", other, own));
	}
}

static void on_roster_of(int err, pc_roster *roster, void *data)
{
	pc_event *ev = redeem_event(data);
	const struct redeemer *r = ev ? pc_module_data(pc_event_module(ev)) : NULL;
	char bare[PC_JID_MAX + 1];

	if (ev == NULL)
		return;
	bare_of(pc_event_from(ev), bare);
	if (err == PC_OK) {
		r->service->use(r->invites, shown_by(ev), bare, NULL, NULL);
		pc_metric_add(r->redeemed, 1);
		approve(ev, roster, data);
	} else {
		r->service->release(r->invites, shown_by(ev), bare);
		redeem_resume(data, PC_PASS);
	}
}

static void on_contact(int err, const pc_invite *invite, void *data)
{
	pc_event *ev = redeem_event(data);

	(void)invite;
	if (ev && err == PC_OK)
		pc_roster_load(pc_event_module(ev), pc_module_host(pc_event_module(ev)),
		               pc_event_to(ev)->local, on_roster_of, data);
	else if (ev)
		redeem_resume(data,
		              PC_PASS); /* as if there was no invitation (XEP-0379 section 4.1) */
}

/* Only its own inviter's is taken; the time counts here. */
static void on_seen(int err, const pc_invite *invite, void *data)
{
	pc_event *ev = redeem_event(data);
	const struct redeemer *r = ev ? pc_module_data(pc_event_module(ev)) : NULL;
	char bare[PC_JID_MAX + 1];

	if (ev == NULL)
		return;
	if (err || invite->kind != PC_INVITE_CONTACT ||
	    strcmp(invite->inviter, pc_event_to(ev)->local) != 0) {
		pc_metric_add(r->refused, 1);
		redeem_resume(data, PC_PASS);
		return;
	}
	bare_of(pc_event_from(ev), bare);
	r->service->claim(r->invites, invite->token, bare, on_contact, data);
}

pc_result contacts_on_presence(pc_event *ev, void *data)
{
	const struct redeemer *r = data;
	const char *token = shown_by(ev);

	if (token == NULL || pc_event_from(ev) == NULL ||
	    pc_jid_equal_bare(pc_event_from(ev), pc_event_to(ev)))
		return PC_PASS;
	r->service->look(r->invites, token, on_seen, redeem_data(pc_event_suspend(ev)));
	return PC_SUSPENDED;
}
