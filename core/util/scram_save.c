/*
 * Version byte; fixed fields a byte each; strings as {length + 1, or 0 for NULL: 4 bytes, little
 * endian}{bytes}; then the keys. What is read back is held to what the exchange itself would allow.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include <prosody-c/codec.h>

#include "util/buf.h"
#include "util/mem.h"
#include "util/scram_exchange.h"
#include "util/scram_keys.h"
#include "util/scram_message.h"

#define VERSION 2
#define BYTES_MAX (64 * 1024)

static void put_number(struct pc__buf *b, uint32_t n)
{
	n = htole32(n);
	pc__buf_add(b, &n, sizeof(n));
}

static void put_bytes(struct pc__buf *b, const void *bytes, size_t len)
{
	put_number(b, bytes ? (uint32_t)len + 1 : 0);
	if (bytes)
		pc__buf_add(b, bytes, len);
}

static void put_string(struct pc__buf *b, const char *s)
{
	put_bytes(b, s, s ? strlen(s) : 0);
}

static void put_keys(struct pc__buf *b, const pc_scram_keys *keys)
{
	size_t size = pc_scram_hash_size(keys->hash);

	put_bytes(b, keys->salt, keys->salt_len);
	put_number(b, keys->iterations);
	pc__buf_add(b, keys->stored_key, size);
	pc__buf_add(b, keys->server_key, size);
}

static size_t length(const char *s)
{
	return s ? strlen(s) : 0;
}

/* Enough at once: growing would leave copies of the keys behind. */
static size_t size_of(const pc_scram *sc)
{
	return 256 + sizeof(sc->keys) + length(sc->mechanisms) + length(sc->bindings) +
	       length(sc->username) + length(sc->authzid) + length(sc->gs2_header) +
	       length(sc->client_first) + length(sc->nonce) + length(sc->server_first) +
	       sc->bound_len;
}

uint8_t *pc_scram_save(const pc_scram *sc, size_t *len_r)
{
	struct pc__buf b = { 0 };

	pc__buf_room(&b, size_of(sc));
	pc__buf_addc(&b, VERSION);
	pc__buf_addc(&b, (char)sc->hash);
	pc__buf_addc(&b, (char)sc->plus);
	pc__buf_addc(&b, (char)sc->plus_offered);
	pc__buf_addc(&b, (char)sc->state);
	pc__buf_addc(&b, (char)sc->binding);
	put_number(&b, sc->tls_version);
	put_string(&b, sc->server_nonce);
	put_string(&b, sc->mechanisms);
	put_string(&b, sc->bindings);
	put_string(&b, sc->username);
	put_string(&b, sc->authzid);
	put_string(&b, sc->gs2_header);
	put_string(&b, sc->client_first);
	put_string(&b, sc->nonce);
	put_string(&b, sc->server_first);
	put_bytes(&b, sc->bound, sc->bound_len);
	if (sc->state == PC__SCRAM_CHALLENGED)
		put_keys(&b, &sc->keys);
	*len_r = b.len;
	return (uint8_t *)b.p;
}

/* Once something was missing, everything after it is. */
struct reader {
	const uint8_t *p, *end;
	bool failed;
};

static const uint8_t *get(struct reader *r, size_t len)
{
	const uint8_t *p = r->p;

	if (r->failed || (size_t)(r->end - r->p) < len) {
		r->failed = true;
		return NULL;
	}
	r->p += len;
	return p;
}

static unsigned get_byte(struct reader *r, unsigned max)
{
	const uint8_t *p = get(r, 1);

	if (p && *p <= max)
		return *p;
	r->failed = true;
	return 0;
}

static uint32_t get_number(struct reader *r)
{
	const uint8_t *p = get(r, 4);
	uint32_t n = 0;

	if (p)
		memcpy(&n, p, sizeof(n));
	return le32toh(n);
}

/* NULL where NULL was written, or on failure. */
static const uint8_t *get_bytes(struct reader *r, size_t *len_r)
{
	uint32_t n = get_number(r);

	*len_r = 0;
	if (n == 0)
		return NULL;
	if (n - 1 > BYTES_MAX) {
		r->failed = true;
		return NULL;
	}
	*len_r = n - 1;
	return get(r, n - 1);
}

