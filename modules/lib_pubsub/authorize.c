/*
 * authorize.c - subscriptions that an owner approves, by a form in a message (XEP-0060 section
 * 8.6).
 */
#include "request.h"

#include "mem.h"

#define FORM_AUTHORIZE "http://jabber.org/protocol/pubsub#subscribe_authorization"

static const pc_field fields[] = {
	{ .var = "pubsub#node", .label = "Node", .required = true },
	{ .var = "pubsub#subscriber_jid",
	  .label = "Subscriber",
	  .type = PC_FIELD_JID,
	  .required = true },
	{ .var = "pubsub#allow",
	  .label = "Allow this subscription?",
	  .type = PC_FIELD_BOOLEAN,
	  .required = true },
	{ 0 },
};
static const pc_form form = {
	.title = "Subscription request",
	.instructions = "To approve it, say yes; to deny it, say no.",
	.form_type = FORM_AUTHORIZE,
	.fields = fields,
};

void authorize_ask(const struct service *s, const struct node *n, const char *jid)
{
	pc_values *values = pc_values_new();
	char from[PC_JID_MAX + 1], id[PC_ID_SIZE];
	pc_stanza *message;

	service_jid(s, from);
	pc_random_id(id);
	message = pc_stanza_message(NULL, NULL, from);
	pc_stanza_set(message, "id", id);
	pc_values_add(values, "pubsub#node", n->name);
	pc_values_add(values, "pubsub#subscriber_jid", jid);
	pc_values_add(values, "pubsub#allow", "0");
	pc_form_ask(message, &form, values);
	pc_values_free(&values);
	notify_to_owners(s, n, message);
}

/* ------------------------------------------------------------ the answer */

static pc_ticket decide(struct request *r, struct node *n, const char *jid, bool allow)
{
	const struct subscription *s = node_subscription(n, jid);
	pc_ticket ticket;

	if (s == NULL || !s->pending)
		return 0; /* another owner was faster, or he has gone */
	ticket = service_subscribe(r->s, n, jid, false, !allow);
	notify_subscription(r->s, n, jid, allow ? "subscribed" : "none");
	notify_owners(r->s, n, jid, allow ? "subscribed" : "none");
	if (allow)
		notify_last(r->s, n, jid, false);
	return ticket;
}

static void take(struct request *r, const pc_values *values)
{
	struct node *n = service_node(r->s, pc_values_get(values, "pubsub#node"));
	struct standing who;

	if (n == NULL) {
		request_refuse(r, REFUSE_NOT_FOUND, NULL);
		return;
	}
	who = request_standing(r, n);
	if (access_check(&n->config, &who, ACTION_OWN) != REFUSE_NOT) {
		request_refuse(r, REFUSE_FORBIDDEN, NULL);
		return;
	}
	decide(r, n, pc_values_get(values, "pubsub#subscriber_jid"),
	       pc_values_bool(values, "pubsub#allow"));
	request_done(r);
}

static void handle(struct request *r, pc_event *ev)
{
	pc_values *values;
	char why[PC_FORM_WHY];
	int err = pc_form_read(pc_form_find(pc_event_stanza(ev), FORM_AUTHORIZE), &form, &values,
	                       why);

	if (err == PC_ECANCELED) {
		request_done(r);
	} else if (err != PC_OK) {
		request_refuse(r, REFUSE_BAD_REQUEST, why);
	} else {
		take(r, values);
		pc_values_free(&values);
	}
}

static const struct use use = { .handle = handle };

pc_result authorize_answer(struct pubsub *p, pc_event *ev, const char *user)
{
	const pc_stanza *st = pc_event_stanza(ev), *x = pc_form_find(st, FORM_AUTHORIZE);
	const char *type = x ? pc_stanza_get(x, "type") : NULL;
	char from[PC_JID_MAX + 1];

	if (type == NULL || (strcmp(type, "submit") != 0 && strcmp(type, "cancel") != 0) ||
	    pc_stanza_type(st) == PC_TYPE_ERROR || pc_event_from(ev) == NULL)
		return PC_PASS;
	pc_jid_write_bare(pc_event_from(ev), from);
	request_begin(p, ev, &use, user, from);
	return PC_SUSPENDED;
}
