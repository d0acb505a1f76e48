/*
 * plain.c - the message of PLAIN.
 */
#include "plain.h"

#include <stdint.h>
#include <string.h>

/* The length of the UTF-8 sequence at `p`, 0 when it is none: no overlong forms, no surrogates,
 * nothing above U+10FFFF (RFC 3629 section 4). */
static size_t sequence(const unsigned char *p, size_t left)
{
	uint32_t low = 0x80, high = 0xbf;
	size_t n;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (p[0] == 0xe0)
		low = 0xa0;
	if (p[0] == 0xed)
		high = 0x9f;
	if (p[0] == 0xf0)
		low = 0x90;
	if (p[0] == 0xf4)
		high = 0x8f;
	if (n > left || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

static bool is_utf8(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;

	for (size_t i = 0, n; i < len; i += n) {
		n = sequence(p + i, len - i);
		if (n == 0)
			return false;
	}
	return true;
}

/* The part at *msg up to its NUL (`last`: up to the end, which may hold none). */
static const char *part(char **msg, size_t *len, bool last)
{
	char *start = *msg, *end = memchr(start, 0, *len);
	size_t n;

	if (last ? end != NULL : end == NULL)
		return NULL;
	n = last ? *len : (size_t)(end - start);
	if (n > PLAIN_PART_MAX || !is_utf8(start, n))
		return NULL;
	*msg += last ? n : n + 1;
	*len -= last ? n : n + 1;
	return start;
}

bool plain_parse(char *msg, size_t len, struct plain *plain_r)
{
	plain_r->authzid = part(&msg, &len, false);
	plain_r->authcid = plain_r->authzid ? part(&msg, &len, false) : NULL;
	plain_r->password = plain_r->authcid ? part(&msg, &len, true) : NULL;
	return plain_r->password && *plain_r->authcid && *plain_r->password;
}
