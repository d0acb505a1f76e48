/*
 * mod_turn_external.c - a TURN server for calls, told to clients by external_services (XEP-0215).
 *
 * coturn and others share a secret with us (static-auth-secret); clients get names and passwords
 * that are good for a time.
 */
#include <stdio.h>

#include <prosody-c/prosody-c.h>

static const pc_option options[] = {
	{ .name = "turn_external_secret",
	  .type = PC_OPT_STRING,
	  .required = true,
	  .help = "The secret that is shared with the TURN server, where clients get theirs from" },
	{ .name = "turn_external_host",
	  .type = PC_OPT_STRING,
	  .help = "Where the TURN server is (default: the virtual host)" },
	{ .name = "turn_external_user",
	  .type = PC_OPT_STRING,
	  .help = "Goes into the names of clients at the TURN server, where it is set" },
	{ .name = "turn_external_port",
	  .type = PC_OPT_INTEGER,
	  .dflt = "3478",
	  .min = 1,
	  .max = 65535,
	  .help = "Its port for UDP, and for TCP with turn_external_tcp" },
	{ .name = "turn_external_ttl",
	  .type = PC_OPT_PERIOD,
	  .dflt = "1 day",
	  .min = 1,
	  .max = 1e9,
	  .help = "How long the credentials of a client are good for" },
	{ .name = "turn_external_tcp",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "false",
	  .help = "It serves TCP as well" },
	{ .name = "turn_external_tls_port",
	  .type = PC_OPT_INTEGER,
	  .min = 1,
	  .max = 65535,
	  .help = "Its port for TLS (default: it has none)" },
	{ 0 },
};

/* Names and values of an item, and what the numbers are written into. */
struct turn {
	char port[8], tls_port[8], ttl[24];
	const char *items[6][16];
	size_t n;
};

static void add(pc_module *m, const char *type, const char *transport, const char *port,
                bool secret)
{
	struct turn *t = pc_module_data(m);
	const char **at = t->items[t->n++];
	const char *host = pc_opt_str(m, "turn_external_host");
	const char *pairs[][2] = {
		{ "type", type },
		{ "transport", transport },
		{ "port", port },
		{ "host", host ? host : pc_module_host_name(m) },
		{ "secret", secret ? pc_opt_str(m, "turn_external_secret") : NULL },
		{ "username", secret ? pc_opt_str(m, "turn_external_user") : NULL },
		{ "ttl", secret ? t->ttl : NULL },
	};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		if (pairs[i][1] == NULL)
			continue;
		at[n++] = pairs[i][0];
		at[n++] = pairs[i][1];
	}
	at[n] = NULL;
	pc_add_item(m, "external-service", at);
}

static void load(pc_module *m)
{
	struct turn *t = pc_module_data(m);

	pc_depends(m, "external_services");
	if (pc_opt_str(m, "turn_external_secret") == NULL) {
		pc_module_fail(m, "turn_external_secret is not set");
		return;
	}
	snprintf(t->port, sizeof(t->port), "%d", (int)pc_opt_int(m, "turn_external_port"));
	snprintf(t->tls_port, sizeof(t->tls_port), "%d",
	         (int)pc_opt_int(m, "turn_external_tls_port"));
	snprintf(t->ttl, sizeof(t->ttl), "%.0f", pc_opt_seconds(m, "turn_external_ttl"));
	add(m, "stun", "udp", t->port, false);
	add(m, "turn", "udp", t->port, true);
	if (pc_opt_bool(m, "turn_external_tcp")) {
		add(m, "stun", "tcp", t->port, false);
		add(m, "turn", "tcp", t->port, true);
	}
	if (pc_opt_is_set(m, "turn_external_tls_port")) {
		add(m, "stuns", "tcp", t->tls_port, false);
		add(m, "turns", "tcp", t->tls_port, true);
	}
}

PC_MODULE(turn_external, .summary = "A TURN server for calls", .xeps = "0215:1.0.0",
          .data_size = sizeof(struct turn), .options = options, .load = load);
