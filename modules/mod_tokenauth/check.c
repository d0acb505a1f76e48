/*
 * check.c - is a token good? What is not one, is another's or was revoked is all the same.
 */
#include <stdlib.h>
#include <string.h>

#include "tokenauth.h"

struct checking {
	pc_tokenauth *tokens;
	pc_grant_fn *fn;
	void *data;
	struct token token;
	struct record record;
	char *text; /* as it is stored */
};

static void checking_fini(void *memory)
{
	struct checking *c = memory;

	record_free(&c->record);
	free(c->text);
	explicit_bzero(c, sizeof(*c));
}

static void checking_end(struct checking *c, int err)
{
	if (err == PC_OK)
		c->fn(PC_OK, c->token.user, NULL, &c->record.grant, c->data);
	else
		c->fn(err, NULL, NULL, NULL, c->data);
	pc_module_free(c->tokens->m, c);
}

/* A revocation that has come in between stays one. */
static void note_use(const struct checking *c)
{
	pc_module *owner = tokenauth_owner(c->tokens);
	pc_grant grant = c->record.grant;
	int64_t now = pc_time_ms();
	char *text;

	if (owner == NULL ||
	    now - grant.used <
	            (int64_t)(1000 * pc_opt_seconds(owner, "token_auth_access_time_granularity")))
		return;
	grant.used = now;
	text = record_write(&grant, c->record.hash);
	pc_store_swap(c->tokens->store, c->token.user, c->token.id, c->text, text, NULL, NULL);
	free(text);
}

/* Nobody comes by a token to more than the account may now. */
static void settle_role(struct checking *c)
{
	char bare[PC_JID_MAX + 1];
	const char *own, *role = c->record.grant.role;

	pc_jid_write_bare(&(pc_jid){ c->token.user, pc_host_name(c->tokens->host), NULL }, bare);
	own = pc_role_of(c->tokens->host, bare);
	if (role == NULL || !pc_role_includes(c->tokens->host, own, role))
		c->record.grant.role = own;
}

static void on_enabled(int err, void *data)
{
	struct checking *c = data;

	if (err == PC_OK) {
		note_use(c);
		settle_role(c);
	}
	checking_end(c, err == PC_ENOENT ? PC_EAUTH : err);
}

static bool is_same(const struct checking *c)
{
	char hash[HASH_SIZE];

	token_hash(c->token.secret, hash);
	return pc_equal_secret(hash, c->record.hash, HASH_SIZE - 1);
}

static void on_record(int err, const pc_item *items, size_t n, void *data)
{
	struct checking *c = data;

	if (err == PC_OK &&
	    (n == 0 || !record_read(&c->record, c->token.id, items[0].value, items[0].len) ||
	     !is_same(c)))
		err = PC_EAUTH;
	if (err == PC_OK && c->record.grant.expires <= pc_time_ms())
		err = PC_ETIMEOUT;
	if (err) {
		checking_end(c, err);
		return;
	}
	c->text = strdup(items[0].value);
	if (c->text == NULL)
		abort(); /* out of memory ends the process */
	pc_user_enabled(c->tokens->m, c->tokens->host, c->token.user, on_enabled, c);
}

static void on_none(void *data)
{
	checking_end(data, PC_EAUTH);
}

void tokenauth_check(pc_tokenauth *tokens, const char *text, pc_grant_fn *fn, void *data)
{
	struct checking *c = pc_module_alloc_with(tokens->m, sizeof(*c), checking_fini);

	c->tokens = tokens;
	c->fn = fn;
	c->data = data;
	if (token_read(text, pc_host_name(tokens->host), &c->token))
		pc_store_get_key(tokens->store, c->token.user, c->token.id, on_record, c);
	else
		pc_after(tokens->m, 0, on_none, c);
}
