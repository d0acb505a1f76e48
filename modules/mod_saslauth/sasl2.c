/*
 * sasl2.c - the elements of SASL2 (XEP-0388), and what goes along with such a log-in.
 */
#include "sasl2.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UUID_LEN 36

/* ------------------------------------------------------------ a log-in */

static void free_secret(char **secret, size_t len)
{
	if (*secret)
		explicit_bzero(*secret, len);
	free(*secret);
	*secret = NULL;
}

void sasl2_free(struct sasl2 **p)
{
	struct sasl2 *l = *p;
	pc_token held;

	if (l == NULL)
		return;
	*p = NULL;
	held = l->held;
	pc_stanza_free(&l->request);
	free_secret(&l->data, l->len);
	free(l->username);
	free(l->role);
	explicit_bzero(l, sizeof(*l));
	free(l);
	if (held)
		pc_event_resume(held, PC_HANDLED);
}

void sasl2_rest(struct sasl2 *l)
{
	pc_token held = l->held;

	l->busy = false;
	l->held = 0;
	if (held)
		pc_event_resume(held, PC_HANDLED);
}

static char *copy_of(const char *text, size_t len)
{
	char *copy = malloc(len + 1);

	if (copy == NULL)
		abort();
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

void sasl2_add_data(struct sasl2 *l, pc_stanza *answer)
{
	pc_stanza *data;

	if (l->data == NULL)
		return;
	data = sasl_element("additional-data", PC_NS_SASL2, l->data, l->len);
	pc_stanza_append(answer, data);
	pc_stanza_free(&data);
	free_secret(&l->data, l->len);
}

/* ------------------------------------------------------------ the end */

struct ending {
	pc_module *m;
	pc_session_id session;
	char mechanism[64];
};

/* 2.6.1: a bare JID, or a full one where a resource is bound. */
static void add_identifier(pc_stanza *success, const pc_session *s)
{
	char jid[PC_JID_MAX + 1];

	pc_jid_write_bare(&(pc_jid){ s->username, s->host, NULL }, jid);
	pc_stanza_leaf(success, "authorization-identifier", s->full_jid ? s->full_jid : jid);
}

/* Features are for whoever has still to choose: not for a session that was resumed (XEP-0198 9.2).
 */
static void succeed(pc_module *m, const pc_session *s, pc_stanza *success, const char *mechanism,
                    bool resumed)
{
	pc_stream *stream = pc_session_stream(s);

	if (stream == NULL)
		return;
	add_identifier(success, s);
	pc_session_send(s, success);
	pc_stream_set_limit(stream, (size_t)pc_opt_int(m, "c2s_stanza_size_limit"));
	if (!resumed)
		pc_stream_send_features(stream);
	sasl_tell_success(m, s, mechanism);
	pc_notify(m, "sasl2-succeeded", &(pc_fire_args){ .origin = s });
}

/* The session may be another one than that of the log-in: one that was resumed. */
static void on_ready(pc_event *ev, pc_result result, void *data)
{
	struct ending e = *(struct ending *)data;
	pc_session_id resumed = (pc_session_id)pc_event_int(ev, "session");
	const pc_session *first = pc_session_find(e.session);
	const pc_session *s = resumed ? pc_session_find(resumed) : first;
	struct sasl_state *state = first ? pc_session_data_if(first, e.m) : NULL;

	free(data);
	if (s && result < 0)
		pc_session_close(s, "internal-server-error", NULL);
	else if (s && (resumed || (state && state->sasl2)))
		succeed(e.m, s, pc_event_edit(ev), e.mechanism, resumed != 0);
	if (state && state->sasl2)
		sasl_end_exchange(state);
}

static bool is_uuid(const char *text)
{
	for (size_t i = 0; i < UUID_LEN; i++) {
		bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;

		if (hyphen ? text[i] != '-'
		           : strchr("0123456789abcdefABCDEF", text[i]) == NULL || text[i] == '\0')
			return false;
	}
	return text[UUID_LEN] == '\0';
}

/* 2.4: only a UUID is told on, so that nobody has to expect anything else. */
static void note_client(const pc_session *s, const pc_stanza *request)
{
	const pc_stanza *agent = pc_stanza_child(request, "user-agent", PC_NS_SASL2);
	const char *id = agent ? pc_stanza_get(agent, "id") : NULL;

	if (id && is_uuid(id))
		pc_session_set_client_id(s, id);
}

static void finish(pc_module *m, const pc_session *s, struct sasl_state *state)
{
	struct sasl2 *l = state->sasl2;
	struct ending *e;
	pc_stanza *success;

	if (!sasl_let_in(m, s, state, l->username, l->role))
		return;
	e = malloc(sizeof(*e));
	if (e == NULL)
		abort();
	*e = (struct ending){ .m = m, .session = s->id };
	snprintf(e->mechanism, sizeof(e->mechanism), "%s", sasl_name_of(state));
	success = pc_stanza_new("success", PC_NS_SASL2);
	sasl2_add_data(l, success);
	pc_fire_wait(m, "sasl2-success",
	             &(pc_fire_args){ .origin = s,
	                              .stanza = success,
	                              .args = (pc_arg[]){ PC_PTR("request", l->request),
	                                                  PC_INT("session", 0) },
	                              .n_args = 2 },
	             on_ready, e);
	pc_stanza_free(&success);
}

void sasl2_go_on(pc_module *m, const pc_session *s, struct sasl_state *state)
{
	if (!upgrades_next(m, s, state))
		finish(m, s, state);
}

void sasl2_proved(pc_module *m, const pc_session *s, struct sasl_state *state, const char *username,
                  const char *role, pc_str data)
{
	struct sasl2 *l = state->sasl2;

	l->username = copy_of(username, strlen(username));
	l->role = role ? copy_of(role, strlen(role)) : NULL;
	l->data = data.p ? copy_of(data.p, data.len) : NULL;
	l->len = data.len;
	/* Who has proved the password may make keys of it: who has a token or a certificate may
	 * not make himself a password. */
	if (state->mechanism <= SASL_PLAIN)
		l->upgrades = upgrades_wanted(m, l->request);
	l->busy = true;
	sasl2_go_on(m, s, state);
}

/* ------------------------------------------------------------ elements */

static pc_result on_authenticate(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	const pc_stanza *request = pc_event_stanza(ev);
	struct sasl_state *state;

	(void)data;
	if (!sasl_is_client(s))
		return PC_PASS;
	if (!sasl_may_begin(s))
		return PC_HANDLED;
	state = sasl_state_of(ev, s);
	sasl_end_exchange(state);
	state->sasl2 = calloc(1, sizeof(*state->sasl2));
	if (state->sasl2 == NULL)
		abort();
	state->sasl2->request = pc_stanza_clone(request);
	note_client(s, request);
	return sasl_begin(ev, s, state, pc_stanza_get(request, "mechanism"),
	                  pc_stanza_child_text(request, "initial-response", PC_NS_SASL2));
}

/* The state of a log-in by SASL2 that is at that step; else the client is told, and NULL. */
static struct sasl_state *state_at(pc_event *ev, const pc_session *s, bool (*fits)(int step))
{
	pc_module *m = pc_event_module(ev);
	struct sasl_state *state;

	if (!sasl_may_begin(s))
		return NULL;
	state = sasl_state_of(ev, s);
	if (state->sasl2 && !state->sasl2->busy && fits(state->step))
		return state;
	sasl_failure(m, s, state, "malformed-request", "Nothing of that kind was asked",
	             SASL_NO_GUESS);
	return NULL;
}

static bool is_exchange(int step)
{
	return step == SASL_WAIT_FIRST || step == SASL_WAIT_FINAL;
}

static bool is_offer(int step)
{
	return step == SASL_WAIT_NEXT;
}

static bool is_task(int step)
{
	return step == SASL_WAIT_TASK;
}

static pc_result on_response(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	struct sasl_state *state;

	(void)data;
	if (!sasl_is_client(s))
		return PC_PASS;
	state = state_at(ev, s, is_exchange);
	return state ? sasl_go_on(ev, s, state, pc_stanza_get_text(pc_event_stanza(ev)))
	             : PC_HANDLED;
}

static pc_result on_next(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	struct sasl_state *state;

	(void)data;
	if (!sasl_is_client(s))
		return PC_PASS;
	state = state_at(ev, s, is_offer);
	return state ? upgrades_begin(ev, s, state) : PC_HANDLED;
}

static pc_result on_task_data(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	struct sasl_state *state;

	(void)data;
	if (!sasl_is_client(s))
		return PC_PASS;
	state = state_at(ev, s, is_task);
	return state ? upgrades_take(ev, s, state) : PC_HANDLED;
}

/* ------------------------------------------------------------ features */

void sasl2_offer(pc_module *m, const pc_session *s, const struct sasl_state *state,
                 pc_stanza *features)
{
	pc_stanza *authentication, *inlined;

	if (!s->secure || !pc_opt_bool(m, "sasl2"))
		return;
	authentication = pc_stanza_open(features, "authentication", PC_NS_SASL2);
	sasl_list_mechanisms(m, s, state, authentication);
	inlined = pc_stanza_new("inline", PC_NS_SASL2);
	pc_notify(m, "sasl2-features", &(pc_fire_args){ .origin = s, .stanza = inlined });
	if (pc_stanza_first(inlined))
		pc_stanza_append(authentication, inlined);
	pc_stanza_free(&inlined);
	upgrades_offer(m, authentication);
}

void sasl2_load(pc_module *m)
{
	pc_hook(m, "stanza/" PC_NS_SASL2 ":authenticate", on_authenticate, 0);
	pc_hook(m, "stanza/" PC_NS_SASL2 ":response", on_response, 0);
	pc_hook(m, "stanza/" PC_NS_SASL2 ":next", on_next, 0);
	pc_hook(m, "stanza/" PC_NS_SASL2 ":task-data", on_task_data, 0);
}
