/*
 * node.h - a node: its settings, who is affiliated, who has subscribed; and its form in a store,
 * a <pubsub xmlns='...pubsub#owner'/> with its <configure/> and its <affiliations/>. Pure.
 */
#pragma once

#include <prosody-c/table.h>

#include "access.h"
#include "config.h"

#define NODE_NAME_MOST 1023     /* bytes */
#define ITEM_ID_MOST 1023       /* bytes */
#define AFFILIATIONS_MOST 10000 /* of a node */

struct affiliated {
	UT_hash_handle hh;
	enum affiliation what;
	char jid[]; /* bare */
};

struct subscription {
	UT_hash_handle hh;
	bool pending;
	char jid[]; /* as it was subscribed: bare or full */
};

struct node {
	UT_hash_handle hh;
	struct config config;
	struct affiliated *affiliated;
	struct subscription *subscriptions;
	int64_t n_items, bytes; /* kept; -1: not counted yet */
	char name[];
};

/* Takes over what the settings hold, and clears them. */
struct node *node_new(const char *name, struct config *config);
void node_free(struct node *n);
/* A name that can be one: not empty, not too long, without control characters. */
bool node_name_fits(const char *name);

/* AFFILIATION_NONE removes. */
void node_affiliate(struct node *n, const char *bare, enum affiliation what);
enum affiliation node_affiliation(const struct node *n, const char *bare,
                                  enum affiliation otherwise);
struct subscription *node_subscription(const struct node *n, const char *jid);
struct subscription *node_subscribe(struct node *n, const char *jid, bool pending);
void node_unsubscribe(struct node *n, struct subscription *s);
/* Subscribed by one of its addresses, pending only where by none it is. */
void node_standing(const struct node *n, const char *bare, struct standing *who);

/* As text for the store; free() it. */
char *node_write(const struct node *n, size_t *len_r);
/* What the store had; `defaults` is what the settings begin with. NULL: it cannot be read. */
struct node *node_read(const char *name, const char *text, size_t len,
                       const struct config *defaults, const struct limits *limits);
