/*
 * roster.h - an account's contacts and what is subscribed (RFC 6121 sections 2 and 3, appendix A).
 *
 * A roster is loaded when the first session of the account binds, stays while one is connected, and
 * is loaded for a moment where somebody writes to an account that is offline. All changes go
 * through the functions here; each returns the ticket of its write. Iterating is valid until a
 * change.
 */
#pragma once

#include <prosody-c/base.h>
#include <prosody-c/stanza.h>

typedef enum pc_subscription { PC_SUB_NONE, PC_SUB_TO, PC_SUB_FROM, PC_SUB_BOTH } pc_subscription;

/* A contact; it exists for pending requests as well (in_roster is false then). */
typedef struct pc_contact {
	const char *jid;  /* bare or full as it was added; prepared */
	const char *name; /* NULL: none */
	pc_subscription subscription;
	bool in_roster;   /* shown to clients */
	bool pending_out; /* ask='subscribe' */
	bool pending_in;  /* they asked; not answered yet */
	bool approved;    /* pre-approved (RFC 6121 3.4) */
	const char *const *groups;
	size_t n_groups;
} pc_contact;

/* The roster if it is in memory; NULL: pc_roster_load(). */
PC_EXPORT pc_roster *pc_roster_of(pc_host *host, const char *user);
/* Calls back (never before it returns) with the roster, which stays in memory at least until the
 * callback has returned. */
typedef void pc_roster_fn(int err, pc_roster *roster, void *data);
PC_EXPORT void pc_roster_load(pc_module *m, pc_host *host, const char *user, pc_roster_fn *fn,
                              void *data);

PC_EXPORT const char *pc_roster_version(const pc_roster *r); /* RFC 6121 2.6 */
PC_EXPORT size_t pc_roster_count(const pc_roster *r);        /* items shown to clients */
/* Fills *contact_r; false when there is none. The strings live until the roster changes. */
PC_EXPORT bool pc_roster_find(const pc_roster *r, const char *jid, pc_contact *contact_r);
/* Iterate: start with *cursor 0; false at the end. Pending requests are included. */
PC_EXPORT bool pc_roster_each(const pc_roster *r, size_t *cursor, pc_contact *contact_r);
/* The stored subscription request of a contact (RFC 6121 3.1.3), or NULL; yours. */
PC_EXPORT pc_stanza *pc_roster_request(const pc_roster *r, const char *jid);
/* Does `jid` (bare) get presence from the account: subscription from or both? */
PC_EXPORT bool pc_roster_is_subscriber(const pc_roster *r, const char *jid);

/* Adds or changes an item's name and groups (a roster set). PC_ELIMIT, PC_EINVAL. */
PC_EXPORT int pc_roster_set(pc_roster *r, const char *jid, const char *name,
                            const char *const *groups, size_t n_groups, pc_ticket *ticket_r);
/* Removes an item; PC_EPERM: it is shared; *was_r (may be NULL) gets what it was, its strings valid
 * until the next call. */
PC_EXPORT int pc_roster_remove(pc_roster *r, const char *jid, pc_contact *was_r,
                               pc_ticket *ticket_r);

/* ---- contacts that a list shares among accounts. They are in the roster beside the account's own,
 * subscribed in both directions, and never stored; requests of and to them change nothing. Whoever
 * shares them does so at `roster-load`, and again where the list changes. */

typedef struct pc_shared_contact {
	const char *jid;  /* bare, prepared; several lines of one are several groups */
	const char *name; /* NULL: none */
	const char *group;
} pc_shared_contact;
/* One that came, went or is another now. */
typedef void pc_shared_contact_fn(const char *jid, bool was, bool is, void *data);
/* These, and no others: n 0 for none. fn may be NULL. */
PC_EXPORT void pc_roster_set_shared(pc_roster *r, const pc_shared_contact *list, size_t n,
                                    pc_shared_contact_fn *fn, void *data);
/* The rosters of a host that are in memory now, those of accounts that are connected among them. */
typedef void pc_each_roster_fn(const char *user, pc_roster *r, void *data);
PC_EXPORT void pc_each_roster(pc_host *host, pc_each_roster_fn *fn, void *data);

/* What a subscription stanza does (appendix A): direction is seen from the roster's owner. */
typedef enum pc_sub_event {
	PC_SUB_OUT_SUBSCRIBE,
	PC_SUB_OUT_UNSUBSCRIBE,
	PC_SUB_OUT_SUBSCRIBED,
	PC_SUB_OUT_UNSUBSCRIBED,
	PC_SUB_IN_SUBSCRIBE,
	PC_SUB_IN_UNSUBSCRIBE,
	PC_SUB_IN_SUBSCRIBED,
	PC_SUB_IN_UNSUBSCRIBED,
} pc_sub_event;
enum {                   /* what follows from it */
       PC_SUB_ROUTE = 1, /* outbound: send it on; inbound: deliver it to the account's resources */
       PC_SUB_CHANGED = 2, /* the state changed: push the item to interested resources */
       PC_SUB_REPLY = 4,   /* inbound subscribe: answer `subscribed` in the account's name */
};
/* Applies it; the request stanza is kept for PC_SUB_IN_SUBSCRIBE. Returns flags or PC_E*. */
PC_EXPORT int pc_roster_subscription(pc_roster *r, const char *jid, pc_sub_event event,
                                     const pc_stanza *request, pc_ticket *ticket_r);
