/*
 * accounts.h - what the files of this module share.
 *
 * accounts.c  the module, and what log-ins ask of it
 * changes.c   what changes accounts
 * derive.c    deriving and checking keys on job threads
 * record.c    the stored form, pure
 * looks.c     what keys look like from outside, for those that are made up
 *
 * Each call of the provider is an op. It reads the account, computes on a job thread where it must,
 * writes, and calls back. Ops are the instance's memory, so that those whose callback is dropped
 * (module gone) need no owner; what they held is wiped at their end.
 */
#pragma once

#include <prosody-c/prosody-c.h>

#include "looks.h"
#include "record.h"

#define SALT_LEN 16 /* bytes of a new salt */

struct op {
	pc_module *m;
	struct op *next; /* of those that wait for a sample: looks.c */
	pc_done_fn *done;
	pc_keys_fn *keys_done;
	pc_names_fn *names_done;
	void *data;
	int err;
	bool found;
	pc_scram_hash hash; /* wanted keys, or those to check against */
	unsigned derive;    /* 1 << hash: keys to derive into `record` */
	uint32_t iterations, die;
	bool enables; /* of a change: what is wanted */
	unsigned tries;
	struct record record;
	char scram[RECORD_SCRAM_MAX];              /* the item as it was read; "" for none */
	char stored_key[2 * PC_SCRAM_KEY_MAX + 1]; /* the same, of an account as Prosody has it */
	char new_scram[RECORD_SCRAM_MAX];          /* the item as it will be */
	char user[PC_JID_PART_MAX + 1];
	char password[PC_JID_PART_MAX + 1];
	char clear[PC_JID_PART_MAX + 1]; /* an account's that is kept in the clear; "" for none */
};

struct accounts {
	pc_store *store;
	unsigned hashes;               /* 1 << hash: keys that are made of passwords */
	bool keeps_clear;              /* for internal_plain: passwords are kept as they are, too */
	struct looks looks, gathering; /* gathering: while `unread` accounts are being read */
	bool looks_ready;
	size_t unread;
	struct op *waiting; /* for the looks */
	uint64_t seed;
};

/* accounts.c. Never NULL; user may be NULL. */
struct op *op_new(pc_module *m, const char *user);
void op_free(struct op *op);
/* Calls back, and frees the op. */
void op_finish(struct op *op, int err);
/* Takes over what was read; the record's strings are copied, for the items go. */
void op_take(struct op *op, int err, const pc_item *items, size_t n);
/* All keys anew: those of hashes that are not configured any more go. */
void op_derive_all(struct op *op, pc_done_fn *next);
/* A batch whose writes happen only while the account is as it was read; else PC_ECONFLICT. Between
 * two changes at the same time one loses, and an account that was removed meanwhile stays removed.
 */
pc_batch *op_batch(struct op *op);
/* Writes the new keys so; `stamp` is "created" or "updated". */
void op_swap_keys(struct op *op, const char *stamp, pc_done_fn *next);

/* changes.c: puts its functions into the provider. */
void changes_load(pc_auth_provider *provider);

/* Runs on a job thread, then `next` here; `next` gets PC_EBUSY where no job can be started. */
void derive_run(struct op *op, pc_done_fn *next);
void derive_check(struct op *op, pc_done_fn *next);

/* Reads the sample, now and each day. */
void looks_load(pc_module *m);
/* The look that `die` chooses; the provider's function of that, when the sample has been read. */
void looks_of(const struct accounts *a, pc_module *m, pc_scram_hash hash, uint32_t die,
              pc_scram_keys *keys_r);
void looks_tell(pc_module *m, pc_scram_hash hash, uint32_t die, pc_keys_fn *fn, void *data);
/* A number that stays with the user's name as long as the module. */
uint32_t looks_die(const struct accounts *a, const char *user);
