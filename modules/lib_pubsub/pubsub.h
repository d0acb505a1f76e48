/*
 * pubsub.h - publish-subscribe (XEP-0060), for the modules that are built with it: one service for
 * each account (pep), or one for a whole host (pubsub).
 *
 *   refusal.c    errors
 *   config.c     settings of nodes, as forms
 *   access.c     who may do what
 *   node.c       one node
 *   services.c   which services are in memory; reading and changing what is kept of nodes
 *   items.c      items in the store
 *   requests.c   an iq on its way through all of this (request.h)
 *   publish.c, retract.c, retrieve.c, subscribe.c, lists.c, owner.c   what can be asked for
 *   authorize.c  subscriptions that an owner approves
 *   notify.c     who is told, and what
 *   disco.c      what a service and its nodes say of themselves
 *
 * Kept are: the nodes, in a map (node.h); the subscriptions, in a map with the keys NODE "\n" JID;
 * how many items a node has and of how many bytes, in a map; and the items of each node in an
 * archive, whose ids are those of the items, or, where that cannot be, made from them (items.c).
 *
 * A service is in memory while it is used, and the ones used last stay. Everything of it is written
 * at once and said to be done when it is committed. What is allocated for a request is the
 * module's: where the module goes, nobody is called back to free it.
 */
#pragma once

#include <prosody-c/prosody-c.h>
#include <prosody-c/rsm.h>
#include <prosody-c/table.h>

#include "access.h"
#include "config.h"
#include "node.h"
#include "refusal.h"

struct audience;
struct pubsub;
struct request;
struct service;

/* In what the kinds of services differ. Functions may be NULL but for `defaults`. */
struct pubsub_kind {
	const char *nodes, *subscriptions, *sizes; /* stores */
	const char *items;                         /* what precedes a node's name in its store's */
	/* The settings of a new node; `c` is zeroed. */
	void (*defaults)(struct pubsub *p, const char *node, struct config *c);
	/* Finds out who asks (r->sees_presence, r->groups), and goes on by request_go_on(). */
	void (*meet)(struct request *r, pc_event *ev);
	/* What he is at nodes that say nothing of him, and may he make some? */
	enum affiliation (*affiliation)(const struct request *r, pc_event *ev);
	bool (*may_create)(const struct request *r, pc_event *ev);
	/* What else counts of somebody at a node: sees_presence, in_group; from memory alone. */
	void (*stand)(const struct service *s, const struct node *n, const char *bare,
	              struct standing *who);
	/* Adds those who are told without having subscribed. */
	void (*audience)(struct service *s, const struct node *n, struct audience *to);
	/* An item was published (`item` is its element), or retracted, or all were (id NULL). */
	void (*changed)(struct service *s, const char *node, const char *id, const pc_stanza *item);
};

struct pubsub {
	pc_module *m;
	const struct pubsub_kind *kind;
	const void *data; /* the kind's */
	struct limits limits;
	int64_t max_nodes, max_size, max_subscriptions, cache_size; /* of one service; services */
	bool create_on_publish, create_on_subscribe, show_publisher;
	pc_store *nodes, *subscriptions, *sizes;
	struct service *services; /* the one used last is the last */
	bool unloaded;
	pc_metric *published, *notified;
};

/* An iq for one of the services; user "" for the host's own. */
pc_result pubsub_iq(struct pubsub *p, pc_event *ev, const char *user);
/* In .load, once the fields up to show_publisher are set, and in .unload. */
void pubsub_load(struct pubsub *p);
void pubsub_unload(struct pubsub *p);
/* The account is gone, or what is kept of it was changed by others. */
void pubsub_forget(struct pubsub *p, const char *user);

/* ---- services.c */

struct service {
	UT_hash_handle hh;
	struct pubsub *p;
	struct node *nodes;
	int64_t bytes;  /* of all items */
	unsigned users; /* requests, and whatever else holds it */
	bool loaded, dropped, draining;
	unsigned reading; /* stores that have not answered */
	struct waiter *waiters;
	struct request *turn, *queue;   /* who changes items, and who comes next */
	char user[PC_JID_PART_MAX + 1]; /* "": the host's own */
};

