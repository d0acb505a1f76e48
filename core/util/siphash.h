/*
 * siphash.h - SipHash-1-3: a hash of bytes that nobody can make collide who does not know the key.
 *
 * For hash tables whose keys come from the network; not a signature.
 */
#pragma once

#include <prosody-c/base.h>

uint64_t pc__siphash(const uint64_t key[static 2], const void *bytes, size_t len);
/* By the key of this process: random, so that the values mean nothing outside of it. */
uint64_t pc__hash(const void *bytes, size_t len);