static char *get_string(struct reader *r)
{
	size_t len;
	const char *s = (const char *)get_bytes(r, &len);

	if (s == NULL)
		return NULL;
	if (memchr(s, '\0', len))
		r->failed = true;
	return pc__strndup(s, len);
}

static void get_nonce(struct reader *r, char out[static PC__SCRAM_SERVER_NONCE])
{
	size_t len;
	const uint8_t *nonce = get_bytes(r, &len);

	if (nonce == NULL || len == 0 || len >= PC__SCRAM_SERVER_NONCE ||
	    memchr(nonce, '\0', len)) {
		r->failed = true;
		return;
	}
	memcpy(out, nonce, len);
	out[len] = '\0';
}

static void get_keys(struct reader *r, pc_scram_hash hash, pc_scram_keys *keys)
{
	size_t size = pc_scram_hash_size(hash), salt_len;
	const uint8_t *salt = get_bytes(r, &salt_len), *both;

	keys->hash = hash;
	keys->iterations = get_number(r);
	both = get(r, 2 * size);
	if (salt == NULL || both == NULL || salt_len > PC_SCRAM_SALT_MAX) {
		r->failed = true;
		return;
	}
	memcpy(keys->salt, salt, salt_len);
	keys->salt_len = salt_len;
	memcpy(keys->stored_key, both, size);
	memcpy(keys->server_key, both + size, size);
}

static void read_all(struct reader *r, pc_scram *sc)
{
	const uint8_t *bound;

	if (get_byte(r, VERSION) != VERSION)
		r->failed = true;
	sc->hash = (pc_scram_hash)get_byte(r, PC_SCRAM_HASHES - 1);
	sc->plus = get_byte(r, 1);
	sc->plus_offered = get_byte(r, 1);
	sc->state = (pc__scram_state)get_byte(r, PC__SCRAM_OVER);
	sc->binding = (pc_binding)get_byte(r, PC_BINDING_TLS_SERVER_END_POINT);
	sc->tls_version = (uint16_t)get_number(r);
	get_nonce(r, sc->server_nonce);
	sc->mechanisms = get_string(r);
	sc->bindings = get_string(r);
	sc->username = get_string(r);
	sc->authzid = get_string(r);
	sc->gs2_header = get_string(r);
	sc->client_first = get_string(r);
	sc->nonce = get_string(r);
	sc->server_first = get_string(r);
	bound = get_bytes(r, &sc->bound_len);
	if (bound) {
		size_t len = sc->bound_len;

		sc->bound_len = 0;
		pc_scram_set_binding(sc, bound, len);
	}
	if (sc->state == PC__SCRAM_CHALLENGED)
		get_keys(r, sc->hash, &sc->keys);
	if (r->p != r->end)
		r->failed = true;
}

/* Has the exchange what the steps before its state have made? */
static bool is_whole(const pc_scram *sc)
{
	bool first = sc->username && sc->gs2_header && sc->client_first && sc->nonce;

	if (sc->mechanisms == NULL || sc->bindings == NULL)
		return false;
	switch (sc->state) {
	case PC__SCRAM_START:
		return sc->binding == PC_BINDING_NONE && !sc->username && !sc->authzid &&
		       !sc->gs2_header && !sc->client_first && !sc->nonce && !sc->server_first;
	case PC__SCRAM_FIRST:
		return first && strlen(sc->nonce) <= PC__SCRAM_NONCE_MAX && !sc->server_first &&
		       sc->plus == (sc->binding != PC_BINDING_NONE);
	case PC__SCRAM_CHALLENGED:
		return first && sc->server_first && pc__scram_keys_valid(&sc->keys) &&
		       sc->plus == (sc->binding != PC_BINDING_NONE);
	case PC__SCRAM_OVER:
		break;
	}
	return true;
}

pc_scram *pc_scram_restore(const uint8_t *bytes, size_t len)
{
	struct reader r = { bytes, bytes + len, len == 0 };
	pc_scram *sc = pc__alloc(sizeof(*sc));

	read_all(&r, sc);
	if (r.failed || !is_whole(sc))
		pc_scram_free(&sc);
	return sc;
}