/* Holds the service until service_release(); NULL: it cannot be read. Maybe before this returns. */
typedef void service_fn(struct service *s, void *data);
void service_get(struct pubsub *p, const char *user, service_fn *fn, void *data);
void service_release(struct service *s);
struct node *service_node(const struct service *s, const char *name);
/* The service's address: bare; out has PC_JID_MAX + 1 bytes. */
void service_jid(const struct service *s, char *out);
/* Makes a node of these settings, which are taken over, in memory and in the store. */
struct node *service_create(struct service *s, const char *name, struct config *config,
                            const char *owner, pc_ticket *ticket_r);
/* Settings and affiliations have changed. */
pc_ticket service_write(struct service *s, const struct node *n);
/* Subscribes, or ends that (`none`). */
pc_ticket service_subscribe(struct service *s, struct node *n, const char *jid, bool pending,
                            bool none);
/* With its items and subscriptions. */
pc_ticket service_delete(struct service *s, struct node *n);
/* NULL for the host's own, as stores want it. */
const char *service_user(const struct service *s);
/* A batch's end: where it fails, memory and store differ, and the service is read anew. */
pc_ticket service_commit(struct service *s, pc_batch *b);

/* ---- items.c */

/* The archive of a node; to be closed. */
pc_store *items_open(const struct service *s, const char *node);
/* When items are too old, in milliseconds since 1970; 0: never. */
int64_t items_oldest(const struct node *n);
/* Appends an item, or puts it into its old one's place at the end; `gone` are the keys of items
 * that it drives out. */
struct change {
	const char *id; /* of the new item; NULL: none comes */
	const char *publisher;
	const char *text;
	size_t len;
	const char *const *gone;
	size_t n_gone;
	bool all_gone;
	int64_t n_items, bytes; /* that are left then */
};
pc_ticket items_change(struct service *s, struct node *n, const struct change *change);
/* An entry as the <item/> that it holds; yours, or NULL. */
pc_stanza *items_read(const pc_entry *entry);

/* ---- notify.c */

/* Addresses, each once. */
struct audience {
	struct heard *all;
};
void audience_add(struct audience *to, const char *jid);
bool audience_has(const struct audience *to, const char *jid);

/* To all who are to know; `st` is the content of <event/>, which is taken. */
pc_stanza *notify_event(const struct service *s, const struct node *n);
void notify_send(struct service *s, const struct node *n, PC_TAKES pc_stanza *message);
/* An item that was published; payload and publisher as the node wants them. */
void notify_item(struct service *s, const struct node *n, const pc_stanza *item);
void notify_retracted(struct service *s, const struct node *n, const char *const *ids,
                      size_t count);
/* The last item to one address, if there is one and the node gives it. `on_presence`: he has come
 * online, else he has subscribed. */
void notify_last(struct service *s, const struct node *n, const char *jid, bool on_presence);
/* How a subscription is now: to its owner; `state` "subscribed", "pending", "none". */
void notify_subscription(const struct service *s, const struct node *n, const char *jid,
                         const char *state);
/* A message to all owners. */
void notify_to_owners(const struct service *s, const struct node *n, PC_TAKES pc_stanza *message);
/* How a subscription is now, to the owners that want to know. */
void notify_owners(const struct service *s, const struct node *n, const char *jid,
                   const char *state);

/* ---- authorize.c */

/* Asks the owners. */
void authorize_ask(const struct service *s, const struct node *n, const char *jid);
/* A message to the service: PC_PASS where it is no answer of this kind. */
pc_result authorize_answer(struct pubsub *p, pc_event *ev, const char *user);

/* ---- disco.c */

/* The features of a service, as items of that kind ("feature", "account-feature"). */
void disco_features(struct pubsub *p, const char *item_kind);
/* Handlers of mod_disco's events: {host,account}-disco-items, -info-node, -items-node. */
pc_result disco_nodes(struct pubsub *p, pc_event *ev, const char *user);
pc_result disco_node_info(struct pubsub *p, pc_event *ev, const char *user);
pc_result disco_node_items(struct pubsub *p, pc_event *ev, const char *user);
