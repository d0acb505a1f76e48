/*
 * access.h - who may do what with a node: affiliations, access models, publish models (XEP-0060
 * sections 4.1 and 4.5). Pure: what is known of who asks comes in, a refusal comes out.
 */
#pragma once

#include "config.h"
#include "refusal.h"

enum affiliation {
	AFFILIATION_NONE,
	AFFILIATION_OUTCAST,
	AFFILIATION_MEMBER,
	AFFILIATION_PUBLISH_ONLY,
	AFFILIATION_PUBLISHER,
	AFFILIATION_OWNER,
	AFFILIATIONS
};

/* Their names; -1: there is none of that name. */
const char *affiliation_name(enum affiliation what);
int affiliation_find(const char *name);

/* What counts of somebody at one node. */
struct standing {
	enum affiliation affiliation;
	bool subscribed;    /* to the node */
	bool pending;       /* asked for that, not answered yet */
	bool sees_presence; /* of the account whose node it is */
	bool in_group;      /* one of those that the node's settings name */
};

enum action {
	ACTION_READ,      /* items, and what the node is */
	ACTION_SUBSCRIBE, /* granted with the model "authorize": an owner is to be asked */
	ACTION_PUBLISH,
	ACTION_RETRACT, /* items of one's own */
	ACTION_OWN,     /* settings, lists, purging, deletion, others' items */
};

enum refusal access_check(const struct config *node, const struct standing *who,
                          enum action action);
