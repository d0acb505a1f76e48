/*
 * session_table.h - who is connected: sessions by id, accounts by name, resources of an account.
 *
 * A session is found by its id from the stream's first byte on; under its full JID from binding on.
 * A pc__user exists while its account has a connected session, and holds the account's roster.
 */
#pragma once

#include <prosody-c/prosody-c.h>
#include <prosody-c/table.h>

struct pc__route;
struct pc__block;
struct pc__filter;
struct pc__survivor;
struct pc__receipts;

struct pc__user {
	pc_host *host;
	struct pc__session *sessions; /* in the order of binding */
	unsigned n_sessions;
	UT_hash_handle hh;
	char name[];
};

/* The whole of a session: what everybody sees, and the core's own. */
struct pc__session {
	pc_session pub;    /* first: a pc_session * is a pc__session * */
	pc_stream *stream; /* NULL while hibernated */
	pc_host *host;
	struct pc__user *user;         /* NULL unless connected */
	struct pc__session *next;      /* of the same account */
	struct pc__block *blocks;      /* modules' data: session_blocks.c */
	struct pc__filter *filters;    /* filters.c */
	struct pc__receipts *receipts; /* what has come in: receipts.c; NULL: not counted */
	struct pc__route *route;       /* suspended: later stanzas wait */
	struct pc__route *waiting;     /* in order of coming */
	struct pc__survivor *survivor; /* what of it outlives the process; NULL: nothing */
	struct pc__session *ending_next;
	const char *end_reason; /* for resource-unbind; static or NULL */
	bool ending, ended_clean, binding;
	bool draining; /* waiting stanzas are being gone through: router.c */
	bool asleep;   /* the server stops, and this one waits for the next */
	bool restored; /* by the journal, and not resumed since */
	bool lingers;  /* of another server: its stream has gone, what it sent is being handled */
};

static inline struct pc__session *pc__session_of(const pc_session *s)
{
	return (struct pc__session *)(uintptr_t)s;
}

/* A stream with another server: what answers its stanzas goes by their addresses. */
static inline bool pc__session_is_servers(const pc_session *s)
{
	return s->type >= PC_S2SIN_UNAUTHED && s->type <= PC_S2SOUT;
}

/* ---- ids */
void pc__session_add(struct pc__session *s);    /* gives it an id */
void pc__session_remove(struct pc__session *s); /* the id finds nothing from now on */
size_t pc__sessions_count(void);
size_t pc__sessions_connected(void); /* with a full JID */
size_t pc__sessions_asleep(void);
void pc__session_set_asleep(struct pc__session *s, bool asleep);

/* ---- accounts */
struct pc__user *pc__user_find(const pc_host *host, const char *username);
/* Enters a session that has its full JID under its account, and takes it out. */
void pc__user_attach(struct pc__session *s);
void pc__user_detach(struct pc__session *s);
struct pc__session *pc__user_session(const struct pc__user *u, const char *resource);
/* Closes the account's sessions with not-authorized and that text, also those that have not bound a
 * resource. */
void pc__user_close(const pc_host *host, const char *user, const char *why);
/* Closes every session of the host with that stream error. */
void pc__users_close_all(pc_host *host, const char *condition);
