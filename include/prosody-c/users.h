/*
 * users.h - accounts, roles, permissions.
 *
 * A host's accounts are kept by the provider that `authentication` names ("internal_hashed" is
 * module auth_internal_hashed). Roles are those of Prosody: prosody:guest, prosody:registered,
 * prosody:member, prosody:admin, prosody:operator, each including the ones before it.
 */
#pragma once

#include <prosody-c/base.h>
#include <prosody-c/scram.h>
#include <prosody-c/session.h>

/* ---- the provider: pc_provide(m, "auth-NAME", &vtable). Every function ends by its callback, not
 * before it has returned; user names come prepared. NULL functions: PC_ENOTSUP. */

typedef void pc_keys_fn(int err, const pc_scram_keys *keys, void *data);
typedef void pc_names_fn(int err, const char *const *names, size_t n, void *data);
typedef struct pc_auth_provider {
	size_t size;
	unsigned scram_hashes; /* bit 1 << PC_SCRAM_SHA_1, ...: keys that it can give */
	bool plain;            /* can check a password */
	void (*exists)(pc_module *m, const char *user, pc_done_fn *fn,
	               void *data); /* PC_OK, PC_ENOENT */
	/* PC_ENOENT: no such account. PC_EPERM: it is disabled; its keys come with that, so that
	 * only who knows the password is told. */
	void (*keys)(pc_module *m, const char *user, pc_scram_hash hash, pc_keys_fn *fn,
	             void *data);
	/* PC_EAUTH: wrong password or no such account. PC_EPERM: right, but the account is
	 * disabled. */
	void (*check)(pc_module *m, const char *user, const char *password, pc_done_fn *fn,
	              void *data);
	void (*set_password)(pc_module *m, const char *user, const char *password, pc_done_fn *fn,
	                     void *data);
	void (*create)(pc_module *m, const char *user, const char *password, pc_done_fn *fn,
	               void *data); /* PC_EEXIST */
	void (*remove)(pc_module *m, const char *user, pc_done_fn *fn, void *data);
	void (*list)(pc_module *m, pc_names_fn *fn, void *data);
	/* What keys of that hash look like here, for keys that are made up for those who have no
	 * account: hash, iterations, salt_len and salt as pc_scram_fake_keys() takes them. `die`
	 * chooses among what accounts have. */
	void (*look)(pc_module *m, pc_scram_hash hash, uint32_t die, pc_keys_fn *fn, void *data);
	/* PC_OK: it may log in; PC_EPERM: it is disabled; PC_ENOENT: there is none. NULL: none is
	 * ever disabled. */
	void (*enabled)(pc_module *m, const char *user, pc_done_fn *fn, void *data);
	void (*set_enabled)(pc_module *m, const char *user, bool enabled, pc_done_fn *fn,
	                    void *data); /* PC_ENOENT */
	/* Everybody is let in without a password, as somebody else each time (SASL ANONYMOUS). */
	bool anonymous;
	/* Keys of one more hash, for an account that has proved itself by another (XEP-0480).
	 * PC_EEXIST: it has keys of that hash. */
	void (*add_keys)(pc_module *m, const char *user, const pc_scram_keys *keys, pc_done_fn *fn,
	                 void *data);
} pc_auth_provider;

/* ---- use: through the host's provider; PC_ENOTSUP where it cannot. */

PC_EXPORT const pc_auth_provider *pc_auth(pc_host *host);
PC_EXPORT void pc_user_exists(pc_module *m, pc_host *host, const char *user, pc_done_fn *fn,
                              void *data);
/* True or false at once where it is known (an online user exists), else -1: ask pc_user_exists. */
PC_EXPORT int pc_user_known(pc_host *host, const char *user);
PC_EXPORT void pc_user_keys(pc_module *m, pc_host *host, const char *user, pc_scram_hash hash,
                            pc_keys_fn *fn, void *data);
PC_EXPORT void pc_user_add_keys(pc_module *m, pc_host *host, const char *user,
                                const pc_scram_keys *keys, pc_done_fn *fn, void *data);
