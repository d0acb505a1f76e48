/*
 * privilege.h - what the files of mod_privilege share (XEP-0356).
 *
 *   privilege.c    hooks, rosters, what a component is told of its permissions
 *   entities.c     the permissions, as the configuration has them
 *   encapsulated.c stanzas that a component sends in an account's name, in a stanza of its own
 *   messages.c     messages in the name of the host or an account
 *   iqs.c          requests in the name of an account, and their answers
 *   presences.c    presence of accounts, and of their contacts
 *   contacts.c     the contacts' presence that was told
 *   tour.c         the presence of all, for a component that has just connected
 */
#pragma once

#include <prosody-c/prosody-c.h>

#define NS "urn:xmpp:privilege:2"
#define NS_FORWARD "urn:xmpp:forward:0"
#define NS_ROSTER "jabber:iq:roster"

enum access { ACCESS_NONE, ACCESS_GET, ACCESS_SET, ACCESS_BOTH };
enum presence { PRESENCE_NONE, PRESENCE_MANAGED, PRESENCE_ROSTER };

struct namespace
{
	char *ns;
	enum access access;
};

/* A component, and what it may do. */
struct entity {
	char *jid; /* a domain, prepared */
	enum access roster;
	enum presence presence;
	bool push, message;
	struct namespace *iqs;
	size_t n_iqs;
};

struct privilege {
	pc_module *m;
	struct entity *entities;
	size_t n;
	struct contact *contacts; /* contacts.c */
	struct request *requests; /* iqs.c */
	struct request *sending;  /* the one that is being routed, or NULL */
	bool greeted;
	pc_metric *refused;
};

/* entities.c */
struct entity *entities_read(pc_module *m, size_t *n_r);
void entities_free(struct entity *entities, size_t n);
const struct entity *entity_find(const struct privilege *p, const char *jid);
/* The entity that sent this: its own session, and its own address. NULL: somebody else. */
const struct entity *entity_of(const struct privilege *p, const pc_session *origin,
                               const pc_stanza *st);
bool access_allows(enum access access, pc_type type);
const char *access_name(enum access access);
/* Is there one that is told of contacts? */
bool entities_want_contacts(const struct privilege *p);

/* privilege.c */
pc_result refuse(pc_event *ev, const char *condition, const char *text);

/* encapsulated.c */
/* The only child element, with that name and namespace; NULL where there is another or none. */
const pc_stanza *only_child(const pc_stanza *st, const char *name, const char *ns);
/* Answers forbidden where the host has no such account, else goes on with `fn`. */
typedef pc_result managed_fn(pc_event *ev);
pc_result with_account(pc_event *ev, const char *user, managed_fn *fn);
/* Answers where the account has blocked that address, as it would be answered itself. */
bool is_blocked(pc_module *m, const char *user, const char *jid);
/* `to` of an encapsulated stanza, prepared, or that of the account; PC_EINVAL: it is malformed or
 * not there. */
int recipient(const pc_stanza *st, const char *account, char out[static PC_JID_MAX + 1]);

/* messages.c */
pc_result messages_on_host(pc_event *ev, void *data);

/* iqs.c */
pc_result iqs_on_bare(pc_event *ev, void *data);
pc_result iqs_elsewhere(pc_event *ev, void *data);
pc_result iqs_sent(pc_event *ev, void *data);
pc_result iqs_sender(pc_event *ev, void *data);

/* presences.c */
pc_result presences_initial(pc_event *ev, void *data);
pc_result presences_gone(pc_event *ev, void *data);
pc_result presences_inbound(pc_event *ev, void *data);

/* contacts.c: presence of contacts by their full addresses. */
/* Is it news? What is not available must have been told before to be. */
bool contacts_news(struct privilege *p, const char *from, const pc_stanza *st);
/* Keeps it, or forgets who is not available any more. PC_ELIMIT: there are too many. */
int contacts_keep(struct privilege *p, const char *from, const pc_stanza *st);
void contacts_clear(struct privilege *p);
/* A copy of what an address said last, or NULL; yours. */
pc_stanza *contacts_get(const struct privilege *p, const char *from);
/* Their addresses, each malloc'ed, as the array is. */
char **contacts_list(const struct privilege *p, size_t *n_r);
void contacts_save(const struct privilege *p, pc_state *state);
void contacts_restore(struct privilege *p, const pc_state *state);

/* tour.c: presence goes to that session of the entity. */
void tour_start(struct privilege *p, const struct entity *e, const pc_session *s);
