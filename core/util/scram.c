#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <prosody-c/codec.h>
#include <prosody-c/jid.h>

#include "util/buf.h"
#include "util/mem.h"
#include "util/scram_exchange.h"
#include "util/scram_keys.h"
#include "util/scram_message.h"

int pc_scram_start(pc_scram **sc_r, pc_scram_hash hash, bool plus, const pc_scram_policy *policy)
{
	pc_scram *sc;

	*sc_r = NULL;
	if ((unsigned)hash >= PC_SCRAM_HASHES)
		return PC_EINVAL;
	sc = pc__alloc(sizeof(*sc));
	sc->hash = hash;
	sc->plus = plus;
	sc->plus_offered = policy->plus_offered;
	sc->tls_version = policy->tls_version;
	sc->mechanisms = pc__strndup(policy->mechanisms.p, policy->mechanisms.len);
	sc->bindings = pc__strndup(policy->bindings.p, policy->bindings.len);
	pc_random_id(sc->server_nonce);
	*sc_r = sc;
	return PC_OK;
}

static void free_secret(void *secret, size_t len)
{
	if (secret)
		pc__wipe(secret, len);
	free(secret);
}

void pc_scram_free(pc_scram **sc_p)
{
	pc_scram *sc = *sc_p;

	if (sc == NULL)
		return;
	free(sc->mechanisms);
	free(sc->bindings);
	free(sc->username);
	free(sc->authzid);
	free(sc->gs2_header);
	free(sc->client_first);
	free(sc->nonce);
	free(sc->server_first);
	free_secret(sc->bound, sc->bound_len);
	free_secret(sc, sizeof(*sc));
	*sc_p = NULL;
}

static bool find_binding(const pc_scram *sc, pc_str name, pc_binding *binding_r)
{
	static const pc_binding known[] = { PC_BINDING_TLS_EXPORTER,
		                            PC_BINDING_TLS_SERVER_END_POINT };

	if (*sc->bindings && !pc__scram_listed(sc->bindings, name))
		return false;
	for (size_t i = 0; i < PC__COUNT(known); i++) {
		const char *candidate = pc_binding_name(known[i]);

		if (strlen(candidate) == name.len && memcmp(candidate, name.p, name.len) == 0) {
			*binding_r = known[i];
			return true;
		}
	}
	return false;
}

/* RFC 5802 section 6. `y` says that no -PLUS was seen: somebody took it out of what we offered. */
static bool flag_fits(pc_scram *sc, const struct pc__scram_first *first)
{
	if (sc->plus)
		return first->flag == 'p' && find_binding(sc, first->binding, &sc->binding);
	return first->flag == 'n' || (first->flag == 'y' && !sc->plus_offered);
}

static char *username_of(pc_str encoded)
{
	char prepared[PC_JID_PART_MAX + 1];
	char *name = pc__scram_decode_name(encoded);
	int err = name ? pc_saslprep(name, prepared) : PC_EINVAL;

	free(name);
	return err < 0 ? NULL : pc__strdup(prepared);
}

static bool take_names(pc_scram *sc, const struct pc__scram_first *first)
{
	sc->username = username_of(first->username);
	if (first->authzid.p)
		sc->authzid = pc__scram_decode_name(first->authzid);
	return sc->username && (sc->authzid || first->authzid.p == NULL);
}

int pc_scram_client_first(pc_scram *sc, const char *msg, size_t len)
{
	struct pc__scram_first first;

	if (sc->state != PC__SCRAM_START)
		return PC_ESTATE;
	sc->state = PC__SCRAM_OVER;
	if (pc__scram_read_first(msg, len, &first) < 0 || !flag_fits(sc, &first) ||
	    !take_names(sc, &first))
		return PC_EINVAL;
	sc->gs2_header = pc__strndup(first.header.p, first.header.len);
	sc->client_first = pc__strndup(first.bare.p, first.bare.len);
	sc->nonce = pc__strndup(first.nonce.p, first.nonce.len);
	sc->state = PC__SCRAM_FIRST;
	return PC_OK;
}

const char *pc_scram_username(const pc_scram *sc)
{
	return sc->username;
}

const char *pc_scram_authzid(const pc_scram *sc)
{
	return sc->authzid;
}

pc_binding pc_scram_binding(const pc_scram *sc)
{
	return sc->binding;
}

void pc_scram_set_binding(pc_scram *sc, const uint8_t *bytes, size_t len)
{
	free_secret(sc->bound, sc->bound_len);
	sc->bound = NULL;
	sc->bound_len = len;
	if (len > 0) {
		sc->bound = pc__malloc(len);
		memcpy(sc->bound, bytes, len);
	}
}

/* The attributes of XEP-0474 and XEP-0515 with a comma before each, or "". */
static void downgrade_attributes(const pc_scram *sc, char out[static 128])
{
	uint8_t digest[PC_SCRAM_KEY_MAX];
	char *text;
	size_t len = 0;

	out[0] = '\0';
	if (*sc->mechanisms) {
		text = pc__scram_downgrade_text(sc->mechanisms, sc->bindings);
		pc__scram_digest(sc->hash, text, strlen(text), digest);
		memcpy(out, ",h=", 3);
		len = 3 + pc_base64_encode(digest, pc_scram_hash_size(sc->hash), out + 3);
		free(text);
	}
	if (sc->tls_version)
		snprintf(out + len, 128 - len, ",t=%04x", sc->tls_version);
}

