/*
 * json.h - texts and numbers as JSON (RFC 8259), for those who write it piece by piece.
 */
#pragma once

#include "util/buf.h"

/* Appends the text in quotation marks; NULL is null. What is not UTF-8 becomes U+FFFD, and what
 * is written holds no control character and no line feed. */
void pc__json_string(struct pc__buf *b, const char *text);
/* Appends a number; one that JSON does not have is null. */
void pc__json_number(struct pc__buf *b, double number);
