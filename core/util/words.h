/*
 * words.h - the line protocol between prosody-ctl and the server: its framing.
 *
 * A request is a line of words separated by 0x1F; the first is a *tag* that the asker chose, which
 * its answers carry, so that several requests may be under way:
 *
 *   TAG 0x1F WORD 0x1F WORD ... \n
 *
 * Answers are lines, too: any number of output, then the end with a code (0, or a PC_E* without its
 * sign) and a text for people. Where the first word of a request is "--json", rows of lists come as
 * objects of JSON, one a line:
 *
 *   O TAG TEXT\n
 *   R TAG OBJECT\n
 *   E TAG CODE TEXT\n
 *
 * Words and texts hold no control characters. A tag is 1 to 16 letters or digits.
 */
#pragma once

#include "util/buf.h"

#define PC__WORDS_JSON "--json"
#define PC__WORDS_MAX 64               /* in a request, the tag not counted */
#define PC__WORDS_LINE_MAX (16 * 1024) /* bytes of a line */
#define PC__WORDS_TAG_MAX 16
#define PC__WORDS_UNDER_WAY 32 /* requests of one asker that are served at once */

/* Appends a request. PC_EINVAL, and nothing is appended, when a word cannot be sent. */
int pc__words_add(struct pc__buf *b, const char *tag, const char *const *words, size_t n);

struct pc__request {
	const char *tag;
	size_t n;
	const char *words[PC__WORDS_MAX];
};
/* Reads a request from a line without its end; the line is cut up in place and must outlive the
 * request. PC_EINVAL when it is none. */
int pc__words_parse(char *line, size_t len, struct pc__request *request_r);

struct pc__answer {
	char kind; /* 'O', 'R' or 'E' */
	const char *tag;
	int code; /* of 'E': PC_OK or PC_E* */
	const char *text;
};
/* Appends output: a line for each line of the text. Other control characters become '?'. */
void pc__words_output(struct pc__buf *b, const char *tag, const char *text);
/* Appends a row: JSON without a line feed. */
void pc__words_row(struct pc__buf *b, const char *tag, const char *json);
void pc__words_end(struct pc__buf *b, const char *tag, int code, const char *text);
/* Reads an answer from a line without its end, cut up in place. */
int pc__words_answer(char *line, size_t len, struct pc__answer *answer_r);
