/*
 * mod_register_ibr.c - making an account before log-in (XEP-0077 section 3.1).
 *
 * Off unless `allow_registration` is set. A request goes this way: its fields are read and prepared
 * -> user-registering asks other modules, which may refuse it -> the account is made, and is safe
 * -> user-registered -> the answer. One stream makes one account.
 *
 * A password is in the memory of its call alone, which is wiped, and in no log.
 */
#include <prosody-c/prosody-c.h>

#include <stdio.h>
#include <string.h>

#define NS "jabber:iq:register"
#define NS_FEATURE "http://jabber.org/features/iq-register"

#define VALUE_MAX 255 /* bytes of an additional field */
#define TRIES_MOST 5  /* of a stream */
#define MORE_MOST 11  /* fields besides the name and the password */

/* What additional_registration_fields may name (XEP-0077 section 14.1). */
static const pc_field known[] = {
	{ .var = "nick", .label = "Nickname" },
	{ .var = "name", .label = "Full name" },
	{ .var = "first", .label = "Given name" },
	{ .var = "last", .label = "Family name" },
	{ .var = "email", .label = "E-mail address" },
	{ .var = "address", .label = "Street address" },
	{ .var = "city", .label = "City" },
	{ .var = "state", .label = "Region" },
	{ .var = "zip", .label = "Postal code" },
	{ .var = "phone", .label = "Telephone number" },
	{ .var = "url", .label = "Web page" },
};
#define N_KNOWN (sizeof(known) / sizeof(known[0]))
_Static_assert(N_KNOWN == MORE_MOST, "a call has room for every field");

/* A registration under way. They are the instance's and used again, so that those whose callback is
 * dropped (module gone) need no owner. */
struct call {
	pc_module *m;
	struct call *next;
	pc_token token;
	char username[PC_JID_PART_MAX + 1];
	char password[PC_JID_PART_MAX + 1];
	char more[MORE_MOST][VALUE_MAX + 1]; /* by the order of the form; "" for none */
};

struct registrar {
	struct call *free_calls;
	pc_store *details;
	pc_field fields[MORE_MOST + 3]; /* name, password, more, end */
	size_t n_more;
	pc_metric *registered, *refused;
};

/* Of a session. */
struct tries {
	bool registered;
	uint8_t n;
};

/* ------------------------------------------------------------ calls */

static struct call *call_new(pc_module *m)
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

static void call_free(struct call *call)
{
	struct registrar *r = pc_module_data(call->m);

	explicit_bzero(call, sizeof(*call));
	call->next = r->free_calls;
	r->free_calls = call;
}

static void call_end(struct call *call)
{
	pc_token token = call->token;

	call_free(call);
	pc_event_resume(token, PC_HANDLED);
}

/* ------------------------------------------------------------ may it? */

static bool is_open(pc_module *m, const pc_session *s)
{
	const char *option = pc_opt_is_set(m, "c2s_require_encryption") ? "c2s_require_encryption"
	                                                                : "require_encryption";

	return s->secure || !pc_opt_bool(m, option);
}

static pc_result on_features(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	pc_module *m = pc_event_module(ev);

	(void)data;
	if (s && s->type == PC_C2S_UNAUTHED && pc_opt_bool(m, "allow_registration") &&
	    is_open(m, s))
		pc_stanza_open(pc_event_stanza(ev), "register", NS_FEATURE);
	return PC_PASS;
}

/* ------------------------------------------------------------ which fields */

static void load_field(pc_module *m, struct registrar *r, const char *name)
{
	size_t len = strlen(name);
	bool required = len > 0 && name[len - 1] == '+';

	for (size_t i = 0; i < N_KNOWN; i++) {
		if (strlen(known[i].var) != len - required ||
		    memcmp(known[i].var, name, len - required) != 0)
			continue;
		if (r->n_more == MORE_MOST)
			return;
		r->fields[2 + r->n_more] = known[i];
		r->fields[2 + r->n_more++].required = required;
		return;
	}
	pc_log(m, PC_WARN, "additional_registration_fields: %s is none that XEP-0077 has", name);
}

