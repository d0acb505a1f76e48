#include "util/prep.h"

#include <stdlib.h>
#include <string.h>
#include <stringprep.h>

#include "util/utf8.h"

#define UPPER(c) ((c) >= 'A' && (c) <= 'Z')
#define ALNUM(c) (UPPER(c) || ((c) >= 'a' && (c) <= 'z') || ((c) >= '0' && (c) <= '9'))
#define PRINT(c) ((c) >= ' ' && (c) <= '~')
/* RFC 6122 appendix A.5, beside controls and space. */
#define NOT_LOCAL(c)                                                                               \
	((c) == ' ' || (c) == '"' || (c) == '&' || (c) == '\'' || (c) == '/' || (c) == ':' ||      \
	 (c) == '<' || (c) == '>' || (c) == '@')

#define CLASS(c)                                                                                   \
	((PRINT(c) && !NOT_LOCAL(c) ? PC__ASCII_LOCAL : 0) |                                       \
	 (ALNUM(c) || (c) == '-' || (c) == '.' || (c) == '_' ? PC__ASCII_DOMAIN : 0) |             \
	 (PRINT(c) ? PC__ASCII_RESOURCE : 0) | (UPPER(c) ? PC__ASCII_UPPER : 0))
#define CLASS_4(c) CLASS(c), CLASS((c) + 1), CLASS((c) + 2), CLASS((c) + 3)
#define CLASS_16(c) CLASS_4(c), CLASS_4((c) + 4), CLASS_4((c) + 8), CLASS_4((c) + 12)

const uint8_t pc__ascii_class[256] = { CLASS_16(0),  CLASS_16(16), CLASS_16(32), CLASS_16(48),
	                               CLASS_16(64), CLASS_16(80), CLASS_16(96), CLASS_16(112) };

/* Case folding makes three characters of one at most. Normalizing makes up to 18, but what fills
 * this then is longer than any address. */
#define POINTS_MOST 4096

/* In one go: stringprep() gives the profile 50 more places at a time and starts again, which costs
 * milliseconds where each character becomes many. */
static bool apply(char *s, const Stringprep_profile *profile)
{
	uint32_t points[POINTS_MOST];
	size_t n, len = PC__PREP_SIZE;
	uint32_t *given = stringprep_utf8_to_ucs4(s, -1, &n);
	char *text;

	if (given == NULL || n > PC_JID_PART_MAX) {
		free(given);
		return false;
	}
	memcpy(points, given, n * sizeof(*points));
	free(given);
	if (stringprep_4i(points, &n, POINTS_MOST, 0, profile) != STRINGPREP_OK)
		return false;
	text = stringprep_ucs4_to_utf8(points, (ssize_t)n, NULL, &len);
	if (text && len < PC__PREP_SIZE)
		memcpy(s, text, len + 1);
	free(text);
	return text && len < PC__PREP_SIZE;
}

/* Length when all is well, PC_EINVAL otherwise. */
static ssize_t profile_once(const char *in, size_t len, char *out,
                            const Stringprep_profile *profile)
{
	if (memchr(in, '\0', len) || !pc__utf8_valid(in, len))
		return PC_EINVAL;
	memcpy(out, in, len);
	out[len] = '\0';
	if (!apply(out, profile) || out[0] == '\0')
		return PC_EINVAL;
	return (ssize_t)strlen(out);
}

static ssize_t profile_stable(const char *in, size_t len, char *out,
                              const Stringprep_profile *profile)
{
	char again[PC__PREP_SIZE];
	ssize_t n = profile_once(in, len, out, profile);

	if (n < 0)
		return n;
	memcpy(again, out, (size_t)n + 1);
	if (!apply(again, profile) || strcmp(again, out) != 0)
		return PC_EINVAL;
	return n;
}

static bool length_fits(size_t len)
{
	return len > 0 && len <= PC_JID_PART_MAX;
}

ssize_t pc__prep_label(const char *in, size_t len, char out[static PC__PREP_SIZE])
{
	return length_fits(len) ? profile_once(in, len, out, stringprep_nameprep) : PC_EINVAL;
}

ssize_t pc__prep_local(const char *in, size_t len, char out[static PC__PREP_SIZE])
{
	if (!length_fits(len))
		return PC_EINVAL;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)in[i];
		uint8_t class = pc__ascii_class[c];

		if (!(class & PC__ASCII_LOCAL))
			return c < 0x80 ? PC_EINVAL
			                : profile_stable(in, len, out, stringprep_xmpp_nodeprep);
		out[i] = (char)(class & PC__ASCII_UPPER ? c | 0x20 : c);
	}
	out[len] = '\0';
	return (ssize_t)len;
}

static bool all_printable(const char *in, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!(pc__ascii_class[(unsigned char)in[i]] & PC__ASCII_RESOURCE))
			return false;
	return true;
}

ssize_t pc__prep_resource(const char *in, size_t len, char out[static PC__PREP_SIZE])
{
	if (!length_fits(len))
		return PC_EINVAL;
	if (!all_printable(in, len))
		return profile_stable(in, len, out, stringprep_xmpp_resourceprep);
	memcpy(out, in, len);
	out[len] = '\0';
	return (ssize_t)len;
}

/* Without the second round: a password is prepared once on each side and compared by its hash. */
ssize_t pc__prep_sasl(const char *in, size_t len, char out[static PC__PREP_SIZE])
{
	if (!length_fits(len))
		return PC_EINVAL;
	if (!all_printable(in, len))
		return profile_once(in, len, out, stringprep_saslprep);
	memcpy(out, in, len);
	out[len] = '\0';
	return (ssize_t)len;
}
