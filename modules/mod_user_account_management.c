/*
 * mod_user_account_management.c - what people do with their accounts: a new password, and leaving
 * (XEP-0077 sections 3.2 and 3.3).
 *
 * Who leaves is answered before the account's sessions end, but not before the account is gone for
 * good: at the notice that says so. With registration_delete_grace_period the account is disabled
 * until that time has passed; an administrator who enables it meanwhile keeps it.
 */
#include <prosody-c/prosody-c.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS "jabber:iq:register"

/* A change under way; the instance's, and used again. */
struct call {
	pc_module *m;
	struct call *next; /* free ones, or those that are leaving */
	pc_token token;
	pc_session_id session;
	char username[PC_JID_PART_MAX + 1];
	char password[PC_JID_PART_MAX + 1];
};

struct management {
	struct call *free_calls;
	struct call *under_way; /* changes of passwords, and those who are leaving */
	pc_store *pending;      /* of the host: names, and when they are to be removed */
};

/* ------------------------------------------------------------ calls */

static struct call *call_new(pc_module *m, const char *username)
{
	struct management *own = pc_module_data(m);
	struct call *call = own->free_calls;

	if (call)
		own->free_calls = call->next;
	else
		call = pc_module_alloc(m, sizeof(*call));
	call->m = m;
	snprintf(call->username, sizeof(call->username), "%s", username);
	call->next = own->under_way;
	own->under_way = call;
	return call;
}

static void call_free(struct call *call)
{
	struct management *own = pc_module_data(call->m);
	struct call **at = &own->under_way;

	while (*at != call)
		at = &(*at)->next;
	*at = call->next;
	explicit_bzero(call, sizeof(*call));
	call->next = own->free_calls;
	own->free_calls = call;
}

static struct call *call_of(pc_event *ev)
{
	const pc_session *s = pc_event_origin(ev);
	struct call *call = call_new(pc_event_module(ev), s->username);

	call->session = s->id;
	call->token = pc_event_suspend(ev);
	return call;
}

static void call_end(struct call *call)
{
	pc_token token = call->token;

	call_free(call);
	pc_event_resume(token, PC_HANDLED);
}

static void refuse(struct call *call, int err)
{
	pc_event *ev = pc_token_event(call->token);

	switch (ev ? err : PC_ECANCELED) {
	case PC_ECANCELED:
		break;
	case PC_EINVAL:
		pc_reply_error(ev, "modify", "not-acceptable", "The password cannot be used");
		break;
	case PC_ENOENT:
		pc_reply_error(ev, "auth", "registration-required", NULL);
		break;
	case PC_ENOTSUP:
		pc_reply_error(ev, "cancel", "not-allowed",
		               "The accounts of this host are kept elsewhere");
		break;
	case PC_EBUSY:
		pc_reply_error(ev, "wait", "resource-constraint", NULL);
		break;
	default:
		pc_log(call->m, PC_WARN, "account %s could not be changed: %s", call->username,
		       pc_strerror(err));
		pc_reply_error(ev, "wait", "internal-server-error", NULL);
	}
	call_end(call);
}

static void confirm(struct call *call)
{
	pc_event *ev = pc_token_event(call->token);
	pc_token token = call->token;

	if (ev)
		pc_reply(ev, pc_stanza_result(pc_event_stanza(ev)));
	call->token = 0;
	pc_event_resume(token, PC_HANDLED);
}

/* ------------------------------------------------------------ a new password */

static void on_changed(int err, void *data)
{
	struct call *call = data;

	if (err != PC_OK) {
		refuse(call, err);
		return;
	}
	pc_log(call->m, PC_INFO, "%s has a new password", call->username);
	confirm(call);
	call_free(call);
}

static bool is_safe(pc_module *m, const pc_session *s)
{
	const char *option = pc_opt_is_set(m, "c2s_require_encryption") ? "c2s_require_encryption"
	                                                                : "require_encryption";

	return s->secure || !pc_opt_bool(m, option);
}

static pc_result change_password(pc_event *ev, const pc_session *s, const pc_stanza *query)
{
	const char *name = pc_stanza_child_text(query, "username", NULL);
	const char *password = pc_stanza_child_text(query, "password", NULL);
	pc_module *m = pc_event_module(ev);
	char username[PC_JID_PART_MAX + 1];
	struct call *call;

	if (name == NULL || password == NULL || *password == '\0')
		return pc_reply_error(ev, "modify", "bad-request",
		                      "A change of password needs the username and the password");
	if (pc_jid_prep_local(name, username) != PC_OK || strcmp(username, s->username) != 0)
		return pc_reply_error(ev, "modify", "bad-request", "That is not your username");
	if (!is_safe(m, s))
		return pc_reply_error(ev, "modify", "not-authorized", "Use encryption first");
	call = call_of(ev);
	if (pc_saslprep(password, call->password) != PC_OK) {
		refuse(call, PC_EINVAL);
		return PC_SUSPENDED;
	}
	pc_user_set_password(m, pc_module_host(m), call->username, call->password, on_changed,
	                     call);
	return PC_SUSPENDED;
}

