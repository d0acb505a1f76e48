/*
 * mam.h - message archives of accounts (XEP-0313).
 *
 *   mam.c        the module, its options, what is told by service discovery
 *   worth.c      which messages are worth keeping, and what of them
 *   accounts.c   what is known of accounts: whether they exist, what they want kept
 *   prefs.c      what accounts want kept, by iq (XEP-0441)
 *   keep.c       messages on their way into archives
 *   retract.c    retracted messages become tombstones (XEP-0424)
 *   extent.c     how much an archive may hold, and for how long
 *   query.c      queries taken apart
 *   queries.c    queries in their turn: a page at a time for each session
 *   results.c    pages to clients
 *   commands.c   prosody-ctl
 *
 * What is acknowledged, and when: a message leaves for its recipients without waiting for the disk,
 * and with it the id that it will have. Between the two lies one commit, some milliseconds. A page
 * of the archive shows only what is committed; after a kill in between the id that a client was
 * told is one that the archive does not know, and a query for it says so (item-not-found).
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include <prosody-c/prosody-c.h>
#include <prosody-c/rsm.h>
#include <prosody-c/table.h>

#define NS_MAM "urn:xmpp:mam:2"
#define NS_SID "urn:xmpp:sid:0"
#define NS_HINTS "urn:xmpp:hints"
#define NS_RETRACT "urn:xmpp:message-retract:1"
#define NS_FULLTEXT "urn:xmpp:fulltext:0"

enum policy { ALWAYS, NEVER, ROSTER, N_POLICIES };
extern const char *const policy_names[N_POLICIES];

/* An address and whether messages to and from it are kept; bare ones stand for all resources. */
struct choice {
	char *jid; /* prepared */
	bool keep;
};

struct account {
	UT_hash_handle hh;
	char *user;
	bool chosen;         /* it has said what it wants; else the default holds */
	enum policy policy;  /* for who is in neither list */
	struct choice *list; /* sorted */
	size_t n;
	bool asks; /* it has queried its archive since it is known here */
};

struct mam {
	pc_module *m;
	pc_store *archive, *prefs;
	struct account *accounts; /* the least lately used first */
	struct reading *readings;
	struct asker *askers;
	struct retraction *retractions;
	struct extent *extents;
	struct keeping *free_keepings;
	size_t pending, pending_bytes; /* on their way to the disk */
	int64_t logged_at;
	bool replaced, unloaded; /* a reload; the end of either kind */
	struct {
		bool full_text, total;
		size_t page;
		int64_t messages, bytes; /* that an archive may hold; 0: any */
	} opts;                          /* read for each message, or query */
	pc_metric *archived, *failed, *queries, *tombstones;
};

/* Of a session. */
struct mam_session {
	bool asked;                  /* it has queried the archive */
	char self[PC_ENTRY_ID_SIZE]; /* the id of the message to itself that is on its way; or "" */
};

/* Out of memory ends the process, as everywhere. */
void *mam_alloc(size_t size);
char *mam_copy(const char *text);
/* The session of an iq of an account to itself. NULL: it is of somebody else, and refused: others
 * learn nothing, not even whether there is such an account. */
const pc_session *mam_owner(pc_event *ev);

/* ---- worth.c */

bool worth_keeping(const pc_stanza *st, bool out);
/* The stanza as it is kept, with the length in *len_r; free() it. NULL: nothing of it is kept. */
char *worth_text(struct mam *mam, const pc_stanza *st, size_t *len_r);
/* What it can be found by, or NULL; free() it. */
char *worth_words(const pc_stanza *st);

/* ---- accounts.c */

/* NULL: it is not in memory. */
struct account *accounts_find(struct mam *mam, const char *user);
/* Calls `fn` with the account, now or later: NULL where there is none. What it returns ends the
 * waiting, unless it is PC_SUSPENDED: then the token is fn's. `token` is 0 where it is called
 * before this returns, and what it returned is what the handler returns. */
typedef pc_result account_fn(struct mam *mam, pc_event *ev, struct account *a, pc_token token);
pc_result accounts_ask(struct mam *mam, pc_event *ev, const char *user, account_fn *fn);
/* The same of an event that has been suspended already. */
pc_result accounts_ask_on(struct mam *mam, pc_event *ev, pc_token token, const char *user,
                          account_fn *fn);
/* Its choices, as they are stored; replaces what is known. */
struct account *accounts_set(struct mam *mam, const char *user, const pc_item *items, size_t n);
/* ALWAYS, NEVER, or ROSTER: it depends on that. */
enum policy account_policy(const struct account *a, const pc_jid *with);
void accounts_forget(struct mam *mam, const char *user);
void accounts_load(struct mam *mam);
void accounts_unload(struct mam *mam);

/* ---- prefs.c, keep.c, retract.c */

void prefs_load(struct mam *mam);
/* The account begins to use its archive, and has never said what it wants kept. */
void prefs_begin(struct mam *mam, struct account *a);
void keep_load(struct mam *mam);
/* A message that was kept just now in the user's archive retracts another one. */
void retract(struct mam *mam, const char *user, const pc_stanza *st, const pc_jid *author,
             const pc_jid *with);
void retract_unload(struct mam *mam);
/* Is this what the user's archive gave it? */
bool keep_is_kept(const pc_stanza *st, const char *user, const char *host);

/* ---- extent.c */

void extent_load(struct mam *mam);
void extent_unload(struct mam *mam);
void extent_added(struct mam *mam, const char *user, size_t len);
void extent_forget(struct mam *mam, const char *user);

/* ---- query.c */

#define QUERY_IDS_MOST 1000

struct query {
	struct query *next;
	pc_stanza *iq;    /* its own */
	pc_values *form;  /* NULL: there is none */
	const char **ids; /* of the form */
	pc_rsm rsm;
	pc_search search; /* texts are those of iq and form */
	bool flip;
	bool count_only;
	bool metadata; /* the ends of the archive are asked for */
	struct {
		char id[PC_ENTRY_ID_SIZE]; /* "": not known yet */
		int64_t when;
	} oldest;
};

/* Takes the event's iq apart. NULL: it has been refused. */
struct query *query_new(struct mam *mam, pc_event *ev);
struct query *query_new_metadata(pc_event *ev);
void query_free(struct query **q);
/* Answers iqs of type get: the form. */
pc_result query_form(struct mam *mam, pc_event *ev);

/* ---- queries.c */

/* Takes the query. PC_ELIMIT: too many wait already; it is still the caller's. */
int queries_add(struct mam *mam, const pc_session *s, struct query *q);
void queries_unload(struct mam *mam);

/* ---- results.c */

void results_send(const pc_session *s, const struct query *q, const pc_found *found);
/* `found` is the newest entry, or nothing. */
void results_send_metadata(const pc_session *s, const struct query *q, const pc_found *found);
void results_fail(const pc_session *s, const struct query *q, int err);

/* ---- commands.c */

extern const pc_command mam_commands[];
