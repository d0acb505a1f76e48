/*
 * mod_invites_adhoc.c - invitations from a client (XEP-0401): ad-hoc commands for users, who invite
 * contacts, and for those who may make accounts.
 */
#include <string.h>

#include <prosody-c/invites.h>
#include <prosody-c/prosody-c.h>

#define FORM_TYPE "urn:xmpp:invite#invitation"
#define MEMBER "prosody:registered"

struct inviting {
	const pc_invites_service *service;
	pc_invites *invites;
};

/* ------------------------------------------------------------ the answer */

static const pc_field told[] = {
	{ .var = "uri", .label = "Invite URI" },
	{ .var = "landing-url", .label = "Invite landing page URL" },
	{ .var = "expire", .label = "Token valid until" },
	{ 0 },
};
static const pc_form invitation = { .title = "New Invite", .form_type = FORM_TYPE, .fields = told };

static void tell(pc_adhoc_call *call, const pc_invite *invite)
{
	pc_values *values = pc_values_new();
	char expires[PC_DATETIME_SIZE];

	pc_values_add(values, "uri", invite->uri);
	pc_values_add(values, "landing-url", invite->landing_url);
	if (invite->expires != INT64_MAX) {
		pc_datetime_write(invite->expires / 1000 * 1000, expires);
		pc_values_add(values, "expire", expires);
	}
	pc_form_tell(pc_adhoc_payload(call), &invitation, values);
	pc_values_free(&values);
	pc_adhoc_done(call, NULL);
}

static void on_created(int err, const pc_invite *invite, void *data)
{
	pc_adhoc_call *call = data;

	switch (err) {
	case PC_OK:
		tell(call, invite);
		break;
	case PC_EEXIST:
		pc_adhoc_fail(call, "This username already exists, or is reserved");
		break;
	case PC_ELIMIT:
		pc_adhoc_fail(call, "You have too many invitations out");
		break;
	case PC_ENOENT:
		pc_adhoc_refuse(call, "forbidden", NULL);
		break;
	default:
		pc_adhoc_refuse(call, "internal-server-error", NULL);
	}
}

/* ------------------------------------------------------------ the commands */

/* The caller, who has an account here. */
static bool caller_of(pc_adhoc_call *call, pc_module *m, char buf[static PC_JID_BUF], pc_jid *jid)
{
	if (pc_jid_parse(pc_adhoc_from(call), buf, jid) == PC_OK && jid->local &&
	    strcmp(jid->domain, pc_module_host_name(m)) == 0)
		return true;
	pc_adhoc_refuse(call, "forbidden", NULL);
	return false;
}

/* A link must not promise what the host does not do. */
static bool may_invite_users(pc_module *m, const pc_adhoc_call *call)
{
	char buf[PC_JID_BUF];
	const pc_session *s;
	pc_jid jid;

	s = pc_jid_parse(pc_adhoc_from(call), buf, &jid) == PC_OK && jid.resource
	            ? pc_session_of(&jid)
	            : NULL;
	return s && pc_host_has_module(pc_module_host(m), "invites_register") &&
	       pc_session_may(s, m, ":invite-new-users");
}

static void run_invite(pc_adhoc_call *call, pc_module *m)
{
	const struct inviting *in = pc_module_data(m);
	char buf[PC_JID_BUF];
	pc_jid jid;

	if (!caller_of(call, m, buf, &jid))
		return;
	in->service->create(in->invites,
	                    &(pc_invite){ .size = sizeof(pc_invite),
	                                  .kind = PC_INVITE_CONTACT,
	                                  .inviter = jid.local,
	                                  .subscribes = true,
	                                  .registers = may_invite_users(m, call) },
	                    on_created, call);
}

static const pc_field wanted[] = {
	{ .var = "username", .label = "Username", .desc = "Leave empty to let the invitee choose" },
	{ .var = "roster-subscription",
	  .label = "Add the new account to my contacts",
	  .type = PC_FIELD_BOOLEAN,
	  .value = "0" },
	{ 0 },
};
static const pc_form question = { .title = "Create an Account Invite",
	                          .instructions = "A link is made by which an account can be "
	                                          "registered.",
	                          .fields = wanted };

