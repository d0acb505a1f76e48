/*
 * answers.c - what a log-in says to its client, in the words of RFC 6120 section 6 or of XEP-0388,
 * and how it ends.
 */
#include <stdlib.h>
#include <string.h>

#include "sasl2.h"
#include "saslauth.h"

pc_stanza *sasl_element(const char *name, const char *ns, const char *data, size_t len)
{
	pc_stanza *st = pc_stanza_new(name, ns);
	char text[pc_base64_size(PC_SCRAM_MESSAGE_MAX)];

	if (len > 0 && len <= PC_SCRAM_MESSAGE_MAX) {
		pc_base64_encode((const uint8_t *)data, len, text);
		pc_stanza_text(st, text);
	}
	return st;
}

static void send_and_free(const pc_session *s, pc_stanza *st)
{
	pc_session_send(s, st);
	pc_stanza_free(&st);
}

void sasl_challenge(const pc_session *s, const struct sasl_state *state, const char *data,
                    size_t len)
{
	send_and_free(s, sasl_element("challenge", state->speaks_sasl2 ? PC_NS_SASL2 : SASL_NS,
	                              data, len));
}

void sasl_end_exchange(struct sasl_state *state)
{
	pc_scram_free(&state->scram);
	sasl2_free(&state->sasl2);
	state->step = SASL_IDLE;
	state->disabled = state->refused = false;
	state->of_module = NULL;
}

struct sasl_limit sasl_address_limit(pc_module *m)
{
	return (struct sasl_limit){
		.limit = (double)pc_opt_int(m, "sasl_failures_per_address"),
		.period = pc_opt_seconds(m, "sasl_failures_period"),
		.now = pc_now_ms(),
	};
}

static void fire(pc_module *m, const pc_session *s, const char *event, const pc_arg *args, size_t n)
{
	pc_fire_args fa = { .origin = s, .args = args, .n_args = n };

	pc_notify(m, event, &fa);
}

/* ------------------------------------------------------------ failure */

static pc_stanza *failure(bool sasl2, const char *condition, const char *text)
{
	pc_stanza *st = pc_stanza_new("failure", sasl2 ? PC_NS_SASL2 : SASL_NS);

	pc_stanza_open(st, condition, SASL_NS);
	if (text)
		pc_stanza_set(pc_stanza_leaf(st, "text", text), "xml:lang", "en");
	return st;
}

/* A client that tries one mechanism after the other until it finds one that it masters guesses
 * nothing: it has twice as many attempts. */
void sasl_count(pc_module *m, const pc_session *s, struct sasl_state *state, enum sasl_guess guess)
{
	struct saslauth *sa = pc_module_data(m);
	struct sasl_limit limit = sasl_address_limit(m);

	if (guess == SASL_COUNTED)
		return;
	if (guess == SASL_GUESS)
		throttle_add(sa->throttle, s->ip, &limit);
	state->failures += guess == SASL_GUESS ? 2 : 1;
	if (state->failures >= 2 * (uint64_t)pc_opt_int(m, "sasl_max_attempts"))
		pc_session_close(s, "policy-violation", "Too many failed log-ins");
}

void sasl_failure(pc_module *m, const pc_session *s, struct sasl_state *state,
                  const char *condition, const char *text, enum sasl_guess guess)
{
	const struct saslauth *sa = pc_module_data(m);
	pc_stanza *st = failure(state->speaks_sasl2, condition, text);
	const pc_arg args[] = { PC_STR("condition", condition), PC_STR("text", text) };

	sasl_end_exchange(state);
	pc_metric_add(sa->failures, 1);
	pc_log_session(m, s, PC_INFO, "log-in failed: %s", condition);
	send_and_free(s, st);
	sasl_count(m, s, state, guess);
	fire(m, s, "auth-failure", args, 2);
	fire(m, s, "authentication-failure", args, 2);
}

/* ------------------------------------------------------------ success */

bool sasl_let_in(pc_module *m, const pc_session *s, struct sasl_state *state, const char *username,
                 const char *role)
{
	struct saslauth *sa = pc_module_data(m);
	int err = pc_session_stream(s) ? pc_session_authenticated(s, username, role) : PC_ECANCELED;

	if (err != PC_OK) {
		pc_log_session(m, s, PC_WARN, "log-in of %s refused: %s", username,
		               pc_strerror(err));
		sasl_failure(m, s, state,
		             err == PC_EPERM ? "not-authorized" : "temporary-auth-failure", NULL,
		             SASL_NO_GUESS);
		return false;
	}
	pc_metric_add(sa->successes, 1);
	pc_log_session(m, s, PC_INFO, "logged in as %s by %s%s", username, sasl_name_of(state),
	               state->sasl2 ? " (SASL2)" : "");
	return true;
}

void sasl_tell_success(pc_module *m, const pc_session *s, const char *mechanism)
{
	fire(m, s, "authentication-success", &PC_STR("mechanism", mechanism), 1);
}

void sasl_success_as(pc_module *m, const pc_session *s, struct sasl_state *state,
                     const char *username, const char *role, pc_str data)
{
	pc_stream *stream = pc_session_stream(s);
	const char *mechanism = sasl_name_of(state);

	if (state->sasl2) {
		sasl2_proved(m, s, state, username, role, data);
		return;
	}
	if (!sasl_let_in(m, s, state, username, role))
		return;
	sasl_end_exchange(state);
	send_and_free(s, sasl_element("success", SASL_NS, data.p, data.len));
	pc_stream_set_limit(stream, (size_t)pc_opt_int(m, "c2s_stanza_size_limit"));
	pc_stream_restart(stream);
	sasl_tell_success(m, s, mechanism);
}

void sasl_success(pc_module *m, const pc_session *s, struct sasl_state *state, const char *username,
                  const char *data, size_t len)
{
	sasl_success_as(m, s, state, username, NULL, (pc_str){ data, len });
}
