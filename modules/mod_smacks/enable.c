/*
 * enable.c - what is offered, and <enable/> (XEP-0198 section 3), also along with a resource
 * (XEP-0386).
 */
#include <stdio.h>
#include <string.h>

#include "smacks.h"

static void write_max(pc_stanza *enabled, double seconds)
{
	char text[32];

	snprintf(text, sizeof(text), "%.0f", seconds < 1 ? 1 : seconds);
	pc_stanza_set(enabled, "max", text);
}

static pc_stanza *make_enabled(struct smacks *x, const struct sm *sm, const char *token)
{
	pc_stanza *enabled = pc_stanza_new("enabled", smacks_ns(sm));

	if (sm->resumable) {
		pc_stanza_set(enabled, "id", token);
		pc_stanza_set(enabled, "resume", "true");
		write_max(enabled, hibernate_seconds(x, sm));
		pc_stanza_set(enabled, "location", pc_opt_str(x->m, "smacks_location"));
	}
	return enabled;
}

static bool may_be_resumed(struct smacks *x)
{
	return x->limits.hibernation > 0 && pc_opt_int(x->m, "smacks_max_hibernated_sessions") > 0;
}

struct wish {
	uint8_t version;
	bool resume;
	uint32_t max;
};

static bool read_wish(const pc_stanza *request, struct wish *wish)
{
	const char *max = pc_stanza_get(request, "max");

	*wish = (struct wish){ .version = strcmp(pc_stanza_ns(request), NS_SM2) == 0 ? 2 : 3 };
	return smacks_boolean(pc_stanza_get(request, "resume"), &wish->resume) &&
	       (max == NULL || (smacks_number(max, &wish->max) && wish->max > 0));
}

/* <enabled/> or <failed/>. Only a session with a resource may count, and only once. */
static pc_stanza *enable(struct smacks *x, const pc_session *s, const pc_stanza *request,
                         enum sm_state state)
{
	char token[PC_ID_SIZE];
	struct wish wish;
	struct sm *sm;

	if (s->type != PC_C2S || smacks_of(s, x->m))
		return smacks_failed(pc_stanza_ns(request), "unexpected-request", NULL);
	if (!read_wish(request, &wish))
		return smacks_failed(pc_stanza_ns(request), "bad-request", NULL);
	sm = pc_session_data(s, x->m);
	*sm = (struct sm){ .state = (uint8_t)state,
		           .version = wish.version,
		           .most_seconds = (float)wish.max,
		           .resumable = wish.resume && may_be_resumed(x) };
	pc_random_id(token);
	smacks_digest(token, sm->digest);
	smacks_begin(x, s, sm, 0);
	if (sm->resumable)
		survive_begin(x, s);
	pc_metric_add(x->enabled, 1);
	return make_enabled(x, sm, token);
}

pc_result enable_on_element(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);

	if (s && pc_session_stream(s))
		smacks_say(s, enable(data, s, pc_event_stanza(ev), SM_CONNECTED));
	return PC_HANDLED;
}

pc_result enable_on_features(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);

	(void)data;
	if (s && s->type == PC_C2S_UNBOUND) {
		pc_stanza_open(pc_event_stanza(ev), "sm", NS_SM2);
		pc_stanza_open(pc_event_stanza(ev), "sm", NS_SM3);
	}
	return PC_PASS;
}

/* ------------------------------------------------------------ along with a resource */

pc_result enable_on_bind2_features(pc_event *ev, void *data)
{
	(void)data;
	pc_stanza_set(pc_stanza_open(pc_event_stanza(ev), "feature", NULL), "var", NS_SM3);
	return PC_PASS;
}

/* Stanzas that come before the answer has been sent wait for it. */
pc_result enable_on_bound(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	const pc_stanza *bind = pc_event_ptr(ev, "request");
	const pc_stanza *request = bind ? pc_stanza_child(bind, "enable", NS_SM3) : NULL;
	pc_stanza *answer;

	if (s == NULL || request == NULL)
		return PC_PASS;
	answer = enable(data, s, request, SM_RESUMING);
	pc_stanza_append(pc_event_edit(ev), answer);
	pc_stanza_free(&answer);
	return PC_PASS;
}
