/*
 * roles.h - what each role may do on a host, and who has which (users.h).
 */
#pragma once

#include <prosody-c/users.h>

/* The same name, static: a role that is not known is prosody:guest. */
const char *pc__role_name(const char *role);
/* users.c: asks the provider, for who may be unloaded before it answers. */
void pc__user_ask_role(pc_module *m, pc_module *owner, const pc_authz_provider *p, const char *user,
                       const char *role, pc_done_fn *fn, void *data);
/* At the end of the process. */
void pc__roles_free(void);
