/*
 * jid.h - XMPP addresses (RFC 7622, prepared by the profiles of RFC 6122).
 *
 * Every address is prepared once, where it enters; afterwards addresses are compared byte by byte.
 * A parsed address lies in a buffer of the caller, so parsing allocates nothing. Too long parts are
 * refused, before and after preparation, never cut.
 */
#pragma once

#include <prosody-c/base.h>

#define PC_JID_PART_MAX 1023                 /* bytes of one part, prepared */
#define PC_JID_MAX (3 * PC_JID_PART_MAX + 2) /* bytes of a whole address, without the NUL */
#define PC_JID_BUF (3 * PC_JID_PART_MAX + 3) /* room for the three parts, each with its NUL */

/* Parts are NUL-terminated and point into the buffer that was given; local and resource are NULL
 * where the address has none; domain is never NULL. */
typedef struct pc_jid {
	const char *local;
	const char *domain;
	const char *resource;
} pc_jid;

/* Splits and prepares. PC_EINVAL when a part is empty, too long or not allowed. */
PC_EXPORT int pc_jid_parse(const char *text, char buf[static PC_JID_BUF], pc_jid *jid_r);
PC_EXPORT int pc_jid_parse_n(const char *text, size_t len, char buf[static PC_JID_BUF],
                             pc_jid *jid_r);
/* Prepares parts that come separately; local and resource may be NULL. */
PC_EXPORT int pc_jid_make(const char *local, const char *domain, const char *resource,
                          char buf[static PC_JID_BUF], pc_jid *jid_r);

/* Write an address, return its length. */
PC_EXPORT size_t pc_jid_write(const pc_jid *jid, char out[static PC_JID_MAX + 1]);
PC_EXPORT size_t pc_jid_write_bare(const pc_jid *jid, char out[static PC_JID_MAX + 1]);

PC_EXPORT bool pc_jid_equal(const pc_jid *a, const pc_jid *b);
PC_EXPORT bool pc_jid_equal_bare(const pc_jid *a, const pc_jid *b);

/* One part each: the prepared form with its NUL in out, or PC_EINVAL. An empty part is refused. */
PC_EXPORT int pc_jid_prep_local(const char *in, char out[static PC_JID_PART_MAX + 1]);
PC_EXPORT int pc_jid_prep_domain(const char *in, char out[static PC_JID_PART_MAX + 1]);
PC_EXPORT int pc_jid_prep_resource(const char *in, char out[static PC_JID_PART_MAX + 1]);
/* The domain of a whole address, prepared, whatever its other parts are: who may speak of an
 * address is a matter of its domain even where the rest of it is none. PC_EINVAL: nor is that one.
 */
PC_EXPORT int pc_jid_domain_of(const char *text, char out[static PC_JID_PART_MAX + 1]);
/* SASLprep (RFC 4013), for passwords and SASL user names. */
PC_EXPORT int pc_saslprep(const char *in, char out[static PC_JID_PART_MAX + 1]);
