/*
 * accounts.c - accounts in the server's own storage, with SCRAM keys in place of passwords.
 *
 * Keys of all hashes of `scram_hashes` are made when a password is set, so that every client finds
 * its mechanism. Accounts that come from Prosody have keys of one hash: they log in with that one
 * or by PLAIN, which adds what is missing. Where most accounts are such, set `password_hash` to
 * their hash: then only that one is offered, and clients do not try one that the account lacks.
 *
 * For internal_plain the same module keeps the password too. So accounts of either form log in
 * under both; what belongs to the other form comes or goes when the password is at hand.
 */
#include "accounts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALL_HASHES ((1u << PC_SCRAM_HASHES) - 1)

/* ------------------------------------------------------------ ops */

struct op *op_new(pc_module *m, const char *user)
{
	struct op *op = pc_module_alloc(m, sizeof(*op));

	op->m = m;
	if (user)
		snprintf(op->user, sizeof(op->user), "%s", user);
	return op;
}

void op_free(struct op *op)
{
	pc_module *m = op->m;

	explicit_bzero(op, sizeof(*op));
	pc_module_free(m, op);
}

void op_finish(struct op *op, int err)
{
	pc_done_fn *done = op->done;
	void *data = op->data;

	op_free(op);
	if (done)
		done(err, data);
}

void op_take(struct op *op, int err, const pc_item *items, size_t n)
{
	op->err = err == PC_ENOENT ? PC_OK : err;
	record_read(items, err == PC_OK ? n : 0, &op->record);
	op->found = record_exists(&op->record);
	op->scram[0] = op->stored_key[0] = op->clear[0] = '\0'; /* of an earlier reading */
	if (op->record.scram)
		snprintf(op->scram, sizeof(op->scram), "%s", op->record.scram);
	for (size_t i = 0; err == PC_OK && i < n; i++)
		if (strcmp(items[i].key, "stored_key") == 0)
			snprintf(op->stored_key, sizeof(op->stored_key), "%s", items[i].value);
	if (op->record.password && strlen(op->record.password) < sizeof(op->clear))
		snprintf(op->clear, sizeof(op->clear), "%s", op->record.password);
	op->record.scram = op->record.password = NULL;
}

/* The configured hash that comes first, of those in the set where there is one. */
static pc_scram_hash first_hash(unsigned configured, unsigned set)
{
	unsigned from = configured & set ? configured & set : set ? set : configured;
	unsigned i = 0;

	while (i < PC_SCRAM_SHA_512 && !(from & 1u << i))
		i++;
	return (pc_scram_hash)i;
}

/* What is compared is what the account is known by: our keys, Prosody's, or the password alone. */
pc_batch *op_batch(struct op *op)
{
	const struct accounts *a = pc_module_data(op->m);
	pc_batch *b = pc_batch_new(op->m);
	const char *key = "scram", *value = op->scram[0] ? op->scram : NULL;

	if (op->found && value == NULL) {
		key = op->clear[0] ? "password" : "stored_key";
		value = op->clear[0] ? op->clear : op->stored_key;
	}
	pc_batch_swap(b, a->store, op->user, key, value, value);
	return b;
}

void op_swap_keys(struct op *op, const char *stamp, pc_done_fn *next)
{
	const struct accounts *a = pc_module_data(op->m);
	pc_batch *b = op_batch(op);
	char now[24];
	pc_item items[] = {
		{ .key = "scram", .value = op->new_scram },
		{ .key = stamp, .value = now },
		{ .key = "stored_key" },
		{ .key = "server_key" },
		{ .key = "salt" },
		{ .key = "iteration_count" },
		{ .key = "password" }, /* the last: kept where it is not at hand */
	};
	size_t n = sizeof(items) / sizeof(items[0]);

	record_write(&op->record, op->new_scram);
	items[0].len = strlen(op->new_scram);
	items[1].len = (size_t)snprintf(now, sizeof(now), "%lld", (long long)(pc_time_ms() / 1000));
	if (a->keeps_clear && op->password[0])
		items[6] = (pc_item){ "password", op->password, strlen(op->password) };
	pc_batch_set_keys(b, a->store, op->user, items, op->password[0] ? n : n - 1);
	pc_batch_commit(b, next, op);
}

