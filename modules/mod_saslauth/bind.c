/*
 * bind.c - resource binding (RFC 6120 section 7), and the session request of RFC 3921, which does
 * nothing any more but is still sent.
 */
#include "saslauth.h"

#define NS_BIND "urn:ietf:params:xml:ns:xmpp-bind"
#define NS_SESSION "urn:ietf:params:xml:ns:xmpp-session"

static pc_result on_features(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	pc_stanza *features = pc_event_stanza(ev);

	(void)data;
	if (s == NULL || s->type != PC_C2S_UNBOUND)
		return PC_PASS;
	pc_stanza_open(pc_stanza_open(features, "bind", NS_BIND), "required", NULL);
	pc_stanza_open(pc_stanza_open(features, "session", NS_SESSION), "optional", NULL);
	return PC_PASS;
}

static void on_bound(const pc_session *s, int err, const char *condition, void *data)
{
	struct sasl_call *call = data;
	pc_event *ev = pc_token_event(call->token);
	pc_token token = call->token;
	pc_stanza *reply;

	sasl_call_free(call);
	if (ev && err != PC_OK) {
		pc_reply_error(ev, NULL, condition ? condition : "internal-server-error", NULL);
	} else if (ev && s) {
		reply = pc_stanza_result(pc_event_stanza(ev));
		pc_stanza_leaf(pc_stanza_open(reply, "bind", NS_BIND), "jid", s->full_jid);
		pc_reply(ev, reply);
	}
	pc_event_resume(token, PC_HANDLED);
}

static bool is_answer(const pc_stanza *iq)
{
	return pc_stanza_type(iq) == PC_TYPE_RESULT || pc_stanza_type(iq) == PC_TYPE_ERROR;
}

static pc_result on_bind(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	pc_module *m = pc_event_module(ev);
	struct sasl_call *call;
	pc_stanza *bind;

	(void)data;
	if (s == NULL || s->type != PC_C2S_UNBOUND || is_answer(pc_event_stanza(ev)))
		return PC_PASS;
	if (pc_stanza_type(pc_event_stanza(ev)) != PC_TYPE_SET)
		return pc_reply_error(ev, NULL, "bad-request", NULL);
	bind = pc_stanza_child(pc_event_stanza(ev), "bind", NS_BIND);
	call = sasl_call_new(m);
	call->token = pc_event_suspend(ev);
	pc_session_bind(m, s, pc_stanza_child_text(bind, "resource", NULL), on_bound, call);
	return PC_SUSPENDED;
}

static pc_result on_bind_again(pc_event *ev, void *data)
{
	(void)data;
	return pc_reply_error(ev, NULL, "not-allowed", "A resource is bound already");
}

static pc_result on_session(pc_event *ev, void *data)
{
	(void)data;
	return pc_reply(ev, pc_stanza_result(pc_event_stanza(ev)));
}

void sasl_bind_load(pc_module *m)
{
	pc_hook(m, "stream-features", on_features, 0);
	pc_hook(m, "stanza/iq/" NS_BIND ":bind", on_bind, 0);
	pc_hook(m, "iq-set/self/" NS_BIND ":bind", on_bind_again, 0);
	pc_hook(m, "iq-set/self/" NS_SESSION ":session", on_session, 0);
}
