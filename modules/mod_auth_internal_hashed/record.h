/*
 * record.h - an account as it is stored: items of the store "accounts", to and from keys.
 *
 *   scram            our own: for each hash "SHA-256,10000,SALT,STORED,SERVER" (the last three in
 *                    base64), joined by a space. One item, so that it changes as a whole.
 *   stored_key, server_key (hexadecimal), salt (text), iteration_count
 *                    as Prosody keeps them; the length of the keys tells the hash
 *   password         in the clear, as internal_plain keeps it, also beside `scram`
 *   disabled         anything but "false" locks the account
 *   created, updated seconds since 1970
 *
 * Where there is `scram`, the items of Prosody count no more.
 */
#pragma once

#include <prosody-c/scram.h>
#include <prosody-c/store.h>

#define RECORD_SCRAM_MAX 1024

struct record {
	unsigned hashes; /* 1 << hash: keys that it has */
	pc_scram_keys keys[PC_SCRAM_HASHES];
	bool disabled, has_clear; /* has_clear: there is a password in the clear, used or not */
	const char *password;     /* in the clear; in the items; NULL: none */
	const char *scram;        /* the item, for pc_store_swap(); NULL: none */
};

/* What the items say; damaged parts are left out. Strings are those of the items. */
void record_read(const pc_item *items, size_t n, struct record *record_r);
/* Is there anything to log in with? */
bool record_exists(const struct record *record);
/* The keys as the item `scram`. */
void record_write(const struct record *record, char out[static RECORD_SCRAM_MAX]);
/* "SHA-1", ... */
const char *record_hash_name(pc_scram_hash hash);
int record_hash_find(const char *name, size_t len);
