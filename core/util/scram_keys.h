/*
 * scram_keys.h - SCRAM's hash functions.
 */
#pragma once

#include <prosody-c/scram.h>

void pc__scram_hmac(pc_scram_hash hash, const void *key, size_t key_len, const void *data,
                    size_t len, uint8_t out[static PC_SCRAM_KEY_MAX]);
void pc__scram_digest(pc_scram_hash hash, const void *data, size_t len,
                      uint8_t out[static PC_SCRAM_KEY_MAX]);
/* Salt and iterations in their bounds, a hash that exists. */
bool pc__scram_keys_valid(const pc_scram_keys *keys);
void pc__wipe(void *secret, size_t len);
