/*
 * presence.h - what the files of mod_presence share.
 *
 *   presence.c     hooks; presence that comes to an account, a session, the host
 *   broadcast.c    undirected presence of a session (RFC 6121 4.2, 4.4, 4.5)
 *   directed.c     who got directed presence (4.6)
 *   subscribe.c    subscriptions, outbound and inbound (section 3)
 *   removed.c      subscriptions of an account that was removed
 */
#pragma once

#include <prosody-c/prosody-c.h>

/* Of an instance. */
struct presence {
	pc_metric *directed_refused;
};

/* What a session told to whom besides its subscribers. Survives a reload as it is. */
struct directed {
	char **jids; /* malloc'ed, in no order */
	size_t n, size;
};

/* broadcast.c */
pc_result presence_broadcast(pc_event *ev, const pc_session *s);
/* Asks whom the account sees (4.3). */
void presence_probe_contacts(pc_module *m, const pc_session *s);
/* The session is unavailable: whoever saw it is told. `status` may be NULL. */
void presence_gone(pc_module *m, const pc_session *s, const char *status);
/* The presence of each available session of the account to that address: how many there were.
 * `available` false: tells that they are unavailable instead. */
size_t presence_tell(pc_module *m, pc_host *host, const char *user, const char *to, bool available);

/* directed.c */
/* PC_ELIMIT: too many already. */
int presence_direct(struct directed *d, const char *jid, size_t most);
void presence_undirect(struct directed *d, const char *jid);
void presence_directed_free(struct directed *d);

/* subscribe.c */
bool presence_is_subscription(pc_type type);
pc_result presence_subscription_out(pc_event *ev, const pc_session *s);
pc_result presence_subscription_in(pc_event *ev);
pc_result presence_item_removed(pc_event *ev);

/* removed.c: an account of the host was removed; its roster is still in memory. */
void presence_account_removed(pc_module *m, const char *user);
