#include "util/utf8.h"

/* Table 3-7 of the Unicode Standard: what the second byte may be depends on the first. */
static size_t sequence(const unsigned char *s, unsigned char *low, unsigned char *high)
{
	*low = 0x80;
	*high = 0xbf;
	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	if (s[0] == 0xe0)
		*low = 0xa0;
	else if (s[0] == 0xed)
		*high = 0x9f;
	else if (s[0] == 0xf0)
		*low = 0x90;
	else if (s[0] == 0xf4)
		*high = 0x8f;
	return s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
}

bool pc__utf8_valid(const char *bytes, size_t len)
{
	const unsigned char *s = (const unsigned char *)bytes;

	while (len > 0) {
		unsigned char low, high;
		size_t n = sequence(s, &low, &high);

		if (n == 0 || n > len)
			return false;
		if (n > 1 && (s[1] < low || s[1] > high))
			return false;
		for (size_t i = 2; i < n; i++)
			if ((s[i] & 0xc0) != 0x80)
				return false;
		s += n;
		len -= n;
	}
	return true;
}
