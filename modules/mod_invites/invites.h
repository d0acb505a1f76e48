/*
 * invites.h - what the files of mod_invites share.
 *
 *   invites.c    the module: options, service, what ends invitations
 *   record.c     an invitation as it is stored, and back
 *   link.c       its links
 *   create.c     making one
 *   redeem.c     looking at one, claiming, using, releasing it
 *   commands.c   invitations for operators
 *
 * The store invite_token holds, of the host: TOKEN -> the invitation, ":NAME" -> the token that
 * reserves a name; of an inviter: TOKEN -> "", to be counted.
 */
#pragma once

#include <prosody-c/invites.h>
#include <prosody-c/prosody-c.h>

#define TOKEN_SIZE PC_ID_SIZE
#define NAME_KEY_SIZE (PC_JID_PART_MAX + 2)

struct pc_invites {
	pc_module *m; /* who has opened it */
	pc_host *host;
	pc_store *store;
	const int64_t *started; /* claims from before are nobody's any more */
};

/* An invitation that was read; its texts are the tree's. */
struct record {
	pc_stanza *tree;
	pc_invite invite;
	int64_t claimed; /* when */
	char token[TOKEN_SIZE];
};

/* ---- record.c */
/* As text, malloc'ed. */
char *record_write(const pc_invite *invite, const char *claimed_by, int64_t claimed);
bool record_read(struct record *r, const char *token, const char *text, size_t len);
void record_free(struct record *r);
/* May the text be a token? Others are never looked up. */
bool token_is_possible(const char *text);
void name_key(const char *username, char out[static NAME_KEY_SIZE]);

/* ---- link.c. malloc'ed; `owner` is the module invites. */
char *link_uri(pc_module *owner, const pc_invite *invite);
char *link_landing(pc_module *owner, const pc_invite *invite, const char *uri); /* may be NULL */
/* Tells of the record with its links. */
void link_tell(const pc_invites *invites, const struct record *r, pc_invite_fn *fn, void *data);

/* ---- invites.c */
/* The instance that serves the host now; NULL: there is none. */
pc_module *invites_owner(const pc_invites *invites);
/* Removes it with its reservation and its line in the inviter's list. */
pc_ticket invites_drop(const pc_invites *invites, const struct record *r, pc_done_fn *fn,
                       void *data);
char *invites_copy(pc_module *m, const char *text); /* NULL stays NULL */

/* ---- create.c, redeem.c */
void invites_create(pc_invites *invites, const pc_invite *wish, pc_invite_fn *fn, void *data);
void invites_look(pc_invites *invites, const char *token, pc_invite_fn *fn, void *data);
void invites_claim(pc_invites *invites, const char *token, const char *by, pc_invite_fn *fn,
                   void *data);
void invites_claimed(pc_invites *invites, const char *token, const char *by, pc_invite_fn *fn,
                     void *data);
void invites_unsettled(pc_invites *invites, pc_invite_fn *fn, void *data);
void invites_use(pc_invites *invites, const char *token, const char *by, pc_done_fn *fn,
                 void *data);
void invites_release(pc_invites *invites, const char *token, const char *by);
void invites_reserved(pc_invites *invites, const char *username, const char *token, pc_done_fn *fn,
                      void *data);

/* ---- commands.c */
extern const pc_command invites_commands[];
