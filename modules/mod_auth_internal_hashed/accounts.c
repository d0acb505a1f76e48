/*
 * accounts.c - accounts in the server's own storage, with SCRAM keys in place of passwords.
 *
 * Keys of all hashes of `scram_hashes` are made when a password is set, so that every client finds
 * its mechanism. Accounts that come from Prosody have keys of one hash: they log in with that one
 * or by PLAIN, which adds what is missing. Where most accounts are such, set `password_hash` to
 * their hash: then only that one is offered, and clients do not try one that the account lacks.
 */
#include "accounts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALL_HASHES ((1u << PC_SCRAM_HASHES) - 1)

/* ------------------------------------------------------------ ops */

struct op *op_new(pc_module *m, const char *user)
{
	struct accounts *a = pc_module_data(m);
	struct op *op = a->free_ops;

	if (op)
		a->free_ops = op->next;
	else
		op = pc_module_alloc(m, sizeof(*op));
	op->m = m;
	op->next = NULL;
	if (user)
		snprintf(op->user, sizeof(op->user), "%s", user);
	return op;
}

void op_free(struct op *op)
{
	struct accounts *a = pc_module_data(op->m);

	explicit_bzero(op, sizeof(*op));
	op->next = a->free_ops;
	a->free_ops = op;
}

static void finish(struct op *op, int err)
{
	pc_done_fn *done = op->done;
	void *data = op->data;

	op_free(op);
	if (done)
		done(err, data);
}

/* Takes over what was read; the record's strings are copied, for the items go. */
static void take(struct op *op, int err, const pc_item *items, size_t n)
{
	op->err = err == PC_ENOENT ? PC_OK : err;
	record_read(items, err == PC_OK ? n : 0, &op->record);
	op->found = record_exists(&op->record);
	if (op->record.scram)
		snprintf(op->scram, sizeof(op->scram), "%s", op->record.scram);
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

/* Writes the new keys only if the old ones are still there: between two changes at the same time
 * one loses, and an account that was removed meanwhile stays removed. */
static void swap_keys(struct op *op, pc_done_fn *next)
{
	struct accounts *a = pc_module_data(op->m);

	record_write(&op->record, op->new_scram);
	pc_store_swap(a->store, op->user, "scram", op->scram[0] ? op->scram : NULL, op->new_scram,
	              next, op);
}

/* What else changes with the keys; none of it matters for a log-in, so nobody waits. */
static void note_change(struct op *op, const char *stamp)
{
	struct accounts *a = pc_module_data(op->m);
	char now[24];
	pc_item items[] = {
		{ .key = stamp, .value = now }, { .key = "stored_key" },
		{ .key = "server_key" },        { .key = "salt" },
		{ .key = "iteration_count" },   { .key = "password" },
	};

	items[0].len = (size_t)snprintf(now, sizeof(now), "%lld", (long long)(pc_time_ms() / 1000));
	pc_store_set_keys(a->store, op->user, items, sizeof(items) / sizeof(items[0]), NULL, NULL);
}

/* All keys anew: those of hashes that are not configured any more go. */
static void derive_all(struct op *op, pc_done_fn *next)
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

	take(op, err, items, n);
	finish(op, op->err != PC_OK ? op->err : op->found ? PC_OK : PC_ENOENT);
}

static void exists(pc_module *m, const char *user, pc_done_fn *fn, void *data)
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
	pc_keys_fn *done = op->keys_done;
	void *data = op->data;

	op_free(op);
	done(err, err == PC_OK ? &keys : NULL, data);
	explicit_bzero(&keys, sizeof(keys));
}

static void on_keys(int err, const pc_item *items, size_t n, void *data);

/* Somebody else was quicker: the account has keys then. */
static void on_clear_kept(int err, void *data)
{
	struct op *op = data;
	struct accounts *a = pc_module_data(op->m);

	if (err == PC_OK)
		note_change(op, "updated");
	if (err == PC_ECONFLICT)
		pc_store_get(a->store, op->user, on_keys, op);
	else
		finish_keys(op, err);
}

static void on_clear_derived(int err, void *data)
{
	struct op *op = data;

	if (err == PC_OK && op->err == PC_OK)
		swap_keys(op, on_clear_kept);
	else
		finish_keys(op, err != PC_OK ? err : op->err == PC_EINVAL ? PC_ENOTSUP : op->err);
}

/* A password in the clear becomes keys for good: a salt that is another one at each log-in would
 * tell that the account exists. */
