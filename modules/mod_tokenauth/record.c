/*
 * record.c - a grant as it is stored, a token as text, and back.
 *
 * A token is "secret-token:" (RFC 8959) and base64 of "2;ID;SECRET;user@host". The secret has 128
 * bits of a good generator, so that a plain hash of it is enough.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tokenauth.h"

#define SCHEME "secret-token:"
#define PLAIN_MAX 2800 /* bytes of a token before base64 */
_Static_assert(sizeof(SCHEME) + pc_base64_size(PLAIN_MAX) <= PC_TOKEN_MAX, "a token fits");

/* ------------------------------------------------------------ grants */

static void set_number(pc_stanza *st, const char *attr, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, n);
	pc_stanza_set(st, attr, text);
}

static int64_t get_number(const pc_stanza *st, const char *attr)
{
	const char *text = pc_stanza_get(st, attr);

	return text ? strtoll(text, NULL, 10) : 0;
}

char *record_write(const pc_grant *grant, const char *hash)
{
	pc_stanza *st = pc_stanza_new("grant", NULL);
	char *text;

	pc_stanza_set(st, "name", grant->name);
	pc_stanza_set(st, "role", grant->role);
	pc_stanza_set(st, "sha-256", hash);
	set_number(st, "created", grant->created);
	set_number(st, "expires", grant->expires);
	set_number(st, "used", grant->used);
	text = pc_stanza_write(st, NULL);
	pc_stanza_free(&st);
	return text;
}

bool record_read(struct record *r, const char *id, const char *text, size_t len)
{
	pc_stanza *st = pc_stanza_parse(text, len);

	*r = (struct record){ .tree = st };
	if (st == NULL || (r->hash = pc_stanza_get(st, "sha-256")) == NULL ||
	    strlen(r->hash) != HASH_SIZE - 1) {
		record_free(r);
		return false;
	}
	r->grant = (pc_grant){ .size = sizeof(pc_grant),
		               .id = id,
		               .name = pc_stanza_get(st, "name"),
		               .role = pc_stanza_get(st, "role"),
		               .created = get_number(st, "created"),
		               .expires = get_number(st, "expires"),
		               .used = get_number(st, "used") };
	return true;
}

void record_free(struct record *r)
{
	pc_stanza_free(&r->tree);
}

/* ------------------------------------------------------------ tokens */

void token_hash(const char *secret, char out[static HASH_SIZE])
{
	uint8_t digest[PC_DIGEST_MAX];

	out[0] = '\0';
	if (pc_digest("SHA-256", secret, strlen(secret), digest) * 2 == HASH_SIZE - 1)
		pc_hex_encode(digest, (HASH_SIZE - 1) / 2, out);
}

void token_write(const struct token *token, const char *host, char out[static PC_TOKEN_MAX])
{
	char plain[PLAIN_MAX];
	int len = snprintf(plain, sizeof(plain), "2;%s;%s;%s@%s", token->id, token->secret,
	                   token->user, host);

	memcpy(out, SCHEME, sizeof(SCHEME));
	if (len > 0 && (size_t)len < sizeof(plain))
		pc_base64_encode((const uint8_t *)plain, (size_t)len, out + sizeof(SCHEME) - 1);
	explicit_bzero(plain, sizeof(plain));
}

/* The text up to the next ";", of an id's length; it is cut there. NULL: it is not one. */
static char *take_id(char **at, char out[static PC_ID_SIZE])
{
	char *end = *at ? strchr(*at, ';') : NULL;

	if (end == NULL || end - *at != PC_ID_SIZE - 1)
		return *at = NULL;
	memcpy(out, *at, PC_ID_SIZE - 1);
	out[PC_ID_SIZE - 1] = '\0';
	return *at = end + 1;
}

static bool read_plain(char *plain, const char *host, struct token *token)
{
	char buf[PC_JID_BUF], *at = plain + 2;
	pc_jid jid;

	if (strncmp(plain, "2;", 2) != 0 || take_id(&at, token->id) == NULL ||
	    take_id(&at, token->secret) == NULL || pc_jid_parse(at, buf, &jid) != PC_OK ||
	    jid.local == NULL || jid.resource || strcmp(jid.domain, host) != 0)
		return false;
	memcpy(token->user, jid.local, strlen(jid.local) + 1);
	return true;
}

bool token_read(const char *text, const char *host, struct token *token)
{
	char plain[PLAIN_MAX + 1];
	bool good = false;
	size_t len;
	ssize_t n;

	if (strncmp(text, SCHEME, sizeof(SCHEME) - 1) != 0)
		return false;
	text += sizeof(SCHEME) - 1;
	len = strlen(text);
	if (len < pc_base64_size(PLAIN_MAX)) {
		n = pc_base64_decode(text, len, (uint8_t *)plain, PLAIN_MAX);
		plain[n > 0 ? n : 0] = '\0';
		good = n > 0 && strlen(plain) == (size_t)n && read_plain(plain, host, token);
	}
	explicit_bzero(plain, sizeof(plain));
	return good;
}
