/*
 * tokenauth.h - what the files of mod_tokenauth share.
 *
 *   tokenauth.c   the module: options, service, what ends grants
 *   record.c      a grant as it is stored, a token as text, and back
 *   create.c      making a grant
 *   check.c       is a token good?
 *   bearer.c      the SASL mechanism OAUTHBEARER (RFC 7628)
 *   commands.c    grants for operators
 *
 * The store auth_tokens holds, of an account: ID -> the grant.
 */
#pragma once

#include <prosody-c/prosody-c.h>
#include <prosody-c/tokenauth.h>

#define HASH_SIZE 65 /* SHA-256 in hexadecimal */

struct pc_tokenauth {
	pc_module *m; /* who has opened it */
	pc_host *host;
	pc_store *store;
};

/* A grant that was read; its texts are the tree's. */
struct record {
	pc_stanza *tree;
	pc_grant grant;
	const char *hash;
};

/* A token taken apart. */
struct token {
	char id[PC_ID_SIZE], secret[PC_ID_SIZE];
	char user[PC_JID_PART_MAX + 1];
};

/* ---- record.c */
char *record_write(const pc_grant *grant, const char *hash); /* malloc'ed */
bool record_read(struct record *r, const char *id, const char *text, size_t len);
void record_free(struct record *r);
void token_hash(const char *secret, char out[static HASH_SIZE]);
void token_write(const struct token *token, const char *host, char out[static PC_TOKEN_MAX]);
/* False: it is none of that host. */
bool token_read(const char *text, const char *host, struct token *token);

/* ---- tokenauth.c */
/* The instance that serves the host now; NULL: there is none. */
pc_module *tokenauth_owner(const pc_tokenauth *tokens);
void tokenauth_tell(const pc_tokenauth *tokens, const char *event, const char *user,
                    const char *id);
void tokenauth_revoke(pc_tokenauth *tokens, const char *user, const char *id, pc_done_fn *fn,
                      void *data);

/* ---- create.c, check.c */
void tokenauth_create(pc_tokenauth *tokens, const char *user, const pc_grant *wish, pc_grant_fn *fn,
                      void *data);
void tokenauth_check(pc_tokenauth *tokens, const char *text, pc_grant_fn *fn, void *data);

/* ---- bearer.c, commands.c */
extern const pc_sasl_mechanism tokenauth_bearer;
extern const pc_command tokenauth_commands[];
