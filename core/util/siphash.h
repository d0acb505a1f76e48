/*
 * siphash.h - SipHash-1-3: a hash of bytes that nobody can make collide who does not know the key.
 *
 * For hash tables whose keys come from the network; not a signature.
 */
#pragma once

#include <prosody-c/base.h>

uint64_t pc__siphash(const uint64_t key[static 2], const void *bytes, size_t len);
/* pc_hash() of codec.h is this by the key of the process. */
