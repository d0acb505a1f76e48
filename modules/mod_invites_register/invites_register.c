/*
 * mod_invites_register.c - invitations redeemed: by registering (XEP-0445), and by asking to become
 * a contact (XEP-0379).
 *
 * A stream shows its invitation first; that opens registration for it, even where it is closed to
 * others. When the account is asked for, the invitation is claimed for its name, which only one
 * can; when the account is there, it is used up, and inviter and invitee become contacts.
 */
#include <string.h>

#include "redeemer.h"

#define NS_FEATURE "urn:xmpp:ibr-token:0"
#define WRONG_MOST 5 /* invitations that are none, of a stream */
#define LAST (-10)   /* of those who are asked: what it claims, nobody refuses afterwards */

/* Callbacks get a number, as the module may be gone when they come. */
void *redeem_data(pc_token token)
{
	return (void *)(uintptr_t)token;
}

pc_event *redeem_event(void *data)
{
	return pc_token_event((pc_token)(uintptr_t)data);
}

void redeem_resume(void *data, pc_result result)
{
	pc_event_resume((pc_token)(uintptr_t)data, result);
}

/* ------------------------------------------------------------ showing an invitation */

static bool is_open(pc_module *m, const pc_session *s)
{
	const char *option = pc_opt_is_set(m, "c2s_require_encryption") ? "c2s_require_encryption"
	                                                                : "require_encryption";

	return s->secure || !pc_opt_bool(m, option);
}

static pc_result on_features(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);

	(void)data;
	if (s && s->type == PC_C2S_UNAUTHED && is_open(pc_event_module(ev), s))
		pc_stanza_open(pc_event_stanza(ev), "register", NS_FEATURE);
	return PC_PASS;
}

/* Whoever tries one after the other is sent away. */
static void refuse_token(pc_event *ev, const pc_session *s)
{
	pc_module *m = pc_event_module(ev);
	const struct redeemer *r = pc_module_data(m);
	struct shown *shown = pc_session_data(s, m);

	pc_metric_add(r->refused, 1);
	pc_log_session(m, s, PC_INFO, "an invitation was shown that is not good");
	pc_reply_error(ev, "cancel", "item-not-found", "The provided token is invalid or expired");
	if (++shown->wrong >= WRONG_MOST)
		pc_session_close(s, "policy-violation", "Too many invitations that are not good");
}

static bool lets_register(const pc_invite *invite)
{
	return invite->kind != PC_INVITE_CONTACT || invite->registers;
}

static void on_looked(int err, const pc_invite *invite, void *data)
{
	pc_event *ev = redeem_event(data);
	const pc_session *s = ev ? pc_event_origin(ev) : NULL;

	if (s == NULL)
		return;
	if (err == PC_EBUSY) {
		pc_reply_error(ev, "wait", "resource-constraint", "Somebody is using it right now");
	} else if (err == PC_EIO || err == PC_ECANCELED || err == PC_ENOTSUP) {
		pc_reply_error(ev, "wait", "internal-server-error", NULL);
	} else if (err || !lets_register(invite)) {
		refuse_token(ev, s);
	} else {
		struct shown *shown = pc_session_data(s, pc_event_module(ev));

		memcpy(shown->token, invite->token, strlen(invite->token) + 1);
		pc_reply(ev, pc_stanza_result(pc_event_stanza(ev)));
	}
	redeem_resume(data, PC_HANDLED);
}

static pc_result on_preauth(pc_event *ev, void *data)
{
	const struct redeemer *r = data;
	const pc_session *s = pc_event_origin(ev);
	const pc_stanza *preauth = pc_stanza_child(pc_event_stanza(ev), "preauth", NS_PREAUTH);
	const char *token = pc_stanza_get(preauth, "token");
	struct shown *shown;

	if (s == NULL || s->type != PC_C2S_UNAUTHED ||
	    pc_stanza_type(pc_event_stanza(ev)) != PC_TYPE_SET)
		return PC_PASS;
	if (!is_open(pc_event_module(ev), s))
		return pc_reply_error(ev, "modify", "policy-violation", "Use encryption first");
	if (token == NULL)
		return pc_reply_error(ev, "modify", "bad-request", NULL);
	shown = pc_session_data(s, pc_event_module(ev));
	shown->token[0] = '\0';
	r->service->look(r->invites, token, on_looked, redeem_data(pc_event_suspend(ev)));
	return PC_SUSPENDED;
}

/* ------------------------------------------------------------ registering */

static const char *token_of(const pc_event *ev)
{
	const pc_session *s = pc_event_origin(ev);
	const struct shown *shown = s ? pc_session_data_if(s, pc_event_module(ev)) : NULL;

	return shown && shown->token[0] ? shown->token : NULL;
}

static pc_result on_allowed(pc_event *ev, void *data)
{
	(void)data;
	if (token_of(ev) || pc_event_int(ev, "offering")) {
		pc_event_set_int(ev, "allowed", 1);
	} else if (pc_opt_bool(pc_event_module(ev), "registration_invite_only") ||
	           !pc_event_int(ev, "allowed")) {
		pc_event_set_int(ev, "allowed", 0);
		pc_event_set_str(ev, "reason", "Registration on this server needs an invitation");
	}
	return PC_PASS;
}

