/*
 * scram.h - SCRAM (RFC 5802, RFC 7677) as pure functions: no session, no storage, no wire format
 * beyond the SASL messages themselves. The caller moves bytes and fetches keys.
 *
 * The server's side of one exchange:
 *
 *   pc_scram_start(&sc, hash, plus, policy)            a mechanism was chosen
 *   pc_scram_client_first(sc, msg, len)                syntax, gs2 header; then pc_scram_username()
 *   ... fetch keys for that user, or pc_scram_fake_keys() for one that is not there ...
 *   pc_scram_server_first(sc, &keys, out)              the challenge
 *   pc_scram_client_final(sc, msg, len, out)           PC_OK: authenticated, out has v=...
 *   pc_scram_free(&sc)
 *
 * Nothing tells an unknown user from a wrong password: the same steps, the same bytes.
 * An exchange can be written to bytes and read back, so that it outlives a module's reload.
 */
#pragma once

#include <prosody-c/base.h>

typedef enum pc_scram_hash { PC_SCRAM_SHA_1, PC_SCRAM_SHA_256, PC_SCRAM_SHA_512 } pc_scram_hash;
#define PC_SCRAM_HASHES 3
#define PC_SCRAM_KEY_MAX 64       /* bytes of the longest key (SHA-512) */
#define PC_SCRAM_SALT_MAX 64      /* bytes */
#define PC_SCRAM_MESSAGE_MAX 4096 /* bytes of one message, without base64 */
#define PC_SCRAM_ITERATIONS_MIN 4096
#define PC_SCRAM_ITERATIONS_MAX 10000000

/* What the server keeps of a password (RFC 5802 section 3). */
typedef struct pc_scram_keys {
	pc_scram_hash hash;
	uint8_t salt[PC_SCRAM_SALT_MAX];
	size_t salt_len;
	uint32_t iterations;
	uint8_t stored_key[PC_SCRAM_KEY_MAX]; /* pc_scram_hash_size() bytes are used */
	uint8_t server_key[PC_SCRAM_KEY_MAX];
} pc_scram_keys;

PC_EXPORT size_t pc_scram_hash_size(pc_scram_hash hash);
/* "SCRAM-SHA-256", ... ; with "-PLUS" when plus. */
PC_EXPORT const char *pc_scram_name(pc_scram_hash hash, bool plus);

/* Keys of a password, which is prepared by SASLprep first. Costs milliseconds: for job threads.
 * keys->hash, salt, salt_len and iterations are set by the caller. PC_EINVAL: not preparable. */
PC_EXPORT int pc_scram_derive(const char *password, pc_scram_keys *keys);
/* The same from the SaltedPassword (RFC 5802 section 3), which somebody else has derived; `len`
 * bytes, which must be pc_scram_hash_size(). Quick. PC_EINVAL: of another length. */
PC_EXPORT int pc_scram_from_salted(const uint8_t *salted, size_t len, pc_scram_keys *keys);
/* Does the password fit the keys? Constant time in the comparison, and costs like _derive. */
PC_EXPORT bool pc_scram_check(const char *password, const pc_scram_keys *keys);
/* Keys for a user that is not there: the same for the same name and secret at every call, of the
 * look of real ones, and no proof ever fits them. keys->hash, iterations, salt_len and salt are set
 * by the caller: a salt of zero bytes becomes any bytes; else it is a pattern of text, in which 'x'
 * becomes a hexadecimal digit and 'y' one of "89ab". */
PC_EXPORT void pc_scram_fake_keys(const char *username, const uint8_t secret[static 32],
                                  pc_scram_keys *keys);
/* A number that the name has with that secret. */
PC_EXPORT uint32_t pc_scram_fake_die(const char *username, const uint8_t secret[static 32]);

/* Channel bindings that the stream can give (RFC 5929, RFC 9266). */
typedef enum pc_binding {
	PC_BINDING_NONE,
	PC_BINDING_TLS_EXPORTER,
	PC_BINDING_TLS_SERVER_END_POINT,
} pc_binding;
/* "tls-exporter", "tls-server-end-point"; "" for none. */
PC_EXPORT const char *pc_binding_name(pc_binding binding);

typedef struct pc_scram_policy {
	bool plus_offered;    /* some -PLUS mechanism was offered on this stream: `y` is refused */
	pc_str mechanisms;    /* XEP-0474: names as offered, any order, joined by ','; empty: no
	                         attribute */
	pc_str bindings;      /* XEP-0474: binding names as offered, joined by ','; the client may
	                         choose one of them, or any that is known where this is empty */
	uint16_t tls_version; /* XEP-0515: 0x0304 for TLS 1.3, ...; 0: no attribute */
} pc_scram_policy;

typedef struct pc_scram pc_scram;

PC_EXPORT int pc_scram_start(pc_scram **sc_r, pc_scram_hash hash, bool plus,
                             const pc_scram_policy *policy);
PC_EXPORT void pc_scram_free(pc_scram **sc);

/* PC_EINVAL: the message breaks the syntax, lies with `y`, or asks for a binding where none is. */
PC_EXPORT int pc_scram_client_first(pc_scram *sc, const char *msg, size_t len);
PC_EXPORT const char *pc_scram_username(const pc_scram *sc); /* SASLprepped */
PC_EXPORT const char *pc_scram_authzid(const pc_scram *sc);  /* NULL when there is none */
PC_EXPORT pc_binding pc_scram_binding(const pc_scram *sc);   /* the one that the client chose */
/* The bytes of that binding of this stream: before _client_final. Copied. */
PC_EXPORT void pc_scram_set_binding(pc_scram *sc, const uint8_t *bytes, size_t len);
/* Writes the challenge and its NUL; its length, or PC_E*. The keys are copied. */
PC_EXPORT ssize_t pc_scram_server_first(pc_scram *sc, const pc_scram_keys *keys,
                                        char out[static PC_SCRAM_MESSAGE_MAX]);
/* The length of the server's final message (v=...) in out; PC_EAUTH: wrong proof, or another
 * nonce than before; PC_EPERM: another gs2-header or channel binding data, so that nothing can be
 * said of the password; PC_EINVAL: malformed. */
PC_EXPORT ssize_t pc_scram_client_final(pc_scram *sc, const char *msg, size_t len,
                                        char out[static PC_SCRAM_MESSAGE_MAX]);

/* The exchange as bytes (malloc'ed, yours, holds key material), and back; NULL when damaged. */
PC_EXPORT uint8_t *pc_scram_save(const pc_scram *sc, size_t *len_r);
PC_EXPORT pc_scram *pc_scram_restore(const uint8_t *bytes, size_t len);