static void on_keys(int err, const pc_item *items, size_t n, void *data)
{
	struct op *op = data;

	take(op, err, items, n);
	if (op->err != PC_OK) {
		finish_keys(op, op->err);
	} else if (!op->found || op->record.disabled) {
		finish_keys(op, PC_ENOENT);
	} else if (op->clear[0]) {
		memcpy(op->password, op->clear, sizeof(op->password));
		derive_all(op, on_clear_derived);
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

	if (err == PC_OK) {
		pc_log(op->m, PC_INFO, "account %s has keys of all configured hashes now",
		       op->user);
		note_change(op, "updated");
	}
	finish(op, err);
}

static void on_upgrade_derived(int err, void *data)
{
	struct op *op = data;

	if (err != PC_OK || op->err != PC_OK)
		finish(op, PC_EBUSY);
	else
		swap_keys(op, on_upgraded);
}

/* The password is at hand and right: the keys that are missing are made of it. */
static void upgrade(struct op *op)
{
	struct accounts *a = pc_module_data(op->m);

	op->derive = a->hashes & ~op->record.hashes;
	if (op->derive)
		derive_run(op, on_upgrade_derived);
	else
		finish(op, PC_OK);
}

static void on_checked(int err, void *data)
{
	struct op *op = data;
	pc_done_fn *done = op->done;
	void *done_data = op->data;
	int result = err != PC_OK ? err : op->record.disabled ? PC_EAUTH : op->err;

	op->done = NULL;
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

	take(op, err, items, n);
	op->hash = first_hash(a->hashes, op->record.hashes);
	if (op->err != PC_OK)
		finish(op, op->err);
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

/* ------------------------------------------------------------ set a password */

static void on_password_written(int err, void *data)
{
	struct op *op = data;

	if (err == PC_OK)
		note_change(op, "updated");
	finish(op, err);
}

static void on_password_derived(int err, void *data)
{
	struct op *op = data;

	if (err != PC_OK || op->err != PC_OK)
		finish(op, err != PC_OK ? err : op->err);
	else
		swap_keys(op, on_password_written);
}

static void on_set_password(int err, const pc_item *items, size_t n, void *data)
{
	struct op *op = data;

	take(op, err, items, n);
	if (op->err != PC_OK || !op->found)
		finish(op, op->err != PC_OK ? op->err : PC_ENOENT);
	else
		derive_all(op, on_password_derived);
}

static void fail_later(void *data)
{
	finish(data, PC_EINVAL);
}

/* Reads the account for a change of password; an unusable password fails without reading. */
static void begin_password(pc_module *m, const char *user, const char *password, pc_items_fn *next,
                           pc_done_fn *fn, void *data)
{
	struct accounts *a = pc_module_data(m);
	struct op *op = op_new(m, user);

	op->done = fn;
	op->data = data;
	if (password == NULL || pc_saslprep(password, op->password) != PC_OK ||
	    op->password[0] == '\0') {
		pc_after(m, 0, fail_later, op);
		return;
	}
	pc_store_get(a->store, user, next, op);
}

static void set_password(pc_module *m, const char *user, const char *password, pc_done_fn *fn,
                         void *data)
{
	begin_password(m, user, password, on_set_password, fn, data);
}

/* ------------------------------------------------------------ create, remove, list */

static void on_created(int err, void *data)
{
	struct op *op = data;

	if (err == PC_OK)
		note_change(op, "created");
	finish(op, err == PC_ECONFLICT ? PC_EEXIST : err);
}

static void on_create_derived(int err, void *data)
{
	struct op *op = data;

	if (err != PC_OK || op->err != PC_OK)
		finish(op, err != PC_OK ? err : op->err);
	else
		swap_keys(op, on_created);
}

static void on_create(int err, const pc_item *items, size_t n, void *data)
{
	struct op *op = data;

	take(op, err, items, n);
	if (op->err != PC_OK || op->found)
		finish(op, op->err != PC_OK ? op->err : PC_EEXIST);
	else
		derive_all(op, on_create_derived);
}

static void create(pc_module *m, const char *user, const char *password, pc_done_fn *fn, void *data)
{
	begin_password(m, user, password, on_create, fn, data);
}

static void on_removed(int err, void *data)
{
	finish(data, err);
}

static void on_remove(int err, const pc_item *items, size_t n, void *data)
{
	struct op *op = data;
	struct accounts *a = pc_module_data(op->m);

	take(op, err, items, n);
	if (op->err != PC_OK || !op->found)
		finish(op, op->err != PC_OK ? op->err : PC_ENOENT);
	else
		pc_store_set(a->store, op->user, NULL, 0, on_removed, op);
}

static void remove_account(pc_module *m, const char *user, pc_done_fn *fn, void *data)
{
	struct accounts *a = pc_module_data(m);
	struct op *op = op_new(m, user);

	op->done = fn;
	op->data = data;
	pc_store_get(a->store, user, on_remove, op);
}

static void on_users(int err, const pc_item *items, size_t n, void *data)
{
	struct op *op = data;
	pc_names_fn *done = op->names_done;
	void *done_data = op->data;
	const char **names = n > 0 ? calloc(n, sizeof(*names)) : NULL;

	op_free(op);
	if (n > 0 && names == NULL)
		abort(); /* out of memory ends the process */
	for (size_t i = 0; i < n; i++)
		names[i] = items[i].key;
	done(err, names, n, done_data);
	free(names);
}

static void list(pc_module *m, pc_names_fn *fn, void *data)
{
	struct accounts *a = pc_module_data(m);
	struct op *op = op_new(m, NULL);

	op->names_done = fn;
	op->data = data;
	pc_store_users(a->store, on_users, op);
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
	if (a->hashes == 0) {
		pc_module_fail(m, "scram_hashes names none of SHA-1, SHA-256, SHA-512");
		return;
	}
	a->store = pc_store_open(m, "accounts", PC_STORE_MAP);
	*provider = (pc_auth_provider){
		.size = sizeof(*provider),
		.scram_hashes = a->hashes,
		.plain = true,
		.exists = exists,
		.keys = keys,
		.check = check,
		.set_password = set_password,
		.create = create,
		.remove = remove_account,
		.list = list,
		.look = looks_tell,
	};
	looks_load(m);
	pc_provide(m, "auth-internal_hashed", provider);
}

static const char *const password_hashes[] = { "SHA-1", "SHA-256", "SHA-512", NULL };

static const pc_option options[] = {
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

PC_MODULE(auth_internal_hashed, .summary = "Accounts in the server's own storage, hashed",
          .data_size = sizeof(struct accounts), .options = options, .load = load);
