/*
 * redeem.c - looking at an invitation, claiming, using, releasing it.
 *
 * A claim is one compare-and-set of the record that was looked at: of two that race for the same
 * invitation one finds another record than it knows.
 */
#include <stdlib.h>
#include <string.h>

#include "invites.h"

struct op {
	pc_invites *invites;
	pc_invite_fn *fn;
	pc_done_fn *done;
	void *data;
	char *by;   /* NULL: it is only looked at */
	char *text; /* as it is stored */
	struct record record;
	char token[TOKEN_SIZE];
};

static void op_fini(void *memory)
{
	struct op *op = memory;

	record_free(&op->record);
}

static struct op *op_new(pc_invites *invites, const char *token, const char *by, void *data)
{
	struct op *op = pc_module_alloc_with(invites->m, sizeof(*op), op_fini);

	op->invites = invites;
	op->data = data;
	op->by = invites_copy(invites->m, by);
	if (token_is_possible(token))
		memcpy(op->token, token, TOKEN_SIZE);
	return op;
}

static void op_free(struct op *op)
{
	pc_module *m = op->invites->m;

	if (op->by)
		pc_module_free(m, op->by);
	if (op->text)
		pc_module_free(m, op->text);
	pc_module_free(m, op);
}

static void op_end(struct op *op, int err)
{
	if (err == PC_OK && op->fn)
		link_tell(op->invites, &op->record, op->fn, op->data);
	else if (op->fn)
		op->fn(err, NULL, op->data);
	else if (op->done)
		op->done(err, op->data);
	op_free(op);
}

/* The record of the item, in the call. */
static bool take(struct op *op, int *err, const pc_item *items, size_t n)
{
	if (*err == PC_OK &&
	    (n == 0 || !record_read(&op->record, op->token, items[0].value, items[0].len)))
		*err = PC_ENOENT;
	if (*err == PC_OK)
		op->text = invites_copy(op->invites->m, items[0].value);
	return *err == PC_OK;
}

static void get(struct op *op, pc_items_fn *fn)
{
	/* What cannot be a token is asked for under a name that none has. */
	pc_store_get_key(op->invites->store, NULL, op->token[0] ? op->token : "-", fn, op);
}

/* ------------------------------------------------------------ look, claim */

static void on_claimed(int err, void *data)
{
	op_end(data, err == PC_ECONFLICT ? PC_EBUSY : err);
}

static void claim(struct op *op)
{
	const pc_invite *invite = &op->record.invite;
	char *text;

	if (op->by && invite->kind != PC_INVITE_CONTACT && invite->username &&
	    strcmp(invite->username, op->by) != 0) {
		op_end(op, PC_EPERM);
	} else if (op->by == NULL || invite->reusable) {
		op_end(op, PC_OK);
	} else {
		text = record_write(invite, op->by, pc_time_ms());
		pc_store_swap(op->invites->store, NULL, op->token, op->text, text, on_claimed, op);
		free(text);
	}
}

/* Somebody claimed it long ago, and was not heard of any more: an account tells what came of it. */
static void on_claimer(int err, void *data)
{
	struct op *op = data;

	if (err == PC_ENOENT) {
		claim(op);
	} else if (err == PC_OK) {
		invites_drop(op->invites, &op->record, NULL, NULL);
		op_end(op, PC_ESTATE);
	} else {
		op_end(op, err);
	}
}

static void ask_claimer(struct op *op)
{
	const pc_invite *invite = &op->record.invite;

	if (invite->claimed_by == NULL)
		claim(op);
	else if (op->record.claimed >= *op->invites->started &&
	         pc_time_ms() - op->record.claimed < PC_INVITE_CLAIM_MS)
		op_end(op, PC_EBUSY);
	else if (strchr(invite->claimed_by, '@'))
		claim(op);
	else
		pc_user_exists(op->invites->m, op->invites->host, invite->claimed_by, on_claimer,
		               op);
}

static void on_inviter(int err, void *data)
{
	if (err == PC_OK)
		ask_claimer(data);
	else
		op_end(data, err == PC_EPERM ? PC_ENOENT : err);
}

/* XEP-0445: what was good when it was shown may expire before it is redeemed. */
static void on_record(int err, const pc_item *items, size_t n, void *data)
{
	struct op *op = data;
	const pc_invite *invite = &op->record.invite;

	if (!take(op, &err, items, n))
		op_end(op, err);
	else if (op->by == NULL && invite->expires <= pc_time_ms())
		op_end(op, PC_ETIMEOUT);
	else if (invite->inviter)
		pc_user_enabled(op->invites->m, op->invites->host, invite->inviter, on_inviter, op);
	else
		ask_claimer(op);
}

