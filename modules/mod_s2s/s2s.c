/*
 * mod_s2s - federation: streams with other servers (RFC 6120, RFC 6121 section 10 of the former),
 * proved by certificates (SASL EXTERNAL, XEP-0178) or by dialback (XEP-0220).
 *
 * Each host that has it is an instance with peers of its own; all share the listeners.
 */
#include <stdlib.h>
#include <string.h>

#include "s2s.h"

/* The instance of a host is found as the provider of this service; there is nothing to call. */
static const char service[] = "s2s";

struct s2s *s2s_of(pc_host *host)
{
	pc_module *m = NULL;

	return host && pc_provider(host, service, &m) ? pc_module_data(m) : NULL;
}

const char *s2s_host(const struct s2s *own)
{
	return pc_module_host_name(own->m);
}

void s2s_notify(struct s2s *own, const pc_stream *s, const char *event, const char *remote,
                const char *mechanism)
{
	const pc_arg args[] = { PC_STR("remote", remote), PC_STR("mechanism", mechanism) };

	pc_notify(own->m, event,
	          &(pc_fire_args){ .origin = pc_stream_session(s),
	                           .args = args,
	                           .n_args = mechanism ? 2 : 1 });
}

static const pc_listener starttls = {
	.size = sizeof(pc_listener),
	.service = "s2s",
	.class = &s2s_in_class,
	.default_ports = "5269",
};

static const pc_listener direct_tls = {
	.size = sizeof(pc_listener),
	.service = "s2s_direct_tls",
	.class = &s2s_in_class,
	.default_ports = "",
	.direct_tls = true,
};

static const pc_option options[] = {
	{ .name = "s2s_require_encryption",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "true",
	  .live = true,
	  .help = "Other servers are spoken to under TLS only" },
	{ .name = "s2s_secure_auth",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "false",
	  .live = true,
	  .help = "Other servers need a certificate that is trusted and has their name" },
	{ .name = "s2s_secure_domains",
	  .type = PC_OPT_SET,
	  .dflt = "",
	  .live = true,
	  .help = "Domains that need such a certificate in any case" },
	{ .name = "s2s_insecure_domains",
	  .type = PC_OPT_SET,
	  .dflt = "",
	  .live = true,
	  .help = "Domains that need none, whatever s2s_secure_auth says" },
	{ .name = "s2s_auth_certs",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "true",
	  .live = true,
	  .help = "Certificates of other servers are looked at: if not, none is trusted" },
	{ .name = "use_dane",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "false",
	  .live = true,
	  .help = "Servers whose signed DNS names their certificates (TLSA) are known by these "
	          "(RFC 7673)" },
	{ .name = "s2s_whitelist",
	  .type = PC_OPT_SET,
	  .live = true,
	  .help = "Where it is set: the only domains to have to do with" },
	{ .name = "s2s_blacklist",
	  .type = PC_OPT_SET,
	  .dflt = "",
	  .live = true,
	  .help = "Domains to have nothing to do with" },
	{ .name = "s2s_dialback",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "true",
	  .live = true,
	  .help = "Servers without a trusted certificate may prove their name by the DNS "
	          "(XEP-0220)" },
	{ .name = "dialback_secret",
	  .type = PC_OPT_STRING,
	  .help = "What dialback keys are made with (by default random at each start)" },
	{ .name = "s2s_bidi",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "true",
	  .live = true,
	  .help = "One stream may serve both directions (XEP-0288)" },
	{ .name = "s2s_timeout",
	  .type = PC_OPT_PERIOD,
	  .dflt = "90",
	  .min = 0.05,
	  .max = 86400,
	  .help = "Time to reach another server, and to prove a stream" },
	{ .name = "s2s_idle_timeout",
	  .type = PC_OPT_PERIOD,
	  .dflt = "10 minutes",
	  .min = 0.05,
	  .live = true,
	  .help = "A stream without stanzas for so long is closed" },
	{ .name = "s2s_retry_after",
	  .type = PC_OPT_PERIOD,
	  .dflt = "5",
	  .min = 0.01,
	  .max = 300,
	  .live = true,
	  .help = "Time before a server that could not be reached is tried again; doubled each "
	          "time, up "
	          "to 5 minutes" },
	{ .name = "s2s_stanza_size_limit",
	  .type = PC_OPT_SIZE,
	  .dflt = "512 KiB",
	  .min = 10000,
	  .max = 67108864,
	  .live = true,
	  .help = "Bytes of one stanza of another server" },
	{ .name = "s2s_send_queue_size",
	  .type = PC_OPT_INTEGER,
	  .dflt = "1024",
	  .min = 1,
	  .max = 1e6,
	  .live = true,
	  .help = "Stanzas that may wait for the stream to one domain, and that may be "
	          "unacknowledged on it" },
	{ .name = "s2s_send_queue_bytes",
	  .type = PC_OPT_SIZE,
	  .dflt = "2 MiB",
	  .min = 1000,
	  .live = true,
	  .help = "Bytes of them" },
	{ .name = "smacks_enabled_s2s",
	  .type = PC_OPT_BOOLEAN,
	  .dflt = "true",
	  .live = true,
	  .help = "Streams with other servers acknowledge stanzas, and what was lost with a "
	          "connection is sent again (XEP-0198)" },
	{ .name = "s2s_resume_time",
	  .type = PC_OPT_PERIOD,
	  .dflt = "30 seconds",
	  .min = 0,
	  .max = 3600,
	  .live = true,
	  .help = "How long a stream from another server that broke can be resumed by it; 0: it "
	          "cannot" },
	SMACKS_OPTION_UNACKED,
	SMACKS_OPTION_REQUEST_INTERVAL,
	SMACKS_OPTION_REQUEST_DELAY,
	SMACKS_OPTION_ACK_TIMEOUT,
	{ .name = "s2s_max_domains",
	  .type = PC_OPT_INTEGER,
	  .dflt = "10000",
	  .min = 1,
	  .max = 1e7,
	  .live = true,
	  .help = "Domains that a host may have to do with at a time; half of them at most for "
	          "one user" },
	{ .name = "s2s_max_verifications",
	  .type = PC_OPT_INTEGER,
	  .dflt = "400",
	  .min = 1,
	  .max = 1e6,
	  .live = true,
	  .help = "Keys of dialback that a host verifies at a time; half of them at most for one "
	          "address" },
	{ .name = "s2s_connect_overrides",
	  .type = PC_OPT_LIST,
	  .dflt = "",
	  .live = true,
	  .help = "Where a domain is, in the place of the DNS: \"DOMAIN ADDRESS PORT\", and "
	          "\"tls\" "
	          "behind that for TLS from the first byte" },
	{ 0 },
};

