/*
 * commands.c - tokens for operators.
 */
#include <stdlib.h>
#include <string.h>

#include "tokenauth.h"

struct asked {
	pc_call *call;
	pc_grant wish;
	pc_jid jid;
	char buf[PC_JID_BUF];
};

static pc_tokenauth *tokens_of(pc_module *m)
{
	return *(pc_tokenauth **)pc_module_data(m);
}

/* NULL when the call has ended. */
static struct asked *asked_of(pc_call *call)
{
	struct asked *a = pc_call_data(call, sizeof(*a));

	a->call = call;
	if (pc_jid_parse(pc_call_arg(call, 0), a->buf, &a->jid) == PC_OK && a->jid.local &&
	    a->jid.resource == NULL)
		return a;
	pc_call_end(call, PC_EINVAL, "not the address of an account: %s", pc_call_arg(call, 0));
	return NULL;
}

/* ------------------------------------------------------------ create */

static bool take_option(pc_grant *wish, const char *option)
{
	char *end;
	long days;

	if (strncmp(option, "name=", 5) == 0 && option[5]) {
		wish->name = option + 5;
		return strlen(wish->name) < 256;
	}
	if (strncmp(option, "role=", 5) == 0 && option[5]) {
		wish->role = option + 5;
		return true;
	}
	if (strcmp(option, "days=never") == 0) {
		wish->expires = INT64_MAX;
		return true;
	}
	if (strncmp(option, "days=", 5) != 0 || option[5] < '0' || option[5] > '9')
		return false;
	days = strtol(option + 5, &end, 10);
	wish->expires = pc_time_ms() + days * INT64_C(86400000);
	return *end == '\0' && days > 0 && days <= 36500;
}

static void on_created(int err, const char *user, const char *text, const pc_grant *grant,
                       void *data)
{
	pc_call *call = data;

	(void)user;
	if (err == PC_OK)
		pc_call_row(call, (pc_cell[]){ PC_TEXT("token", text), PC_TEXT("id", grant->id) },
		            2, "%s", text);
	pc_call_end(call, err,
	            err == PC_ENOENT   ? "no such account, or it is disabled"
	            : err == PC_EINVAL ? "no such role"
	            : err == PC_ELIMIT ? "the account has too many tokens"
	                               : NULL);
}

static void run_create(pc_call *call, pc_module *m)
{
	struct asked *a = asked_of(call);

	if (a == NULL)
		return;
	for (size_t i = 1; i < pc_call_argc(call); i++)
		if (!take_option(&a->wish, pc_call_arg(call, i))) {
			pc_call_end(call, PC_EINVAL, "not an option of this command: %s",
			            pc_call_arg(call, i));
			return;
		}
	tokenauth_create(tokens_of(m), a->jid.local, &a->wish, on_created, call);
}

/* ------------------------------------------------------------ list */

static const char *write_time(int64_t when, char out[static PC_DATETIME_SIZE])
{
	if (when == 0 || when == INT64_MAX)
		return "never";
	pc_datetime_write(when / 1000 * 1000, out);
	return out;
}

static void list_one(pc_call *call, const pc_grant *g)
{
	char created[PC_DATETIME_SIZE], expires[PC_DATETIME_SIZE], used[PC_DATETIME_SIZE];

	pc_call_row(call,
	            (pc_cell[]){ PC_TEXT("id", g->id), PC_TEXT("name", g->name),
	                         PC_TEXT("role", g->role),
	                         PC_TEXT("created", write_time(g->created, created)),
	                         PC_TEXT("expires", write_time(g->expires, expires)),
	                         PC_TEXT("used", write_time(g->used, used)) },
	            6, "%s  made %s, expires %s, used %s%s%s%s%s", g->id,
	            write_time(g->created, created), write_time(g->expires, expires),
	            write_time(g->used, used), g->role ? ", as " : "", g->role ? g->role : "",
	            g->name ? "  " : "", g->name ? g->name : "");
}

static void on_listed(int err, const pc_item *items, size_t n, void *data)
{
	pc_call *call = data;
	struct record r;
	size_t shown = 0;

	for (size_t i = 0; err == PC_OK && i < n; i++) {
		if (!record_read(&r, items[i].key, items[i].value, items[i].len))
			continue;
		if (r.grant.expires > pc_time_ms()) {
			list_one(call, &r.grant);
			shown++;
		}
		record_free(&r);
	}
	pc_call_end(call, err, err ? NULL : "%zu token%s", shown, shown == 1 ? "" : "s");
}

static void run_list(pc_call *call, pc_module *m)
{
	const struct asked *a = asked_of(call);

	if (a)
		pc_store_get(tokens_of(m)->store, a->jid.local, on_listed, call);
}

/* ------------------------------------------------------------ revoke */

static void on_revoked(int err, void *data)
{
	pc_call_end(data, err,
	            err == PC_OK       ? "revoked"
	            : err == PC_ENOENT ? "the account has no such token"
	                               : NULL);
}

static void run_revoke(pc_call *call, pc_module *m)
{
	const struct asked *a = asked_of(call);
	const char *id = pc_call_arg(call, 1);

	if (a == NULL)
		return;
	if (id && strlen(id) != PC_ID_SIZE - 1)
		pc_call_end(call, PC_ENOENT, "the account has no such token");
	else
		tokenauth_revoke(tokens_of(m), a->jid.local, id, on_revoked, call);
}

const pc_command tokenauth_commands[] = {
	{ "token", "create", "JID [OPTION...]",
	  "Makes a token by which one can log in: name=TEXT, role=ROLE, days=N or days=never",
	  run_create },
	{ "token", "list", "JID", "The tokens of an account, without their secrets", run_list },
	{ "token", "revoke", "JID [ID]", "Takes one of them back, or all", run_revoke },
	{ 0 },
};
