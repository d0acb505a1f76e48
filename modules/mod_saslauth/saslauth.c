/*
 * saslauth.c - SASL for clients (RFC 6120 section 6): the elements come in, the answers go out.
 */
#include "saslauth.h"

#include <stdlib.h>
#include <string.h>

#include "sasl2.h"

/* ------------------------------------------------------------ calls */

struct sasl_call *sasl_call_new(pc_module *m)
{
	struct saslauth *sa = pc_module_data(m);
	struct sasl_call *call = sa->free_calls;

	if (call)
		sa->free_calls = call->next;
	else
		call = pc_module_alloc(m, sizeof(*call));
	*call = (struct sasl_call){ .m = m };
	return call;
}

void sasl_call_free(struct sasl_call *call)
{
	struct saslauth *sa = pc_module_data(call->m);

	call->next = sa->free_calls;
	sa->free_calls = call;
}

const pc_session *sasl_call_session(const struct sasl_call *call, struct sasl_state **state_r)
{
	pc_event *ev = pc_token_event(call->token);
	const pc_session *s = ev ? pc_event_origin(ev) : NULL;

	if (s == NULL)
		return NULL;
	*state_r = pc_session_data(s, call->m);
	return s;
}

/* ------------------------------------------------------------ the steps of any log-in */

bool sasl_may_begin(const pc_session *s)
{
	if (s->type == PC_C2S_UNAUTHED)
		return true;
	pc_session_close(s, "policy-violation", "Already logged in");
	return false;
}

bool sasl_is_client(const pc_session *s)
{
	return s && (s->type == PC_C2S_UNAUTHED || s->type == PC_C2S_UNBOUND || s->type == PC_C2S);
}

struct sasl_state *sasl_state_of(pc_event *ev, const pc_session *s)
{
	struct sasl_state *state = pc_session_data(s, pc_event_module(ev));

	state->speaks_sasl2 = strcmp(pc_stanza_ns(pc_event_stanza(ev)), PC_NS_SASL2) == 0;
	return state;
}

/* Decodes the client's message and goes on with it. */
pc_result sasl_go_on(pc_event *ev, const pc_session *s, struct sasl_state *state, const char *text)
{
	pc_module *m = pc_event_module(ev);
	char msg[PC_SCRAM_MESSAGE_MAX + 1];
	size_t len = strlen(text);
	pc_result result = PC_HANDLED;
	ssize_t n;

	if (len >= pc_base64_size(PC_SCRAM_MESSAGE_MAX)) {
		sasl_failure(m, s, state, "malformed-request", "Too long", SASL_NO_GUESS);
		return PC_HANDLED;
	}
	n = pc_base64_decode(text, len, (uint8_t *)msg, PC_SCRAM_MESSAGE_MAX);
	if (n < 0) {
		sasl_failure(m, s, state, "incorrect-encoding", NULL, SASL_NO_GUESS);
	} else {
		msg[n] = '\0';
		result = sasl_exchange_step(ev, s, state, msg, (size_t)n);
	}
	explicit_bzero(msg, sizeof(msg));
	return result;
}

/* Why the mechanism that a client asks for is not taken, as a SASL condition; NULL: it is, and
 * noted. */
static const char *mechanism_fault(pc_module *m, const pc_session *s, struct sasl_state *state,
                                   const char *name)
{
	int bit = name ? sasl_mechanism_find(name) : -1;
	const pc_sasl_mechanism *found = bit < 0 && name ? sasl_of_module(m, name, NULL) : NULL;

	if (sasl_encryption_missing(m, s) || (state->speaks_sasl2 && !s->secure))
		return "encryption-required";
	if (found && (sasl_is_listed(found) ? sasl_is_allowed(m, s, name) : state->sasl2 != NULL)) {
		state->mechanism = SASL_OF_MODULE;
		state->of_module = found;
		return NULL;
	}
	if (bit < 0 || !(state->offered & 1u << bit))
		return name && sasl_needs_encryption(m, s, name) ? "encryption-required"
		                                                 : "invalid-mechanism";
	state->mechanism = (uint8_t)bit;
	return NULL;
}

pc_result sasl_begin(pc_event *ev, const pc_session *s, struct sasl_state *state, const char *name,
                     const char *message)
{
	pc_module *m = pc_event_module(ev);
	struct saslauth *sa = pc_module_data(m);
	struct sasl_limit limit = sasl_address_limit(m);
	const char *fault = mechanism_fault(m, s, state, name);

	if (fault == NULL && !throttle_allows(sa->throttle, s->ip, &limit)) {
		pc_metric_add(sa->throttled, 1);
		fault = "temporary-auth-failure";
	}
	if (fault == NULL && state->mechanism < SASL_PLAIN &&
	    sasl_start_scram(m, s, state) != PC_OK)
		fault = "temporary-auth-failure";
	if (fault) {
		sasl_failure(m, s, state, fault, NULL, SASL_NO_GUESS);
		return PC_HANDLED;
	}
	state->step = SASL_WAIT_FIRST;
	return message ? sasl_go_on(ev, s, state, message)
	               : sasl_exchange_step(ev, s, state, NULL, 0);
}

