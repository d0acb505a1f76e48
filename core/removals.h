/*
 * removals.h - accounts that are being removed, across a crash.
 *
 * An account and what is kept of it do not go in one write: its provider may keep it elsewhere, and
 * there may be several databases. So the intention is noted first, in the store "removals" of the
 * host, and the note is taken away when everything has gone. At the start what is noted is brought
 * to its end: where the account is still there, its removal was never acknowledged, and it stays as
 * it is; else its stores are purged. Until then nobody can make an account of that name.
 */
#pragma once

#include <prosody-c/users.h>

/* Notes it; fn when that is safe: PC_EBUSY where it is being removed already. Then one
 * of the next three. */
void pc__removal_begin(pc_host *host, const char *user, pc_done_fn *fn, void *data);
/* The account stays, or there was none. */
void pc__removal_cancel(pc_host *host, const char *user);
/* Nobody knows whether it has gone: asks, and does what is to be done. */
void pc__removal_settle(pc_host *host, const char *user);
/* The account has gone: tells so (user-deleted), while its roster can still be read, ends its
 * sessions, purges its stores. Where that fails (which fn is told) it is tried again
 * when somebody wants the name, and at the next start. */
void pc__removal_finish(pc_host *host, const char *user, pc_done_fn *fn, void *data);
/* When nothing of an account of that name is left to be removed, at once where that is so: PC_OK,
 * or what a purge failed with. */
void pc__removal_wait(pc_host *host, const char *user, pc_done_fn *fn, void *data);
/* The same as a question. */
bool pc__removal_pending(pc_host *host, const char *user);

/* users.c: tells everybody, and ends its sessions. */
void pc__user_deleted(pc_host *host, const char *user);

/* The host has its modules: reads what was noted. */
void pc__removals_resume(pc_host *host);
/* The host goes, with its stores flushed. */
void pc__removals_free(pc_host *host);
