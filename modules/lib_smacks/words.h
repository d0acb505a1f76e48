/*
 * words.h - the elements of stream management (XEP-0198) and what stands in them, of streams of
 * clients and of servers.
 */
#pragma once

#include <prosody-c/stanza.h>

#define NS_SM2 "urn:xmpp:sm:2"
#define NS_SM3 "urn:xmpp:sm:3"

#define SM_DIGEST 32 /* bytes: SHA-256 of the token by which a stream is resumed */

/* NS_SM2 or NS_SM3. */
const char *smacks_version_ns(unsigned version);
/* 2 or 3, by the element's namespace; 0: it is of another one. */
unsigned smacks_version(const pc_stanza *st);
/* <failed/> with that condition; `h` NULL: none. */
pc_stanza *smacks_failed(const char *ns, const char *condition, const char *h);
/* An element with an h: <a/>, <resume/>, <resumed/>. */
pc_stanza *smacks_counted(const char *name, const char *ns, uint32_t h);
/* What stands in the stream error of a peer that says it has handled `h`, of `sent`; its text goes
 * to `text`. */
pc_stanza *smacks_too_high_detail(const char *ns, uint32_t h, uint32_t sent, char text[static 100]);
/* An xs:unsignedInt: digits alone. */
bool smacks_number(const char *text, uint32_t *n_r);
/* A boolean of XML Schema; NULL is false. False: it is none. */
bool smacks_boolean(const char *text, bool *value_r);
void smacks_digest(const char *token, uint8_t digest[static SM_DIGEST]);

/* Options that count for either kind of streams; the tables of both modules have them alike. */
#define SMACKS_OPTION_UNACKED                                                                      \
	{                                                                                          \
		.name = "smacks_max_unacked_stanzas", .type = PC_OPT_INTEGER, .dflt = "0",         \
		.min = 0, .max = 1000000, .live = true,                                            \
		.help = "An acknowledgement is asked for when more than so many are due"           \
	}
#define SMACKS_OPTION_REQUEST_INTERVAL                                                             \
	{                                                                                          \
		.name = "smacks_ack_request_interval", .type = PC_OPT_PERIOD, .dflt = "1 second",  \
		.min = 0, .max = 3600, .live = true,                                               \
		.help = "An acknowledgement is asked for once in so long at most, or after 50 "    \
		        "stanzas"                                                                  \
	}
#define SMACKS_OPTION_REQUEST_DELAY                                                                \
	{                                                                                          \
		.name = "smacks_ack_request_delay", .type = PC_OPT_PERIOD, .dflt = "30 seconds",   \
		.min = 0.01, .max = 86400, .live = true,                                           \
		.help = "Fewer than that are asked for after this time"                            \
	}
#define SMACKS_OPTION_ACK_TIMEOUT                                                                  \
	{                                                                                          \
		.name = "smacks_ack_timeout", .type = PC_OPT_PERIOD, .dflt = "2 minutes",          \
		.min = 0.01, .max = 86400, .live = true,                                           \
		.help = "A connection on which none has come for so long is taken for dead"        \
	}