/* ------------------------------------------------------------ elements of RFC 6120 */

static pc_result on_auth(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	struct sasl_state *state;
	const char *text;

	(void)data;
	if (!sasl_is_client(s))
		return PC_PASS;
	if (!sasl_may_begin(s))
		return PC_HANDLED;
	state = sasl_state_of(ev, s);
	sasl_end_exchange(state); /* a new <auth/> ends the exchange under way (6.4.2) */
	text = pc_stanza_get_text(pc_event_stanza(ev));
	if (*text == '\0')
		text = NULL;
	else if (strcmp(text, "=") == 0)
		text = "";
	return sasl_begin(ev, s, state, pc_stanza_get(pc_event_stanza(ev), "mechanism"), text);
}

static pc_result on_response(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	pc_module *m = pc_event_module(ev);
	struct sasl_state *state;

	(void)data;
	if (!sasl_is_client(s))
		return PC_PASS;
	if (!sasl_may_begin(s))
		return PC_HANDLED;
	state = sasl_state_of(ev, s);
	if (state->step != SASL_IDLE && state->sasl2 == NULL)
		return sasl_go_on(ev, s, state, pc_stanza_get_text(pc_event_stanza(ev)));
	sasl_failure(m, s, state, "malformed-request", "Nothing was asked", SASL_NO_GUESS);
	return PC_HANDLED;
}

static pc_result on_abort(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	pc_module *m = pc_event_module(ev);

	(void)data;
	if (!sasl_is_client(s))
		return PC_PASS;
	if (sasl_may_begin(s))
		sasl_failure(m, s, sasl_state_of(ev, s), "aborted", NULL, SASL_NO_GUESS);
	return PC_HANDLED;
}

/* Of an account that has changed meanwhile, an exchange does not go on with the keys it had. */
static bool end_stale(const pc_session *s, void *data)
{
	pc_event *ev = data;
	struct sasl_state *state = pc_session_data_if(s, pc_event_module(ev));
	char user[PC_JID_PART_MAX + 1];

	if (state && state->scram && state->step == SASL_WAIT_FINAL &&
	    pc_session_host(s) == pc_event_host(ev) &&
	    pc_jid_prep_local(pc_scram_username(state->scram), user) == PC_OK &&
	    strcmp(user, pc_event_str(ev, "username")) == 0)
		sasl_failure(pc_event_module(ev), s, state, "temporary-auth-failure", NULL,
		             SASL_NO_GUESS);
	return true;
}

static pc_result on_changed(pc_event *ev, void *data)
{
	(void)data;
	pc_each_unbound_session(end_stale, ev);
	return PC_PASS;
}

static pc_result on_features(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	pc_module *m = pc_event_module(ev);
	struct sasl_state *state;

	(void)data;
	if (s == NULL || s->type != PC_C2S_UNAUTHED)
		return PC_PASS;
	state = pc_session_data(s, m);
	sasl_end_exchange(state); /* what began before TLS does not go on under it */
	sasl_offer(m, s, state, pc_event_stanza(ev));
	return PC_PASS;
}

/* ------------------------------------------------------------ the module */

static void load(pc_module *m)
{
	struct saslauth *sa = pc_module_data(m);

	sa->successes = pc_counter(m, "successes", NULL);
	sa->failures = pc_counter(m, "failures", NULL);
	sa->throttled = pc_counter(m, "throttled", NULL);
	sa->throttle = pc_shared(m, "saslauth/failures", sizeof(*sa->throttle));
	if (sa->throttle && sa->throttle->seed == 0) {
		pc_random_bytes(&sa->throttle->seed, sizeof(sa->throttle->seed));
		sa->throttle->seed |= 1;
	}
	sasl_secret_load(m);
	pc_hook(m, "stream-features", on_features, 0);
	pc_hook(m, "user-disabled", on_changed, 0);
	pc_hook(m, "user-deleted", on_changed, 0);
	pc_hook(m, "user-password-changed", on_changed, 0);
	pc_hook(m, "stanza/" SASL_NS ":auth", on_auth, 0);
	pc_hook(m, "stanza/" SASL_NS ":response", on_response, 0);
	pc_hook(m, "stanza/" SASL_NS ":abort", on_abort, 0);
	pc_hook(m, "stanza/" PC_NS_SASL2 ":abort", on_abort, 0);
	sasl2_load(m);
	sasl_bind_load(m);
	sasl_bind2_load(m);
}

static void session_free(pc_module *m, void *session_data)
{
	(void)m;
	sasl_end_exchange(session_data);
}

