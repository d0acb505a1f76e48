/*
 * idna.h - domain names as the DNS wants them.
 */
#pragma once

#include <prosody-c/base.h>

#define PC__IDNA_SIZE 256 /* the longest name of the DNS, and its NUL */

/* The ASCII form (RFC 3490, unassigned code points allowed) of a UTF-8 name; labels such as
 * "_xmpp-server" pass. PC_EINVAL when it is empty, too long or not convertible. */
int pc__idna_to_ascii(const char *name, char out[static PC__IDNA_SIZE]);
