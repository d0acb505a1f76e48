/*
 * invites.h - the service "invites": links that let somebody register or become a contact
 * (XEP-0401, XEP-0379, XEP-0445), kept by the module invites.
 *
 *   pc_module *owner;
 *   const pc_invites_service *service = pc_provider(pc_module_host(m), "invites", &owner);
 *   pc_invites *invites = service->open(m);        in `load`, behind pc_depends(m, "invites")
 *
 * What is opened is the caller's: it goes with the caller's module, and so do calls under way,
 * whose callbacks are dropped then. Callbacks never come before the call has returned.
 *
 * An invitation is good once (unless it is reusable), be it raced for. Who redeems it claims it
 * first, which only one can, and then says what came of it: use or release. A claim that nothing
 * came of within PC_INVITE_CLAIM_MS counts as released, unless its account is there.
 */
#pragma once

#include <prosody-c/base.h>

#define PC_INVITE_CLAIM_MS 60000

typedef enum pc_invite_kind {
	PC_INVITE_ACCOUNT, /* lets register, maybe by a fixed name */
	PC_INVITE_CONTACT, /* makes a contact of the inviter, maybe by registering first */
	PC_INVITE_RESET,   /* lets an account set a new password */
} pc_invite_kind;

/* Texts that are given are copied; those that come back are borrowed until the callback returns. */
typedef struct pc_invite {
	size_t size;
	pc_invite_kind kind;
	const char *username; /* account: the only name, or NULL; reset: whose password */
	const char *inviter;  /* account of this host; NULL: an operator. Of a contact: required */
	const char *role;     /* that the new account gets; NULL: the usual one */
	bool subscribes;      /* inviter and new account become contacts of each other */
	bool registers;       /* contact: an account may be made, too */
	bool reusable;
	int64_t created, expires; /* milliseconds since 1970. In a wish: created 0, expires 0 for
	                             invite_expiry; else when; INT64_MAX: never */
	/* of those that exist */
	const char *token;
	const char *uri;         /* xmpp: */
	const char *landing_url; /* NULL: there is no page */
	const char *claimed_by;  /* NULL: nobody */
} pc_invite;

typedef struct pc_invites pc_invites;
/* `invite` is NULL unless err is PC_OK. */
typedef void pc_invite_fn(int err, const pc_invite *invite, void *data);

typedef struct pc_invites_service {
	size_t size;
	pc_invites *(*open)(pc_module *m);
	/* PC_EEXIST: the name is taken or reserved by another invitation; PC_ENOENT: no such
	 * account (inviter, reset); PC_EINVAL: the wish makes no sense. The callback comes when it
	 * is kept. */
	void (*create)(pc_invites *invites, const pc_invite *wish, pc_invite_fn *fn, void *data);
	/* PC_ENOENT: there is none, or its inviter may not log in any more; PC_ETIMEOUT: expired;
	 * PC_EBUSY: somebody is redeeming it; PC_ESTATE: it was used. */
	void (*look)(pc_invites *invites, const char *token, pc_invite_fn *fn, void *data);
	/* The same, and claims it for that name (an account's, or a bare JID). It may have expired
	 * since it was looked at. PC_EPERM: it is for another name. */
	void (*claim)(pc_invites *invites, const char *token, const char *by, pc_invite_fn *fn,
	              void *data);
	/* One that was claimed by that name (or is reusable), before it is used or released. */
	void (*claimed)(pc_invites *invites, const char *token, const char *by, pc_invite_fn *fn,
	                void *data);
	/* Calls for each that was claimed before the server started, and neither used nor
	 * released: a crash came in between. Not called where there is none. */
	void (*unsettled)(pc_invites *invites, pc_invite_fn *fn, void *data);
	/* What was claimed by that name was redeemed, or was not. `fn` may be NULL. */
	void (*use)(pc_invites *invites, const char *token, const char *by, pc_done_fn *fn,
	            void *data);
	void (*release)(pc_invites *invites, const char *token, const char *by);
	/* PC_EEXIST: the name is kept for who has another invitation than `token` (may be NULL). */
	void (*reserved)(pc_invites *invites, const char *username, const char *token,
	                 pc_done_fn *fn, void *data);
} pc_invites_service;