void op_derive_all(struct op *op, pc_done_fn *next)
{
	const struct accounts *a = pc_module_data(op->m);

	op->record.hashes = 0;
	op->derive = a->hashes;
	derive_run(op, next);
}

/* ------------------------------------------------------------ is it there? */

static void on_exists(int err, const pc_item *items, size_t n, void *data)
{
	struct op *op = data;

	op_take(op, err, items, n);
	op_finish(op, op->err != PC_OK ? op->err : op->found ? PC_OK : PC_ENOENT);
}

static void account_exists(pc_module *m, const char *user, pc_done_fn *fn, void *data)
{
	struct accounts *a = pc_module_data(m);
	struct op *op = op_new(m, user);

	op->done = fn;
	op->data = data;
	pc_store_get(a->store, user, on_exists, op);
}

/* ------------------------------------------------------------ keys */

static void finish_keys(struct op *op, int err)
{
	pc_scram_keys keys = op->record.keys[op->hash];
	bool disabled = err == PC_OK && op->record.disabled;
	pc_keys_fn *done = op->keys_done;
	void *data = op->data;

	op_free(op);
	done(disabled ? PC_EPERM : err, err == PC_OK ? &keys : NULL, data);
	explicit_bzero(&keys, sizeof(keys));
}

static void on_keys(int err, const pc_item *items, size_t n, void *data);

/* Somebody else was quicker: the account has keys then. */
static void on_clear_kept(int err, void *data)
{
	struct op *op = data;
	struct accounts *a = pc_module_data(op->m);

	if (err == PC_ECONFLICT)
		pc_store_get(a->store, op->user, on_keys, op);
	else
		finish_keys(op, err);
}

static void on_clear_derived(int err, void *data)
{
	struct op *op = data;

	if (err == PC_OK && op->err == PC_OK)
		op_swap_keys(op, "updated", on_clear_kept);
	else
		finish_keys(op, err != PC_OK ? err : op->err == PC_EINVAL ? PC_ENOTSUP : op->err);
}

/* A password in the clear becomes keys for good: a salt that is another one at each log-in would
 * tell that the account exists. */
static void on_keys(int err, const pc_item *items, size_t n, void *data)
{
	struct op *op = data;

	op_take(op, err, items, n);
	if (op->err != PC_OK) {
		finish_keys(op, op->err);
	} else if (!op->found) {
		finish_keys(op, PC_ENOENT);
	} else if (op->clear[0]) {
		memcpy(op->password, op->clear, sizeof(op->password));
		op_derive_all(op, on_clear_derived);
	} else {
		finish_keys(op, op->record.hashes & 1u << op->hash ? PC_OK : PC_ENOTSUP);
	}
}

static void keys(pc_module *m, const char *user, pc_scram_hash hash, pc_keys_fn *fn, void *data)
{
	struct accounts *a = pc_module_data(m);
	struct op *op = op_new(m, user);

	op->keys_done = fn;
	op->data = data;
	op->hash = hash;
	pc_store_get(a->store, user, on_keys, op);
}

/* ------------------------------------------------------------ check a password */

static void on_upgraded(int err, void *data)
{
	struct op *op = data;

	if (err == PC_OK)
		pc_log(op->m, PC_INFO, "account %s is kept as the host wants it now", op->user);
	op_finish(op, err);
}

static void on_upgrade_derived(int err, void *data)
{
	struct op *op = data;

	if (err != PC_OK || op->err != PC_OK)
		op_finish(op, PC_EBUSY);
	else
		op_swap_keys(op, "updated", on_upgraded);
}

/* The password is at hand and right: the keys that are missing are made of it. It comes or goes in
 * the clear, as the host wants it. */
static void upgrade(struct op *op)
{
	struct accounts *a = pc_module_data(op->m);

	op->derive = a->hashes & ~op->record.hashes;
	if (op->derive)
		derive_run(op, on_upgrade_derived);
	else if (a->keeps_clear != op->record.has_clear)
		op_swap_keys(op, "updated", on_upgraded);
	else
		op_finish(op, PC_OK);
}