static void create_account(pc_adhoc_call *call, pc_module *m, const char *inviter,
                           const pc_values *answer)
{
	const struct inviting *in = pc_module_data(m);
	const char *username = pc_values_get(answer, "username");
	char name[PC_JID_PART_MAX + 1];

	if (username && pc_jid_prep_local(username, name) != PC_OK) {
		pc_adhoc_reject(call, "The username has characters that are not allowed");
		return;
	}
	in->service->create(
	        in->invites,
	        &(pc_invite){ .size = sizeof(pc_invite),
	                      .kind = PC_INVITE_ACCOUNT,
	                      .username = username ? name : NULL,
	                      .inviter = inviter,
	                      .subscribes = pc_values_bool(answer, "roster-subscription") },
	        on_created, call);
}

static void run_create_account(pc_adhoc_call *call, pc_module *m)
{
	char buf[PC_JID_BUF];
	const pc_values *answer;
	pc_jid jid;

	if (!caller_of(call, m, buf, &jid))
		return;
	if (pc_adhoc_stage(call) == 0)
		pc_adhoc_ask(call, &question, NULL, PC_ADHOC_COMPLETE);
	else if ((answer = pc_adhoc_answer(call, 0, &question)) != NULL)
		create_account(call, m, jid.local, answer);
}

static const pc_adhoc commands[] = {
	{ "urn:xmpp:invite#invite", "Create new contact invite", ":invite-contacts",
	  "A link to become a contact of oneself; with an account, where that may be made",
	  run_invite },
	{ "urn:xmpp:invite#create-account", "Create new account invite", ":create-accounts",
	  "A link to register with", run_create_account },
	{ 0 },
};

/* ------------------------------------------------------------ the module */

/* Options of Prosody that say the same in other words. */
static void load_permissions(pc_module *m)
{
	const char *role;

	if (pc_opt_bool(m, "allow_contact_invites"))
		pc_default_permission(m, MEMBER, ":invite-contacts");
	if (pc_opt_bool(m, "allow_user_invites"))
		pc_default_permission(m, MEMBER, ":invite-new-users");
	for (size_t i = 0; i < pc_opt_count(m, "allow_user_invite_roles"); i++) {
		role = pc_opt_at(m, "allow_user_invite_roles", i);
		pc_default_permission(m, role, ":invite-new-users");
	}
	for (size_t i = 0; i < pc_opt_count(m, "deny_user_invite_roles"); i++) {
		role = pc_opt_at(m, "deny_user_invite_roles", i);
		pc_deny_permission(m, role, ":invite-new-users");
	}
}

static void load(pc_module *m)
{
	struct inviting *in = pc_module_data(m);
	pc_module *owner;

	in->service = pc_provider(pc_module_host(m), "invites", &owner);
	if (in->service == NULL) {
		pc_module_fail(m, "the module invites is not there");
		return;
	}
	in->invites = in->service->open(m);
	load_permissions(m);
}

static const pc_option options[] = {
	{ .name = "allow_user_invites",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "false",
	  .help = "Invitations of users let others register, too" },
	{ .name = "allow_contact_invites",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "true",
	  .help = "Users may make invitations to become their contacts" },
	{ .name = "allow_user_invite_roles",
	  .type = PC_OPT_SET,
	  .help = "Roles whose invitations let others register, besides allow_user_invites" },
	{ .name = "deny_user_invite_roles",
	  .type = PC_OPT_SET,
	  .help = "Roles whose invitations do not" },
	{ 0 },
};

static const pc_permission permissions[] = {
	{ ":invite-contacts", "prosody:admin", "Invite somebody to become a contact" },
	{ ":invite-new-users", "prosody:admin", "Let whom they invite register, too" },
	{ ":create-accounts", "prosody:admin", "Make links to register with" },
	{ 0 },
};

static const char *const needs[] = { "invites", "adhoc", NULL };

PC_MODULE(invites_adhoc, .summary = "Invitations from a client", .xeps = "0401:0.6.0",
          .needs = needs, .data_size = sizeof(struct inviting), .options = options,
          .adhoc = commands, .permissions = permissions, .load = load);
