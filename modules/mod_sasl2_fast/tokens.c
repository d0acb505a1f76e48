/*
 * tokens.c - a token and its stored form, pure:
 *
 *   HT-SHA-256-EXPR SECRET ISSUED EXPIRES COUNT
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fast.h"

#define SECRET_BYTES 24

const char *const fast_names[FAST_MECHANISMS] = { "HT-SHA-256-NONE", "HT-SHA-256-EXPR",
	                                          "HT-SHA-256-ENDP" };

int fast_find(const char *name)
{
	for (int i = 0; i < FAST_MECHANISMS; i++)
		if (strcmp(name, fast_names[i]) == 0)
			return i;
	return -1;
}

void token_make(struct token *token, enum fast_binding binding, int64_t now, double seconds)
{
	uint8_t bytes[SECRET_BYTES];

	*token = (struct token){ .binding = binding,
		                 .issued = now,
		                 .expires = now + (int64_t)(seconds * 1000) };
	pc_random_bytes(bytes, sizeof(bytes));
	pc_base64_encode(bytes, sizeof(bytes), token->secret);
	explicit_bzero(bytes, sizeof(bytes));
}

void token_write(const struct token *token, char out[static STORED_SIZE])
{
	snprintf(out, STORED_SIZE, "%s %s %" PRId64 " %" PRId64 " %" PRIu64,
	         fast_names[token->binding], token->secret, token->issued, token->expires,
	         token->count);
}

bool token_read(const char *text, struct token *token_r)
{
	char name[32];
	int binding, end = 0;

	*token_r = (struct token){ 0 };
	if (sscanf(text, "%31s %63s %" SCNd64 " %" SCNd64 " %" SCNu64 "%n", name, token_r->secret,
	           &token_r->issued, &token_r->expires, &token_r->count, &end) != 5 ||
	    text[end] != '\0')
		return false;
	binding = fast_find(name);
	if (binding < 0)
		return false;
	token_r->binding = (enum fast_binding)binding;
	return true;
}

size_t token_proof(const struct token *token, const char *role, const uint8_t *binding, size_t len,
                   uint8_t out[static PC_DIGEST_MAX])
{
	uint8_t data[16 + 256];
	size_t n = strlen(role);
	ssize_t size;

	if (n + len > sizeof(data))
		return 0;
	memcpy(data, role, n);
	memcpy(data + n, binding, len);
	size = pc_hmac("SHA-256", token->secret, strlen(token->secret), data, n + len, out);
	return size > 0 ? (size_t)size : 0;
}
