#include "refusal.h"

struct said {
	const char *type, *condition;
	const char *detail, *feature; /* of pubsub#errors; NULL: none */
};

static const struct said table[REFUSALS] = {
	[REFUSE_NOT] = { "cancel", "undefined-condition", NULL, NULL },
	[REFUSE_BAD_REQUEST] = { "modify", "bad-request", NULL, NULL },
	[REFUSE_BUSY] = { "wait", "internal-server-error", NULL, NULL },
	[REFUSE_CLOSED_NODE] = { "cancel", "not-allowed", "closed-node", NULL },
	[REFUSE_EXISTS] = { "cancel", "conflict", NULL, NULL },
	[REFUSE_FORBIDDEN] = { "auth", "forbidden", NULL, NULL },
	[REFUSE_INTERNAL] = { "wait", "internal-server-error", NULL, NULL },
	[REFUSE_INVALID_JID] = { "modify", "bad-request", "invalid-jid", NULL },
	[REFUSE_INVALID_OPTIONS] = { "modify", "bad-request", "invalid-options", NULL },
	[REFUSE_INVALID_PAYLOAD] = { "modify", "bad-request", "invalid-payload", NULL },
	[REFUSE_INVALID_SUBID] = { "modify", "not-acceptable", "invalid-subid", NULL },
	[REFUSE_ITEM_FORBIDDEN] = { "modify", "bad-request", "item-forbidden", NULL },
	[REFUSE_ITEM_REQUIRED] = { "modify", "bad-request", "item-required", NULL },
	[REFUSE_JID_REQUIRED] = { "modify", "bad-request", "jid-required", NULL },
	[REFUSE_NODE_FULL] = { "cancel", "conflict", "node-full", NULL },
	[REFUSE_NODE_REQUIRED] = { "modify", "bad-request", "nodeid-required", NULL },
	[REFUSE_NO_PAGE] = { "cancel", "feature-not-implemented", NULL, NULL },
	[REFUSE_NOT_ACCEPTABLE] = { "modify", "not-acceptable", NULL, NULL },
	[REFUSE_NOT_FOUND] = { "cancel", "item-not-found", NULL, NULL },
	[REFUSE_NOT_IN_GROUP] = { "auth", "not-authorized", "not-in-roster-group", NULL },
	[REFUSE_NOT_SUBSCRIBED] = { "auth", "not-authorized", "not-subscribed", NULL },
	[REFUSE_NOT_SUBSCRIBED_AT_ALL] = { "cancel", "unexpected-request", "not-subscribed", NULL },
	[REFUSE_PAYLOAD_REQUIRED] = { "modify", "bad-request", "payload-required", NULL },
	[REFUSE_PAYLOAD_TOO_BIG] = { "modify", "not-acceptable", "payload-too-big", NULL },
	[REFUSE_PENDING] = { "auth", "not-authorized", "pending-subscription", NULL },
	[REFUSE_PRECONDITION] = { "cancel", "conflict", "precondition-not-met", NULL },
	[REFUSE_PRESENCE_REQUIRED] = { "auth", "not-authorized", "presence-subscription-required",
	                               NULL },
	[REFUSE_SPACE] = { "wait", "resource-constraint", NULL, NULL },
	[REFUSE_TOO_MANY_NODES] = { "wait", "resource-constraint", "max-nodes-exceeded", NULL },
	[REFUSE_TOO_MANY_SUBSCRIPTIONS] = { "wait", "policy-violation", "too-many-subscriptions",
	                                    NULL },
	[REFUSE_UNSUPPORTED] = { "cancel", "feature-not-implemented", NULL, NULL },
	[REFUSE_UNSUPPORTED_ACCESS_MODEL] = { "modify", "not-acceptable",
	                                      "unsupported-access-model", NULL },
	[REFUSE_UNSUPPORTED_DEFAULT_SUB] = { "cancel", "feature-not-implemented", "unsupported",
	                                     "retrieve-default-sub" },
	[REFUSE_UNSUPPORTED_OPTIONS] = { "cancel", "feature-not-implemented", "unsupported",
	                                 "subscription-options" },
	[REFUSE_UNSUPPORTED_PERSISTENT] = { "cancel", "feature-not-implemented", "unsupported",
	                                    "persistent-items" },
	[REFUSE_UNSUPPORTED_SUBSCRIBE] = { "cancel", "feature-not-implemented", "unsupported",
	                                   "subscribe" },
};

pc_stanza *refusal_reply(const pc_stanza *request, enum refusal why, const char *text)
{
	const struct said *said = &table[why];
	pc_stanza *reply = pc_stanza_error(request, said->type, said->condition, text);

	if (said->detail)
		pc_stanza_set(pc_stanza_open(pc_stanza_child(reply, "error", NULL), said->detail,
		                             NS_ERRORS),
		              "feature", said->feature);
	return reply;
}
