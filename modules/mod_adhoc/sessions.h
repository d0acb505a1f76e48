/*
 * sessions.h - executions of commands that wait for their caller's next word (XEP-0050 3.3).
 *
 * They are bounded in number, for all and for each caller, and end with the caller's session, or
 * when nobody has gone on with them for a while. The ids of the last ones that have ended are kept,
 * so that who comes late hears that, and not that there never was such a session.
 */
#pragma once

#include <prosody-c/prosody-c.h>

#define ENDED_KEPT 64

struct session {
	struct session *next;
	char id[PC_ID_SIZE];
	pc_module *m;
	const pc_adhoc *command;
	pc_adhoc_call *call; /* knows the caller */
	pc_token token;      /* the request that is being answered; 0: none */
	int64_t used;
};

struct adhoc {
	struct session *sessions, *unused;
	pc_timer *sweep;
	char ended[ENDED_KEPT][PC_ID_SIZE];
	unsigned n_ended;
};

/* The oldest one of an account that has too many ends. NULL: there are too many of others, or each
 * of the account's is being run. */
struct session *session_new(pc_module *m, pc_module *owner, const pc_adhoc *command,
                            const char *from);
/* The caller's own session of that command, or NULL. */
struct session *session_find(pc_module *m, const char *id, const char *node, const char *from);
/* Was there such a session? */
bool session_has_ended(pc_module *m, const char *id);
/* It was gone on with: its time begins anew. */
void session_touch(struct session *s);
void session_end(struct session *s);
/* The caller, a full address, has gone. */
void sessions_end_of(pc_module *m, const char *from);
