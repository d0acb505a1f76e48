/*
 * looks.h - which forms of salts and counts of iterations accounts have, pure.
 */
#pragma once

#include <prosody-c/scram.h>

#define LOOKS_MOST 16 /* of a hash; rarer ones are left out */

struct look {
	uint32_t iterations, accounts;
	uint8_t salt_len;
	bool is_uuid; /* the salt is text */
};

struct looks {
	struct look v[PC_SCRAM_HASHES][LOOKS_MOST];
	size_t n[PC_SCRAM_HASHES];
};

void looks_add(struct looks *looks, const pc_scram_keys *keys);
/* Changes iterations, salt_len and (to a pattern) salt of keys, which are those of a new account,
 * to a look that accounts have; `die` chooses, evenly among the accounts and one new one. */
void looks_pick(const struct looks *looks, uint32_t die, pc_scram_keys *keys);
