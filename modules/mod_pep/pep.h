/*
 * pep.h - what the files of this module share.
 *
 * pep.c       the module: each account as a publish-subscribe service (XEP-0163)
 * audience.c  who is told without having subscribed: one's own sessions and contacts
 * online.c    who comes online gets the last items
 * peers.c     presence of contacts on other servers
 *
 * Of those who are connected here the session tells what they want to hear of. Of others it is
 * their presence, which is kept; the oldest goes where there are too many.
 */
#pragma once

#include <prosody-c/blocking.h>
#include <prosody-c/caps.h>

#include "lib_pubsub/request.h"

struct peer {
	UT_hash_handle hh;
	char *given;         /* the presence for which he got the last items; NULL: for none yet */
	pc_stanza *presence; /* of now */
	const char *jid;     /* behind the line feed of the key */
	char key[];          /* the account's name "\n" the full address */
};

struct pep {
	struct pubsub pubsub; /* the first: its data is the instance's */
	struct peer *peers;   /* the one heard of last is the last */
};

/* Of a session. */
struct pep_session {
	char *given; /* the same */
};

static inline struct pep *pep_of(const struct pubsub *p)
{
	return (struct pep *)(uintptr_t)p;
}

/* ---- audience.c */

void pep_audience(struct service *s, const struct node *n, struct audience *to);
void pep_stand(const struct service *s, const struct node *n, const char *bare,
               struct standing *who);
/* Does the sender of that presence want to hear of the node? 1, 0, or -1: not known yet. */
int pep_wants(pc_module *m, const pc_stanza *presence, const char *node);
bool pep_is_blocked(pc_module *m, const char *user, const char *jid);

/* ---- online.c: handlers */

pc_result online_initial(pc_event *ev, void *data);
pc_result online_again(pc_event *ev, void *data);
pc_result online_known(pc_event *ev, void *data);
pc_result online_unwanted(pc_event *ev, void *data);
pc_result online_greet(pc_event *ev, void *data);
pc_result online_presence(pc_event *ev, void *data);
/* After a reload: who was waiting for the last items gets them. */
void online_resume(pc_module *m);
/* What of a presence tells of features, as text; free() it. */
pc_stanza *online_copy(const pc_stanza *presence);

/* ---- peers.c */

/* NULL: not there. */
struct peer *peers_find(struct pep *pep, const char *user, const char *jid);
/* Takes a copy of the presence. */
struct peer *peers_put(struct pep *pep, const char *user, const pc_stanza *presence);
void peers_remove(struct pep *pep, const char *user, const char *jid);
void peers_clear(struct pep *pep);
void peers_save(struct pep *pep, pc_state *state);
void peers_restore(struct pep *pep, const pc_state *state);
