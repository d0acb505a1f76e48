/*
 * tokenauth.h - the service "tokenauth": tokens that stand for an account, kept by the module
 * tokenauth.
 *
 *   pc_module *owner;
 *   const pc_tokenauth_service *service = pc_provider(pc_module_host(m), "tokenauth", &owner);
 *   pc_tokenauth *tokens = service->open(m);        in `load`, behind pc_depends(m, "tokenauth")
 *
 * What is opened is the caller's: it goes with the caller's module, and so do calls under way,
 * whose callbacks are dropped then. Callbacks never come before the call has returned.
 *
 * An account gives a grant: to whom, for what, how long. Its token is told once, when it is made;
 * what is kept of it is a hash. A new password of the account ends its grants.
 */
#pragma once

#include <prosody-c/base.h>

/* Texts that are given are copied; those that come back are borrowed until the callback returns. */
typedef struct pc_grant {
	size_t size;
	const char *id;   /* what it is called when it is revoked; not secret */
	const char *name; /* what it is for, as people see it; NULL: nothing was said */
	const char *role; /* of who comes by it, unless the account has less; NULL: the account's */
	int64_t created, expires, used; /* milliseconds since 1970; INT64_MAX: never; used 0: not
	                                   yet. In a wish: expires alone, 0 for token_auth_ttl */
} pc_grant;

#define PC_TOKEN_MAX 4096 /* bytes of a token's text */

typedef struct pc_tokenauth pc_tokenauth;
/* `text` is the token, for whom it is made; NULL elsewhere. All are NULL unless err is PC_OK. */
typedef void pc_grant_fn(int err, const char *user, const char *text, const pc_grant *grant,
                         void *data);

typedef struct pc_tokenauth_service {
	size_t size;
	pc_tokenauth *(*open)(pc_module *m);
	/* PC_ENOENT: no such account, or it is disabled; PC_EINVAL: no such role; PC_ELIMIT: it has
	 * given too many. The callback comes when it is kept. */
	void (*create)(pc_tokenauth *tokens, const char *user, const pc_grant *wish,
	               pc_grant_fn *fn, void *data);
	/* PC_EAUTH: it is none, or was revoked; PC_ETIMEOUT: it has expired; PC_EPERM: the account
	 * is disabled. The role in the grant is the one to be given. */
	void (*check)(pc_tokenauth *tokens, const char *text, pc_grant_fn *fn, void *data);
	/* `id` NULL: all of the account. PC_ENOENT. */
	void (*revoke)(pc_tokenauth *tokens, const char *user, const char *id, pc_done_fn *fn,
	               void *data);
} pc_tokenauth_service;
