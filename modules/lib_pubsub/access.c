#include "access.h"

#include <string.h>

static const char *const names[AFFILIATIONS] = {
	[AFFILIATION_NONE] = "none",           [AFFILIATION_OUTCAST] = "outcast",
	[AFFILIATION_MEMBER] = "member",       [AFFILIATION_PUBLISH_ONLY] = "publish-only",
	[AFFILIATION_PUBLISHER] = "publisher", [AFFILIATION_OWNER] = "owner",
};

const char *affiliation_name(enum affiliation what)
{
	return names[what];
}

int affiliation_find(const char *name)
{
	for (int i = 0; i < AFFILIATIONS; i++)
		if (name && strcmp(names[i], name) == 0)
			return i;
	return -1;
}

enum right { READ = 1, PUBLISH = 2, OWN = 4, NOTHING = 8 };

/* What the affiliation alone gives, or takes, whatever the models say (table 4 of the XEP). */
static const unsigned rights[AFFILIATIONS] = {
	[AFFILIATION_NONE] = 0,
	[AFFILIATION_OUTCAST] = NOTHING,
	[AFFILIATION_MEMBER] = READ,
	[AFFILIATION_PUBLISH_ONLY] = PUBLISH,
	[AFFILIATION_PUBLISHER] = READ | PUBLISH,
	[AFFILIATION_OWNER] = READ | PUBLISH | OWN,
};

static enum refusal by_access_model(const struct config *node, const struct standing *who,
                                    bool to_read)
{
	switch (node->access) {
	case ACCESS_OPEN:
		return REFUSE_NOT;
	case ACCESS_PRESENCE:
		return who->sees_presence ? REFUSE_NOT : REFUSE_PRESENCE_REQUIRED;
	case ACCESS_ROSTER:
		return who->in_group ? REFUSE_NOT : REFUSE_NOT_IN_GROUP;
	case ACCESS_AUTHORIZE:
		if (who->subscribed || !to_read)
			return REFUSE_NOT;
		return who->pending ? REFUSE_PENDING : REFUSE_NOT_SUBSCRIBED;
	default:
		return REFUSE_CLOSED_NODE;
	}
}

static enum refusal by_publish_model(const struct config *node, const struct standing *who)
{
	if (node->publish == PUBLISH_OPEN)
		return REFUSE_NOT;
	return node->publish == PUBLISH_SUBSCRIBERS && who->subscribed ? REFUSE_NOT
	                                                               : REFUSE_FORBIDDEN;
}

static enum refusal check_access(const struct config *node, const struct standing *who,
                                 bool to_read)
{
	if (rights[who->affiliation] & READ)
		return REFUSE_NOT;
	if (who->affiliation == AFFILIATION_PUBLISH_ONLY)
		return REFUSE_FORBIDDEN;
	return by_access_model(node, who, to_read);
}

enum refusal access_check(const struct config *node, const struct standing *who, enum action action)
{
	unsigned may = rights[who->affiliation];

	if (may & NOTHING)
		return REFUSE_FORBIDDEN;
	switch (action) {
	case ACTION_READ:
		return check_access(node, who, true);
	case ACTION_SUBSCRIBE:
		if (!node->subscribe)
			return REFUSE_UNSUPPORTED_SUBSCRIBE;
		return check_access(node, who, false);
	case ACTION_PUBLISH:
	case ACTION_RETRACT:
		return may & PUBLISH ? REFUSE_NOT : by_publish_model(node, who);
	default:
		return may & OWN ? REFUSE_NOT : REFUSE_FORBIDDEN;
	}
}
