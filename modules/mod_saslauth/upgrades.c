/*
 * upgrades.c - keys of one more hash for an account, which its client makes of the password
 * (XEP-0480).
 *
 * Accounts that came from elsewhere have keys of one hash. A client that has proved the password by
 * that one may derive those of another; ours are never lost by it. One that the account has already
 * is passed over.
 */
#include <stdio.h>
#include <string.h>

#include "sasl2.h"

#define NS_UPGRADE "urn:xmpp:sasl:upgrade:0"
#define NS_SCRAM "urn:xmpp:scram-upgrade:0"
#define SALT_LEN 16
#define TASK_SIZE 32

static void task_name(pc_scram_hash hash, char out[static TASK_SIZE])
{
	snprintf(out, TASK_SIZE, "UPGR-%s", pc_scram_name(hash, false));
}

/* The hashes that the provider gives keys of, where it takes more. */
static unsigned possible(pc_module *m)
{
	const pc_auth_provider *auth = pc_auth(pc_module_host(m));

	if (auth == NULL || auth->size <= offsetof(pc_auth_provider, add_keys) ||
	    auth->add_keys == NULL || auth->keys == NULL)
		return 0;
	return auth->scram_hashes & ((1u << PC_SCRAM_HASHES) - 1);
}

void upgrades_offer(pc_module *m, pc_stanza *authentication)
{
	unsigned hashes = possible(m);
	char task[TASK_SIZE];

	for (unsigned i = 0; i < PC_SCRAM_HASHES; i++) {
		if (!(hashes & 1u << i))
			continue;
		task_name((pc_scram_hash)i, task);
		pc_stanza_text(pc_stanza_open(authentication, "upgrade", NS_UPGRADE), task);
	}
}

unsigned upgrades_wanted(pc_module *m, const pc_stanza *request)
{
	unsigned wanted = 0;
	char task[TASK_SIZE];

	for (const pc_stanza *c = pc_stanza_first(request); c; c = pc_stanza_next(c)) {
		if (!pc_stanza_is(c, "upgrade", NS_UPGRADE))
			continue;
		for (unsigned i = 0; i < PC_SCRAM_HASHES; i++) {
			task_name((pc_scram_hash)i, task);
			if (strcmp(pc_stanza_get_text(c), task) == 0)
				wanted |= 1u << i;
		}
	}
	return wanted & possible(m);
}

/* ------------------------------------------------------------ which one */

static pc_scram_hash first_of(unsigned hashes)
{
	unsigned i = 0;

	while (!(hashes & 1u << i))
		i++;
	return (pc_scram_hash)i;
}

static void ask(const pc_session *s, struct sasl_state *state)
{
	struct sasl2 *l = state->sasl2;
	pc_stanza *st = pc_stanza_new("continue", PC_NS_SASL2);
	char task[TASK_SIZE];

	task_name(first_of(l->upgrades), task);
	sasl2_add_data(l, st);
	pc_stanza_leaf(pc_stanza_open(st, "tasks", NULL), "task", task);
	pc_session_send(s, st);
	pc_stanza_free(&st);
	state->step = SASL_WAIT_NEXT;
	sasl2_rest(l);
}

/* The log-in of a call that goes on behind the exchange; NULL when it has ended. */
static const pc_session *login_of(struct sasl_call *call, struct sasl_state **state_r)
{
	const pc_session *s = pc_session_find(call->session);

	*state_r = s ? pc_session_data_if(s, call->m) : NULL;
	return *state_r && (*state_r)->sasl2 ? s : NULL;
}

static struct sasl_call *call_new(pc_module *m, const pc_session *s, pc_scram_hash hash)
{
	struct sasl_call *call = sasl_call_new(m);

	call->session = s->id;
	call->hash = hash;
	return call;
}

static void on_keys(int err, const pc_scram_keys *keys, void *data)
{
	struct sasl_call *call = data;
	struct sasl_state *state;
	const pc_session *s = login_of(call, &state);

	(void)keys;
	if (s && err == PC_ENOTSUP) {
		ask(s, state);
	} else if (s) {
		state->sasl2->upgrades &= ~(1u << call->hash);
		sasl2_go_on(call->m, s, state);
	}
	sasl_call_free(call);
}