/* Whoever else was logged in does not know the new password. The one who has set it stays. */
static pc_result on_password_changed(pc_event *ev, void *data)
{
	const struct management *own = data;
	const char *username = pc_event_str(ev, "username");
	const pc_session *s = pc_session_first(pc_event_host(ev), username), *next;
	pc_session_id by = 0;

	for (const struct call *call = own->under_way; call; call = call->next)
		if (call->password[0] && strcmp(call->username, username) == 0)
			by = call->session;
	for (; s; s = next) {
		next = pc_session_next(s);
		if (s->id != by)
			pc_session_close(s, "reset", "The password was changed");
	}
	return PC_PASS;
}

/* ------------------------------------------------------------ leaving */

static void tell(const struct call *call, const char *event)
{
	const pc_arg args[] = { PC_STR("username", call->username),
		                PC_STR("host", pc_module_host_name(call->m)),
		                PC_STR("source", "mod_user_account_management") };

	pc_notify(call->m, event,
	          &(pc_fire_args){
	                  .origin = pc_session_find(call->session), .args = args, .n_args = 3 });
}

/* The account is gone, or disabled; its sessions end right behind this. */
static void tell_left(pc_event *ev, const struct management *own, const char *event)
{
	const char *username = pc_event_str(ev, "username");
	struct call *next;

	for (struct call *call = own->under_way; call; call = next) {
		next = call->next;
		if (call->password[0] || strcmp(call->username, username) != 0)
			continue;
		tell(call, event);
		if (call->token)
			confirm(call);
	}
}

static pc_result on_deleted(pc_event *ev, void *data)
{
	const struct management *own = data;

	tell_left(ev, own, "user-deregistered");
	pc_store_set_keys(own->pending, NULL, &(pc_item){ .key = pc_event_str(ev, "username") }, 1,
	                  NULL, NULL);
	return PC_PASS;
}

static pc_result on_disabled(pc_event *ev, void *data)
{
	tell_left(ev, data, "user-deregistered-pending");
	return PC_PASS;
}

static pc_result on_enabled(pc_event *ev, void *data)
{
	const struct management *own = data;

	pc_store_set_keys(own->pending, NULL, &(pc_item){ .key = pc_event_str(ev, "username") }, 1,
	                  NULL, NULL);
	return PC_PASS;
}

static void on_left(int err, void *data)
{
	struct call *call = data;

	if (err != PC_OK && call->token) {
		refuse(call, err);
		return;
	}
	if (err == PC_OK)
		pc_log(call->m, PC_INFO, "%s has left", call->username);
	else
		pc_log(call->m, PC_WARN, "account %s could not be removed: %s", call->username,
		       pc_strerror(err));
	if (call->token)
		confirm(call);
	call_free(call);
}

/* The time is kept before the account is disabled: a disabled one would else stay for ever. */
static void on_noted(int err, void *data)
{
	struct call *call = data;

	if (err != PC_OK)
		refuse(call, err);
	else
		pc_user_set_enabled(call->m, pc_module_host(call->m), call->username, false,
		                    on_left, call);
}

static void leave_later(struct call *call, double seconds)
{
	const struct management *own = pc_module_data(call->m);
	char due[24];
	pc_item item = { .key = call->username, .value = due };

	item.len = (size_t)snprintf(due, sizeof(due), "%lld",
	                            (long long)(pc_time_ms() / 1000) + (long long)ceil(seconds));
	pc_store_set_keys(own->pending, NULL, &item, 1, on_noted, call);
}

static pc_result leave(pc_event *ev, const pc_stanza *query)
{
	pc_module *m = pc_event_module(ev);
	struct call *call;
	double grace;

	if (pc_stanza_next(pc_stanza_first(query)))
		return pc_reply_error(ev, "modify", "bad-request", NULL);
	call = call_of(ev);
	grace = pc_opt_is_set(m, "registration_delete_grace_period")
	                ? pc_opt_seconds(m, "registration_delete_grace_period")
	                : 0;
	if (isfinite(grace) && grace > 0)
		leave_later(call, grace);
	else
		pc_user_remove(m, pc_module_host(m), call->username, on_left, call);
	return PC_SUSPENDED;
}

/* ------------------------------------------------------------ the end of the grace period */

/* Only an account that is still disabled goes. */
static void on_state(int err, void *data)
{
	struct call *call = data;
	const struct management *own = pc_module_data(call->m);

	if (err == PC_EPERM) {
		pc_user_remove(call->m, pc_module_host(call->m), call->username, on_left, call);
		return;
	}
	if (err == PC_OK || err == PC_ENOENT)
		pc_store_set_keys(own->pending, NULL, &(pc_item){ .key = call->username }, 1, NULL,
		                  NULL);
	call_free(call);
}

