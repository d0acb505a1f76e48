/*
 * subscriptions.c - the states of a subscription (RFC 6121 section 3 and appendix A).
 *
 * The nine states of the appendix are the product of: who is subscribed to whom, whether we have
 * asked (pending out), whether they have (pending in). Pre-approval (3.4) is one bit more.
 */
#include "rosters.h"
#include "xml/frame.h"

#define REQUEST_MOST 8192 /* bytes in memory */

static bool includes(pc_subscription s, pc_subscription part)
{
	return s == part || s == PC_SUB_BOTH;
}

static pc_subscription with(pc_subscription s, pc_subscription part)
{
	return s == PC_SUB_NONE || s == part ? part : PC_SUB_BOTH;
}

static pc_subscription without(pc_subscription s, pc_subscription part)
{
	if (s == part)
		return PC_SUB_NONE;
	if (s == PC_SUB_BOTH)
		return part == PC_SUB_TO ? PC_SUB_FROM : PC_SUB_TO;
	return s;
}

/* A.2.1: we ask. Always sent on; the state changes unless we have it already. */
static int out_subscribe(struct pc__sub_state *st)
{
	if (includes(st->subscription, PC_SUB_TO) || st->pending_out)
		return PC_SUB_ROUTE;
	st->pending_out = true;
	return PC_SUB_ROUTE | PC_SUB_CHANGED;
}

/* A.2.2 */
static int out_unsubscribe(struct pc__sub_state *st)
{
	bool changes = includes(st->subscription, PC_SUB_TO) || st->pending_out;

	st->subscription = without(st->subscription, PC_SUB_TO);
	st->pending_out = false;
	return PC_SUB_ROUTE | (changes ? PC_SUB_CHANGED : 0);
}

/* A.2.3: we allow. Without a request it is a pre-approval, which stays here. */
static int out_subscribed(struct pc__sub_state *st)
{
	if (st->pending_in) {
		st->pending_in = false;
		st->subscription = with(st->subscription, PC_SUB_FROM);
		return PC_SUB_ROUTE | PC_SUB_CHANGED;
	}
	if (includes(st->subscription, PC_SUB_FROM) || st->approved)
		return 0;
	st->approved = true;
	return PC_SUB_CHANGED;
}

/* A.2.4: we refuse or withdraw; a pre-approval is taken back. */
static int out_unsubscribed(struct pc__sub_state *st)
{
	bool was = st->pending_in || includes(st->subscription, PC_SUB_FROM);
	bool approved = st->approved;

	st->pending_in = false;
	st->approved = false;
	st->subscription = without(st->subscription, PC_SUB_FROM);
	return (was ? PC_SUB_ROUTE : 0) | (was || approved ? PC_SUB_CHANGED : 0);
}

/* A.3.1: they ask. Who is subscribed, or was approved beforehand, is answered in our name. */
static int in_subscribe(struct pc__sub_state *st)
{
	if (includes(st->subscription, PC_SUB_FROM))
		return PC_SUB_REPLY;
	if (st->approved) {
		st->approved = false;
		st->pending_in = false;
		st->subscription = with(st->subscription, PC_SUB_FROM);
		return PC_SUB_REPLY | PC_SUB_CHANGED;
	}
	if (st->pending_in)
		return 0;
	st->pending_in = true;
	return PC_SUB_ROUTE;
}

/* A.3.2 */
static int in_unsubscribe(struct pc__sub_state *st)
{
	bool from = includes(st->subscription, PC_SUB_FROM);
	bool was = from || st->pending_in;

	st->pending_in = false;
	st->subscription = without(st->subscription, PC_SUB_FROM);
	return was ? PC_SUB_ROUTE | (from ? PC_SUB_CHANGED : 0) : 0;
}

/* A.3.3: they allow; counts only where we have asked. */
static int in_subscribed(struct pc__sub_state *st)
{
	if (!st->pending_out || includes(st->subscription, PC_SUB_TO))
		return 0;
	st->pending_out = false;
	st->subscription = with(st->subscription, PC_SUB_TO);
	return PC_SUB_ROUTE | PC_SUB_CHANGED;
}

/* A.3.4 */
static int in_unsubscribed(struct pc__sub_state *st)
{
	if (!st->pending_out && !includes(st->subscription, PC_SUB_TO))
		return 0;
	st->pending_out = false;
	st->subscription = without(st->subscription, PC_SUB_TO);
	return PC_SUB_ROUTE | PC_SUB_CHANGED;
}

