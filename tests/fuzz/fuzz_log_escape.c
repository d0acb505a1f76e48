/*
 * Text from anywhere in a line of the log. The first byte is the room there is. What comes out
 * fits, is UTF-8, moves neither cursor nor writing direction, is escaped to itself, and where there
 * was not room enough it is the beginning of the whole.
 */
#include "fuzz.h"
#include "log_internal.h"
#include "util/utf8.h"

/* U+0080 to U+009F, U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069, U+FEFF. */
static bool is_mark(const unsigned char *s)
{
	if (s[0] == 0xc2)
		return s[1] < 0xa0;
	if (s[0] == 0xe2 && s[1] == 0x80)
		return s[2] == 0x8e || s[2] == 0x8f || (s[2] >= 0xa8 && s[2] <= 0xae);
	if (s[0] == 0xe2 && s[1] == 0x81)
		return s[2] >= 0xa6 && s[2] <= 0xa9;
	return s[0] == 0xef && s[1] == 0xbb && s[2] == 0xbf;
}

static void check_fit(const char *out, size_t len)
{
	must(pc__utf8_valid(out, len));
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)out[i];

		must(c >= 0x20 && c != 0x7f && !is_mark((const unsigned char *)out + i));
	}
}

static void check_cut(const char *text, size_t len, size_t room, const char *whole,
                      size_t whole_len)
{
	char *out = malloc(room);
	size_t n, kept;

	must(out != NULL);
	n = pc__log_escape(text, len, out, room);
	must(n <= room);
	check_fit(out, n);
	kept = n == whole_len && memcmp(out, whole, n) == 0 ? n : n - 3;
	must(memcmp(out, whole, kept) == 0);
	must(kept == n || (memcmp(out + kept, "...", 3) == 0 && whole_len > room - 3));
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len, room = size ? (size_t)data[0] + 3 : 3, most = 4 * size + 8;
	char *text = copy_exact(data + (size > 0), size - (size > 0)), *whole = malloc(most),
	     *again;

	must(whole != NULL);
	len = pc__log_escape(text, size - (size > 0), whole, most);
	must(len < most);
	check_fit(whole, len);
	whole[len] = '\0';
	again = malloc(len + 4);
	must(again != NULL);
	must(pc__log_escape(whole, len, again, len + 4) == len);
	must(memcmp(whole, again, len) == 0);
	check_cut(text, size - (size > 0), room, whole, len);
	free(again);
	free(whole);
	free(text);
	return 0;
}
