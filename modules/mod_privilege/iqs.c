#include <stdlib.h>
#include <string.h>

#include "privilege.h"

#define ANSWER_SECONDS 60

/* A request under way, in an account's name. */
struct request {
	struct privilege *p;
	pc_session_id session; /* of the component */
	pc_stanza *outer;      /* the component's request */
	char *id;              /* of the account's, as the component wrote it */
	char *sent_id;         /* as it was sent to an address of this host; else NULL */
	struct request *next;
};

static const pc_stanza *encapsulated(const pc_stanza *iq)
{
	return only_child(only_child(iq, "privileged_iq", NS), "iq", PC_NS_CLIENT);
}

static void *check(void *p)
{
	if (p == NULL)
		abort(); /* out of memory ends the process */
	return p;
}

static struct request *request_new(struct privilege *p, pc_event *ev, const char *id)
{
	const pc_session *s = pc_event_origin(ev);
	struct request *r = check(calloc(1, sizeof(*r)));

	r->p = p;
	r->session = s ? s->id : 0;
	r->outer = pc_stanza_clone(pc_event_stanza(ev));
	r->id = check(strdup(id));
	r->next = p->requests;
	p->requests = r;
	return r;
}

static void request_free(struct request *r)
{
	struct request **at = &r->p->requests;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	if (r->p->sending == r)
		r->p->sending = NULL;
	pc_stanza_free(&r->outer);
	free(r->sent_id);
	free(r->id);
	free(r);
}

/* ------------------------------------------------------------ the answer */

static void send_back(const struct request *r, pc_stanza *st)
{
	const pc_session *s = pc_session_find(r->session);

	if (s) {
		pc_session_send(s, st);
		pc_stanza_free(&st);
	} else {
		pc_send(r->p->m, st);
	}
}

static void on_answer(const pc_stanza *reply, void *data)
{
	struct request *r = data;
	pc_stanza *st, *copy;

	if (reply) {
		st = pc_stanza_result(r->outer);
		copy = pc_stanza_append(pc_stanza_open(pc_stanza_open(st, "privilege", NS),
		                                       "forwarded", NS_FORWARD),
		                        reply);
		pc_stanza_set(copy, "id", r->id);
	} else {
		st = pc_stanza_error(r->outer, NULL, "remote-server-timeout", NULL);
	}
	send_back(r, st);
	request_free(r);
}

/* ------------------------------------------------------------ the request */

/* All is checked but where it goes. */
static pc_result send(pc_event *ev)
{
	pc_module *m = pc_event_module(ev);
	struct privilege *p = pc_module_data(m);
	const pc_stanza *iq = encapsulated(pc_event_stanza(ev));
	char account[PC_JID_MAX + 1], to[PC_JID_MAX + 1];
	struct request *r;
	pc_stanza *copy;
	int err;

	pc_jid_write_bare(pc_event_to(ev), account);
	if (recipient(iq, account, to) != PC_OK)
		return refuse(ev, "jid-malformed", "the request is to nobody");
	if (is_blocked(m, pc_event_to(ev)->local, to))
		return refuse(ev, "not-acceptable", "the account has blocked the recipient");
	copy = pc_stanza_clone(iq);
	pc_stanza_set(copy, "from", account);
	pc_stanza_set(copy, "to", to);
	r = request_new(p, ev, pc_stanza_get(iq, "id"));
	pc_event_defer(ev);
	p->sending = r;
	err = pc_send_iq(m, copy, ANSWER_SECONDS, on_answer, r);
	p->sending = NULL;
	if (err == PC_OK)
		return PC_HANDLED;
	request_free(r);
	return pc_reply_error(ev, "wait", "resource-constraint", "too many requests are under way");
}

static bool may_ask(const struct entity *e, const char *ns, pc_type type)
{
	for (size_t i = 0; e && i < e->n_iqs; i++)
		if (strcmp(e->iqs[i].ns, ns) == 0)
			return access_allows(e->iqs[i].access, type);
	return false;
}

static bool is_from(const pc_stanza *iq, const pc_jid *account)
{
	const char *from = pc_stanza_get(iq, "from");
	char buf[PC_JID_BUF];
	pc_jid jid;

	return from == NULL || (pc_jid_parse(from, buf, &jid) == PC_OK && jid.resource == NULL &&
	                        pc_jid_equal_bare(&jid, account));
}

pc_result iqs_on_bare(pc_event *ev, void *data)
{
	const pc_stanza *outer = pc_event_stanza(ev), *iq, *payload;
	const struct entity *e = entity_of(data, pc_event_origin(ev), outer);
	const char *id;

	if (e == NULL)
		return refuse(ev, "forbidden", "no requests in the name of others");
	iq = encapsulated(outer);
	if (iq == NULL && pc_stanza_child(pc_stanza_first(outer), "iq", NULL))
		return refuse(ev, "forbidden", "the request is one, and of jabber:client");
	payload = iq ? pc_stanza_first(iq) : NULL;
	id = iq ? pc_stanza_get(iq, "id") : NULL;
	if (payload == NULL || pc_stanza_next(payload) || id == NULL || *id == '\0')
		return refuse(ev, "bad-request", "a request with an id and one payload is wanted");
	if (pc_stanza_type(iq) != pc_stanza_type(outer))
		return refuse(ev, "forbidden", "the types of the two requests differ");
	if (!may_ask(e, pc_stanza_ns(payload), pc_stanza_type(iq)))
		return refuse(ev, "forbidden", "no such requests in the name of others");
	if (!is_from(iq, pc_event_to(ev)))
		return refuse(ev, "forbidden", "the request is from somebody else");
	return with_account(ev, pc_event_to(ev)->local, send);
}

/* To a host or a session nobody's requests are sent. */
pc_result iqs_elsewhere(pc_event *ev, void *data)
{
	const pc_stanza *iq = pc_event_stanza(ev), *payload = pc_stanza_first(iq);
	pc_type type = pc_stanza_type(iq);

	(void)data;
	if ((type != PC_TYPE_GET && type != PC_TYPE_SET) || payload == NULL ||
	    !pc_stanza_is(payload, "privileged_iq", NS))
		return PC_PASS;
	return refuse(ev, "forbidden", "such a request is to the bare address of an account");
}

/* The first that is routed while a request is being sent is this request: its id is known now. */
pc_result iqs_sent(pc_event *ev, void *data)
{
	struct privilege *p = data;

	if (p->sending && pc_event_origin(ev) == NULL)
		p->sending->sent_id = check(strdup(pc_stanza_get(pc_event_stanza(ev), "id")));
	p->sending = NULL;
	return PC_PASS;
}

/* Somebody who is about to give a request of no session to a component wants to know whether it is
 * the component's own. */
pc_result iqs_sender(pc_event *ev, void *data)
{
	const struct privilege *p = data;
	const char *id = pc_stanza_get(pc_event_stanza(ev), "id");
	char buf[PC_JID_BUF];
	pc_jid jid;

	for (const struct request *r = p->requests; r; r = r->next)
		if (r->sent_id && id && strcmp(r->sent_id, id) == 0 &&
		    pc_jid_parse(pc_stanza_get(r->outer, "from"), buf, &jid) == PC_OK)
			pc_event_set_str(ev, "entity", jid.domain);
	return PC_PASS;
}
