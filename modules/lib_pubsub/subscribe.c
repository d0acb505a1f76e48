/*
 * subscribe.c - subscribing and the end of it (XEP-0060 sections 6.1 and 6.2).
 */
#include "request.h"

#include "mem.h"

static const char *state_of(const struct subscription *s)
{
	return s == NULL ? "none" : s->pending ? "pending" : "subscribed";
}

static pc_stanza *subscription_reply(const pc_event *ev, const struct node *n, const char *jid)
{
	pc_stanza *pubsub, *reply = request_reply(ev, &pubsub);
	pc_stanza *sub = pc_stanza_open(pubsub, "subscription", NULL);

	pc_stanza_set(sub, "node", n->name);
	pc_stanza_set(sub, "jid", jid);
	pc_stanza_set(sub, "subscription", state_of(node_subscription(n, jid)));
	return reply;
}

/* Who approves it is asked, unless he who subscribes could do so, or has been let in already. */
static bool needs_approval(const struct node *n, const struct standing *who)
{
	return n->config.access == ACCESS_AUTHORIZE && !who->subscribed &&
	       (who->affiliation == AFFILIATION_NONE ||
	        who->affiliation == AFFILIATION_PUBLISH_ONLY);
}

static enum refusal check(const struct request *r, const struct node *n, const struct standing *who,
                          const char *jid)
{
	enum refusal why = access_check(&n->config, who, ACTION_SUBSCRIBE);

	if (why)
		return why;
	if (who->pending)
		return REFUSE_PENDING;
	if (node_subscription(n, jid) == NULL &&
	    HASH_COUNT(n->subscriptions) >= (size_t)r->p->max_subscriptions)
		return REFUSE_TOO_MANY_SUBSCRIPTIONS;
	return REFUSE_NOT;
}

static void subscribe(struct request *r, const pc_event *ev, struct node *n, const char *jid,
                      pc_ticket ticket)
{
	struct standing who = request_standing(r, n);
	enum refusal why = check(r, n, &who, jid);
	pc_stanza *reply;

	if (why) {
		request_refuse(r, why, NULL);
		return;
	}
	if (node_subscription(n, jid) == NULL) {
		ticket = service_subscribe(r->s, n, jid, needs_approval(n, &who), false);
		notify_owners(r->s, n, jid, state_of(node_subscription(n, jid)));
	}
	reply = subscription_reply(ev, n, jid);
	if (node_subscription(n, jid)->pending)
		authorize_ask(r->s, n, jid);
	else
		notify_last(r->s, n, jid, false);
	request_answer(r, ticket, reply);
}

/* false: refused. */
static bool read_jid(struct request *r, const pc_event *ev, char full[static PC_JID_MAX + 1],
                     char bare[static PC_JID_MAX + 1])
{
	const pc_stanza *st = request_element(ev);

	if (pc_stanza_get(st, "jid") == NULL)
		request_refuse(r, REFUSE_JID_REQUIRED, NULL);
	else if (!request_jid(st, "jid", full, bare))
		request_refuse(r, REFUSE_INVALID_JID, NULL);
	else if (request_node_name(ev) == NULL)
		request_refuse(r, REFUSE_NODE_REQUIRED, NULL);
	else
		return true;
	return false;
}

void subscribe_handle(struct request *r, pc_event *ev)
{
	char full[PC_JID_MAX + 1], bare[PC_JID_MAX + 1];
	struct node *n = service_node(r->s, request_node_name(ev));
	pc_ticket ticket = 0;

	if (!read_jid(r, ev, full, bare))
		return;
	if (strcmp(bare, r->bare) != 0) {
		request_refuse(r, REFUSE_INVALID_JID, NULL);
	} else if (pc_stanza_child(pc_stanza_first(pc_event_stanza(ev)), "options", NS_PUBSUB)) {
		request_refuse(r, REFUSE_UNSUPPORTED_OPTIONS, NULL);
	} else if (n == NULL && !r->p->create_on_subscribe) {
		request_refuse(r, REFUSE_NOT_FOUND, NULL);
	} else {
		if (n == NULL)
			n = create_node(r, ev, request_node_name(ev), NULL, CONFIG_CHANGE, &ticket);
		if (n)
			subscribe(r, ev, n, full, ticket);
	}
}

void unsubscribe_handle(struct request *r, pc_event *ev)
{
	char full[PC_JID_MAX + 1], bare[PC_JID_MAX + 1];
	struct node *n = service_node(r->s, request_node_name(ev));
	pc_ticket ticket;

	if (!read_jid(r, ev, full, bare))
		return;
	if (n == NULL) {
		request_refuse(r, REFUSE_NOT_FOUND, NULL);
	} else if (strcmp(bare, r->bare) != 0) {
		request_refuse(r, REFUSE_FORBIDDEN, NULL);
	} else if (node_subscription(n, full) == NULL) {
		request_refuse(r, REFUSE_NOT_SUBSCRIBED_AT_ALL, NULL);
	} else if (pc_stanza_get(request_element(ev), "subid")) {
		request_refuse(r, REFUSE_INVALID_SUBID, NULL);
	} else {
		ticket = service_subscribe(r->s, n, full, false, true);
		notify_owners(r->s, n, full, "none");
		request_answer(r, ticket, subscription_reply(ev, n, full));
	}
}

void options_handle(struct request *r, pc_event *ev)
{
	(void)ev;
	request_refuse(r, REFUSE_UNSUPPORTED_OPTIONS, NULL);
}

void default_options_handle(struct request *r, pc_event *ev)
{
	(void)ev;
	request_refuse(r, REFUSE_UNSUPPORTED_DEFAULT_SUB, NULL);
}
