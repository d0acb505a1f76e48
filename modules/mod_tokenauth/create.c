/*
 * create.c - making a grant with its token.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tokenauth.h"

struct making {
	pc_tokenauth *tokens;
	pc_grant_fn *fn;
	void *data;
	struct token token;
	pc_grant grant;
	char *name, *role; /* copies */
};

static char *copy_of(pc_module *m, const char *text)
{
	size_t size = text ? strlen(text) + 1 : 0;

	return text ? memcpy(pc_module_alloc(m, size), text, size) : NULL;
}

static void making_end(struct making *mk, int err)
{
	pc_module *m = mk->tokens->m;
	char text[PC_TOKEN_MAX];

	if (err == PC_OK) {
		tokenauth_tell(mk->tokens, "token-grant-created", mk->token.user, mk->token.id);
		token_write(&mk->token, pc_host_name(mk->tokens->host), text);
		mk->fn(PC_OK, mk->token.user, text, &mk->grant, mk->data);
		explicit_bzero(text, sizeof(text));
	} else {
		mk->fn(err, NULL, NULL, NULL, mk->data);
	}
	if (mk->name)
		pc_module_free(m, mk->name);
	if (mk->role)
		pc_module_free(m, mk->role);
	explicit_bzero(mk, sizeof(*mk));
	pc_module_free(m, mk);
}

static void on_kept(int err, void *data)
{
	making_end(data, err);
}

static void keep(struct making *mk)
{
	char hash[HASH_SIZE], *text;

	token_hash(mk->token.secret, hash);
	text = record_write(&mk->grant, hash);
	pc_store_swap(mk->tokens->store, mk->token.user, mk->token.id, NULL, text, on_kept, mk);
	free(text);
}

/* Those that have expired make room. */
static size_t drop_expired(const struct making *mk, const pc_item *items, size_t n)
{
	struct record r;
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		bool good = record_read(&r, items[i].key, items[i].value, items[i].len);

		if (good && r.grant.expires > pc_time_ms())
			left++;
		else
			pc_store_set_keys(mk->tokens->store, mk->token.user,
			                  &(pc_item){ .key = items[i].key }, 1, NULL, NULL);
		record_free(&r);
	}
	return left;
}

static void on_others(int err, const pc_item *items, size_t n, void *data)
{
	struct making *mk = data;
	pc_module *owner = tokenauth_owner(mk->tokens);

	if (err || owner == NULL)
		making_end(mk, err ? err : PC_ENOTSUP);
	else if (drop_expired(mk, items, n) >= (size_t)pc_opt_int(owner, "token_auth_max_grants"))
		making_end(mk, PC_ELIMIT);
	else
		keep(mk);
}

static void on_enabled(int err, void *data)
{
	struct making *mk = data;

	if (err)
		making_end(mk, err == PC_EPERM ? PC_ENOENT : err);
	else
		pc_store_get(mk->tokens->store, mk->token.user, on_others, mk);
}

static void on_refused(void *data)
{
	making_end(data, PC_EINVAL);
}

void tokenauth_create(pc_tokenauth *tokens, const char *user, const pc_grant *wish, pc_grant_fn *fn,
                      void *data)
{
	struct making *mk = pc_module_alloc(tokens->m, sizeof(*mk));
	pc_module *owner = tokenauth_owner(tokens);
	double ttl = owner ? pc_opt_seconds(owner, "token_auth_ttl") : 0;
	int64_t now = pc_time_ms();

	mk->tokens = tokens;
	mk->fn = fn;
	mk->data = data;
	mk->name = copy_of(tokens->m, wish->name);
	mk->role = copy_of(tokens->m, wish->role);
	pc_random_id(mk->token.id);
	pc_random_id(mk->token.secret);
	mk->grant = (pc_grant){ .size = sizeof(pc_grant),
		                .id = mk->token.id,
		                .name = mk->name,
		                .role = mk->role,
		                .created = now,
		                .expires = wish->expires ? wish->expires
		                           : isinf(ttl)  ? INT64_MAX
		                                         : now + (int64_t)(ttl * 1000) };
	if (pc_jid_prep_local(user, mk->token.user) != PC_OK ||
	    (wish->role && !pc_role_exists(tokens->host, wish->role)))
		pc_after(tokens->m, 0, on_refused, mk);
	else
		pc_user_enabled(tokens->m, tokens->host, mk->token.user, on_enabled, mk);
}
