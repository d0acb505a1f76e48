/*
 * accounts.h - what the files of this module share.
 *
 * accounts.c  the module and its provider's functions
 * derive.c    deriving and checking keys on job threads
 * record.c    the stored form, pure
 *
 * Each call of the provider is an op. It reads the account, computes on a job thread where it must,
 * writes, and calls back. Ops are the instance's and are used again, so that those whose callback
 * is dropped (module gone) need no owner; what they held is wiped in between.
 */
#pragma once

#include <prosody-c/prosody-c.h>

#include "record.h"

struct op {
	pc_module *m;
	struct op *next; /* free ones */
	pc_done_fn *done;
	pc_keys_fn *keys_done;
	pc_names_fn *names_done;
	void *data;
	int err;
	bool found;
	pc_scram_hash hash; /* wanted keys, or those to check against */
	unsigned derive;    /* 1 << hash: keys to derive into `record` */
	uint32_t iterations;
	struct record record;
	char scram[RECORD_SCRAM_MAX];     /* the item as it was read; "" for none */
	char new_scram[RECORD_SCRAM_MAX]; /* the item as it will be */
	char user[PC_JID_PART_MAX + 1];
	char password[PC_JID_PART_MAX + 1];
	char clear[PC_JID_PART_MAX + 1]; /* an account's that is kept in the clear; "" for none */
};

struct accounts {
	pc_store *store;
	unsigned hashes; /* 1 << hash: keys that are made of passwords */
	struct op *free_ops;
};

/* Runs on a job thread, then `next` here; `next` gets PC_EBUSY where no job can be started. */
void derive_run(struct op *op, pc_done_fn *next);
void derive_check(struct op *op, pc_done_fn *next);
