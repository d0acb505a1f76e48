/*
 * making.c - a registration on its way: user-registering asks other modules, which may refuse it ->
 * the account is made, and is safe -> user-registered -> the answer. What other modules set as
 * `invite` when they are asked comes back in what they are told of the end.
 */
#include <stdio.h>
#include <string.h>

#include "registrar.h"

/* ------------------------------------------------------------ calls */

struct call *making_new(pc_module *m)
{
	struct registrar *r = pc_module_data(m);
	struct call *call = r->free_calls;

	if (call)
		r->free_calls = call->next;
	else
		call = pc_module_alloc(m, sizeof(*call));
	call->m = m;
	return call;
}

void making_free(struct call *call)
{
	struct registrar *r = pc_module_data(call->m);

	explicit_bzero(call, sizeof(*call));
	call->next = r->free_calls;
	r->free_calls = call;
}

static void call_end(struct call *call)
{
	pc_token token = call->token;

	making_free(call);
	pc_event_resume(token, PC_HANDLED);
}

/* ------------------------------------------------------------ the end */

static const char *invite_of(const struct call *call)
{
	return call->invite[0] ? call->invite : NULL;
}

static void tell(const struct call *call, const char *event, const pc_session *s)
{
	const pc_arg args[] = { PC_STR("username", call->username),
		                PC_STR("host", pc_module_host_name(call->m)),
		                PC_STR("source", "mod_register_ibr"),
		                PC_STR("ip", s ? s->ip : NULL), PC_STR("invite", invite_of(call)) };

	pc_notify(call->m, event, &(pc_fire_args){ .origin = s, .args = args, .n_args = 5 });
}

static void refuse(struct call *call, const char *type, const char *condition, const char *text)
{
	const struct registrar *r = pc_module_data(call->m);
	pc_event *ev = pc_token_event(call->token);

	pc_metric_add(r->refused, 1);
	if (ev)
		pc_reply_error(ev, type, condition, text);
	tell(call, "user-registration-failed", ev ? pc_event_origin(ev) : NULL);
	call_end(call);
}

/* What else was told is kept with the account. */
static pc_ticket keep_details(const struct call *call)
{
	const struct registrar *r = pc_module_data(call->m);
	char now[24];
	pc_item items[MORE_MOST + 1] = { { .key = "registered", .value = now } };
	size_t n = 1;

	items[0].len = (size_t)snprintf(now, sizeof(now), "%lld", (long long)(pc_time_ms() / 1000));
	for (size_t i = 0; i < r->n_more; i++)
		if (call->more[i][0])
			items[n++] = (pc_item){ r->fields[2 + i].var, call->more[i],
				                strlen(call->more[i]) };
	return pc_store_set(r->details, call->username, items, n, NULL, NULL);
}

static void tell_registered(const struct call *call, const pc_session *s)
{
	const struct registrar *r = pc_module_data(call->m);

	pc_metric_add(r->registered, 1);
	if (s) {
		struct tries *tries = pc_session_data(s, call->m);

		tries->registered = true;
		pc_log_session(call->m, s, PC_INFO, "account %s was registered", call->username);
	}
	tell(call, "user-registered", s);
}

/* Why the provider of accounts did not do it. */
static void refuse_by(struct call *call, int err)
{
	switch (err) {
	case PC_EEXIST:
	case PC_ECONFLICT:
		refuse(call, "cancel", "conflict", "The requested username already exists");
		break;
	case PC_EINVAL:
		refuse(call, "modify", "not-acceptable", NULL);
		break;
	case PC_ENOTSUP:
		refuse(call, "cancel", "not-allowed", "This host makes no accounts");
		break;
	case PC_EBUSY:
		refuse(call, "wait", "resource-constraint", NULL);
		break;
	default:
		pc_log(call->m, PC_WARN, "account %s could not be made: %s", call->username,
		       pc_strerror(err));
		refuse(call, "wait", "internal-server-error", NULL);
	}
}

static void on_created(int err, void *data)
{
	struct call *call = data;
	pc_event *ev = pc_token_event(call->token);
	pc_ticket ticket;

	if (err != PC_OK) {
		refuse_by(call, err);
		return;
	}
	ticket = keep_details(call);
	tell_registered(call, ev ? pc_event_origin(ev) : NULL);
	if (ev)
		pc_reply_after(ev, ticket, pc_stanza_result(pc_event_stanza(ev)));
	call_end(call);
}

/* ------------------------------------------------------------ a new password instead */

static void on_reset(int err, void *data)
{
	struct call *call = data;
	pc_event *ev = pc_token_event(call->token);

	if (err != PC_OK) {
		refuse_by(call, err);
		return;
	}
	tell(call, "user-password-reset", ev ? pc_event_origin(ev) : NULL);
	if (ev)
		pc_reply(ev, pc_stanza_result(pc_event_stanza(ev)));
	call_end(call);
}

/* A provider may make an account by setting a password: so it must be there first. */
static void on_there(int err, void *data)
{
	struct call *call = data;

	if (err == PC_OK)
		pc_user_set_password(call->m, pc_module_host(call->m), call->username,
		                     call->password, on_reset, call);
	else if (err == PC_ENOENT)
		refuse(call, "cancel", "item-not-found", "There is no such account any more");
	else
		refuse_by(call, err);
}

/* ------------------------------------------------------------ the others are asked */

static void on_asked(pc_event *asked, pc_result result, void *data)
{
	struct call *call = data;
	const char *condition = pc_event_str(asked, "error_condition");
	const char *type = pc_event_str(asked, "error_type");
	const char *invite = pc_event_str(asked, "invite");

	snprintf(call->invite, sizeof(call->invite), "%s", invite ? invite : "");
	if (pc_token_event(call->token) == NULL) {
		refuse(call, NULL, NULL, NULL); /* nobody is there any more to be told */
	} else if (result < 0) {
		refuse(call, "wait", "internal-server-error", NULL);
	} else if (!pc_event_int(asked, "allowed")) {
		pc_log(call->m, PC_INFO, "registration of %s refused: %s", call->username,
		       pc_event_str(asked, "reason") ? pc_event_str(asked, "reason")
		                                     : "not acceptable");
		refuse(call, type ? type : "modify", condition ? condition : "not-acceptable",
		       pc_event_str(asked, "reason"));
	} else if (pc_event_int(asked, "allow_reset")) {
		pc_user_exists(call->m, pc_module_host(call->m), call->username, on_there, call);
	} else {
		pc_user_create(call->m, pc_module_host(call->m), call->username, call->password,
		               on_created, call);
	}
}

void making_start(struct call *call, const pc_session *s)
{
	const pc_arg args[] = { PC_STR("username", call->username),
		                PC_STR("password", call->password),
		                PC_STR("host", pc_module_host_name(call->m)),
		                PC_STR("ip", s->ip),
		                PC_INT("allowed", 1),
		                PC_STR("reason", NULL),
		                PC_STR("error_type", NULL),
		                PC_STR("error_condition", NULL),
		                PC_INT("allow_reset", 0),
		                PC_STR("invite", NULL) };

	pc_fire_wait(call->m, "user-registering",
	             &(pc_fire_args){
	                     .origin = s, .args = args, .n_args = sizeof(args) / sizeof(args[0]) },
	             on_asked, call);
}
