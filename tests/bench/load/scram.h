/*
 * scram.h - the client's side of SCRAM-SHA-1 (RFC 5802), without channel binding.
 *
 * As RFC 5802 section 5.1 proposes for clients, what the password becomes is kept: else a log-in
 * would cost the generator ten times what it costs the server.
 */
#pragma once

#include <prosody-c/codec.h>
#include <stdbool.h>
#include <stdint.h>

#define SCRAM_SIZE 20      /* of SHA-1 */
#define SCRAM_MESSAGE 1024 /* base64, with its NUL */

/* All zero: not known yet. */
struct scram_keys {
	char salt[64]; /* base64 */
	unsigned iterations;
	uint8_t client[SCRAM_SIZE], server[SCRAM_SIZE];
};

struct scram {
	char nonce[PC_ID_SIZE];
	char first[128]; /* client-first-message-bare */
	uint8_t signature[SCRAM_SIZE];
	bool answered;
};

void scram_begin(struct scram *s, const char *user, char out[static SCRAM_MESSAGE]);
/* The answer to the challenge (base64); false: that was none. */
bool scram_answer(struct scram *s, struct scram_keys *keys, const char *password,
                  const char *challenge, char out[static SCRAM_MESSAGE]);
/* Whether the server knows the account's keys, by what came with its success. */
bool scram_proved(const struct scram *s, const char *text);
