/*
 * Accounts. Passwords are never logged nor printed; the call wipes its words at its end.
 */
#include <fnmatch.h>
#include <string.h>

#include "commands.h"
#include "util/mem.h"

/* The account that a command is about; the data of its call. */
struct account {
	pc_jid jid;
	pc_host *host;
	const char *password;
	char buf[PC_JID_BUF];
};

static bool on_our_host(pc_call *call, struct account *a)
{
	a->host = pc_host_find(a->jid.domain);
	if (a->host != NULL && pc_host_kind(a->host) == PC_VIRTUAL_HOST)
		return true;
	pc_call_end(call, PC_ENOENT, "%s is no host with accounts of this server", a->jid.domain);
	return false;
}

/* NULL when the call has ended. */
static struct account *account_of_jid(pc_call *call)
{
	struct account *a = pc_call_data(call, sizeof(*a));
	const char *address = pc_call_arg(call, 0);

	if (pc_jid_parse(address, a->buf, &a->jid) < 0 || a->jid.local == NULL ||
	    a->jid.resource != NULL) {
		pc_call_end(call, PC_EINVAL, "not the address of an account: %s", address);
		return NULL;
	}
	a->password = pc_call_arg(call, 1);
	return on_our_host(call, a) ? a : NULL;
}

static struct account *account_of_parts(pc_call *call)
{
	struct account *a = pc_call_data(call, sizeof(*a));

	if (pc_jid_make(pc_call_arg(call, 0), pc_call_arg(call, 1), NULL, a->buf, &a->jid) < 0) {
		pc_call_end(call, PC_EINVAL, "not an account: %s on %s", pc_call_arg(call, 0),
		            pc_call_arg(call, 1));
		return NULL;
	}
	a->password = pc_call_arg(call, 2);
	return on_our_host(call, a) ? a : NULL;
}

static bool has_password(pc_call *call, const struct account *a)
{
	if (a->password != NULL && a->password[0] != '\0')
		return true;
	pc_call_end(call, PC_EINVAL, "the password is missing");
	return false;
}

/* ---- ends */

static void end(pc_call *call, int err, const char *what)
{
	const struct account *a = pc_call_data(call, sizeof(*a));

	switch (err) {
	case PC_OK:
		pc_call_end(call, err, "%s@%s: %s", a->jid.local, a->jid.domain, what);
		break;
	case PC_EEXIST:
	case PC_ECONFLICT:
		pc_call_end(call, err, "%s@%s: there is such an account already", a->jid.local,
		            a->jid.domain);
		break;
	case PC_ENOENT:
		pc_call_end(call, err, "%s@%s: no such account", a->jid.local, a->jid.domain);
		break;
	case PC_ENOTSUP:
		pc_call_end(call, err, "%s@%s: the host's authentication cannot do that",
		            a->jid.local, a->jid.domain);
		break;
	case PC_EINVAL:
		pc_call_end(call, err,
		            "%s@%s: name or password has characters that are not allowed",
		            a->jid.local, a->jid.domain);
		break;
	default:
		pc_call_end(call, err, "%s@%s: %s", a->jid.local, a->jid.domain, pc_strerror(err));
	}
}

static void on_created(int err, void *data)
{
	end(data, err, "account created");
}

static void on_changed(int err, void *data)
{
	end(data, err, "password changed");
}

static void on_removed(int err, void *data)
{
	end(data, err, "account deleted");
}

/* ---- create */

static void create(pc_call *call, pc_module *m, struct account *a)
{
	if (a != NULL && has_password(call, a))
		pc_user_create(m, a->host, a->jid.local, a->password, on_created, call);
}

static void run_adduser(pc_call *call, pc_module *m)
{
	create(call, m, account_of_jid(call));
}

static void run_register(pc_call *call, pc_module *m)
{
	create(call, m, account_of_parts(call));
}

/* ---- change. A provider may make an account by setting a password: so it must be there first. */

struct change {
	struct account account; /* first: end() reads the call's data as an account */
	pc_module *m;
};

