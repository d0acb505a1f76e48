/*
 * mod_register_ibr.c - making an account before log-in (XEP-0077 section 3.1).
 *
 * Off unless `allow_registration` is set, or another module opens it for a stream
 * (registration-allowed). One stream makes one account.
 *
 * A password is in the memory of its call alone, which is wiped, and in no log.
 */
#include "registrar.h"

#include <stdio.h>

#define NS_FEATURE "http://jabber.org/features/iq-register"

#define TRIES_MOST 5 /* of a stream */

/* ------------------------------------------------------------ may it? */

static bool is_open(pc_module *m, const pc_session *s)
{
	const char *option = pc_opt_is_set(m, "c2s_require_encryption") ? "c2s_require_encryption"
	                                                                : "require_encryption";

	return s->secure || !pc_opt_bool(m, option);
}

/* What the others say of a stream. */
struct opinion {
	bool allowed;
	char reason[128]; /* "" for none */
};

static void on_opinion(pc_event *ev, pc_result result, void *data)
{
	struct opinion *o = data;
	const char *reason = pc_event_str(ev, "reason");

	(void)result;
	o->allowed = pc_event_int(ev, "allowed") != 0;
	snprintf(o->reason, sizeof(o->reason), "%s", reason ? reason : "");
}

static struct opinion opinion_of(pc_module *m, const pc_session *s, bool offering)
{
	const pc_arg args[] = { PC_INT("allowed", pc_opt_bool(m, "allow_registration")),
		                PC_INT("offering", offering), PC_STR("reason", NULL) };
	struct opinion o = { 0 };

	pc_fire(m, "registration-allowed",
	        &(pc_fire_args){ .origin = s, .args = args, .n_args = 3 }, on_opinion, &o);
	return o;
}

static pc_result on_features(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	pc_module *m = pc_event_module(ev);

	(void)data;
	if (s && s->type == PC_C2S_UNAUTHED && is_open(m, s) && opinion_of(m, s, true).allowed)
		pc_stanza_open(pc_event_stanza(ev), "register", NS_FEATURE);
	return PC_PASS;
}

static pc_result on_set(pc_event *ev, const pc_session *s, const pc_stanza *query)
{
	pc_module *m = pc_event_module(ev);
	struct tries *tries = pc_session_data(s, m);
	char why[PC_FORM_WHY] = "";
	struct call *call;
	int err;

	if (pc_stanza_child(query, "remove", NULL))
		return pc_reply_error(ev, NULL, "unexpected-request", "Log in first");
	if (tries->registered || tries->n >= TRIES_MOST)
		return pc_reply_error(ev, "cancel", "not-acceptable",
		                      "This stream has registered, or tried to, often enough");
	tries->n++;
	call = making_new(m);
	err = fields_read(query, call, why);
	if (err != PC_OK) {
		making_free(call);
		return err == PC_ECANCELED ? pc_reply(ev, pc_stanza_result(pc_event_stanza(ev)))
		                           : pc_reply_error(ev, "modify", "not-acceptable", why);
	}
	call->token = pc_event_suspend(ev);
	making_start(call, s);
	return PC_SUSPENDED;
}

static pc_result on_query(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	pc_module *m = pc_event_module(ev);
	pc_stanza *iq = pc_event_stanza(ev);
	pc_type type = pc_stanza_type(iq);
	struct opinion o;

	(void)data;
	if (s == NULL || s->type != PC_C2S_UNAUTHED)
		return PC_PASS;
	if (type != PC_TYPE_GET && type != PC_TYPE_SET)
		return PC_PASS;
	o = opinion_of(m, s, false);
	if (!o.allowed)
		return pc_reply_error(ev, "cancel",
		                      o.reason[0] ? "not-allowed" : "service-unavailable",
		                      o.reason[0] ? o.reason : NULL);
	if (!is_open(m, s))
		return pc_reply_error(ev, "modify", "policy-violation", "Use encryption first");
	if (type == PC_TYPE_GET)
		return fields_tell(ev);
	return on_set(ev, s, pc_stanza_child(iq, "query", NS_REGISTER));
}

/* ------------------------------------------------------------ the module */

static void load(pc_module *m)
{
	struct registrar *r = pc_module_data(m);

	r->registered = pc_counter(m, "registered", "Accounts that were registered");
	r->refused = pc_counter(m, "refused", "Registrations that were refused");
	r->details = pc_store_open(m, "account_details", PC_STORE_MAP);
	fields_load(m);
	pc_hook(m, "stream-features", on_features, -1);
	pc_hook(m, "stanza/iq/" NS_REGISTER ":query", on_query, 0);
}

static const pc_option options[] = {
	{ .name = "allow_registration",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "false",
	  .live = true,
	  .help = "Anybody may make an account from a client" },
	{ .name = "additional_registration_fields",
	  .type = PC_OPT_LIST,
	  .help = "What else is asked for: nick, name, first, last, email, address, city, state, "
	          "zip, phone, url; with \"+\" behind it must be told" },
	{ .name = "registration_title",
	  .type = PC_OPT_STRING,
	  .dflt = "Creating a new account",
	  .live = true,
	  .help = "Title of the form" },
	{ .name = "registration_instructions",
	  .type = PC_OPT_STRING,
	  .dflt = "Choose a username and password for use with this service.",
	  .live = true,
	  .help = "What the form says above its fields" },
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
	{ "registration-allowed", PC_QUESTION,
	  "may this stream register? `allowed` is to be set, and `reason` where it is 0; "
	  "`offering`: it is only asked what the stream's features say" },
	{ "user-registering", PC_WAITING,
	  "somebody wants an account: `username`, `password`, `host`, `ip`; to refuse it, set "
	  "`allowed` to 0 and `reason`, `error_type`, `error_condition`. `allow_reset` may be set "
	  "to give an account that is there the new password; `invite` comes back in the three "
	  "that follow" },
	{ "user-registered", PC_NOTICE,
	  "somebody has made an account: `username`, `host`, `source`, `ip`, `invite`" },
	{ "user-password-reset", PC_NOTICE,
	  "an account has a new password by `allow_reset`: `username`, `host`, `invite`" },
	{ "user-registration-failed", PC_NOTICE,
	  "behind user-registering, it came to nothing: `username`, `host`, `invite`" },
	{ 0 },
};

static const pc_store_decl stores[] = {
	{ "account_details", PC_STORE_MAP, "What was told when the account was registered" },
	{ 0 },
};

static const pc_metric_decl metrics[] = {
	{ "registered", PC_COUNTER, "Accounts that were registered" },
	{ "refused", PC_COUNTER, "Registrations that were refused" },
	{ 0 },
};

PC_MODULE(register_ibr, .summary = "Making an account from a client", .xeps = "0077:2.4",
          .data_size = sizeof(struct registrar), .session_size = sizeof(struct tries),
          .options = options, .events = events, .stores = stores, .metrics = metrics, .load = load);