static pc_result refuse(pc_event *ev, const char *type, const char *condition, const char *reason)
{
	pc_event_set_int(ev, "allowed", 0);
	pc_event_set_str(ev, "error_type", type);
	pc_event_set_str(ev, "error_condition", condition);
	pc_event_set_str(ev, "reason", reason);
	return PC_HANDLED;
}

static void on_claimed(int err, const pc_invite *invite, void *data)
{
	pc_event *ev = redeem_event(data);

	if (ev == NULL)
		return; /* the claim ends by itself */
	if (err == PC_OK) {
		pc_event_set_str(ev, "invite", invite->token);
		if (invite->kind == PC_INVITE_RESET)
			pc_event_set_int(ev, "allow_reset", 1);
		redeem_resume(data, PC_PASS);
		return;
	}
	if (err == PC_EPERM)
		refuse(ev, "modify", "not-acceptable", "The invitation is for another username");
	else if (err == PC_EBUSY)
		refuse(ev, "wait", "resource-constraint", "Somebody is using it right now");
	else if (err == PC_ENOENT || err == PC_ESTATE)
		refuse(ev, "cancel", "item-not-found", "The provided token is invalid or expired");
	else
		refuse(ev, "wait", "internal-server-error", NULL);
	redeem_resume(data, PC_HANDLED);
}

static void on_reserved(int err, void *data)
{
	pc_event *ev = redeem_event(data);
	const struct redeemer *r = ev ? pc_module_data(pc_event_module(ev)) : NULL;
	const char *token = ev ? token_of(ev) : NULL;

	if (ev == NULL)
		return;
	if (err == PC_OK && token) {
		r->service->claim(r->invites, token, pc_event_str(ev, "username"), on_claimed,
		                  data);
		return;
	}
	if (err == PC_EEXIST)
		refuse(ev, "cancel", "conflict", "The requested username is reserved");
	else if (err)
		refuse(ev, "wait", "internal-server-error", NULL);
	redeem_resume(data, err ? PC_HANDLED : PC_PASS);
}

static pc_result on_registering(pc_event *ev, void *data)
{
	const struct redeemer *r = data;

	if (!pc_event_int(ev, "allowed"))
		return PC_PASS;
	r->service->reserved(r->invites, pc_event_str(ev, "username"), token_of(ev), on_reserved,
	                     redeem_data(pc_event_suspend(ev)));
	return PC_SUSPENDED;
}

static pc_result on_failed(pc_event *ev, void *data)
{
	const struct redeemer *r = data;
	const char *token = pc_event_str(ev, "invite");

	if (token)
		r->service->release(r->invites, token, pc_event_str(ev, "username"));
	return PC_PASS;
}

/* ------------------------------------------------------------ the module */

static void load(pc_module *m)
{
	struct redeemer *r = pc_module_data(m);
	pc_module *owner;

	r->service = pc_provider(pc_module_host(m), "invites", &owner);
	if (r->service == NULL) {
		pc_module_fail(m, "the module invites is not there");
		return;
	}
	r->invites = r->service->open(m);
	r->redeemed = pc_counter(m, "redeemed", NULL);
	r->refused = pc_counter(m, "refused", NULL);
	pc_hook(m, "stream-features", on_features, 0);
	pc_hook(m, "stanza/iq/" NS_PREAUTH ":preauth", on_preauth, 0);
	pc_hook(m, "registration-allowed", on_allowed, 0);
	pc_hook(m, "user-registering", on_registering, LAST);
	pc_hook(m, "user-registration-failed", on_failed, 0);
	pc_hook(m, "user-registered", contacts_on_registered, 0);
	pc_hook(m, "user-password-reset", contacts_on_registered, 0);
	pc_hook(m, "presence/bare", contacts_on_presence, 1);
	contacts_finish(m);
}

static const pc_option options[] = {
	{ .name = "registration_invite_only",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "true",
	  .live = true,
	  .help = "Nobody registers without an invitation, even with allow_registration" },
	{ .name = "c2s_require_encryption",
	  .type = PC_OPT_BOOLEAN,
	  .live = true,
	  .help = "Clients must use TLS before they register (default: require_encryption)" },
	{ .name = "require_encryption",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "true",
	  .live = true,
	  .help = "Old name for c2s_require_encryption" },
	{ 0 },
};

static const pc_event_decl events[] = {
	{ "roster-push", PC_NOTICE, "an item changed: username, jid (text)" },
	{ 0 },
};

static const pc_metric_decl metrics[] = {
	{ "redeemed", PC_COUNTER, "Invitations that were redeemed" },
	{ "refused", PC_COUNTER, "Invitations that were shown and are not good" },
	{ 0 },
};

static const char *const needs[] = { "invites", "register_ibr", NULL };

PC_MODULE(invites_register, .summary = "Invitations redeemed: accounts and contacts by links",
          .xeps = "0379:0.3.3 0445:0.2.0", .needs = needs, .data_size = sizeof(struct redeemer),
          .session_size = sizeof(struct shown), .state_version = 1, .options = options,
          .events = events, .metrics = metrics, .load = load);
