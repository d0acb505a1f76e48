/*
 * config_place.c - where in its files the configuration says something.
 *
 * A value knows the line in which its assignment ended. The items of a list are on lines of their
 * own often, so the text is looked through upwards from there for one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "util/buf.h"
#include "util/mem.h"

/* The command line has no lines. */
static void write_place(const char *file, int line, char *out, size_t size)
{
	if (line > 0)
		snprintf(out, size, "%s:%d", file, line);
	else
		snprintf(out, size, "%s", file);
}

void pc__value_place(const pc__value *value, char *out, size_t size)
{
	write_place(value->file, value->line, out, size);
}

static bool read_text(const char *file, struct pc__buf *b)
{
	FILE *f = fopen(file, "re");
	size_t n;

	while (f && (n = fread(pc__buf_room(b, 16384), 1, 16384, f)) > 0)
		pc__buf_added(b, n);
	if (f)
		fclose(f);
	return f != NULL;
}

/* In quotes of either kind. */
static bool has_word(const char *line, const char *end, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = line; (at = memmem(at, (size_t)(end - at), word, len)) != NULL; at++)
		if (at > line && at + len < end && strchr("'\"", at[-1]) && at[len] == at[-1])
			return true;
	return false;
}

/* Up to the line that begins with the option's name. */
static int find_word(const char *text, int line, const char *option, const char *word)
{
	int found = 0, number = 1;

	for (const char *at = text; number <= line; number++) {
		const char *end = strchrnul(at, '\n');
		const char *begin = at + strspn(at, " \t");

		if (strncmp(begin, option, strlen(option)) == 0)
			found = 0;
		if (has_word(at, end, word))
			found = number;
		if (*end == '\0')
			break;
		at = end + 1;
	}
	return found;
}

void pc__value_item_place(const pc__value *list, const char *option, const char *word, char *out,
                          size_t size)
{
	struct pc__buf text = { 0 };
	int line = 0;

	if (list->line > 0 && read_text(list->file, &text))
		line = find_word(pc__buf_str(&text), list->line, option, word);
	write_place(list->file, line > 0 ? line : list->line, out, size);
	pc__buf_free(&text);
}