static void load_fields(pc_module *m, struct registrar *r)
{
	r->fields[0] = (pc_field){ .var = "username", .label = "Username", .required = true };
	r->fields[1] = (pc_field){
		.var = "password", .label = "Password", .type = PC_FIELD_PRIVATE, .required = true
	};
	for (size_t i = 0; i < pc_opt_count(m, "additional_registration_fields"); i++)
		load_field(m, r, pc_opt_at(m, "additional_registration_fields", i));
}

static pc_form form_of(pc_module *m)
{
	const struct registrar *r = pc_module_data(m);

	return (pc_form){ .title = pc_opt_str(m, "registration_title"),
		          .instructions = pc_opt_str(m, "registration_instructions"),
		          .form_type = NS,
		          .fields = r->fields };
}

static pc_result tell_fields(pc_event *ev)
{
	const struct registrar *r = pc_module_data(pc_event_module(ev));
	pc_form form = form_of(pc_event_module(ev));
	pc_stanza *reply = pc_stanza_result(pc_event_stanza(ev));
	pc_stanza *query = pc_stanza_open(reply, "query", NS);

	pc_stanza_leaf(query, "instructions", form.instructions);
	for (const pc_field *f = r->fields; f->var; f++)
		pc_stanza_open(query, f->var, NULL);
	pc_form_ask(query, &form, NULL);
	return pc_reply(ev, reply);
}

/* ------------------------------------------------------------ reading a request */

/* The fields as elements, for clients without forms. */
static pc_values *read_elements(const struct registrar *r, const pc_stanza *query)
{
	pc_values *values = pc_values_new();

	for (const pc_field *f = r->fields; f->var; f++) {
		const char *text = pc_stanza_child_text(query, f->var, NULL);

		if (text && *text)
			pc_values_add(values, f->var, text);
	}
	return values;
}

/* NULL, or why the values are not taken; they are in the call then. */
static const char *take_values(const struct registrar *r, const pc_values *values,
                               struct call *call)
{
	for (const pc_field *f = r->fields; f->var; f++)
		if (f->required && pc_values_get(values, f->var) == NULL)
			return "A field is missing that is required";
	if (pc_jid_prep_local(pc_values_get(values, "username"), call->username) != PC_OK)
		return "The username has characters that are not allowed";
	if (pc_saslprep(pc_values_get(values, "password"), call->password) != PC_OK ||
	    call->password[0] == '\0')
		return "The password has characters that are not allowed";
	for (size_t i = 0; i < r->n_more; i++) {
		const char *text = pc_values_get(values, r->fields[2 + i].var);

		if (text && strlen(text) > VALUE_MAX)
			return "A field is too long";
		snprintf(call->more[i], sizeof(call->more[i]), "%s", text ? text : "");
	}
	return NULL;
}

/* PC_OK: the request is in the call. PC_ECANCELED: its form was cancelled. Else it is refused for
 * the reason in `why`. */
static int read_request(const pc_stanza *query, struct call *call, char why[static PC_FORM_WHY])
{
	const struct registrar *r = pc_module_data(call->m);
	const pc_stanza *x = pc_form_find(query, NULL);
	pc_form form = form_of(call->m);
	pc_values *values = NULL;
	const char *fault;
	int err = PC_OK;

	if (x)
		err = pc_form_read(x, &form, &values, why);
	else
		values = read_elements(r, query);
	if (err == PC_OK && (fault = take_values(r, values, call)) != NULL) {
		snprintf(why, PC_FORM_WHY, "%s", fault);
		err = PC_EINVAL;
	}
	pc_values_free(&values);
	return err;
}

/* ------------------------------------------------------------ registering */

static void refuse(struct call *call, const char *type, const char *condition, const char *text)
{
	const struct registrar *r = pc_module_data(call->m);
	pc_event *ev = pc_token_event(call->token);

	pc_metric_add(r->refused, 1);
	if (ev)
		pc_reply_error(ev, type, condition, text);
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
	const pc_arg args[] = { PC_STR("username", call->username),
		                PC_STR("host", pc_module_host_name(call->m)),
		                PC_STR("source", "mod_register_ibr"),
		                PC_STR("ip", s ? s->ip : NULL) };

	pc_metric_add(r->registered, 1);
	if (s) {
		struct tries *tries = pc_session_data(s, call->m);

		tries->registered = true;
		pc_log_session(call->m, s, PC_INFO, "account %s was registered", call->username);
	}
	pc_notify(call->m, "user-registered",
	          &(pc_fire_args){ .origin = s, .args = args, .n_args = 4 });
}

