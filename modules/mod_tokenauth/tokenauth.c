/*
 * tokenauth.c - the module tokenauth: its options, the service, and what ends grants.
 */
#include "tokenauth.h"

#include <string.h>

pc_module *tokenauth_owner(const pc_tokenauth *tokens)
{
	pc_module *owner = NULL;

	pc_provider(tokens->host, "tokenauth", &owner);
	return owner;
}

void tokenauth_tell(const pc_tokenauth *tokens, const char *event, const char *user, const char *id)
{
	pc_module *owner = tokenauth_owner(tokens);
	const pc_arg args[] = { PC_STR("username", user),
		                PC_STR("host", pc_host_name(tokens->host)), PC_STR("id", id) };

	if (owner)
		pc_notify(owner, event, &(pc_fire_args){ .args = args, .n_args = 3 });
}

/* ------------------------------------------------------------ revoking */

struct revoking {
	pc_tokenauth *tokens;
	pc_done_fn *fn;
	void *data;
	char user[PC_JID_PART_MAX + 1], id[PC_ID_SIZE]; /* id "": all */
};

static void revoking_end(struct revoking *r, int err)
{
	if (r->fn)
		r->fn(err, r->data);
	pc_module_free(r->tokens->m, r);
}

static void on_revoked(int err, void *data)
{
	struct revoking *r = data;

	if (err == PC_OK)
		tokenauth_tell(r->tokens, "token-grant-revoked", r->user, r->id[0] ? r->id : NULL);
	revoking_end(r, err);
}

static void on_there(int err, const pc_item *items, size_t n, void *data)
{
	struct revoking *r = data;

	(void)items;
	if (err || n == 0)
		revoking_end(r, err ? err : PC_ENOENT);
	else if (r->id[0])
		pc_store_set_keys(r->tokens->store, r->user, &(pc_item){ .key = r->id }, 1,
		                  on_revoked, r);
	else
		pc_store_set(r->tokens->store, r->user, NULL, 0, on_revoked, r);
}

void tokenauth_revoke(pc_tokenauth *tokens, const char *user, const char *id, pc_done_fn *fn,
                      void *data)
{
	struct revoking *r = pc_module_alloc(tokens->m, sizeof(*r));

	*r = (struct revoking){ .tokens = tokens, .fn = fn, .data = data };
	memcpy(r->user, user, strnlen(user, sizeof(r->user) - 1));
	if (id)
		memcpy(r->id, id, strnlen(id, sizeof(r->id) - 1));
	if (id)
		pc_store_get_key(tokens->store, r->user, id, on_there, r);
	else
		pc_store_get(tokens->store, r->user, on_there, r);
}

/* Who has changed the password may have done so because of a token that got lost. At once, not
 * behind a look at what is there: a token is not good any more when the password is another. */
static pc_result on_password(pc_event *ev, void *data)
{
	const pc_tokenauth *tokens = *(pc_tokenauth **)data;

	pc_store_set(tokens->store, pc_event_str(ev, "username"), NULL, 0, NULL, NULL);
	return PC_PASS;
}

/* ------------------------------------------------------------ the module */

static pc_tokenauth *open_for(pc_module *m)
{
	pc_tokenauth *tokens = pc_module_alloc(m, sizeof(*tokens));

	tokens->m = m;
	tokens->host = pc_module_host(m);
	tokens->store = pc_store_open(m, "auth_tokens", PC_STORE_MAP);
	return tokens;
}

static const pc_tokenauth_service service = { .size = sizeof(service),
	                                      .open = open_for,
	                                      .create = tokenauth_create,
	                                      .check = tokenauth_check,
	                                      .revoke = tokenauth_revoke };

static void load(pc_module *m)
{
	pc_tokenauth **tokens = pc_module_data(m);

	*tokens = open_for(m);
	pc_provide(m, "tokenauth", &service);
	pc_add_item(m, "sasl2-mechanism", &tokenauth_bearer);
	pc_hook(m, "user-password-changed", on_password, 0);
}

static const pc_option options[] = {
	{ .name = "token_auth_ttl",
	  .type = PC_OPT_PERIOD,
	  .dflt = "90 days",
	  .min = 1,
	  .max = 3153600000,
	  .live = true,
	  .help = "How long a token is good for where nothing else was said" },
	{ .name = "token_auth_access_time_granularity",
	  .type = PC_OPT_PERIOD,
	  .dflt = "60 seconds",
	  .min = 0,
	  .max = 86400,
	  .live = true,
	  .help = "A token that is used again within this time is not noted as used again" },
	{ .name = "token_auth_max_grants",
	  .type = PC_OPT_INTEGER,
	  .dflt = "50",
	  .min = 1,
	  .max = 10000,
	  .live = true,
	  .help = "Tokens that an account may have" },
	{ 0 },
};

static const pc_event_decl events[] = {
	{ "token-grant-created", PC_NOTICE, "An account has a token: `username`, `host`, `id`" },
	{ "token-grant-revoked", PC_NOTICE, "It was taken back: likewise; no `id`: all of them" },
	{ 0 },
};

static const pc_store_decl stores[] = {
	{ "auth_tokens", PC_STORE_MAP, "Tokens of an account, hashed, and what they are for" },
	{ 0 },
};

static const char *const needs[] = { "saslauth", NULL };

PC_MODULE(tokenauth, .summary = "Tokens that stand for an account, and log-ins by them (RFC 7628)",
          .needs = needs, .data_size = sizeof(pc_tokenauth *), .options = options, .events = events,
          .stores = stores, .commands = tokenauth_commands, .load = load);
