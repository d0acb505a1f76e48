/*
 * scram_exchange.h - the inside of a pc_scram, for scram.c, scram_save.c and their test.
 */
#pragma once

#include <prosody-c/scram.h>

#define PC__SCRAM_SERVER_NONCE 64

typedef enum pc__scram_state {
	PC__SCRAM_START,
	PC__SCRAM_FIRST,      /* client-first was taken */
	PC__SCRAM_CHALLENGED, /* server-first was made */
	PC__SCRAM_OVER,       /* well or badly */
} pc__scram_state;

/* Strings are malloc'ed; from `username` on NULL until their step. */
struct pc_scram {
	pc_scram_hash hash;
	bool plus;
	bool plus_offered;
	pc__scram_state state;
	pc_binding binding;
	char server_nonce[PC__SCRAM_SERVER_NONCE]; /* made at the start */
	uint16_t tls_version;                      /* 0: not told */
	char *mechanisms, *bindings;               /* joined by ',', or "" */
	char *username;
	char *authzid; /* NULL: none was given */
	char *gs2_header;
	char *client_first; /* bare */
	char *nonce;        /* the client's, then both */
	char *server_first;
	uint8_t *bound; /* channel binding data */
	size_t bound_len;
	pc_scram_keys keys;
};