static const pc_event_decl events[] = {
	{ "s2s-stream-features", PC_NOTICE,
	  "What another server is offered on its stream; the stanza is the features" },
	{ "s2s-authenticated", PC_NOTICE,
	  "A pair of domains is proved on a stream of either direction (its session: type); "
	  "remote: the other domain; mechanism: EXTERNAL or dialback" },
	{ "s2sin-established", PC_NOTICE,
	  "A stream from another server carries stanzas from now on; remote: its domain" },
	{ "s2sout-established", PC_NOTICE,
	  "A stream to another server carries stanzas from now on; remote: its domain" },
	{ 0 },
};

static const pc_metric_decl metrics[] = {
	{ "in_external", PC_COUNTER, "Streams from other servers that a certificate proved" },
	{ "in_dialback", PC_COUNTER, "Pairs of domains on such streams that dialback proved" },
	{ "in_refused", PC_COUNTER, "Proofs of other servers that were refused" },
	{ "out_external", PC_COUNTER, "Streams to other servers that our certificate proved" },
	{ "out_dialback", PC_COUNTER, "Streams to other servers that dialback proved" },
	{ "out_failed", PC_COUNTER,
	  "Streams to other servers that failed before they were proved" },
	{ "sm_enabled", PC_COUNTER, "Streams on which stream management was enabled" },
	{ "sm_resumed", PC_COUNTER, "Such streams that were resumed" },
	{ "sm_resent", PC_COUNTER, "Stanzas that were sent again, as their stream had broken" },
	{ "sm_silent", PC_COUNTER, "Streams taken for dead by smacks_ack_timeout" },
	{ "returned", PC_COUNTER, "Stanzas that went back because their server was out of reach" },
	{ 0 },
};

