/*
 * fill.c - texts with places for values.
 */
#include <string.h>

#include <prosody-c/codec.h>

#include "util/buf.h"

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static const char *value_of(const char *const *values, const char *name, size_t len)
{
	for (; *values; values += 2)
		if (strlen(values[0]) == len && memcmp(values[0], name, len) == 0)
			return values[1];
	return NULL;
}

char *pc_text_fill(const char *text, const char *const *values)
{
	struct pc__buf out = { 0 };

	for (const char *at = text; *at;) {
		size_t plain = strcspn(at, "$"), name = 0;
		const char *value;

		pc__buf_add(&out, at, plain);
		at += plain;
		if (*at == '\0')
			break;
		while (is_name(at[1 + name]))
			name++;
		value = value_of(values, at + 1, name);
		if (value)
			pc__buf_adds(&out, value);
		else
			pc__buf_add(&out, at, 1 + name);
		at += 1 + name;
	}
	pc__buf_str(&out);
	return out.p;
}
