/*
 * log_escape.c - text from anywhere made fit for a line of the log.
 */
#include <stdio.h>
#include <string.h>

#include "log_internal.h"
#include "util/utf8.h"

static size_t sequence_length(unsigned char c)
{
	return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

static unsigned decode(const unsigned char *s, size_t n)
{
	unsigned c = n == 1 ? s[0] : s[0] & (0xffu >> (n + 1));

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (s[i] & 0x3f);
	return c;
}

/* Control characters, line and paragraph separators, marks that turn the direction of writing. */
static bool is_unfit(unsigned c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0x200e || c == 0x200f || c == 0xfeff;
}

/* How the piece at s is to be written; `n_r` bytes are taken. */
static size_t piece(const unsigned char *s, size_t left, char out[16], size_t *n_r)
{
	size_t n = sequence_length(*s);
	unsigned c;

	if (n > left || !pc__utf8_valid((const char *)s, n)) {
		*n_r = 1;
		return (size_t)snprintf(out, 16, "\\x%02x", *s);
	}
	*n_r = n;
	c = decode(s, n);
	if (c == '\n' || c == '\t' || c == '\r')
		return (size_t)snprintf(out, 16, "\\%c", c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
	if (is_unfit(c))
		return (size_t)snprintf(out, 16, c < 0x80 ? "\\x%02x" : "\\u%04x", c);
	memcpy(out, s, n);
	return n;
}

size_t pc__log_escape(const char *text, size_t len, char *out, size_t size)
{
	size_t used = 0;

	for (size_t at = 0, n; at < len; at += n) {
		char one[16];
		size_t more = piece((const unsigned char *)text + at, len - at, one, &n);

		if (used + more + 3 > size) {
			memcpy(out + used, "...", size - used < 3 ? size - used : 3);
			return used + (size - used < 3 ? size - used : 3);
		}
		memcpy(out + used, one, more);
		used += more;
	}
	return used;
}
