/*
 * exchange.c - the steps of one log-in.
 *
 * An account that is not there or has no keys for the mechanism goes the way of a wrong password,
 * step by step, so that a stranger cannot tell which of them it was. That an account is disabled is
 * told to those who know its password.
 */
#include <string.h>

#include "plain.h"
#include "sasl2.h"

/* No authorization identity, or one's own bare JID (RFC 6120 6.3.8). */
bool sasl_is_own_jid(const pc_session *s, const char *username, const char *authzid)
{
	char buf[PC_JID_BUF];
	pc_jid jid;

	if (authzid == NULL || *authzid == '\0')
		return true;
	if (pc_jid_parse(authzid, buf, &jid) != PC_OK || jid.local == NULL || jid.resource)
		return false;
	return strcmp(jid.local, username) == 0 && strcmp(jid.domain, s->host) == 0;
}

/* What the client is told of an answer of the account's provider. */
void sasl_fail_by(const struct sasl_call *call, const pc_session *s, struct sasl_state *state,
                  int err, enum sasl_guess guess)
{
	if (err == PC_EAUTH || err == PC_ENOENT) {
		sasl_failure(call->m, s, state, "not-authorized", NULL, guess);
		return;
	}
	if (err == PC_EPERM) {
		sasl_failure(call->m, s, state, "account-disabled", NULL, SASL_NO_GUESS);
		return;
	}
	pc_log_session(call->m, s, err == PC_EBUSY ? PC_INFO : PC_WARN,
	               "log-in of %s not possible now: %s", call->username, pc_strerror(err));
	sasl_failure(call->m, s, state, "temporary-auth-failure", NULL, SASL_NO_GUESS);
}

pc_result sasl_element_end(pc_event *ev, struct sasl_state *state)
{
	if (state->sasl2 == NULL || !state->sasl2->busy)
		return PC_HANDLED;
	state->sasl2->held = pc_event_suspend(ev);
	return PC_SUSPENDED;
}

void sasl_call_end(struct sasl_call *call)
{
	pc_token token = call->token;
	struct sasl_state *state;
	const pc_session *s = sasl_call_session(call, &state);

	sasl_call_free(call);
	if (s && state->sasl2 && state->sasl2->busy)
		state->sasl2->held = token;
	else
		pc_event_resume(token, PC_HANDLED);
}

/* ------------------------------------------------------------ PLAIN */

static void on_checked(int err, void *data)
{
	struct sasl_call *call = data;
	struct sasl_state *state;
	const pc_session *s = sasl_call_session(call, &state);

	if (s && err == PC_OK)
		sasl_success(call->m, s, state, call->username, NULL, 0);
	else if (s)
		sasl_fail_by(call, s, state, err, SASL_GUESS);
	sasl_call_end(call);
}

static pc_result step_plain(pc_event *ev, const pc_session *s, struct sasl_state *state, char *msg,
                            size_t len)
{
	pc_module *m = pc_event_module(ev);
	struct sasl_call *call;
	struct plain plain;

	if (!plain_parse(msg, len, &plain)) {
		sasl_failure(m, s, state, "malformed-request", NULL, SASL_NO_GUESS);
		return PC_HANDLED;
	}
	call = sasl_call_new(m);
	if (pc_jid_prep_local(plain.authcid, call->username) != PC_OK) {
		sasl_failure(m, s, state, "not-authorized", NULL, SASL_GUESS);
	} else if (!sasl_is_own_jid(s, call->username, plain.authzid)) {
		sasl_failure(m, s, state, "invalid-authzid", NULL, SASL_NO_GUESS);
	} else {
		call->token = pc_event_suspend(ev);
		pc_user_check(m, pc_module_host(m), call->username, plain.password, on_checked,
		              call);
		return PC_SUSPENDED;
	}
	sasl_call_free(call);
	return PC_HANDLED;
}

/* ------------------------------------------------------------ SCRAM */

/* The binding that the client chose must be one that was offered on this stream; its bytes go to
 * the exchange. */
