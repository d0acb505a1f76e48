/*
 * mod_auth_internal_plain.c - accounts in the server's own storage, with passwords in the clear.
 *
 * For hosts that need the passwords themselves; a stolen copy of the storage holds them then. It is
 * mod_auth_internal_hashed that keeps the accounts, with keys and the password: so accounts of
 * either kind can log in, and a host can change from one to the other.
 */
#include <prosody-c/prosody-c.h>

static const char *const needs[] = { "auth_internal_hashed", NULL };

PC_MODULE(auth_internal_plain,
          .summary = "Accounts in the server's own storage, with passwords in the clear",
          .needs = needs);