bool upgrades_next(pc_module *m, const pc_session *s, struct sasl_state *state)
{
	struct sasl2 *l = state->sasl2;
	pc_scram_hash hash;

	if (l->upgrades == 0)
		return false;
	hash = first_of(l->upgrades);
	pc_user_keys(m, pc_module_host(m), l->username, hash, on_keys, call_new(m, s, hash));
	return true;
}

/* ------------------------------------------------------------ <next/>, <task-data/> */

pc_result upgrades_begin(pc_event *ev, const pc_session *s, struct sasl_state *state)
{
	pc_module *m = pc_event_module(ev);
	const char *chosen = pc_stanza_get(pc_event_stanza(ev), "task");
	struct sasl2 *l = state->sasl2;
	char task[TASK_SIZE], salt[pc_base64_size(SALT_LEN)], iterations[16];
	pc_stanza *st, *element;

	task_name(first_of(l->upgrades), task);
	if (chosen == NULL || strcmp(chosen, task) != 0) {
		sasl_failure(m, s, state, "malformed-request", "No such task was offered",
		             SASL_NO_GUESS);
		return PC_HANDLED;
	}
	l->keys =
	        (pc_scram_keys){ .hash = first_of(l->upgrades),
		                 .salt_len = SALT_LEN,
		                 .iterations = (uint32_t)pc_opt_int(m, "default_iteration_count") };
	pc_random_bytes(l->keys.salt, SALT_LEN);
	pc_base64_encode(l->keys.salt, SALT_LEN, salt);
	snprintf(iterations, sizeof(iterations), "%u", l->keys.iterations);
	st = pc_stanza_new("task-data", PC_NS_SASL2);
	element = pc_stanza_open(st, "salt", NS_SCRAM);
	pc_stanza_set(element, "iterations", iterations);
	pc_stanza_text(element, salt);
	pc_session_send(s, st);
	pc_stanza_free(&st);
	state->step = SASL_WAIT_TASK;
	return PC_HANDLED;
}

/* Keys that were not taken are no reason to refuse who has proved himself, but for a store that
 * fails: the client would think that they are there. */
static void on_added(int err, void *data)
{
	struct sasl_call *call = data;
	struct sasl_state *state;
	const pc_session *s = login_of(call, &state);

	if (s && err != PC_OK && err != PC_EEXIST && err != PC_ECONFLICT) {
		pc_log_session(call->m, s, PC_WARN, "keys for %s cannot be kept: %s",
		               state->sasl2->username, pc_strerror(err));
		sasl_failure(call->m, s, state, "temporary-auth-failure", NULL, SASL_NO_GUESS);
	} else if (s) {
		state->sasl2->upgrades &= ~(1u << call->hash);
		sasl2_go_on(call->m, s, state);
	}
	sasl_call_free(call);
}

static bool read_hash(const pc_stanza *task_data, pc_scram_keys *keys)
{
	const char *text = pc_stanza_child_text(task_data, "hash", NS_SCRAM);
	uint8_t salted[PC_SCRAM_KEY_MAX];
	ssize_t n = text ? pc_base64_decode(text, strlen(text), salted, sizeof(salted)) : -1;
	bool good = n > 0 && pc_scram_from_salted(salted, (size_t)n, keys) == PC_OK;

	explicit_bzero(salted, sizeof(salted));
	return good;
}

pc_result upgrades_take(pc_event *ev, const pc_session *s, struct sasl_state *state)
{
	pc_module *m = pc_event_module(ev);
	struct sasl2 *l = state->sasl2;

	if (!read_hash(pc_event_stanza(ev), &l->keys)) {
		sasl_failure(m, s, state, "malformed-request", NULL, SASL_NO_GUESS);
		return PC_HANDLED;
	}
	l->busy = true;
	pc_user_add_keys(m, pc_module_host(m), l->username, &l->keys, on_added,
	                 call_new(m, s, l->keys.hash));
	return sasl_element_end(ev, state);
}