static bool give_binding(const pc_session *s, struct sasl_state *state)
{
	pc_binding binding = pc_scram_binding(state->scram);
	uint8_t bytes[256];
	ssize_t len;

	if (binding == PC_BINDING_NONE)
		return true;
	if (!(state->bindings & 1u << binding) || pc_session_stream(s) == NULL)
		return false;
	len = pc_stream_binding(pc_session_stream(s), binding, bytes, sizeof(bytes));
	if (len <= 0)
		return false;
	pc_scram_set_binding(state->scram, bytes, (size_t)len);
	return true;
}

void sasl_exchange_keys(struct sasl_call *call, const pc_scram_keys *keys)
{
	char out[PC_SCRAM_MESSAGE_MAX];
	struct sasl_state *state;
	const pc_session *s = sasl_call_session(call, &state);
	ssize_t n;

	/* Without its exchange: the module was replaced by one whose state has another form. */
	n = s && state->scram ? pc_scram_server_first(state->scram, keys, out) : PC_ECANCELED;
	if (s && n < 0) {
		sasl_fail_by(call, s, state, n == PC_EAUTH ? PC_EINTERNAL : (int)n, SASL_GUESS);
	} else if (s) {
		state->step = SASL_WAIT_FINAL;
		sasl_challenge(s, state, out, (size_t)n);
	}
	sasl_call_end(call);
}

static void on_keys(int err, const pc_scram_keys *keys, void *data)
{
	struct sasl_call *call = data;
	struct sasl_state *state;
	const pc_session *s;

	if (err == PC_OK || (err == PC_EPERM && keys)) {
		s = sasl_call_session(call, &state);
		if (s)
			state->disabled = err == PC_EPERM;
		sasl_exchange_keys(call, keys);
	} else if (err == PC_ENOENT || err == PC_ENOTSUP) {
		sasl_fake_keys(call);
	} else {
		s = sasl_call_session(call, &state);
		if (s)
			sasl_fail_by(call, s, state, err, SASL_GUESS);
		sasl_call_end(call);
	}
}

/* What is wrong with the client's first message, as a SASL condition; NULL: nothing. */
static const char *first_fault(const pc_session *s, struct sasl_state *state, const char *msg,
                               size_t len, char username[static PC_JID_PART_MAX + 1])
{
	if (pc_scram_client_first(state->scram, msg, len) != PC_OK || !give_binding(s, state))
		return "malformed-request";
	if (pc_jid_prep_local(pc_scram_username(state->scram), username) != PC_OK)
		return "not-authorized";
	if (!sasl_is_own_jid(s, username, pc_scram_authzid(state->scram)))
		return "invalid-authzid";
	return NULL;
}

static pc_result scram_first(pc_event *ev, const pc_session *s, struct sasl_state *state,
                             const char *msg, size_t len)
{
	pc_module *m = pc_event_module(ev);
	struct sasl_call *call = sasl_call_new(m);
	const char *fault = first_fault(s, state, msg, len, call->username);

	if (fault) {
		sasl_call_free(call);
		sasl_failure(m, s, state, fault, NULL, SASL_NO_GUESS);
		return PC_HANDLED;
	}
	call->hash = (pc_scram_hash)(state->mechanism % SASL_PLUS);
	call->token = pc_event_suspend(ev);
	pc_user_keys(m, pc_module_host(m), call->username, call->hash, on_keys, call);
	return PC_SUSPENDED;
}