static void on_exists(int err, void *data)
{
	struct change *c = pc_call_data(data, sizeof(*c));

	if (err != PC_OK)
		end(data, err, NULL);
	else
		pc_user_set_password(c->m, c->account.host, c->account.jid.local,
		                     c->account.password, on_changed, data);
}

static void run_passwd(pc_call *call, pc_module *m)
{
	struct change *c = pc_call_data(call, sizeof(*c));
	struct account *a = account_of_jid(call);

	if (a == NULL || !has_password(call, a))
		return;
	c->m = m;
	pc_user_exists(m, a->host, a->jid.local, on_exists, call);
}

/* ---- remove */

static void remove_account(pc_call *call, pc_module *m, struct account *a)
{
	if (a != NULL)
		pc_user_remove(m, a->host, a->jid.local, on_removed, call);
}

static void run_deluser(pc_call *call, pc_module *m)
{
	remove_account(call, m, account_of_jid(call));
}

static void run_unregister(pc_call *call, pc_module *m)
{
	remove_account(call, m, account_of_parts(call));
}

/* ---- disable, enable */

static void on_disabled(int err, void *data)
{
	end(data, err, "account disabled");
}

static void on_enabled(int err, void *data)
{
	end(data, err, "account enabled");
}

static void run_disable(pc_call *call, pc_module *m)
{
	const struct account *a = account_of_jid(call);

	if (a != NULL)
		pc_user_set_enabled(m, a->host, a->jid.local, false, on_disabled, call);
}

static void run_enable(pc_call *call, pc_module *m)
{
	const struct account *a = account_of_jid(call);

	if (a != NULL)
		pc_user_set_enabled(m, a->host, a->jid.local, true, on_enabled, call);
}

/* ---- list */

static void on_names(int err, const char *const *names, size_t n, void *data)
{
	pc_call *call = data;
	const char *pattern = pc_call_arg(call, 1);
	const char *host = pc_host_name(*(pc_host **)pc_call_data(call, sizeof(pc_host *)));
	size_t shown = 0;

	if (err == PC_ENOTSUP) {
		pc_call_end(call, err, "the host's authentication cannot list accounts");
		return;
	}
	if (err != PC_OK) {
		pc_call_end(call, err, NULL);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (pattern != NULL && fnmatch(pattern, names[i], 0) != 0)
			continue;
		const pc_cell cells[] = { PC_TEXT("user", names[i]), PC_TEXT("host", host) };

		pc_call_row(call, cells, PC__COUNT(cells), "%s@%s", names[i], host);
		shown++;
	}
	pc_call_end(call, PC_OK, "%zu account%s", shown, shown == 1 ? "" : "s");
}

static void run_list(pc_call *call, pc_module *m)
{
	pc_host **host = pc_call_data(call, sizeof(*host));

	*host = pc_host_find(pc_call_arg(call, 0));
	if (*host == NULL)
		pc_call_end(call, PC_ENOENT, "no such host: %s", pc_call_arg(call, 0));
	else
		pc_user_list(m, *host, on_names, call);
}

const pc_command pc__user_commands[] = {
	{ "adduser", NULL, "JID [PASSWORD]", "Creates an account", run_adduser },
	{ "passwd", NULL, "JID [PASSWORD]", "Sets an account's password", run_passwd },
	{ "deluser", NULL, "JID", "Deletes an account and all of its data", run_deluser },
	{ "register", NULL, "USER HOST [PASSWORD]", "Creates an account", run_register },
	{ "unregister", NULL, "USER HOST", "Deletes an account", run_unregister },
	{ "user", "create", "JID [PASSWORD]", "Creates an account", run_adduser },
	{ "user", "password", "JID [PASSWORD]", "Sets an account's password", run_passwd },
	{ "user", "delete", "JID", "Deletes an account and all of its data", run_deluser },
	{ "user", "disable", "JID", "Ends an account's sessions, and lets it log in no more",
	  run_disable },
	{ "user", "enable", "JID", "Lets an account log in again", run_enable },
	{ "user", "list", "HOST [PATTERN]", "Lists the accounts of a host", run_list },
	{ 0 },
};