static const pc_option options[] = {
	{ .name = "c2s_require_encryption",
	  .type = PC_OPT_BOOLEAN,
	  .live = true,
	  .help = "Clients must use TLS before they log in (default: require_encryption)" },
	{ .name = "require_encryption",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "true",
	  .live = true,
	  .help = "Old name for c2s_require_encryption" },
	{ .name = "allow_unencrypted_plain_auth",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "false",
	  .live = true,
	  .help = "Passwords may be sent in the clear on streams without TLS" },
	{ .name = "insecure_sasl_mechanisms",
	  .type = PC_OPT_SET,
	  .dflt = "{ \"PLAIN\", \"LOGIN\", \"OAUTHBEARER\" }",
	  .live = true,
	  .help = "Mechanisms that are not offered without TLS" },
	{ .name = "disable_sasl_mechanisms",
	  .type = PC_OPT_SET,
	  .dflt = "{ \"DIGEST-MD5\" }",
	  .live = true,
	  .help = "Mechanisms that are never offered" },
	{ .name = "sasl2",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "true",
	  .live = true,
	  .help = "SASL2 (XEP-0388) is offered under TLS" },
	{ .name = "sasl_max_attempts",
	  .type = PC_OPT_INTEGER,
	  .dflt = "5",
	  .min = 1,
	  .max = 6,
	  .live = true,
	  .help = "Wrong passwords after which a stream is closed; other failures count half" },
	{ .name = "sasl_failures_per_address",
	  .type = PC_OPT_INTEGER,
	  .dflt = "60",
	  .min = 0,
	  .max = 1000000,
	  .live = true,
	  .help = "Wrong passwords that an address (IPv6: /64) may send in sasl_failures_period; "
	          "0: any" },
	{ .name = "sasl_failures_period",
	  .type = PC_OPT_PERIOD,
	  .dflt = "5 minutes",
	  .min = 0.1,
	  .max = 86400,
	  .live = true,
	  .help = "The time in which sasl_failures_per_address are forgotten again" },
	{ .name = "c2s_stanza_size_limit",
	  .type = PC_OPT_SIZE,
	  .dflt = "256 KiB",
	  .min = 10000,
	  .max = 16777216,
	  .live = true,
	  .help = "Bytes of the largest stanza that a logged-in client may send" },
	{ .name = "default_user_role",
	  .type = PC_OPT_STRING,
	  .live = true,
	  .help = "The role of accounts, and of anonymous users where it is set (default: "
	          "prosody:guest)" },
	{ .name = "default_iteration_count",
	  .type = PC_OPT_INTEGER,
	  .dflt = "10000",
	  .min = PC_SCRAM_ITERATIONS_MIN,
	  .max = PC_SCRAM_ITERATIONS_MAX,
	  .live = true,
	  .help = "Iterations told to those who try accounts that do not exist" },
	{ 0 },
};

static const pc_event_decl events[] = {
	{ "auth-failure", PC_NOTICE, "A log-in failed: `condition` (RFC 6120 6.5), `text`" },
	{ "authentication-failure", PC_NOTICE, "The same under its older name" },
	{ "authentication-success", PC_NOTICE, "A client logged in: `mechanism`" },
	{ "sasl2-features", PC_NOTICE,
	  "SASL2 is offered; the stanza is its <inline/>, to be extended" },
	{ "sasl2-success", PC_WAITING,
	  "An account is proved by SASL2; the stanza is <success/>, to be extended: `request` "
	  "(pointer), `session` (to be set by who resumes one)" },
	{ "sasl2-succeeded", PC_NOTICE, "The <success/> of SASL2 has been sent, and features" },
	{ "bind2-features", PC_NOTICE,
	  "Bind 2 is offered; the stanza is its <inline/>, to be extended" },
	{ "bind2-bound", PC_WAITING,
	  "A resource is bound by Bind 2; the stanza is <bound/>, to be extended: `request` "
	  "(pointer)" },
	{ 0 },
};

static const pc_store_decl stores[] = {
	{ "saslauth", PC_STORE_MAP, "The host's secret, for names that have no account" },
	{ 0 },
};
static const pc_metric_decl metrics[] = {
	{ "successes", PC_COUNTER, "Log-ins that succeeded" },
	{ "failures", PC_COUNTER, "Log-ins that failed" },
	{ "throttled", PC_COUNTER, "Log-ins refused by sasl_failures_per_address" },
	{ 0 },
};

PC_MODULE(saslauth, .summary = "Log-in and resource binding (RFC 6120 sections 6 and 7)",
          .xeps = "0175:1.2 0178:1.2 0386:1.1.0 0388:1.0.4 0440:1.0.0 0474:0.5.0 0480:0.2.0 "
                  "0515:0.1.0",
          .data_size = sizeof(struct saslauth), .session_size = sizeof(struct sasl_state),
          .state_version = 4, .options = options, .events = events, .stores = stores,
          .metrics = metrics, .load = load, .session_free = session_free);