ssize_t pc_scram_server_first(pc_scram *sc, const pc_scram_keys *keys,
                              char out[static PC_SCRAM_MESSAGE_MAX])
{
	char salt[pc_base64_size(PC_SCRAM_SALT_MAX)], attributes[128];
	char *both;
	int len;

	if (sc->state != PC__SCRAM_FIRST)
		return PC_ESTATE;
	if (!pc__scram_keys_valid(keys) || keys->hash != sc->hash) {
		sc->state = PC__SCRAM_OVER;
		return PC_EINVAL;
	}
	sc->keys = *keys;
	both = pc__printf("%s%s", sc->nonce, sc->server_nonce);
	free(sc->nonce);
	sc->nonce = both;
	pc_base64_encode(keys->salt, keys->salt_len, salt);
	downgrade_attributes(sc, attributes);
	/* It fits: the nonces are bounded, and the rest is below 400 bytes. */
	len = snprintf(out, PC_SCRAM_MESSAGE_MAX, "r=%s,s=%s,i=%u%s", both, salt, keys->iterations,
	               attributes);
	sc->server_first = pc__strdup(out);
	sc->state = PC__SCRAM_CHALLENGED;
	return len;
}

/* `c=` repeats the gs2-header, and with a binding the data follows. */
static int check_binding(const pc_scram *sc, pc_str base64)
{
	uint8_t got[PC_SCRAM_MESSAGE_MAX];
	size_t header = strlen(sc->gs2_header);
	ssize_t len = pc_base64_decode(base64.p, base64.len, got, sizeof(got));

	if (len < 0)
		return PC_EINVAL;
	if (sc->plus && sc->bound_len == 0)
		return PC_EPERM;
	if ((size_t)len != header + (sc->plus ? sc->bound_len : 0) ||
	    memcmp(got, sc->gs2_header, header) != 0)
		return PC_EPERM;
	if (sc->plus && !pc_equal_secret(got + header, sc->bound, sc->bound_len))
		return PC_EPERM;
	return PC_OK;
}

static bool nonce_fits(const pc_scram *sc, pc_str nonce)
{
	return nonce.len == strlen(sc->nonce) && pc_equal_secret(nonce.p, sc->nonce, nonce.len);
}

/* The client's proof is its key under a mask that only the stored key makes. */
static bool proof_fits(const pc_scram *sc, const struct pc__buf *auth, const uint8_t *proof)
{
	size_t size = pc_scram_hash_size(sc->hash);
	uint8_t key[PC_SCRAM_KEY_MAX], hashed[PC_SCRAM_KEY_MAX];
	bool fits;

	pc__scram_hmac(sc->hash, sc->keys.stored_key, size, auth->p, auth->len, key);
	for (size_t i = 0; i < size; i++)
		key[i] ^= proof[i];
	pc__scram_digest(sc->hash, key, size, hashed);
	fits = pc_equal_secret(hashed, sc->keys.stored_key, size);
	pc__wipe(key, sizeof(key));
	return fits;
}

static ssize_t write_signature(const pc_scram *sc, const struct pc__buf *auth, char *out)
{
	size_t size = pc_scram_hash_size(sc->hash);
	uint8_t signature[PC_SCRAM_KEY_MAX];

	pc__scram_hmac(sc->hash, sc->keys.server_key, size, auth->p, auth->len, signature);
	out[0] = 'v';
	out[1] = '=';
	return (ssize_t)pc_base64_encode(signature, size, out + 2) + 2;
}

static ssize_t verify(const pc_scram *sc, const struct pc__scram_final *final, const uint8_t *proof,
                      char *out)
{
	struct pc__buf auth = { 0 };
	ssize_t result = PC_EAUTH;

	pc__buf_adds(&auth, sc->client_first);
	pc__buf_addc(&auth, ',');
	pc__buf_adds(&auth, sc->server_first);
	pc__buf_addc(&auth, ',');
	pc__buf_add(&auth, final->without_proof.p, final->without_proof.len);
	if (proof_fits(sc, &auth, proof))
		result = write_signature(sc, &auth, out);
	pc__buf_free(&auth);
	return result;
}

ssize_t pc_scram_client_final(pc_scram *sc, const char *msg, size_t len,
                              char out[static PC_SCRAM_MESSAGE_MAX])
{
	struct pc__scram_final final;
	uint8_t proof[PC_SCRAM_KEY_MAX];
	int err;

	if (sc->state != PC__SCRAM_CHALLENGED)
		return PC_ESTATE;
	sc->state = PC__SCRAM_OVER;
	if (pc__scram_read_final(msg, len, &final) < 0)
		return PC_EINVAL;
	if (pc_base64_decode(final.proof.p, final.proof.len, proof, sizeof(proof)) !=
	    (ssize_t)pc_scram_hash_size(sc->hash))
		return PC_EINVAL;
	err = check_binding(sc, final.binding);
	if (err < 0)
		return err;
	if (!nonce_fits(sc, final.nonce))
		return PC_EAUTH;
	return verify(sc, &final, proof, out);
}
