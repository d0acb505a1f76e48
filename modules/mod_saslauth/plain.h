/*
 * plain.h - the message of PLAIN (RFC 4616 section 2): authzid NUL authcid NUL passwd.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define PLAIN_PART_MAX 1023

struct plain {
	const char *authzid; /* "" when there is none */
	const char *authcid;
	const char *password;
};

/* Splits the message in place; `msg` has a NUL at msg[len]. False when it is malformed: not exactly
 * two NULs, an empty name or password, a part that is too long, or bytes that are not UTF-8. */
bool plain_parse(char *msg, size_t len, struct plain *plain_r);
