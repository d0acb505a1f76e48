/*
 * codec.h - small codecs and random values that protocols need again and again.
 */
#pragma once

#include <prosody-c/base.h>

/* Base64 (RFC 4648), strict: no white space, no missing padding. The decoded length or PC_EINVAL;
 * out needs 3/4 of the length. Encoding needs pc_base64_size(len) and writes a NUL. */
PC_EXPORT ssize_t pc_base64_decode(const char *text, size_t len, uint8_t *out, size_t out_size);
#define pc_base64_size(len) ((((size_t)(len) + 2) / 3) * 4 + 1)
PC_EXPORT size_t pc_base64_encode(const uint8_t *bytes, size_t len, char *out);
/* Lower-case hexadecimal; out needs 2 * len + 1. Decoding: the length, or PC_EINVAL. */
PC_EXPORT void pc_hex_encode(const uint8_t *bytes, size_t len, char *out);
PC_EXPORT ssize_t pc_hex_decode(const char *text, size_t len, uint8_t *out, size_t out_size);
/* Constant time in the content. */
PC_EXPORT bool pc_equal_secret(const void *a, const void *b, size_t len);
/* A random id of 128 bits as 22 characters of base64url, the first one no hyphen: for stream ids,
 * tokens, stanza ids. */
#define PC_ID_SIZE 23
PC_EXPORT void pc_random_id(char out[static PC_ID_SIZE]);
PC_EXPORT void pc_random_bytes(void *out, size_t len);
/* Hashes one piece of memory, for protocols that need a bare digest: "SHA-1", "SHA-256", ... The
 * digest's length, or PC_ENOTSUP. */
#define PC_DIGEST_MAX 64
PC_EXPORT ssize_t pc_digest(const char *algorithm, const void *data, size_t len,
                            uint8_t out[static PC_DIGEST_MAX]);
/* HMAC (RFC 2104) with one of these; the same results. */
PC_EXPORT ssize_t pc_hmac(const char *algorithm, const void *key, size_t key_len, const void *data,
                          size_t len, uint8_t out[static PC_DIGEST_MAX]);
/* A hash of bytes that nobody outside can foresee, by a random key of this process: for tables
 * (table.h), never to be kept or sent. */
PC_EXPORT uint64_t pc_hash(const void *bytes, size_t len);
/* A text of at most 36 bytes that stands for one of any length: the text itself, or where that is
 * too long a digest of it. For ids of entries (store.h). */
#define PC_SHORT_ID_SIZE 37
PC_EXPORT void pc_short_id(const char *text, char out[static PC_SHORT_ID_SIZE]);
/* A text that an operator wrote, with what stands for "$name" in it: `values` are names and values
 * in turn, and end with NULL. Names that are not among them stay as they are. free() it. */
PC_EXPORT char *pc_text_fill(const char *text, const char *const *values);
/* Date and time as XEP-0082 writes it in UTC, milliseconds only where there are some. */
#define PC_DATETIME_SIZE 32
PC_EXPORT void pc_datetime_write(int64_t ms_since_1970, char out[static PC_DATETIME_SIZE]);
PC_EXPORT int pc_datetime_parse(const char *text, int64_t *ms_since_1970_r);
