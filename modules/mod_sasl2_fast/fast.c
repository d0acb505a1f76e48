/*
 * fast.c - tokens for clients, so that they come back in one round trip (XEP-0484).
 *
 * A client that has logged in by SASL2 may ask for a token, bound to its id and to one mechanism.
 * It is known to the client before it counts here, and what was revoked is revoked before the
 * client is told so: each answer waits until its write is kept. A new password revokes all tokens.
 */
#include "fast.h"

#include <stdio.h>
#include <string.h>

#define AFTER_BINDING (-100)

static const pc_option options[] = {
	{ .name = "sasl2_fast_token_ttl",
	  .type = PC_OPT_PERIOD,
	  .dflt = "21 days",
	  .min = 1,
	  .max = 1e9,
	  .live = true,
	  .help = "How long a token is good for" },
	{ .name = "sasl2_fast_token_min_ttl",
	  .type = PC_OPT_PERIOD,
	  .dflt = "1 day",
	  .live = true,
	  .help = "A token that is older gives way to a new one when it is used" },
	{ .name = "sasl2_fast_max_clients",
	  .type = PC_OPT_INTEGER,
	  .dflt = "50",
	  .min = 1,
	  .max = 10000,
	  .live = true,
	  .help = "Clients of an account that may have tokens; more take the place of the oldest" },
	{ 0 },
};

void fast_slot(const char *client, bool is_new, char out[static SLOT_SIZE])
{
	snprintf(out, SLOT_SIZE, "%s/%s", client, is_new ? "new" : "current");
}

/* ------------------------------------------------------------ what is offered */

static pc_result on_features(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	pc_stanza *fast = pc_stanza_open(pc_event_stanza(ev), "fast", NS_FAST);
	uint8_t binding[256];
	size_t len;

	(void)data;
	for (int i = FAST_MECHANISMS - 1; i >= 0; i--)
		if (fast_binding_of(s, (enum fast_binding)i, binding, sizeof(binding), &len))
			pc_stanza_leaf(fast, "mechanism", fast_names[i]);
	return PC_PASS;
}

/* ------------------------------------------------------------ taken back */

static pc_result on_password(pc_event *ev, void *data)
{
	const struct fast *f = data;

	pc_store_set(f->store, pc_event_str(ev, "username"), NULL, 0, NULL, NULL);
	return PC_PASS;
}

static const char *user_of(pc_call *call, char buf[static PC_JID_BUF])
{
	pc_jid jid;

	if (pc_call_argc(call) == 0 || pc_jid_parse(pc_call_arg(call, 0), buf, &jid) != PC_OK ||
	    jid.local == NULL)
		return NULL;
	return jid.local;
}

static void on_listed(int err, const pc_item *items, size_t n, void *data)
{
	pc_call *call = data;
	struct token token;
	char expires[PC_DATETIME_SIZE];

	for (size_t i = 0; err == PC_OK && i < n; i++) {
		if (!token_read(items[i].value, &token))
			continue;
		pc_datetime_write(token.expires / 1000 * 1000, expires);
		pc_call_print(call, "%s  %s  until %s", items[i].key, fast_names[token.binding],
		              expires);
		explicit_bzero(&token, sizeof(token));
	}
	pc_call_end(call, err, NULL);
}

static void run_list(pc_call *call, pc_module *m)
{
	const struct fast *f = pc_module_data(m);
	char buf[PC_JID_BUF];
	const char *user = user_of(call, buf);

	if (user)
		pc_store_get(f->store, user, on_listed, call);
	else
		pc_call_end(call, PC_EINVAL, "that is no account's address");
}

static void on_revoked(int err, void *data)
{
	pc_call_end(data, err, NULL);
}

static void run_revoke(pc_call *call, pc_module *m)
{
	const struct fast *f = pc_module_data(m);
	char buf[PC_JID_BUF], slots[2][SLOT_SIZE];
	const char *user = user_of(call, buf), *client = pc_call_arg(call, 1);

	if (user == NULL) {
		pc_call_end(call, PC_EINVAL, "that is no account's address");
	} else if (client == NULL) {
		pc_store_set(f->store, user, NULL, 0, on_revoked, call);
	} else if (strlen(client) >= CLIENT_SIZE) {
		pc_call_end(call, PC_EINVAL, "that is no client's id");
	} else {
		fast_slot(client, false, slots[0]);
		fast_slot(client, true, slots[1]);
		pc_store_set_keys(f->store, user,
		                  (pc_item[]){ { .key = slots[0] }, { .key = slots[1] } }, 2,
		                  on_revoked, call);
	}
}

static const pc_command commands[] = {
	{ "fast", "list", "JID", "Tokens that clients of an account have, by their ids", run_list },
	{ "fast", "revoke", "JID [CLIENT]", "Take tokens back: of one client, or of all",
	  run_revoke },
	{ 0 },
};

/* ------------------------------------------------------------ the module */

static void load(pc_module *m)
{
	struct fast *f = pc_module_data(m);

	f->m = m;
	f->store = pc_store_open(m, "sasl2_fast", PC_STORE_MAP);
	f->used = pc_counter(m, "used", NULL);
	f->refused = pc_counter(m, "refused", NULL);
	f->given = pc_counter(m, "given", NULL);
	for (size_t i = 0; i < FAST_MECHANISMS; i++)
		pc_add_item(m, "sasl2-mechanism", &fast_mechanisms[i]);
	pc_hook(m, "sasl2-features", on_features, 0);
	pc_hook(m, "sasl2-success", fast_on_success, AFTER_BINDING);
	pc_hook(m, "user-password-changed", on_password, 0);
}

static void session_free(pc_module *m, void *session_data)
{
	(void)m;
	explicit_bzero(session_data, sizeof(struct fast_session));
}

static const pc_store_decl stores[] = {
	{ "sasl2_fast", PC_STORE_MAP, "Tokens of an account's clients" },
	{ 0 },
};

static const pc_metric_decl metrics[] = {
	{ "used", PC_COUNTER, "Log-ins with a token" },
	{ "refused", PC_COUNTER, "Log-ins with a token that was not taken" },
	{ "given", PC_COUNTER, "Tokens given to clients" },
	{ 0 },
};

static const char *const needs[] = { "saslauth", NULL };

PC_MODULE(sasl2_fast, .summary = "Quick log-ins with tokens (XEP-0484)", .xeps = "0484:0.2.0",
          .needs = needs, .data_size = sizeof(struct fast),
          .session_size = sizeof(struct fast_session), .options = options, .commands = commands,
          .stores = stores, .metrics = metrics, .load = load, .session_free = session_free);