void invites_look(pc_invites *invites, const char *token, pc_invite_fn *fn, void *data)
{
	struct op *op = op_new(invites, token, NULL, data);

	op->fn = fn;
	get(op, on_record);
}

void invites_claim(pc_invites *invites, const char *token, const char *by, pc_invite_fn *fn,
                   void *data)
{
	struct op *op = op_new(invites, token, by, data);

	op->fn = fn;
	get(op, on_record);
}

/* ------------------------------------------------------------ use, release */

static bool is_claimer(const struct op *op)
{
	const char *by = op->record.invite.claimed_by;

	return by && strcmp(by, op->by) == 0;
}

static void on_asked(int err, const pc_item *items, size_t n, void *data)
{
	struct op *op = data;
	pc_invite *invite = &op->record.invite;

	if (take(op, &err, items, n) && !invite->reusable && !is_claimer(op))
		err = PC_ESTATE;
	invite->claimed_by = op->by;
	op_end(op, err);
}

void invites_claimed(pc_invites *invites, const char *token, const char *by, pc_invite_fn *fn,
                     void *data)
{
	struct op *op = op_new(invites, token, by, data);

	op->fn = fn;
	get(op, on_asked);
}

static void on_dropped(int err, void *data)
{
	op_end(data, err);
}

static void on_used(int err, const pc_item *items, size_t n, void *data)
{
	struct op *op = data;

	if (!take(op, &err, items, n))
		op_end(op, err == PC_ENOENT ? PC_OK : err);
	else if (op->record.invite.reusable || !is_claimer(op))
		op_end(op, PC_OK);
	else
		invites_drop(op->invites, &op->record, on_dropped, op);
}

void invites_use(pc_invites *invites, const char *token, const char *by, pc_done_fn *fn, void *data)
{
	struct op *op = op_new(invites, token, by, data);

	op->done = fn;
	get(op, on_used);
}

static void on_released(int err, const pc_item *items, size_t n, void *data)
{
	struct op *op = data;
	char *text;

	if (!take(op, &err, items, n) || !is_claimer(op)) {
		op_free(op);
		return;
	}
	text = record_write(&op->record.invite, NULL, 0);
	pc_store_swap(op->invites->store, NULL, op->token, op->text, text, NULL, NULL);
	free(text);
	op_free(op);
}

void invites_release(pc_invites *invites, const char *token, const char *by)
{
	get(op_new(invites, token, by, NULL), on_released);
}

/* ------------------------------------------------------------ claims of the process before */

struct survey {
	const pc_invites *invites;
	pc_invite_fn *fn;
	void *data;
};

static void on_all(int err, const pc_item *items, size_t n, void *data)
{
	struct survey *s = data;
	struct record r;

	for (size_t i = 0; err == PC_OK && i < n; i++) {
		if (!token_is_possible(items[i].key) ||
		    !record_read(&r, items[i].key, items[i].value, items[i].len))
			continue;
		if (r.invite.claimed_by && r.claimed < *s->invites->started)
			link_tell(s->invites, &r, s->fn, s->data);
		record_free(&r);
	}
	pc_module_free(s->invites->m, s);
}

void invites_unsettled(pc_invites *invites, pc_invite_fn *fn, void *data)
{
	struct survey *s = pc_module_alloc(invites->m, sizeof(*s));

	*s = (struct survey){ invites, fn, data };
	pc_store_get(invites->store, NULL, on_all, s);
}

/* ------------------------------------------------------------ reserved names */

/* Whose invitation has gone or expired keeps no name. */
static void on_reserver(int err, const pc_item *items, size_t n, void *data)
{
	struct op *op = data;

	if (take(op, &err, items, n))
		op_end(op, op->record.invite.expires > pc_time_ms() ? PC_EEXIST : PC_OK);
	else
		op_end(op, err == PC_ENOENT ? PC_OK : err);
}

static void on_reserved(int err, const pc_item *items, size_t n, void *data)
{
	struct op *op = data;

	if (err || n == 0 || strcmp(items[0].value, op->token) == 0 ||
	    !token_is_possible(items[0].value)) {
		op_end(op, err);
		return;
	}
	memcpy(op->token, items[0].value, TOKEN_SIZE);
	get(op, on_reserver);
}

void invites_reserved(pc_invites *invites, const char *username, const char *token, pc_done_fn *fn,
                      void *data)
{
	struct op *op = op_new(invites, token, NULL, data);
	char key[NAME_KEY_SIZE];

	op->done = fn;
	name_key(username, key);
	pc_store_get_key(invites->store, NULL, key, on_reserved, op);
}
