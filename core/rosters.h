/*
 * rosters.h - the roster of pc_roster as rosters.c keeps it; for roster_cache.c and
 * subscriptions.c.
 *
 * Items lie in an array sorted by address; each is one block with its texts behind it, so that a
 * roster costs some 70 bytes a contact. A contact that only asked is an item that is not shown.
 */
#pragma once

#include <prosody-c/roster.h>
#include <prosody-c/store.h>

#define PC__ROSTER_GROUPS 64 /* of one item */

struct pc__roster_item {
	pc_stanza *request; /* the subscription request that waits for an answer */
	uint8_t subscription;
	bool in_roster : 1, pending_out : 1, pending_in : 1, approved : 1, has_name : 1;
	uint8_t n_groups;
	char texts[]; /* address, name, groups: each with its NUL */
};

struct pc_roster {
	pc_host *host;
	const char *user;
	pc_store *store;
	struct pc__roster_item **items;
	size_t n, size;
	size_t n_shown;
	uint64_t version;
	char version_text[40];
	struct pc__roster_item *removed; /* what pc_roster_remove() last told of */
	struct pc__roster_item **shared; /* of a list: address, name, groups; sorted */
	size_t n_shared;
	uint32_t shared_sum;
};

/* `user` must outlive it. */
pc_roster *pc__roster_new(pc_host *host, const char *user, pc_store *store);
void pc__roster_free(pc_roster **r);
/* From the store: one item each. Damaged ones are logged and left out. */
void pc__roster_read(pc_roster *r, const pc_item *items, size_t n);
/* The states of a contact, or NULL. */
struct pc__roster_item *pc__roster_item(const pc_roster *r, const char *jid);
/* The same, made where there is none; NULL: there is no room. What will be shown has as many places
 * as what only strangers have made, so that these leave the account its own. */
struct pc__roster_item *pc__roster_item_for(pc_roster *r, const char *jid, bool shown);
/* Writes the contact as it is now (or its removal), and a new version. */
pc_ticket pc__roster_save(pc_roster *r, const char *jid);
/* An item that says nothing any more goes. */
void pc__roster_tidy(pc_roster *r, const char *jid);

/* Without states. */
struct pc__roster_item *pc__roster_item_new(const char *jid, const char *name,
                                            const char *const *groups, size_t n_groups);
void pc__roster_set_version_text(pc_roster *r);
void pc__roster_fill(const struct pc__roster_item *item, pc_contact *c);

/* roster_shared.c */
/* What a list says of the contact, or NULL. */
const struct pc__roster_item *pc__roster_shared(const pc_roster *r, const char *jid);
/* A contact that is shared: subscribed in both directions, in the list's groups and the account's
 * own; a name that the account has given it comes before that of the list. `item` may be NULL. */
void pc__roster_fill_shared(const struct pc__roster_item *item,
                            const struct pc__roster_item *shared, pc_contact *c);
/* What a client sends back of a shared contact's name and groups is not the account's own. `shared`
 * may be NULL. */
const char *pc__roster_own_name(const struct pc__roster_item *shared, const char *name);
size_t pc__roster_own_groups(const struct pc__roster_item *shared, const char *const *groups,
                             size_t n_groups, const char *own[static PC__ROSTER_GROUPS]);
void pc__roster_shared_free(struct pc__roster_item **items, size_t n);

/* subscriptions.c: the states of RFC 6121 appendix A as a pure function. */
struct pc__sub_state {
	pc_subscription subscription;
	bool pending_out, pending_in, approved;
};
/* Changes the state; returns PC_SUB_ flags. */
int pc__subscription_apply(struct pc__sub_state *state, pc_sub_event event);
