/*
 * cloud_notify.h - push notifications (XEP-0357): what the files of this module share.
 *
 * cloud_notify.c   the module: clients enable and disable, events become notifications
 * registrations.c  which services an account's clients want to be told through
 * push.c           one notification on its way, and what becomes of errors
 * importance.c     what is worth waking somebody for
 *
 * What is important, and comes to an account, is told to the services of those of its clients that
 * do not get it now: of all of them when nobody is there, of those without a session when the
 * archive keeps it for them, and of a session that waits for its client (XEP-0198).
 */
#pragma once

#include <prosody-c/prosody-c.h>
#include <prosody-c/table.h>

#define NS_PUSH "urn:xmpp:push:0"

struct push;

/* One service and node of an account. */
struct registration {
	struct registration *next;
	char *jid, *node; /* the key; node "" where there is none */
	pc_stanza *stored;
	unsigned errors;       /* in a row */
	struct push *sent;     /* an answer is awaited; NULL: none is */
	struct push *next_one; /* to be sent then; NULL: none */
};

struct account {
	UT_hash_handle hh;
	char *user;
	struct registration *registrations;
	bool known;           /* they have been read */
	struct push *waiting; /* until they are */
	unsigned under_way;   /* notifications: it must stay */
};

struct cloud {
	pc_module *m;
	pc_store *store;
	struct account *accounts; /* the least lately used first */
	pc_metric *sent, *failed, *dropped;
	bool unloaded;
};

/* Of a session: which registration is its client's. */
struct cloud_session {
	char *key; /* malloc'ed; NULL: none */
	bool told; /* since it lost its connection */
};

/* ---- importance.c */

/* What the notification may say of it. */
struct summary {
	const char *sender, *body; /* NULL: there is none */
};
bool is_worth_waking(const pc_stanza *st, struct summary *summary_r);

/* ---- registrations.c */

/* Which of an account's registrations a notification is for. */
typedef bool wants_fn(const struct cloud *c, const char *user, const struct registration *r);

struct account *account_get(struct cloud *c, const char *user);
struct registration *registration_find(struct account *a, const char *jid, const char *node);
/* "jid<node"; malloc'ed. */
char *registration_key(const char *jid, const char *node);
/* Takes the element of an <enable/> as it is to be stored. The ticket of the write. */
pc_ticket registration_put(struct cloud *c, const char *user, pc_stanza *stored);
/* Node NULL: all of that service. Ends by the callback, with the ticket of the write (0: there was
 * none) and that token; fn may be NULL. */
typedef void removed_fn(struct cloud *c, pc_ticket ticket, pc_token token);
void registration_remove(struct cloud *c, const char *user, const char *jid, const char *node,
                         removed_fn *fn, pc_token token);
void registrations_clear(struct cloud *c);

/* ---- push.c */

/* To those registrations of the account that want it, as soon as they are known. */
void push_to(struct cloud *c, const char *user, const struct summary *summary, wants_fn *wants,
             const char *key);
/* The registrations have been read. */
void push_waiting(struct cloud *c, struct account *a);
void push_free_all(struct push **list);
