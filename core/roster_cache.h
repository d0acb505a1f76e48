/*
 * roster_cache.h - which rosters are in memory (roster.h has what modules see; rosters.c the roster
 * itself, subscriptions.c the states of appendix A).
 *
 * A roster is kept while its account is connected, and for the callback that asked for it
 * otherwise.
 */
#pragma once

#include <prosody-c/roster.h>

/* As pc_roster_load(), for the core. */
void pc__roster_load(pc_host *host, const char *user, pc_roster_fn *fn, void *data);
/* The account may log in soon: reads its roster, if nothing much is read so already, and keeps it
 * for a moment. Log-ins read it together with the account's keys, in one waking of a store thread.
 */
void pc__roster_expect(pc_host *host, const char *user);
/* The account has a connected session; its last one has gone. */
void pc__roster_keep(pc_host *host, const char *user);
void pc__roster_release(pc_host *host, const char *user);
/* Is it in memory, or being read? Then it must not be changed behind our back. */
bool pc__roster_in_memory(pc_host *host, const char *user);
/* The account was removed: what is in memory is forgotten. */
void pc__roster_forget(pc_host *host, const char *user);
/* The host goes, with its stores flushed. */
void pc__rosters_free(pc_host *host);
