/*
 * bind2.c - a resource along with the log-in (XEP-0386).
 *
 * The resource is the client's tag with what the client's id makes of it, so the same client comes
 * back under the same name; the id itself is not told.
 */
#include <stdio.h>
#include <string.h>

#include "saslauth.h"

#define TAG_MOST 200
#define SUFFIX_BYTES 8

static pc_result on_features(pc_event *ev, void *data)
{
	pc_stanza *bind = pc_stanza_open(pc_event_stanza(ev), "bind", PC_NS_BIND2);
	pc_stanza *features = pc_stanza_new("inline", PC_NS_BIND2);

	(void)data;
	pc_notify(pc_event_module(ev), "bind2-features",
	          &(pc_fire_args){ .origin = pc_event_origin(ev), .stanza = features });
	if (pc_stanza_first(features))
		pc_stanza_append(bind, features);
	pc_stanza_free(&features);
	return PC_PASS;
}

/* ------------------------------------------------------------ which resource */

static void make_suffix(const pc_session *s, char out[static PC_ID_SIZE])
{
	uint8_t digest[PC_DIGEST_MAX];
	char text[PC_JID_MAX + 64];
	int len;

	if (s->client_id == NULL) {
		pc_random_id(out);
		return;
	}
	len = snprintf(text, sizeof(text), "%s %s@%s", s->client_id, s->username, s->host);
	pc_digest("SHA-256", text, (size_t)len, digest);
	pc_hex_encode(digest, SUFFIX_BYTES, out);
}

/* 3.2.1: the tag in front, where it may stand in an address. */
static void make_resource(const pc_session *s, const pc_stanza *bind,
                          char out[static PC_JID_PART_MAX + 1])
{
	const char *tag = pc_stanza_child_text(bind, "tag", PC_NS_BIND2);
	char suffix[PC_ID_SIZE], wanted[TAG_MOST + PC_ID_SIZE + 2];

	make_suffix(s, suffix);
	if (tag && *tag && strlen(tag) <= TAG_MOST) {
		snprintf(wanted, sizeof(wanted), "%s/%s", tag, suffix);
		if (pc_jid_prep_resource(wanted, out) == PC_OK)
			return;
	}
	memcpy(out, suffix, strlen(suffix) + 1);
}

/* 3.2: earlier sessions of the same client end. */
static void end_earlier(const pc_session *s)
{
	const pc_session *other = pc_session_first(pc_session_host(s), s->username);

	for (; other && s->client_id; other = pc_session_next(other))
		if (other->client_id && strcmp(other->client_id, s->client_id) == 0)
			pc_session_close(other, "conflict", "replaced by a new connection");
}

/* ------------------------------------------------------------ binding */

static void on_bound_ended(pc_event *ev, pc_result result, void *data)
{
	struct sasl_call *call = data;
	pc_token token = call->token;
	pc_event *login = pc_token_event(token);

	sasl_call_free(call);
	if (login && result >= 0)
		pc_stanza_append(pc_event_edit(login), pc_event_stanza(ev));
	pc_event_resume(token, result < 0 ? result : PC_PASS);
}

/* The log-in has succeeded, so what stands in the way of a session is the stream's error. */
static void refuse(const pc_session *s, const char *condition)
{
	if (condition == NULL)
		condition = "internal-server-error";
	else if (strcmp(condition, "conflict") != 0 &&
	         strcmp(condition, "resource-constraint") != 0)
		condition = "policy-violation";
	pc_session_close(s, condition, "No resource can be bound");
}

static void on_bound(const pc_session *s, int err, const char *condition, void *data)
{
	struct sasl_call *call = data;
	pc_event *login = pc_token_event(call->token);
	const pc_stanza *request = login ? pc_event_ptr(login, "request") : NULL;
	pc_stanza *bound;

	if (s == NULL || request == NULL || err != PC_OK) {
		if (s)
			refuse(s, condition);
		pc_event_resume(call->token, PC_HANDLED);
		sasl_call_free(call);
		return;
	}
	bound = pc_stanza_new("bound", PC_NS_BIND2);
	pc_fire_wait(call->m, "bind2-bound",
	             &(pc_fire_args){
	                     .origin = s,
	                     .stanza = bound,
	                     .args = (pc_arg[]){ PC_PTR(
	                             "request", pc_stanza_child(request, "bind", PC_NS_BIND2)) },
	                     .n_args = 1 },
	             on_bound_ended, call);
	pc_stanza_free(&bound);
}

static pc_result on_success(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	const pc_stanza *request = pc_event_ptr(ev, "request");
	const pc_stanza *bind = request ? pc_stanza_child(request, "bind", PC_NS_BIND2) : NULL;
	char resource[PC_JID_PART_MAX + 1];
	struct sasl_call *call;

	(void)data;
	if (s == NULL || bind == NULL || pc_event_int(ev, "session"))
		return PC_PASS;
	call = sasl_call_new(pc_event_module(ev));
	call->token = pc_event_suspend(ev);
	make_resource(s, bind, resource);
	end_earlier(s);
	pc_session_bind(call->m, s, resource, on_bound, call);
	return PC_SUSPENDED;
}

void sasl_bind2_load(pc_module *m)
{
	pc_hook(m, "sasl2-features", on_features, 0);
	pc_hook(m, "sasl2-success", on_success, 0);
}