static pc_result scram_final(pc_event *ev, const pc_session *s, struct sasl_state *state,
                             const char *msg, size_t len)
{
	pc_module *m = pc_event_module(ev);
	char out[PC_SCRAM_MESSAGE_MAX], username[PC_JID_PART_MAX + 1];
	ssize_t n = pc_scram_client_final(state->scram, msg, len, out);

	if (n == PC_EPERM) /* the channel is not the client's: that says nothing of the password */
		sasl_failure(m, s, state, "not-authorized", NULL, SASL_NO_GUESS);
	else if (n == PC_EAUTH ||
	         pc_jid_prep_local(pc_scram_username(state->scram), username) != PC_OK)
		sasl_failure(m, s, state, "not-authorized", NULL, SASL_GUESS);
	else if (n < 0)
		sasl_failure(m, s, state, "malformed-request", NULL, SASL_NO_GUESS);
	else if (state->disabled)
		sasl_failure(m, s, state, "account-disabled", NULL, SASL_NO_GUESS);
	else
		sasl_success(m, s, state, username, out, (size_t)n);
	return sasl_element_end(ev, state);
}

/* ------------------------------------------------------------ mechanisms of modules (sasl.h) */

/* It counts at once, as the client need not wait for the end of it. */
static void refuse_by_challenge(pc_module *m, const pc_session *s, struct sasl_state *state,
                                const pc_sasl_verdict *v)
{
	state->refused = true;
	state->step = SASL_WAIT_FINAL;
	sasl_challenge(s, state, v->data, v->len);
	sasl_count(m, s, state, SASL_GUESS);
}

static void on_verdict(const pc_sasl_verdict *v, void *data)
{
	struct sasl_call *call = data;
	struct sasl_state *state;
	const pc_session *s = sasl_call_session(call, &state);

	if (s && v->condition && v->data)
		refuse_by_challenge(call->m, s, state, v);
	else if (s && v->condition)
		sasl_failure(call->m, s, state, v->condition, NULL,
		             strcmp(v->condition, "not-authorized") == 0 ? SASL_GUESS
		                                                         : SASL_NO_GUESS);
	else if (s)
		sasl_success_as(call->m, s, state, v->username, v->role,
		                (pc_str){ v->data, v->len });
	sasl_call_end(call);
}

static pc_result step_of_module(pc_event *ev, const pc_session *s, struct sasl_state *state,
                                const char *msg, size_t len)
{
	pc_module *m = pc_event_module(ev), *owner;
	const pc_stanza *request = state->sasl2 ? state->sasl2->request : NULL;
	const pc_sasl_mechanism *mechanism = sasl_of_module(m, sasl_name_of(state), &owner);
	struct sasl_call *call;

	if (state->refused) {
		sasl_failure(m, s, state, "not-authorized", NULL, SASL_COUNTED);
		return PC_HANDLED;
	}
	if (mechanism && msg == NULL && sasl_is_listed(mechanism)) {
		sasl_challenge(s, state, "", 0); /* the client has more to say first */
		return PC_HANDLED;
	}
	if (mechanism == NULL || msg == NULL) {
		sasl_failure(m, s, state, "malformed-request", NULL, SASL_NO_GUESS);
		return PC_HANDLED;
	}
	call = sasl_call_new(m);
	call->token = pc_event_suspend(ev);
	mechanism->check(owner, s, request, msg, len, on_verdict, call);
	return PC_SUSPENDED;
}

/* ------------------------------------------------------------ */

pc_result sasl_exchange_step(pc_event *ev, const pc_session *s, struct sasl_state *state, char *msg,
                             size_t len)
{
	if (state->mechanism == SASL_ANONYMOUS) /* an <auth/> without data is the rule (XEP-0175) */
		return sasl_anonymous_step(ev, s, state, msg ? msg : "", msg ? len : 0);
	if (state->mechanism == SASL_OF_MODULE)
		return step_of_module(ev, s, state, msg, len);
	if (msg == NULL) { /* a client that has more to say first: an empty challenge asks for it */
		sasl_challenge(s, state, "", 0);
		return PC_HANDLED;
	}
	if (state->mechanism == SASL_PLAIN)
		return step_plain(ev, s, state, msg, len);
	if (state->mechanism == SASL_EXTERNAL)
		return sasl_external_step(ev, s, state, msg, len);
	if (state->step == SASL_WAIT_FIRST)
		return scram_first(ev, s, state, msg, len);
	return scram_final(ev, s, state, msg, len);
}
