/*
 * refusal.h - why a request is refused, and the error that says so (XEP-0060; section 16.3 lists
 * the conditions of its own).
 */
#pragma once

#include <prosody-c/stanza.h>

#define NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define NS_OWNER NS_PUBSUB "#owner"
#define NS_EVENT NS_PUBSUB "#event"
#define NS_ERRORS NS_PUBSUB "#errors"

enum refusal {
	REFUSE_NOT, /* it is granted */
	REFUSE_BAD_REQUEST,
	REFUSE_BUSY, /* the module is being exchanged: again in a moment */
	REFUSE_CLOSED_NODE,
	REFUSE_EXISTS,
	REFUSE_FORBIDDEN,
	REFUSE_INTERNAL,
	REFUSE_INVALID_JID,
	REFUSE_INVALID_OPTIONS,
	REFUSE_INVALID_PAYLOAD,
	REFUSE_INVALID_SUBID,
	REFUSE_ITEM_FORBIDDEN,
	REFUSE_ITEM_REQUIRED,
	REFUSE_JID_REQUIRED,
	REFUSE_NODE_FULL,
	REFUSE_NODE_REQUIRED,
	REFUSE_NO_PAGE, /* pages by an index */
	REFUSE_NOT_ACCEPTABLE,
	REFUSE_NOT_FOUND,
	REFUSE_NOT_IN_GROUP,
	REFUSE_NOT_SUBSCRIBED,        /* who asks for items */
	REFUSE_NOT_SUBSCRIBED_AT_ALL, /* who is to be unsubscribed */
	REFUSE_PAYLOAD_REQUIRED,
	REFUSE_PAYLOAD_TOO_BIG,
	REFUSE_PENDING,
	REFUSE_PRECONDITION,
	REFUSE_PRESENCE_REQUIRED,
	REFUSE_SPACE, /* the account's or the service's is used up */
	REFUSE_TOO_MANY_NODES,
	REFUSE_TOO_MANY_SUBSCRIPTIONS,
	REFUSE_UNSUPPORTED,
	REFUSE_UNSUPPORTED_ACCESS_MODEL,
	REFUSE_UNSUPPORTED_DEFAULT_SUB,
	REFUSE_UNSUPPORTED_OPTIONS,
	REFUSE_UNSUPPORTED_PERSISTENT,
	REFUSE_UNSUPPORTED_SUBSCRIBE,
	REFUSALS
};

/* The answer to the request; `text` may be NULL. */
pc_stanza *refusal_reply(const pc_stanza *request, enum refusal why, const char *text);
