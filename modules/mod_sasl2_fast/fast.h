/*
 * fast.h - what the files of this module share.
 *
 * fast.c     the module: tokens are offered, and taken back
 * check.c    a log-in with a token: the mechanisms HT-SHA-256-* (draft-schmaus-kitten-sasl-ht)
 * change.c   what a log-in changes: tokens given, used, revoked
 * tokens.c   a token and its stored form, pure
 *
 * Each client of an account (its id as a user agent, XEP-0388 2.4) has two slots: `new` holds the
 * token that was given last, `current` the one that was used last. A new one that is used becomes
 * the current one; until then the former works, for the client may not have got it.
 */
#pragma once

#include <prosody-c/prosody-c.h>

#define NS_FAST "urn:xmpp:fast:0"

enum fast_binding { FAST_NONE, FAST_EXPR, FAST_ENDP, FAST_MECHANISMS };

/* ---- tokens.c */

#define TOKEN_SIZE 64
#define CLIENT_SIZE 37
/* "CLIENT/new" */
#define SLOT_SIZE (CLIENT_SIZE + 8)
#define STORED_SIZE 160

struct token {
	char secret[TOKEN_SIZE]; /* as the client gets it */
	enum fast_binding binding;
	int64_t issued, expires; /* milliseconds since 1970 */
	uint64_t count;          /* the highest that was used; 0: none */
};

extern const char *const fast_names[FAST_MECHANISMS];
/* The mechanism of that name, or -1. */
int fast_find(const char *name);
void token_make(struct token *token, enum fast_binding binding, int64_t now, double seconds);
void token_write(const struct token *token, char out[static STORED_SIZE]);
/* False: damaged. */
bool token_read(const char *text, struct token *token_r);
/* What the client (role "Initiator") or the server ("Responder") proves it by; its length. */
size_t token_proof(const struct token *token, const char *role, const uint8_t *binding, size_t len,
                   uint8_t out[static PC_DIGEST_MAX]);

/* ---- */

struct fast {
	pc_module *m;
	pc_store *store;
	pc_metric *used, *refused, *given;
};

/* Of a session: by which token it logged in. */
struct fast_session {
	bool used, was_new;
	struct token token;
};

void fast_slot(const char *client, bool is_new, char out[static SLOT_SIZE]);
/* check.c */
bool fast_binding_of(const pc_session *s, enum fast_binding binding, uint8_t *out, size_t size,
                     size_t *len_r);
extern const pc_sasl_mechanism fast_mechanisms[FAST_MECHANISMS];
/* change.c */
pc_result fast_on_success(pc_event *ev, void *data);
