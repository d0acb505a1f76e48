/*
 * words.c - entries found by their words: a table of FTS5.
 *
 * What people look for never becomes syntax: each of their words is quoted.
 */
#include "sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACE " \t\r\n"
#define WORDS_MOST 32 /* that are looked for; further ones are left out */

/* A trigger may not touch a virtual table where schemas are not trusted: it notes what has gone.
 * Entries without words pay a look at a key. */
int sqlite_words_follow(struct connection *c)
{
	return sqlite_exec(c, "CREATE TEMP TABLE gone (sort INTEGER PRIMARY KEY);"
	                      "CREATE TEMP TRIGGER entry_gone AFTER DELETE ON main.archive"
	                      " WHEN EXISTS (SELECT 1 FROM words_docsize WHERE id = old.sort)"
	                      " BEGIN INSERT INTO gone VALUES (old.sort); END");
}

int sqlite_words_clean(struct connection *c)
{
	sqlite3_stmt *st = sqlite_statement(c, WORDS_GONE);
	bool any = false;
	int err;

	if (st == NULL)
		return PC_EIO;
	while (sqlite_row(c, st, &err))
		any = true;
	if (!err && any)
		err = sqlite_run_simple(c, WORDS_CLEAN);
	if (!err && any)
		err = sqlite_run_simple(c, WORDS_CLEANED);
	return err;
}

int sqlite_words_put(struct connection *c, sqlite3_int64 owner, sqlite3_int64 sort,
                     const char *text)
{
	sqlite3_stmt *st = sqlite_statement(c, ENTRY_WORDS);
	char name[24];

	if (st == NULL)
		return PC_EIO;
	snprintf(name, sizeof(name), "o%lld", (long long)owner);
	sqlite3_bind_int64(st, 1, sort);
	sqlite_bind_text(st, 2, name);
	sqlite_bind_text(st, 3, text);
	return sqlite_run(c, st);
}

/* A byte of a letter or digit, or of any character beyond ASCII: such a word may have something to
 * look for. */
static bool has_letter(const char *word, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char b = (unsigned char)word[i];

		if (b >= 0x80 || (b >= '0' && b <= '9') || ((b | 0x20) >= 'a' && (b | 0x20) <= 'z'))
			return true;
	}
	return false;
}

static void write_quoted(FILE *out, const char *word, size_t len)
{
	fputs(" \"", out);
	for (size_t i = 0; i < len; i++) {
		if (word[i] == '"')
			fputc('"', out);
		fputc(word[i], out);
	}
	fputc('"', out);
}

char *sqlite_words_wanted(sqlite3_int64 owner, const char *text)
{
	char *wanted = NULL;
	size_t size, n = 0;
	FILE *out = open_memstream(&wanted, &size);

	if (out == NULL)
		return NULL;
	fprintf(out, "(owner : \"o%lld\") AND (text : (", (long long)owner);
	for (size_t len; *(text += strspn(text, SPACE)) && n < WORDS_MOST; text += len) {
		len = strcspn(text, SPACE);
		if (!has_letter(text, len))
			continue;
		fputs(n++ ? " AND" : "", out);
		write_quoted(out, text, len);
	}
	fputs("))", out);
	if (fclose(out) == 0 && n > 0)
		return wanted;
	free(wanted);
	return NULL;
}
