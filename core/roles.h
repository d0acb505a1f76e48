/*
 * roles.h - what each role may do on a host, and who has which (users.h).
 */
#pragma once

#include <prosody-c/users.h>

/* The same name, static: a role that is not known is prosody:guest. */
const char *pc__role_name(const char *role);
