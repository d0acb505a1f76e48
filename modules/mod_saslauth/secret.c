/*
 * secret.c - the host's secret from which the salts of absent accounts are made.
 *
 * It is kept, because a salt that changed with a restart would tell that there is no such account.
 */
#include <string.h>

#include "saslauth.h"

#define KEY "fake_salt_secret"

static void use(struct saslauth *sa, const uint8_t secret[static 32])
{
	struct sasl_call *call = sa->waiting, *next;

	memcpy(sa->secret, secret, sizeof(sa->secret));
	sa->secret_ready = true;
	sa->waiting = NULL;
	for (; call; call = next) {
		next = call->next;
		sasl_fake_keys(call);
	}
}

static void use_for_now(pc_module *m, int err)
{
	uint8_t secret[32];

	pc_log(m, PC_WARN, "the secret of absent accounts' salts is not kept: %s",
	       pc_strerror(err));
	pc_random_bytes(secret, sizeof(secret));
	use(pc_module_data(m), secret);
}

static void on_read(int err, const pc_item *items, size_t n, void *data);

static void on_written(int err, void *data)
{
	pc_module *m = data;
	struct saslauth *sa = pc_module_data(m);
	uint8_t secret[32];

	if (err == PC_ECONFLICT) { /* somebody else made one */
		pc_store_get_key(sa->store, NULL, KEY, on_read, m);
		return;
	}
	if (err != PC_OK || pc_hex_decode(sa->new_secret, 64, secret, sizeof(secret)) != 32) {
		use_for_now(m, err);
		return;
	}
	use(sa, secret);
}

static void on_read(int err, const pc_item *items, size_t n, void *data)
{
	pc_module *m = data;
	struct saslauth *sa = pc_module_data(m);
	uint8_t secret[32];

	if (err != PC_OK && err != PC_ENOENT) {
		use_for_now(m, err);
		return;
	}
	if (n > 0 && pc_hex_decode(items[0].value, items[0].len, secret, sizeof(secret)) == 32) {
		use(sa, secret);
		return;
	}
	pc_random_bytes(secret, sizeof(secret));
	pc_hex_encode(secret, sizeof(secret), sa->new_secret);
	pc_store_swap(sa->store, NULL, KEY, n > 0 ? items[0].value : NULL, sa->new_secret,
	              on_written, m);
}

void sasl_secret_load(pc_module *m)
{
	struct saslauth *sa = pc_module_data(m);

	sa->store = pc_store_open(m, "saslauth", PC_STORE_MAP);
	if (sa->store)
		pc_store_get_key(sa->store, NULL, KEY, on_read, m);
}

/* Their look is one that accounts of this host have; where the provider cannot tell, they look like
 * new ones. */
static void on_look(int err, const pc_scram_keys *look, void *data)
{
	struct sasl_call *call = data;
	const struct saslauth *sa = pc_module_data(call->m);
	pc_scram_keys keys = {
		.hash = call->hash,
		.salt_len = 16,
		.iterations = (uint32_t)pc_opt_int(call->m, "default_iteration_count"),
	};

	if (err == PC_OK)
		keys = *look;
	pc_scram_fake_keys(call->username, sa->secret, &keys);
	sasl_exchange_keys(call, &keys);
}

void sasl_fake_keys(struct sasl_call *call)
{
	struct saslauth *sa = pc_module_data(call->m);

	if (!sa->secret_ready) {
		call->next = sa->waiting;
		sa->waiting = call;
		return;
	}
	pc_user_look(call->m, pc_module_host(call->m), call->hash,
	             pc_scram_fake_die(call->username, sa->secret), on_look, call);
}