/* A quarter of the time that it looks for, as the configuration says just now. */
static void sweep(void *data)
{
	struct s2s *own = data;
	double idle = pc_opt_seconds(own->m, "s2s_idle_timeout");

	if (own->swept)
		peer_sweep(own);
	own->swept = true;
	pc_after(own->m, idle < 3600 ? idle / 4 : 900, sweep, own);
}

static pc_result on_stopping(pc_event *ev, void *data)
{
	struct s2s *own = data;

	(void)ev;
	stop_begin(own);
	return PC_PASS;
}

/* Its users are there yet, to whom something may go back. */
static pc_result on_host_going(pc_event *ev, void *data)
{
	struct s2s *own = data;

	if (strcmp(pc_event_str(ev, "host"), s2s_host(own)) == 0)
		stop_now(own);
	return PC_PASS;
}

static void read_limits(pc_module *m)
{
	struct s2s *own = pc_module_data(m);

	own->limits = (struct limits){
		.queue = pc_opt_int(m, "s2s_send_queue_size"),
		.queue_bytes = pc_opt_int(m, "s2s_send_queue_bytes"),
		.resume = pc_opt_seconds(m, "s2s_resume_time"),
		.timeout = pc_opt_seconds(m, "s2s_timeout"),
		.managed = pc_opt_bool(m, "smacks_enabled_s2s"),
	};
	own->limits.prepared = policy_is_prepared(own);
	exchange_read_limits(m, &own->limits.acks);
}

/* Times that became shorter count from now on. */
static void config_changed(pc_module *m)
{
	struct s2s *own = pc_module_data(m);

	read_limits(m);
	pc_timer_stop(&own->watch);
	if (own->watched)
		managed_watch(own->watched);
}

static void save(pc_module *m, pc_state *state)
{
	handover_save(pc_module_data(m), state);
}

static void restore(pc_module *m, const pc_state *state)
{
	handover_restore(pc_module_data(m), state);
}

static void load(pc_module *m)
{
	struct s2s *own = pc_module_data(m);

	own->m = m;
	read_limits(m);
	key_secret(own->secret, pc_opt_str(m, "dialback_secret"));
	own->in_external = pc_counter(m, "in_external", NULL);
	own->in_dialback = pc_counter(m, "in_dialback", NULL);
	own->in_refused = pc_counter(m, "in_refused", NULL);
	own->out_external = pc_counter(m, "out_external", NULL);
	own->out_dialback = pc_counter(m, "out_dialback", NULL);
	own->out_failed = pc_counter(m, "out_failed", NULL);
	own->enabled = pc_counter(m, "sm_enabled", NULL);
	own->resumed = pc_counter(m, "sm_resumed", NULL);
	own->again = pc_counter(m, "sm_resent", NULL);
	own->silent = pc_counter(m, "sm_silent", NULL);
	own->returned = pc_counter(m, "returned", NULL);
	pc_provide(m, service, service);
	pc_hook(m, "route/remote", route_stanza, -10);
	pc_hook(m, "session-closed", left_on_session_closed, 0);
	pc_hook_global(m, "server-stopping", on_stopping, 0);
	pc_hook_global(m, "host-deactivating", on_host_going, 0);
	pc_listen(m, &starttls);
	pc_listen(m, &direct_tls);
	sweep(own);
}

static void unload(pc_module *m)
{
	peer_leave_all(pc_module_data(m));
	complaints_sum(pc_module_data(m));
}

static void session_free(pc_module *m, void *data)
{
	struct inbound *in = data;

	(void)m;
	if (in->managed)
		managed_free(in->managed);
	pc_stanza_free(&in->claims);
	pair_free_all(in);
	free(in->vouched);
	in->vouched = NULL;
}

PC_MODULE(s2s, .summary = "Other servers: federation (RFC 6120)",
          .xeps = "0220:1.1.1 0185:1.0 0178:1.2 0288:1.0.1 0368:1.1.0 0478:0.2.0 "
                  "0198:1.6.3 0203:2.0",
          .data_size = sizeof(struct s2s), .session_size = sizeof(struct inbound),
          .state_version = S2S_STATE, .session_free = session_free, .options = options,
          .events = events, .metrics = metrics, .commands = s2s_commands, .load = load,
          .unload = unload, .save = save, .restore = restore, .config_changed = config_changed);