PC_EXPORT void pc_user_look(pc_module *m, pc_host *host, pc_scram_hash hash, uint32_t die,
                            pc_keys_fn *fn, void *data);
PC_EXPORT void pc_user_check(pc_module *m, pc_host *host, const char *user, const char *password,
                             pc_done_fn *fn, void *data);
/* Fires user-password-changed, user-registered is the registrar's business; removing fires
 * user-deleted, ends the account's sessions and purges its stores. */
PC_EXPORT void pc_user_set_password(pc_module *m, pc_host *host, const char *user,
                                    const char *password, pc_done_fn *fn, void *data);
PC_EXPORT void pc_user_create(pc_module *m, pc_host *host, const char *user, const char *password,
                              pc_done_fn *fn, void *data);
PC_EXPORT void pc_user_remove(pc_module *m, pc_host *host, const char *user, pc_done_fn *fn,
                              void *data);
/* May it log in? Who proves a user by other means than check and keys asks this. */
PC_EXPORT void pc_user_enabled(pc_module *m, pc_host *host, const char *user, pc_done_fn *fn,
                               void *data);
/* Fires user-enabled or user-disabled; disabling ends the account's sessions. */
PC_EXPORT void pc_user_set_enabled(pc_module *m, pc_host *host, const char *user, bool enabled,
                                   pc_done_fn *fn, void *data);
PC_EXPORT void pc_user_list(pc_module *m, pc_host *host, pc_names_fn *fn, void *data);

/* ---- roles and permissions */

/* One line of a module's list (module.h: .permissions). */
typedef struct pc_permission {
	const char *action; /* ":list" is prefixed by the module's name */
	const char *role;   /* that has it by default, and with it the roles above */
	const char *help;   /* one line: what it allows */
} pc_permission;
/* The provider of roles: pc_provide(m, "authz-NAME", &vtable), NAME as the option `authorization`
 * says. The option `admins` comes first, whatever it says. */
typedef struct pc_authz_provider {
	size_t size;
	/* The account's own role; NULL: it has none. At once, so from memory. */
	const char *(*role_of)(pc_module *m, const char *user);
	/* Role NULL: none of its own. Ends by the callback, when it is kept, not before it has
	 * returned. */
	void (*set_role)(pc_module *m, const char *user, const char *role, pc_done_fn *fn,
	                 void *data);
} pc_authz_provider;
/* Through the host's provider: PC_ENOTSUP where there is none, PC_EINVAL: no such role. */
PC_EXPORT void pc_user_set_role(pc_module *m, pc_host *host, const char *user, const char *role,
                                pc_done_fn *fn, void *data);
/* One more role for the host; it may do what those do that it inherits from (ends with NULL). */
PC_EXPORT void pc_add_role(pc_module *m, const char *name, const char *const *inherits);
PC_EXPORT bool pc_role_exists(const pc_host *host, const char *role);
/* Is it the same role, or does `role` inherit from `other`? */
PC_EXPORT bool pc_role_includes(const pc_host *host, const char *role, const char *other);
/* The opposite of the next: neither the role may, nor one that only has it from there. */
PC_EXPORT void pc_deny_permission(pc_module *m, const char *role, const char *action);
/* Grants the action (":name" is prefixed by the module's name) to the role and those above it. */
PC_EXPORT void pc_default_permission(pc_module *m, const char *role, const char *action);
/* May the sender of this event do that? Decided by its role, host included: admin@elsewhere is
 * nobody here. Logs refusals. */
PC_EXPORT bool pc_may(pc_event *ev, const char *action);
/* The same without a line in the log: to decide what to show. */
PC_EXPORT bool pc_could(pc_event *ev, const char *action);
PC_EXPORT bool pc_session_may(const pc_session *s, pc_module *m, const char *action);
/* The role of a bare JID on this host; "prosody:guest" for strangers. Lives as long as the host. */
PC_EXPORT const char *pc_role_of(pc_host *host, const char *bare_jid);
