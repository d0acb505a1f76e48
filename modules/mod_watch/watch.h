/*
 * watch.h - what passes between clients and the server, shown to an administrator as it does.
 *
 *   watch.c  who watches whom: filters on the sessions that are watched, and on no others
 *   show.c   a stanza as text, without secrets
 */
#pragma once

#include <prosody-c/prosody-c.h>

#define SHOWN_MOST 16384 /* bytes of one stanza */

/* The element as text, in lines with indentation or in one. What proves who somebody is (passwords,
 * tokens, the exchanges of SASL) is replaced by asterisks; what is longer than SHOWN_MOST is cut.
 * Returned in a malloc'ed text. */
char *show(const pc_stanza *st, bool lines);
