/*
 * changes.c - what changes accounts: passwords, making and removing them, disabling them; and who
 * there is.
 */
#include "accounts.h"

#include <stdlib.h>
#include <string.h>

#define TRIES 3

static void begin(pc_module *m, const char *user, pc_items_fn *next, pc_done_fn *fn, void *data)
{
	const struct accounts *a = pc_module_data(m);
	struct op *op = op_new(m, user);

	op->done = fn;
	op->data = data;
	pc_store_get(a->store, user, next, op);
}

/* ------------------------------------------------------------ set a password */

static void on_password_written(int err, void *data)
{
	op_finish(data, err);
}

static void on_password_derived(int err, void *data)
{
	struct op *op = data;

	if (err != PC_OK || op->err != PC_OK)
		op_finish(op, err != PC_OK ? err : op->err);
	else
		op_swap_keys(op, "updated", on_password_written);
}

static void on_set_password(int err, const pc_item *items, size_t n, void *data)
{
	struct op *op = data;

	op_take(op, err, items, n);
	if (op->err != PC_OK || !op->found)
		op_finish(op, op->err != PC_OK ? op->err : PC_ENOENT);
	else
		op_derive_all(op, on_password_derived);
}

static void fail_later(void *data)
{
	op_finish(data, PC_EINVAL);
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

/* ------------------------------------------------------------ keys of one more hash */

static void on_keys_added(int err, void *data)
{
	struct op *op = data;

	if (err == PC_OK)
		pc_log(op->m, PC_INFO, "account %s has keys of %s now", op->user,
		       record_hash_name(op->hash));
	op_finish(op, err);
}

static void on_add_keys(int err, const pc_item *items, size_t n, void *data)
{
	struct op *op = data;
	pc_scram_keys added = op->record.keys[op->hash];

	op_take(op, err, items, n);
	if (op->err != PC_OK || !op->found) {
		op_finish(op, op->err != PC_OK ? op->err : PC_ENOENT);
	} else if (op->record.hashes & 1u << op->hash) {
		op_finish(op, PC_EEXIST);
	} else {
		op->record.keys[op->hash] = added;
		op->record.hashes |= 1u << op->hash;
		op_swap_keys(op, "updated", on_keys_added);
	}
	explicit_bzero(&added, sizeof(added));
}

/* Only hashes that are offered, so that the account is not grown for nothing. */
static void add_keys(pc_module *m, const char *user, const pc_scram_keys *keys, pc_done_fn *fn,
                     void *data)
{
	const struct accounts *a = pc_module_data(m);
	struct op *op = op_new(m, user);

	op->done = fn;
	op->data = data;
	op->hash = keys->hash;
	op->record.keys[keys->hash] = *keys;
	if (a->hashes & 1u << keys->hash)
		pc_store_get(a->store, user, on_add_keys, op);
	else
		pc_after(m, 0, fail_later, op);
}

/* ------------------------------------------------------------ create, remove, list */

static void on_created(int err, void *data)
{
	op_finish(data, err == PC_ECONFLICT ? PC_EEXIST : err);
}

static void on_create_derived(int err, void *data)
{
	struct op *op = data;

	if (err != PC_OK || op->err != PC_OK)
		op_finish(op, err != PC_OK ? err : op->err);
	else
		op_swap_keys(op, "created", on_created);
}

static void on_create(int err, const pc_item *items, size_t n, void *data)
{
	struct op *op = data;

	op_take(op, err, items, n);
	if (op->err != PC_OK || op->found)
		op_finish(op, op->err != PC_OK ? op->err : PC_EEXIST);
	else
		op_derive_all(op, on_create_derived);
}

static void create(pc_module *m, const char *user, const char *password, pc_done_fn *fn, void *data)
{
	begin_password(m, user, password, on_create, fn, data);
}

static void on_removed(int err, void *data)
{
	op_finish(data, err);
}

static void on_remove(int err, const pc_item *items, size_t n, void *data)
{
	struct op *op = data;
	struct accounts *a = pc_module_data(op->m);

	op_take(op, err, items, n);
	if (op->err != PC_OK || !op->found)
		op_finish(op, op->err != PC_OK ? op->err : PC_ENOENT);
	else
		pc_store_set(a->store, op->user, NULL, 0, on_removed, op);
}

static void remove_account(pc_module *m, const char *user, pc_done_fn *fn, void *data)
{
	begin(m, user, on_remove, fn, data);
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

/* ------------------------------------------------------------ disabled accounts */

static void on_enabled(int err, const pc_item *items, size_t n, void *data)
{
	struct op *op = data;

	op_take(op, err, items, n);
	if (op->err == PC_OK)
		op->err = !op->found ? PC_ENOENT : op->record.disabled ? PC_EPERM : PC_OK;
	op_finish(op, op->err);
}

static void enabled(pc_module *m, const char *user, pc_done_fn *fn, void *data)
{
	begin(m, user, on_enabled, fn, data);
}

static void on_enable(int err, const pc_item *items, size_t n, void *data);
static void on_disable(int err, const pc_item *items, size_t n, void *data);

static void on_switched(int err, void *data)
{
	struct op *op = data;
	const struct accounts *a = pc_module_data(op->m);

	/* the password was changed, or the account removed: once more */
	if (err == PC_ECONFLICT && op->tries++ < TRIES)
		pc_store_get(a->store, op->user, op->enables ? on_enable : on_disable, op);
	else
		op_finish(op, err);
}

static void switch_to(struct op *op, const pc_item *item)
{
	const struct accounts *a = pc_module_data(op->m);
	pc_batch *b;

	if (op->err != PC_OK || !op->found) {
		op_finish(op, op->err != PC_OK ? op->err : PC_ENOENT);
		return;
	}
	op->enables = item->value == NULL;
	b = op_batch(op);
	pc_batch_set_keys(b, a->store, op->user, item, 1);
	pc_batch_commit(b, on_switched, op);
}

static void on_enable(int err, const pc_item *items, size_t n, void *data)
{
	op_take(data, err, items, n);
	switch_to(data, &(pc_item){ .key = "disabled" });
}

static void on_disable(int err, const pc_item *items, size_t n, void *data)
{
	op_take(data, err, items, n);
	switch_to(data, &(pc_item){ "disabled", "true", strlen("true") });
}

static void set_enabled(pc_module *m, const char *user, bool enable, pc_done_fn *fn, void *data)
{
	begin(m, user, enable ? on_enable : on_disable, fn, data);
}

/* ------------------------------------------------------------ */

void changes_load(pc_auth_provider *provider)
{
	provider->set_password = set_password;
	provider->create = create;
	provider->remove = remove_account;
	provider->list = list;
	provider->enabled = enabled;
	provider->set_enabled = set_enabled;
	provider->add_keys = add_keys;
}
