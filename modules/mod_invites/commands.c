/*
 * commands.c - invitations for operators. The link stands on a line of its own, which prosody-ctl
 * shows as a QR code, too, where it writes to a terminal.
 */
#include <stdlib.h>
#include <string.h>

#include "invites.h"

/* ------------------------------------------------------------ what is wished for */

struct wish {
	pc_invite invite;
	pc_jid jid;
	char inviter[PC_JID_PART_MAX + 1];
	char buf[PC_JID_BUF];
};

/* "90", "90s", "30m", "12h", "2d", "1w". 0: it is none. */
static int64_t read_ttl(const char *text)
{
	static const char units[] = "smhdw";
	static const int64_t seconds[] = { 1, 60, 3600, 86400, 604800 };
	char *end;
	int64_t n = strtoll(text, &end, 10);
	const char *unit = *end ? strchr(units, *end) : units;

	if (*text < '0' || *text > '9' || unit == NULL || (*end && end[1]) || n > INT32_MAX)
		return 0;
	return n * seconds[unit - units] * 1000;
}

/* The value of "NAME=value"; NULL: it is another option. */
static const char *value_of(const char *option, const char *name)
{
	size_t len = strlen(name);

	return strncmp(option, name, len) == 0 && option[len] == '=' ? option + len + 1 : NULL;
}

static bool take_option(struct wish *wish, const char *option)
{
	pc_invite *invite = &wish->invite;
	const char *value;

	if ((value = value_of(option, "ttl")) != NULL) {
		invite->expires = read_ttl(value);
		if (invite->expires > 0)
			invite->expires += pc_time_ms();
		return invite->expires > 0;
	}
	if ((value = value_of(option, "role")) != NULL && invite->kind == PC_INVITE_ACCOUNT) {
		invite->role = value;
		return *value != '\0';
	}
	if ((value = value_of(option, "inviter")) != NULL && invite->kind == PC_INVITE_ACCOUNT) {
		invite->inviter = wish->inviter;
		invite->subscribes = true;
		return pc_jid_prep_local(value, wish->inviter) == PC_OK;
	}
	if (strcmp(option, "reusable") == 0 && invite->kind != PC_INVITE_RESET)
		return invite->reusable = true;
	if (strcmp(option, "register") == 0 && invite->kind == PC_INVITE_CONTACT)
		return invite->registers = true;
	return false;
}

/* NULL when the call has ended. */
static struct wish *wish_of(pc_call *call, pc_invite_kind kind)
{
	struct wish *wish = pc_call_data(call, sizeof(*wish));
	const char *address = pc_call_arg(call, 0);

	wish->invite = (pc_invite){ .size = sizeof(wish->invite), .kind = kind };
	if (pc_jid_parse(address, wish->buf, &wish->jid) != PC_OK || wish->jid.resource ||
	    (kind != PC_INVITE_ACCOUNT && wish->jid.local == NULL)) {
		pc_call_end(call, PC_EINVAL, "not the address of an account: %s", address);
		return NULL;
	}
	for (size_t i = 1; i < pc_call_argc(call); i++)
		if (!take_option(wish, pc_call_arg(call, i))) {
			pc_call_end(call, PC_EINVAL, "not an option of this command: %s",
			            pc_call_arg(call, i));
			return NULL;
		}
	return wish;
}

/* ------------------------------------------------------------ create */

static void print_expiry(pc_call *call, const pc_invite *invite)
{
	char text[PC_DATETIME_SIZE];

	if (invite->expires == INT64_MAX)
		return;
	pc_datetime_write(invite->expires / 1000 * 1000, text);
	pc_call_print(call, "good until %s%s", text, invite->reusable ? "" : ", once");
}

static void on_created(int err, const pc_invite *invite, void *data)
{
	pc_call *call = data;

	switch (err) {
	case PC_OK:
		pc_call_print(call, "%s", invite->landing_url ? invite->landing_url : invite->uri);
		pc_call_end(call, PC_OK, NULL);
		break;
	case PC_EEXIST:
		pc_call_end(call, err,
		            "there is such an account, or an invitation for it, already");
		break;
	case PC_ENOENT:
		pc_call_end(call, err, "no such account");
		break;
	case PC_ELIMIT:
		pc_call_end(call, err, "the account has too many invitations out");
		break;
	case PC_EINVAL:
		pc_call_end(call, err, "these options do not go together");
		break;
	default:
		pc_call_end(call, err, NULL);
	}
}

static pc_invites *invites_of(pc_module *m)
{
	return *(pc_invites **)pc_module_data(m);
}

static void run_account(pc_call *call, pc_module *m)
{
	struct wish *wish = wish_of(call, PC_INVITE_ACCOUNT);

	if (wish == NULL)
		return;
	wish->invite.username = wish->jid.local;
	invites_create(invites_of(m), &wish->invite, on_created, call);
}

static void run_contact(pc_call *call, pc_module *m)
{
	struct wish *wish = wish_of(call, PC_INVITE_CONTACT);

	if (wish == NULL)
		return;
	wish->invite.inviter = wish->jid.local;
	wish->invite.subscribes = true;
	invites_create(invites_of(m), &wish->invite, on_created, call);
}

static void run_reset(pc_call *call, pc_module *m)
{
	struct wish *wish = wish_of(call, PC_INVITE_RESET);

	if (wish == NULL)
		return;
	wish->invite.username = wish->jid.local;
	invites_create(invites_of(m), &wish->invite, on_created, call);
}