static void on_checked(int err, void *data)
{
	struct op *op = data;
	pc_done_fn *done = op->done;
	void *done_data = op->data;
	int result = err != PC_OK ? err : op->err;

	op->done = NULL;
	if (result == PC_OK && op->record.disabled)
		result = PC_EPERM;
	if (result == PC_OK)
		upgrade(op);
	else
		op_free(op);
	done(result, done_data);
}

static void on_check(int err, const pc_item *items, size_t n, void *data)
{
	struct op *op = data;
	const struct accounts *a = pc_module_data(op->m);

	op_take(op, err, items, n);
	op->hash = first_hash(a->hashes, op->record.hashes);
	if (op->err != PC_OK)
		op_finish(op, op->err);
	else
		derive_check(op, on_checked);
}

static void check(pc_module *m, const char *user, const char *password, pc_done_fn *fn, void *data)
{
	struct accounts *a = pc_module_data(m);
	struct op *op = op_new(m, user);

	op->done = fn;
	op->data = data;
	/* Too long for any account: cut, it would be another password. */
	if (strlen(password) < sizeof(op->password))
		snprintf(op->password, sizeof(op->password), "%s", password);
	pc_store_get(a->store, user, on_check, op);
}

/* ------------------------------------------------------------ the module */

/* `scram_hashes`; else the one that `password_hash` names; else all. */
static unsigned configured_hashes(pc_module *m)
{
	unsigned hashes = 0;

	if (!pc_opt_is_set(m, "scram_hashes") && pc_opt_is_set(m, "password_hash")) {
		const char *name = pc_opt_str(m, "password_hash");

		return 1u << record_hash_find(name, strlen(name));
	}
	for (int i = 0; i < PC_SCRAM_HASHES; i++)
		if (pc_opt_has(m, "scram_hashes", record_hash_name((pc_scram_hash)i)))
			hashes |= 1u << i;
	return hashes;
}

static void load(pc_module *m)
{
	struct accounts *a = pc_module_data(m);
	pc_auth_provider *provider = pc_module_alloc(m, sizeof(*provider));

	a->hashes = configured_hashes(m);
	a->keeps_clear = strcmp(pc_opt_str(m, "authentication"), "internal_plain") == 0;
	if (a->hashes == 0) {
		pc_module_fail(m, "scram_hashes names none of SHA-1, SHA-256, SHA-512");
		return;
	}
	a->store = pc_store_open(m, "accounts", PC_STORE_MAP);
	*provider = (pc_auth_provider){
		.size = sizeof(*provider),
		.scram_hashes = a->hashes,
		.plain = true,
		.exists = account_exists,
		.keys = keys,
		.check = check,
		.look = looks_tell,
	};
	changes_load(provider);
	looks_load(m);
	pc_provide(m, a->keeps_clear ? "auth-internal_plain" : "auth-internal_hashed", provider);
}

static const char *const password_hashes[] = { "SHA-1", "SHA-256", "SHA-512", NULL };

static const pc_option options[] = {
	{ .name = "authentication",
	  .type = PC_OPT_STRING,
	  .dflt = "internal_hashed",
	  .help = "\"internal_plain\" keeps passwords in the clear beside their keys" },
	{ .name = "scram_hashes",
	  .type = PC_OPT_SET,
	  .dflt = "{ \"SHA-1\", \"SHA-256\", \"SHA-512\" }",
	  .help = "Hashes of the keys that are made of a password, and so the SCRAM mechanisms "
	          "offered" },
	{ .name = "password_hash",
	  .type = PC_OPT_ENUM,
	  .values = password_hashes,
	  .help = "Only this hash, as Prosody does (where scram_hashes is not set)" },
	{ .name = "default_iteration_count",
	  .type = PC_OPT_INTEGER,
	  .dflt = "10000",
	  .min = PC_SCRAM_ITERATIONS_MIN,
	  .max = PC_SCRAM_ITERATIONS_MAX,
	  .live = true,
	  .help = "Iterations of new keys" },
	{ 0 },
};

static const pc_store_decl stores[] = {
	{ "accounts", PC_STORE_MAP, "Keys of an account, and whether it is disabled" },
	{ 0 },
};

PC_MODULE(auth_internal_hashed, .summary = "Accounts in the server's own storage, hashed",
          .data_size = sizeof(struct accounts), .options = options, .stores = stores, .load = load);
