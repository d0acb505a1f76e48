#include <arpa/inet.h>
#include <idna.h>
#include <stdlib.h>
#include <string.h>

#include "util/prep.h"
#include "util/utf8.h"

#define LABEL_MAX 63
#define CHARACTERS_MAX                                                                             \
	255 /* characters of a name with labels that are not ASCII: the DNS has no longer */

static bool is_a_label(const char *label, size_t len)
{
	return len >= 4 && memcmp(label, "xn--", 4) == 0;
}

static bool label_fits(const char *label, size_t len)
{
	return len > 0 && len <= LABEL_MAX && label[0] != '-' && label[len - 1] != '-';
}

/* Lower-cases; false when a byte is not plain ASCII of a domain, its length aside. */
static bool lower(const char *in, size_t len, char *out)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)in[i];
		uint8_t class = pc__ascii_class[c];

		if (!(class & PC__ASCII_DOMAIN))
			return false;
		out[i] = (char)(class & PC__ASCII_UPPER ? c | 0x20 : c);
	}
	out[len] = '\0';
	return true;
}

/* `ascii`: lower case. Counts the A-labels, or PC_EINVAL when a label is not one. */
static int check_labels(const char *ascii, size_t len)
{
	int a_labels = 0;

	for (const char *label = ascii, *end = ascii + len;; label++) {
		const char *dot = memchr(label, '.', (size_t)(end - label));
		size_t n = (size_t)((dot ? dot : end) - label);

		if (!label_fits(label, n))
			return PC_EINVAL;
		a_labels += is_a_label(label, n);
		if (dot == NULL)
			return a_labels;
		label = dot;
	}
}

/* The dots of IDNA2003 (RFC 3490 section 3.1). Bytes of the one at `s`, or 0. */
static size_t dot_at(const char *s)
{
	if (*s == '.')
		return 1;
	return strncmp(s, "\xe3\x80\x82", 3) == 0 || strncmp(s, "\xef\xbc\x8e", 3) == 0 ||
	                       strncmp(s, "\xef\xbd\xa1", 3) == 0
	               ? 3
	               : 0;
}

static size_t count_dots(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += dot_at(s) > 0;
	return n;
}

static size_t count_characters(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xC0) != 0x80;
	return n;
}

static size_t label_length(const char *s)
{
	size_t len = 0;

	while (s[len] && dot_at(s + len) == 0)
		len++;
	return len;
}

/* Nameprep, label by label: libidn does that too, but its time grows with the square of what a
 * label becomes. No label makes another one, and none is longer than the DNS has them. */
static bool prep_labels(const char *in, char *out)
{
	char label[PC__PREP_SIZE];
	size_t at = 0, characters = 0;

	for (;; in += dot_at(in)) {
		size_t len = label_length(in);
		ssize_t n = pc__prep_label(in, len, label);

		if (n < 0 || count_dots(label) > 0 || count_characters(label) > LABEL_MAX ||
		    (characters += count_characters(label) + 1) > CHARACTERS_MAX ||
		    at + (size_t)n + 1 > PC_JID_PART_MAX)
			return false;
		memcpy(out + at, label, (size_t)n + 1);
		at += (size_t)n;
		in += len;
		if (*in == '\0')
			return true;
		out[at++] = '.';
	}
}

/* What of a prepared name is ASCII must be what plain names may hold: compatibility characters turn
 * into anything. A-labels that are left are ones that stand for nothing. */
static bool is_sound(const char *name)
{
	const char *label = name;

	for (const char *p = name;; p++) {
		unsigned char c = (unsigned char)*p;
		uint8_t class = pc__ascii_class[c];

		if (c == '.' || c == '\0') {
			if (p == label || *label == '-' || p[-1] == '-' ||
			    is_a_label(label, (size_t)(p - label)))
				return false;
			label = p + 1;
		} else if (c < 0x80 && (!(class & PC__ASCII_DOMAIN) || class & PC__ASCII_UPPER)) {
			return false;
		}
		if (c == '\0')
			return true;
	}
}

static int to_unicode(const char *ascii, char *out)
{
	char *name = NULL;
	int err = PC_EINVAL;

	if (idna_to_unicode_8z8z(ascii, &name, IDNA_ALLOW_UNASSIGNED) == IDNA_SUCCESS &&
	    strlen(name) <= PC_JID_PART_MAX && is_sound(name)) {
		memcpy(out, name, strlen(name) + 1);
		err = PC_OK;
	}
	free(name);
	return err;
}

/* Through the A-labels to the U-labels: mixed input comes out in one form. */
static int idna(const char *in, char *out)
{
	char low[PC__PREP_SIZE];
	char *ascii = NULL;
	int err = PC_EINVAL;

	if (idna_to_ascii_8z(in, &ascii, IDNA_ALLOW_UNASSIGNED) == IDNA_SUCCESS &&
	    count_dots(in) == count_dots(ascii) && strlen(ascii) <= PC_JID_PART_MAX &&
	    lower(ascii, strlen(ascii), low) && check_labels(low, strlen(low)) >= 0)
		err = to_unicode(low, out);
	free(ascii);
	return err;
}

static ssize_t prep_unicode(const char *in, char *out)
{
	char again[PC__PREP_SIZE], labels[PC__PREP_SIZE];

	if (!prep_labels(in, labels) || idna(labels, out) < 0 || idna(out, again) < 0 ||
	    strcmp(out, again) != 0)
		return PC_EINVAL;
	return (ssize_t)strlen(out);
}

static ssize_t prep_ipv6(const char *in, size_t len, char *out)
{
	char text[INET6_ADDRSTRLEN + 1];
	struct in6_addr address;

	if (len < 4 || len - 2 >= sizeof(text) || in[len - 1] != ']' || memchr(in, '\0', len))
		return PC_EINVAL;
	memcpy(text, in + 1, len - 2);
	text[len - 2] = '\0';
	if (inet_pton(AF_INET6, text, &address) != 1)
		return PC_EINVAL;
	out[0] = '[';
	inet_ntop(AF_INET6, &address, out + 1, INET6_ADDRSTRLEN);
	len = strlen(out);
	out[len++] = ']';
	out[len] = '\0';
	return (ssize_t)len;
}

static size_t without_last_dot(const char *in, size_t len)
{
	static const char dots[][4] = { ".", "\xe3\x80\x82", "\xef\xbc\x8e", "\xef\xbd\xa1" };

	for (size_t i = 0; i < sizeof(dots) / sizeof(dots[0]); i++) {
		size_t n = strlen(dots[i]);

		if (len > n && memcmp(in + len - n, dots[i], n) == 0)
			return len - n;
	}
	return len;
}

ssize_t pc__prep_domain(const char *in, size_t len, char out[static PC__PREP_SIZE])
{
	char copy[PC__PREP_SIZE];

	if (len == 0 || len > PC_JID_PART_MAX)
		return PC_EINVAL;
	if (in[0] == '[')
		return prep_ipv6(in, len, out);
	len = without_last_dot(in, len);
	if (lower(in, len, out)) {
		int a_labels = check_labels(out, len);

		if (a_labels <= 0)
			return a_labels < 0 ? a_labels : (ssize_t)len;
		memcpy(copy, out, len);
	} else if (memchr(in, '\0', len) || !pc__utf8_valid(in, len)) {
		return PC_EINVAL;
	} else {
		memcpy(copy, in, len);
	}
	copy[len] = '\0';
	return prep_unicode(copy, out);
}
