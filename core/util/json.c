#include "util/json.h"

#include <math.h>

#include "util/utf8.h"

/* How long the character is that begins there; 0: it is none. */
static size_t char_len(const char *s)
{
	unsigned char first = (unsigned char)*s;
	size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	return strnlen(s, len) == len && pc__utf8_valid(s, len) ? len : 0;
}

static void add_char(struct pc__buf *b, const char *s, size_t len)
{
	unsigned char c = (unsigned char)*s;

	if (len == 0)
		pc__buf_adds(b, "\\ufffd");
	else if (c == '"' || c == '\\')
		pc__buf_printf(b, "\\%c", c);
	else if (c == '\n')
		pc__buf_adds(b, "\\n");
	else if (c < 0x20 || c == 0x7f)
		pc__buf_printf(b, "\\u%04x", (unsigned)c);
	else
		pc__buf_add(b, s, len);
}

void pc__json_string(struct pc__buf *b, const char *text)
{
	if (text == NULL) {
		pc__buf_adds(b, "null");
		return;
	}
	pc__buf_addc(b, '"');
	while (*text != '\0') {
		size_t len = char_len(text);

		add_char(b, text, len);
		text += len > 0 ? len : 1;
	}
	pc__buf_addc(b, '"');
}

void pc__json_number(struct pc__buf *b, double number)
{
	if (isfinite(number))
		pc__buf_printf(b, "%.15g", number);
	else
		pc__buf_adds(b, "null");
}
