/*
 * record.c - an account's items, to and from keys.
 */
#include "record.h"

#include <prosody-c/codec.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[PC_SCRAM_HASHES] = { "SHA-1", "SHA-256", "SHA-512" };

const char *record_hash_name(pc_scram_hash hash)
{
	return names[hash];
}

int record_hash_find(const char *name, size_t len)
{
	for (int i = 0; i < PC_SCRAM_HASHES; i++)
		if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
			return i;
	return -1;
}

static bool read_iterations(const char *text, size_t len, uint32_t *n_r)
{
	uint32_t n = 0;

	if (len == 0 || len > 8)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		n = n * 10 + (uint32_t)(text[i] - '0');
	}
	*n_r = n;
	return n >= 1 && n <= PC_SCRAM_ITERATIONS_MAX;
}

/* ------------------------------------------------------------ our own form */

/* Cuts the next field off; `end` is where the text ends. */
static pc_str next_field(const char **at, const char *end)
{
	const char *comma = memchr(*at, ',', (size_t)(end - *at));
	pc_str field = { *at, (size_t)((comma ? comma : end) - *at) };

	*at = comma ? comma + 1 : end;
	return field;
}

static bool read_bytes(pc_str field, uint8_t *out, size_t len)
{
	return pc_base64_decode(field.p, field.len, out, len) == (ssize_t)len;
}

static bool read_keys(const char *at, const char *end, pc_scram_keys *keys)
{
	pc_str name = next_field(&at, end), iterations = next_field(&at, end);
	pc_str salt = next_field(&at, end), stored = next_field(&at, end);
	int hash = record_hash_find(name.p, name.len);
	ssize_t salt_len;

	if (hash < 0 || !read_iterations(iterations.p, iterations.len, &keys->iterations))
		return false;
	keys->hash = (pc_scram_hash)hash;
	salt_len = pc_base64_decode(salt.p, salt.len, keys->salt, sizeof(keys->salt));
	if (salt_len <= 0)
		return false;
	keys->salt_len = (size_t)salt_len;
	return read_bytes(stored, keys->stored_key, pc_scram_hash_size(keys->hash)) &&
	       read_bytes(next_field(&at, end), keys->server_key, pc_scram_hash_size(keys->hash));
}

static void read_scram(const char *text, struct record *r)
{
	while (*text) {
		const char *end = strchrnul(text, ' ');
		pc_scram_keys keys = { 0 };

		if (read_keys(text, end, &keys)) {
			r->keys[keys.hash] = keys;
			r->hashes |= 1u << keys.hash;
		}
		explicit_bzero(&keys, sizeof(keys));
		text = *end ? end + 1 : end;
	}
}

static size_t put(char *out, size_t at, const uint8_t *bytes, size_t len)
{
	out[at++] = ',';
	return at + pc_base64_encode(bytes, len, out + at);
}

static size_t write_keys(const pc_scram_keys *k, char *out, size_t size)
{
	size_t at = (size_t)snprintf(out, size, "%s,%u", names[k->hash], (unsigned)k->iterations);

	at = put(out, at, k->salt, k->salt_len);
	at = put(out, at, k->stored_key, pc_scram_hash_size(k->hash));
	return put(out, at, k->server_key, pc_scram_hash_size(k->hash));
}

/* The longest is 3 x (8 + 9 + 3 x 89) bytes, so that it fits. */
_Static_assert(PC_SCRAM_HASHES *(8 + 9 + 3 * (pc_base64_size(PC_SCRAM_KEY_MAX) + 1)) <
                       RECORD_SCRAM_MAX,
               "the item may not fit its buffer");

void record_write(const struct record *record, char out[static RECORD_SCRAM_MAX])
{
	size_t at = 0;

	out[0] = '\0';
	for (int i = 0; i < PC_SCRAM_HASHES; i++) {
		if (!(record->hashes & 1u << i))
			continue;
		if (at > 0)
			out[at++] = ' ';
		at += write_keys(&record->keys[i], out + at, RECORD_SCRAM_MAX - at);
	}
}

/* ------------------------------------------------------------ Prosody's form */

static const pc_item *find(const pc_item *items, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (items[i].value && strcmp(items[i].key, key) == 0)
			return &items[i];
	return NULL;
}

static void read_prosody(const pc_item *items, size_t n, struct record *r)
{
	const pc_item *stored = find(items, n, "stored_key"),
	              *server = find(items, n, "server_key");
	const pc_item *salt = find(items, n, "salt"), *count = find(items, n, "iteration_count");
	pc_scram_keys k = { 0 };
	ssize_t len;

	if (!stored || !server || !salt || !count || salt->len == 0 || salt->len > sizeof(k.salt))
		return;
	len = pc_hex_decode(stored->value, stored->len, k.stored_key, sizeof(k.stored_key));
	while (k.hash < PC_SCRAM_SHA_512 && len != (ssize_t)pc_scram_hash_size(k.hash))
		k.hash++;
	if (len != (ssize_t)pc_scram_hash_size(k.hash) ||
	    pc_hex_decode(server->value, server->len, k.server_key, sizeof(k.server_key)) != len ||
	    !read_iterations(count->value, count->len, &k.iterations))
		return;
	memcpy(k.salt, salt->value, salt->len);
	k.salt_len = salt->len;
	r->keys[k.hash] = k;
	r->hashes |= 1u << k.hash;
}

/* ------------------------------------------------------------ */

void record_read(const pc_item *items, size_t n, struct record *r)
{
	const pc_item *scram = find(items, n, "scram"), *disabled = find(items, n, "disabled");
	const pc_item *password = find(items, n, "password");

	*r = (struct record){ 0 };
	r->has_clear = password != NULL;
	r->disabled = disabled && strcmp(disabled->value, "false") != 0;
	if (scram) {
		r->scram = scram->value;
		read_scram(scram->value, r);
		return;
	}
	read_prosody(items, n, r);
	if (r->hashes == 0 && password && password->len > 0)
		r->password = password->value;
}

bool record_exists(const struct record *record)
{
	return record->hashes != 0 || record->password;
}