/* ------------------------------------------------------------ list, show, delete */

static const char *kind_of(const pc_invite *invite)
{
	static const char *const names[] = { "account", "contact", "reset" };

	return invite->kind == PC_INVITE_CONTACT && invite->registers ? "account-and-contact"
	                                                              : names[invite->kind];
}

static void list_one(pc_call *call, const struct record *r)
{
	char until[PC_DATETIME_SIZE] = "ever";
	const pc_invite *i = &r->invite;

	if (i->expires != INT64_MAX)
		pc_datetime_write(i->expires / 1000 * 1000, until);
	pc_call_row(call,
	            (pc_cell[]){ PC_TEXT("token", r->token), PC_TEXT("kind", kind_of(i)),
	                         PC_TRUTH("reusable", i->reusable), PC_TEXT("until", until),
	                         PC_TEXT("for", i->username), PC_TEXT("by", i->inviter),
	                         PC_TRUTH("redeemed", i->claimed_by != NULL) },
	            7, "%s  %s%s  until %s%s%s%s%s%s", r->token, kind_of(i),
	            i->reusable ? ", reusable" : "", until, i->username ? "  for " : "",
	            i->username ? i->username : "", i->inviter ? "  by " : "",
	            i->inviter ? i->inviter : "", i->claimed_by ? "  being redeemed" : "");
}

static void on_all(int err, const pc_item *items, size_t n, void *data)
{
	pc_call *call = data;
	struct record r;
	size_t shown = 0;

	for (size_t i = 0; err == PC_OK && i < n; i++) {
		if (!token_is_possible(items[i].key) ||
		    !record_read(&r, items[i].key, items[i].value, items[i].len))
			continue;
		if (r.invite.expires > pc_time_ms()) {
			list_one(call, &r);
			shown++;
		}
		record_free(&r);
	}
	pc_call_end(call, err, err ? NULL : "%zu invitation%s", shown, shown == 1 ? "" : "s");
}

static void run_list(pc_call *call, pc_module *m)
{
	pc_store_get(invites_of(m)->store, NULL, on_all, call);
}

static void end_unknown(pc_call *call, int err)
{
	pc_call_end(call, err,
	            err == PC_ETIMEOUT ? "the invitation has expired"
	            : err == PC_EBUSY  ? "somebody is redeeming the invitation"
	            : err == PC_ENOENT || err == PC_ESTATE
	                    ? "no such invitation; or its inviter may not log in any more"
	                    : NULL);
}

static void on_shown(int err, const pc_invite *i, void *data)
{
	pc_call *call = data;

	if (err) {
		end_unknown(call, err);
		return;
	}
	pc_call_print(call, "kind: %s", kind_of(i));
	if (i->username)
		pc_call_print(call, "for: %s", i->username);
	if (i->inviter)
		pc_call_print(call, "by: %s", i->inviter);
	if (i->role)
		pc_call_print(call, "role: %s", i->role);
	print_expiry(call, i);
	pc_call_print(call, "%s", i->uri);
	if (i->landing_url)
		pc_call_print(call, "%s", i->landing_url);
	pc_call_end(call, PC_OK, NULL);
}

static void run_show(pc_call *call, pc_module *m)
{
	invites_look(invites_of(m), pc_call_arg(call, 1), on_shown, call);
}

struct deleting {
	pc_invites *invites;
	pc_call *call;
};

static void on_deleted(int err, void *data)
{
	pc_call_end(((struct deleting *)data)->call, err, err ? NULL : "invitation deleted");
}

static void on_doomed(int err, const pc_item *items, size_t n, void *data)
{
	struct deleting *d = data;
	struct record r;

	if (err == PC_OK &&
	    (n == 0 || !record_read(&r, items[0].key, items[0].value, items[0].len)))
		err = PC_ENOENT;
	if (err) {
		pc_call_end(d->call, err, err == PC_ENOENT ? "no such invitation" : NULL);
		return;
	}
	invites_drop(d->invites, &r, on_deleted, d);
	record_free(&r);
}

static void run_delete(pc_call *call, pc_module *m)
{
	struct deleting *d = pc_call_data(call, sizeof(*d));
	const char *token = pc_call_arg(call, 1);

	*d = (struct deleting){ invites_of(m), call };
	if (token_is_possible(token))
		pc_store_get_key(d->invites->store, NULL, token, on_doomed, d);
	else
		pc_call_end(call, PC_ENOENT, "no such invitation");
}

const pc_command invites_commands[] = {
	{ "invite", NULL, "HOST", "A link to register with, on that host", run_account },
	{ "invite", "create-account", "JID|HOST [OPTION...]",
	  "The same, for that address alone or any: ttl=2d, role=ROLE, inviter=USER, reusable",
	  run_account },
	{ "invite", "create-contact", "JID [OPTION...]",
	  "A link to become a contact of an account: ttl=2d, register (without an account, too), "
	  "reusable",
	  run_contact },
	{ "invite", "create-reset", "JID [OPTION...]",
	  "A link to set a new password of an account with: ttl=2d", run_reset },
	{ "invite", "list", "HOST", "Invitations that are good", run_list },
	{ "invite", "show", "HOST TOKEN", "One of them with its link", run_show },
	{ "invite", "delete", "HOST TOKEN", "Takes an invitation back", run_delete },
	{ 0 },
};
