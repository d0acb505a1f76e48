/*
 * scram_message.h - the client's two messages taken apart (RFC 5802 section 7), and the server's
 * attribute of XEP-0474 made. No secrets, no state; what is returned points into the message.
 */
#pragma once

#include <prosody-c/scram.h>

#define PC__SCRAM_NONCE_MAX 1024 /* of a client */

struct pc__scram_first {
	char flag;       /* 'n', 'y' or 'p' */
	pc_str binding;  /* behind "p=" */
	pc_str authzid;  /* encoded; p is NULL when there is none */
	pc_str header;   /* gs2-header, its last comma included */
	pc_str bare;     /* what comes behind it */
	pc_str username; /* encoded */
	pc_str nonce;
};

struct pc__scram_final {
	pc_str binding; /* base64 */
	pc_str nonce;
	pc_str without_proof;
	pc_str proof; /* base64 */
};

/* PC_EINVAL: an attribute is missing, empty, out of order or an extension that must be understood
 * (`m=`); NUL, bad UTF-8, too long. Extensions that may be ignored are. */
int pc__scram_read_first(const char *msg, size_t len, struct pc__scram_first *first);
int pc__scram_read_final(const char *msg, size_t len, struct pc__scram_final *final);
/* Undoes =2C and =3D; malloc'ed; NULL when another '=' is in it. */
char *pc__scram_decode_name(pc_str name);
bool pc__scram_listed(const char *list, pc_str name); /* in a list joined by ',' */
/* XEP-0474: the bytes to be hashed, malloc'ed. */
char *pc__scram_downgrade_text(const char *mechanisms, const char *bindings);