static void on_pending(int err, const pc_item *items, size_t n, void *data)
{
	pc_module *m = data;
	long long now = (long long)(pc_time_ms() / 1000);

	for (size_t i = 0; err == PC_OK && i < n; i++) {
		char *end;
		long long due = strtoll(items[i].value, &end, 10);

		if (*end != '\0' || due > now || strlen(items[i].key) > PC_JID_PART_MAX)
			continue;
		pc_user_enabled(m, pc_module_host(m), items[i].key, on_state,
		                call_new(m, items[i].key));
	}
}

static void clean_up(void *data)
{
	const struct management *own = pc_module_data(data);

	pc_store_get(own->pending, NULL, on_pending, data);
}

/* ------------------------------------------------------------ the module */

static pc_result on_get(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	pc_stanza *reply, *query;

	(void)data;
	if (s == NULL || s->type != PC_C2S)
		return PC_PASS;
	reply = pc_stanza_result(pc_event_stanza(ev));
	query = pc_stanza_open(reply, "query", NS);
	pc_stanza_open(query, "registered", NULL);
	pc_stanza_leaf(query, "username", s->username);
	pc_stanza_open(query, "password", NULL);
	return pc_reply(ev, reply);
}

static pc_result on_set(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	const pc_stanza *query = pc_stanza_child(pc_event_stanza(ev), "query", NS);

	(void)data;
	if (s == NULL || s->type != PC_C2S)
		return PC_PASS;
	if (pc_stanza_child(query, "remove", NULL))
		return leave(ev, query);
	return change_password(ev, s, query);
}

/* Clients that write to the host mean their account. */
static bool is_of_this_host(const pc_event *ev)
{
	const pc_session *s = pc_event_origin(ev);

	return s && pc_session_host(s) == pc_event_host(ev) &&
	       pc_opt_bool(pc_event_module(ev), "registration_compat");
}

static pc_result on_host_get(pc_event *ev, void *data)
{
	return is_of_this_host(ev) ? on_get(ev, data) : PC_PASS;
}

static pc_result on_host_set(pc_event *ev, void *data)
{
	return is_of_this_host(ev) ? on_set(ev, data) : PC_PASS;
}

static void load(pc_module *m)
{
	struct management *own = pc_module_data(m);

	own->pending = pc_store_open(m, "account_cleanup", PC_STORE_MAP);
	pc_add_feature(m, NS);
	pc_hook(m, "iq-get/self/" NS ":query", on_get, 0);
	pc_hook(m, "iq-set/self/" NS ":query", on_set, 0);
	pc_hook(m, "iq-get/host/" NS ":query", on_host_get, 0);
	pc_hook(m, "iq-set/host/" NS ":query", on_host_set, 0);
	pc_hook(m, "user-password-changed", on_password_changed, 0);
	pc_hook(m, "user-deleted", on_deleted, 1000);
	pc_hook(m, "user-disabled", on_disabled, 1000);
	pc_hook(m, "user-enabled", on_enabled, 0);
	pc_cron(m, "cleanup", "hourly", clean_up, m);
}

static const pc_option options[] = {
	{ .name = "registration_delete_grace_period",
	  .type = PC_OPT_PERIOD,
	  .min = 0,
	  .max = 315360000,
	  .live = true,
	  .help = "Accounts that their owners remove are disabled for this time first (default: "
	          "not at all)" },
	{ .name = "registration_compat",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "true",
	  .live = true,
	  .help = "Requests that are addressed to the host are taken, too" },
	{ .name = "user_account_management_cleanup_period",
	  .type = PC_OPT_PERIOD,
	  .min = 1,
	  .max = 31536000,
	  .help = "How often accounts are looked for whose time is over (default: hourly)" },
	{ .name = "c2s_require_encryption",
	  .type = PC_OPT_BOOLEAN,
	  .live = true,
	  .help = "Passwords are changed under TLS only (default: require_encryption)" },
	{ .name = "require_encryption",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "true",
	  .live = true,
	  .help = "Old name for c2s_require_encryption" },
	{ 0 },
};

static const pc_event_decl events[] = {
	{ "user-deregistered", PC_NOTICE,
	  "somebody has removed his account: `username`, `host`, `source`" },
	{ "user-deregistered-pending", PC_NOTICE,
	  "the same where registration_delete_grace_period is set: it is disabled until then" },
	{ 0 },
};

static const pc_store_decl stores[] = {
	{ "account_cleanup", PC_STORE_MAP,
	  "Of the host: accounts that are to be removed, and when" },
	{ 0 },
};

PC_MODULE(user_account_management, .summary = "Changing passwords and leaving from a client",
          .xeps = "0077:2.4", .data_size = sizeof(struct management), .options = options,
          .events = events, .stores = stores, .load = load);
