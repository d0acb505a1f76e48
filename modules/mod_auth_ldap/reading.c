/*
 * reading.c - ldap_mode "getpasswd": keys of passwords that the directory hands out.
 *
 * The salt of a name is made of the name and a secret that is kept: so it is the same at every
 * log-in and after a restart, as clients expect, and as it is for names that have no account.
 */
#include <stdio.h>
#include <string.h>

#include "auth_ldap.h"

#define KEY "salt_secret"

struct asked *asked_new(pc_module *m, void *data)
{
	struct asked *a = pc_module_alloc(m, sizeof(*a));

	a->m = m;
	a->data = data;
	return a;
}

void asked_free(struct asked *a)
{
	pc_module *m = a->m;

	explicit_bzero(a, sizeof(*a));
	pc_module_free(m, a);
}

static void on_refused(void *data)
{
	struct asked *a = data;
	pc_done_fn *fn = a->fn;
	int err = a->err;

	data = a->data;
	asked_free(a);
	fn(err, data);
}

void asked_refuse(struct asked *a, int err)
{
	a->err = err;
	pc_after(a->m, 0, on_refused, a);
}

/* ------------------------------------------------------------ a password */

/* The same after preparation? In a time that tells nothing. */
static bool is_same(const char *a, const char *b)
{
	char prepared[2][PC_JID_PART_MAX + 1] = { { 0 } };
	bool same = pc_saslprep(a, prepared[0]) == PC_OK && pc_saslprep(b, prepared[1]) == PC_OK &&
	            pc_equal_secret(prepared[0], prepared[1], sizeof(prepared[0]));

	explicit_bzero(prepared, sizeof(prepared));
	return same;
}

static void on_password(int err, const char *password, void *data)
{
	struct asked *a = data;
	pc_done_fn *fn = a->fn;

	if (err == PC_ENOENT || (err == PC_OK && !is_same(password, a->password)))
		err = PC_EAUTH;
	data = a->data;
	asked_free(a);
	fn(err, data);
}

void reading_check(pc_module *m, const char *user, const char *password, pc_done_fn *fn, void *data)
{
	struct asked *a = asked_new(m, data);

	a->fn = fn;
	if (*password == '\0' || strlen(password) > PC_JID_PART_MAX) {
		asked_refuse(a, PC_EAUTH);
		return;
	}
	snprintf(a->password, sizeof(a->password), "%s", password);
	directory_ask(&auth_of(m)->directory, DIRECTORY_READ, user, NULL, on_password, a);
}

/* ------------------------------------------------------------ keys */

static void end_keys(int err, void *data)
{
	struct asked *a = data;
	pc_keys_fn *fn = a->keys_fn;
	pc_scram_keys keys = a->keys;

	if (err == PC_OK)
		err = a->err;
	data = a->data;
	asked_free(a);
	fn(err, err == PC_OK ? &keys : NULL, data);
	explicit_bzero(&keys, sizeof(keys));
}

static void derive(void *data)
{
	struct asked *a = data;

	a->err = pc_scram_derive(a->password, &a->keys) == PC_OK ? PC_OK : PC_ENOENT;
}

static void on_password_for_keys(int err, const char *password, void *data)
{
	struct asked *a = data;
	char prepared[PC_JID_PART_MAX + 1];

	if (err == PC_OK && pc_saslprep(password, prepared) != PC_OK)
		err = PC_ENOENT;
	if (err == PC_OK) {
		memcpy(a->password, prepared, sizeof(prepared));
		pc_scram_fake_keys(a->user, auth_of(a->m)->secret, &a->keys);
		err = pc_run_job(a->m, derive, end_keys, a);
	}
	explicit_bzero(prepared, sizeof(prepared));
	if (err != PC_OK)
		end_keys(err, a);
}

void reading_keys(pc_module *m, const char *user, pc_scram_hash hash, pc_keys_fn *fn, void *data)
{
	struct asked *a = asked_new(m, data);

	a->keys_fn = fn;
	snprintf(a->user, sizeof(a->user), "%s", user);
	a->keys =
	        (pc_scram_keys){ .hash = hash,
		                 .salt_len = 16,
		                 .iterations = (uint32_t)pc_opt_int(m, "default_iteration_count") };
	directory_ask(&auth_of(m)->directory, DIRECTORY_READ, user, NULL, on_password_for_keys, a);
}

/* ------------------------------------------------------------ the secret */

static void on_read(int err, const pc_item *items, size_t n, void *data);

static void on_written(int err, void *data)
{
	pc_module *m = data;
	struct auth *a = pc_module_data(m);

	if (err == PC_ECONFLICT) /* somebody else has made one */
		pc_store_get_key(a->store, NULL, KEY, on_read, m);
	else if (err != PC_OK)
		pc_log(m, PC_WARN, "what salts are made of is not kept: %s", pc_strerror(err));
}

static void on_read(int err, const pc_item *items, size_t n, void *data)
{
	pc_module *m = data;
	struct auth *a = pc_module_data(m);
	uint8_t secret[32];

	if (err == PC_OK && n > 0 &&
	    pc_hex_decode(items[0].value, items[0].len, secret, sizeof(secret)) == sizeof(secret)) {
		memcpy(a->secret, secret, sizeof(secret));
		return;
	}
	pc_hex_encode(a->secret, sizeof(a->secret), a->new_secret);
	pc_store_swap(a->store, NULL, KEY, n > 0 ? items[0].value : NULL, a->new_secret, on_written,
	              m);
}

void reading_load(pc_module *m)
{
	struct auth *a = pc_module_data(m);

	pc_random_bytes(a->secret, sizeof(a->secret));
	a->store = pc_store_open(m, "auth_ldap", PC_STORE_MAP);
	if (a->store)
		pc_store_get_key(a->store, NULL, KEY, on_read, m);
}