static void on_created(int err, void *data)
{
	struct call *call = data;
	pc_event *ev = pc_token_event(call->token);
	pc_ticket ticket;

	switch (err) {
	case PC_OK:
		ticket = keep_details(call);
		tell_registered(call, ev ? pc_event_origin(ev) : NULL);
		if (ev)
			pc_reply_after(ev, ticket, pc_stanza_result(pc_event_stanza(ev)));
		call_end(call);
		break;
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

static void on_asked(pc_event *asked, pc_result result, void *data)
{
	struct call *call = data;
	const char *condition = pc_event_str(asked, "error_condition");
	const char *type = pc_event_str(asked, "error_type");

	if (pc_token_event(call->token) == NULL) {
		call_end(call); /* nobody is there any more to be told */
	} else if (result < 0) {
		refuse(call, "wait", "internal-server-error", NULL);
	} else if (!pc_event_int(asked, "allowed")) {
		pc_log(call->m, PC_INFO, "registration of %s refused: %s", call->username,
		       pc_event_str(asked, "reason") ? pc_event_str(asked, "reason")
		                                     : "not acceptable");
		refuse(call, type ? type : "modify", condition ? condition : "not-acceptable",
		       pc_event_str(asked, "reason"));
	} else {
		pc_user_create(call->m, pc_module_host(call->m), call->username, call->password,
		               on_created, call);
	}
}

static void ask(struct call *call, const pc_session *s)
{
	const pc_arg args[] = { PC_STR("username", call->username),
		                PC_STR("password", call->password),
		                PC_STR("host", pc_module_host_name(call->m)),
		                PC_STR("ip", s->ip),
		                PC_INT("allowed", 1),
		                PC_STR("reason", NULL),
		                PC_STR("error_type", NULL),
		                PC_STR("error_condition", NULL) };

	pc_fire_wait(call->m, "user-registering",
	             &(pc_fire_args){
	                     .origin = s, .args = args, .n_args = sizeof(args) / sizeof(args[0]) },
	             on_asked, call);
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
	call = call_new(m);
	err = read_request(query, call, why);
	if (err != PC_OK) {
		call_free(call);
		return err == PC_ECANCELED ? pc_reply(ev, pc_stanza_result(pc_event_stanza(ev)))
		                           : pc_reply_error(ev, "modify", "not-acceptable", why);
	}
	call->token = pc_event_suspend(ev);
	ask(call, s);
	return PC_SUSPENDED;
}

static pc_result on_query(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	pc_module *m = pc_event_module(ev);
	pc_stanza *iq = pc_event_stanza(ev);
	pc_type type = pc_stanza_type(iq);

	(void)data;
	if (s == NULL || s->type != PC_C2S_UNAUTHED)
		return PC_PASS;
	if (type != PC_TYPE_GET && type != PC_TYPE_SET)
		return PC_PASS;
	if (!pc_opt_bool(m, "allow_registration"))
		return pc_reply_error(ev, "cancel", "service-unavailable", NULL);
	if (!is_open(m, s))
		return pc_reply_error(ev, "modify", "policy-violation", "Use encryption first");
	if (type == PC_TYPE_GET)
		return tell_fields(ev);
	return on_set(ev, s, pc_stanza_child(iq, "query", NS));
}

/* ------------------------------------------------------------ the module */

static void load(pc_module *m)
{
	struct registrar *r = pc_module_data(m);

	r->registered = pc_counter(m, "registered", "Accounts that were registered");
	r->refused = pc_counter(m, "refused", "Registrations that were refused");
	r->details = pc_store_open(m, "account_details", PC_STORE_MAP);
	load_fields(m, r);
	pc_hook(m, "stream-features", on_features, -1);
	pc_hook(m, "stanza/iq/" NS ":query", on_query, 0);
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
	{ "user-registering", PC_WAITING,
	  "somebody wants an account: `username`, `password`, `host`, `ip`; to refuse it, set "
	  "`allowed` to 0 and `reason`, `error_type`, `error_condition`" },
	{ "user-registered", PC_NOTICE,
	  "somebody has made an account: `username`, `host`, `source`, `ip`" },
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
