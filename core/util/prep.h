/*
 * prep.h - one part of an address, given with its length, made ready for comparison (RFC 6122).
 *
 * Each function writes the prepared part and its NUL into out and returns its length, or
 * PC_EINVAL when the part is empty, longer than PC_JID_PART_MAX before or after, not UTF-8, not
 * allowed, or changes again when it is prepared again (an address would then have two forms).
 * `in` must not lie in `out`. Plain ASCII never reaches libidn.
 */
#pragma once

#include <prosody-c/jid.h>

#define PC__PREP_SIZE (PC_JID_PART_MAX + 1)

ssize_t pc__prep_local(const char *in, size_t len, char out[static PC__PREP_SIZE]);
ssize_t pc__prep_resource(const char *in, size_t len, char out[static PC__PREP_SIZE]);
/* A name, its labels in Unicode, without the dot at its end; or an IPv4 address; or an IPv6 one in
 * brackets, in the form of RFC 5952. Letters, digits, '-' inside of labels and '_' are allowed. */
ssize_t pc__prep_domain(const char *in, size_t len, char out[static PC__PREP_SIZE]);
/* Nameprep (RFC 3491) of one label; it may have changed again when prepared again. */
ssize_t pc__prep_label(const char *in, size_t len, char out[static PC__PREP_SIZE]);
/* SASLprep (RFC 4013); unassigned code points pass, for passwords are younger than Unicode 3.2. */
ssize_t pc__prep_sasl(const char *in, size_t len, char out[static PC__PREP_SIZE]);

/* What ASCII byte may stand where; none of them for bytes above 127. */
#define PC__ASCII_LOCAL 1
#define PC__ASCII_DOMAIN 2
#define PC__ASCII_RESOURCE 4
#define PC__ASCII_UPPER 8
extern const uint8_t pc__ascii_class[256];