int pc__subscription_apply(struct pc__sub_state *state, pc_sub_event event)
{
	static int (*const rules[])(struct pc__sub_state * st) = {
		[PC_SUB_OUT_SUBSCRIBE] = out_subscribe,
		[PC_SUB_OUT_UNSUBSCRIBE] = out_unsubscribe,
		[PC_SUB_OUT_SUBSCRIBED] = out_subscribed,
		[PC_SUB_OUT_UNSUBSCRIBED] = out_unsubscribed,
		[PC_SUB_IN_SUBSCRIBE] = in_subscribe,
		[PC_SUB_IN_UNSUBSCRIBE] = in_unsubscribe,
		[PC_SUB_IN_SUBSCRIBED] = in_subscribed,
		[PC_SUB_IN_UNSUBSCRIBED] = in_unsubscribed,
	};

	return rules[event](state);
}

static bool makes_contact(pc_sub_event event)
{
	return event == PC_SUB_OUT_SUBSCRIBE || event == PC_SUB_OUT_SUBSCRIBED ||
	       event == PC_SUB_IN_SUBSCRIBE;
}

/* RFC 6121 3.1.3 wants the whole request kept. Strangers make it, so what is larger than any real
 * one is kept as the fact that they have asked. */
static pc_stanza *copy_of(const pc_stanza *request)
{
	pc_stanza *bare;

	if (pc__stanza_memory(request) <= REQUEST_MOST)
		return pc_stanza_clone(request);
	bare = pc_stanza_presence("subscribe", pc_stanza_get(request, "to"),
	                          pc_stanza_get(request, "from"));
	pc_stanza_set(bare, "id", pc_stanza_get(request, "id"));
	return bare;
}

static void keep_request(struct pc__roster_item *item, pc_sub_event event, const pc_stanza *request)
{
	if (event == PC_SUB_IN_SUBSCRIBE && item->pending_in && item->request == NULL && request)
		item->request = copy_of(request);
	if (!item->pending_in)
		pc_stanza_free(&item->request);
}

static bool same(const struct pc__sub_state *a, const struct pc__sub_state *b)
{
	return a->subscription == b->subscription && a->pending_out == b->pending_out &&
	       a->pending_in == b->pending_in && a->approved == b->approved;
}

/* What we do ourselves shows the contact to our clients (RFC 6121 3.1.2); a mere request does not.
 */
static bool shows(pc_sub_event event)
{
	return event == PC_SUB_OUT_SUBSCRIBE || event == PC_SUB_OUT_SUBSCRIBED;
}

static int apply_to(pc_roster *r, struct pc__roster_item *item, pc_sub_event event,
                    const pc_stanza *request, pc_ticket *ticket_r)
{
	struct pc__sub_state before = { (pc_subscription)item->subscription, item->pending_out,
		                        item->pending_in, item->approved };
	struct pc__sub_state now = before;
	int flags = pc__subscription_apply(&now, event);

	if (same(&before, &now))
		return flags & ~PC_SUB_CHANGED;
	item->subscription = (uint8_t)now.subscription;
	item->pending_out = now.pending_out;
	item->pending_in = now.pending_in;
	item->approved = now.approved;
	if ((shows(event) || now.subscription != PC_SUB_NONE) && !item->in_roster &&
	    (flags & PC_SUB_CHANGED)) {
		item->in_roster = true;
		r->n_shown++;
	}
	keep_request(item, event, request);
	*ticket_r = pc__roster_save(r, item->texts);
	return flags;
}

/* Nothing is known of the contact: the state None, which some events leave as it is. */
static int apply_to_stranger(pc_sub_event event)
{
	struct pc__sub_state none = { PC_SUB_NONE, false, false, false };

	return pc__subscription_apply(&none, event) & ~PC_SUB_CHANGED;
}

static int subscription_of_own(pc_roster *r, const char *jid, pc_sub_event event,
                               const pc_stanza *request, pc_ticket *ticket_r)
{
	struct pc__roster_item *item = makes_contact(event)
	                                       ? pc__roster_item_for(r, jid, shows(event))
	                                       : pc__roster_item(r, jid);
	int flags;

	*ticket_r = 0;
	if (item == NULL)
		return makes_contact(event) ? PC_ELIMIT : apply_to_stranger(event);
	flags = apply_to(r, item, event, request, ticket_r);
	pc__roster_tidy(r, jid);
	return flags;
}

/* The subscription is the list's, in both directions: who asks has it. */
static int apply_to_shared(pc_sub_event event)
{
	return event == PC_SUB_OUT_SUBSCRIBE  ? PC_SUB_ROUTE
	       : event == PC_SUB_IN_SUBSCRIBE ? PC_SUB_REPLY
	                                      : 0;
}

int pc_roster_subscription(pc_roster *r, const char *jid, pc_sub_event event,
                           const pc_stanza *request, pc_ticket *ticket_r)
{
	if (pc__roster_shared(r, jid)) {
		*ticket_r = 0;
		return apply_to_shared(event);
	}
	return subscription_of_own(r, jid, event, request, ticket_r);
}
