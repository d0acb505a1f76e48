/*
 * mod_smacks - stream management (XEP-0198): acknowledgements, and sessions that outlive their
 * connections.
 */
#include "smacks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const pc_option options[] = {
	{ .name = "smacks_hibernation_time",
	  .type = PC_OPT_PERIOD,
	  .dflt = "10 minutes",
	  .min = 0,
	  .max = 31536000,
	  .live = true,
	  .help = "How long a session waits for its client to come back" },
	{ .name = "smacks_max_hibernated_sessions",
	  .type = PC_OPT_INTEGER,
	  .dflt = "10",
	  .min = 0,
	  .max = 10000,
	  .live = true,
	  .help = "Sessions of an account that wait so; the oldest one ends for another" },
	{ .name = "smacks_max_old_sessions",
	  .type = PC_OPT_INTEGER,
	  .dflt = "10",
	  .min = 0,
	  .max = 1000,
	  .live = true,
	  .help = "Sessions of an account that are no more, but whose clients are told how far "
	          "they "
	          "had come" },
	{ .name = "smacks_max_queue_size",
	  .type = PC_OPT_INTEGER,
	  .dflt = "5000",
	  .min = 1,
	  .max = 1000000,
	  .live = true,
	  .help = "Stanzas that a client may leave unacknowledged before its session ends" },
	{ .name = "smacks_max_queue_bytes",
	  .type = PC_OPT_SIZE,
	  .dflt = "4 MiB",
	  .min = 1024,
	  .max = 1099511627776,
	  .live = true,
	  .help = "The same in bytes" },
	SMACKS_OPTION_UNACKED,
	{ .name = "smacks_max_inactive_unacked_stanzas",
	  .type = PC_OPT_INTEGER,
	  .dflt = "256",
	  .min = 0,
	  .max = 1000000,
	  .live = true,
	  .help = "The same while the client says that it is inactive (XEP-0352)" },
	SMACKS_OPTION_REQUEST_INTERVAL,
	SMACKS_OPTION_REQUEST_DELAY,
	{ .name = "smacks_max_ack_delay",
	  .type = PC_OPT_PERIOD,
	  .dflt = "30 seconds",
	  .min = 0.01,
	  .max = 86400,
	  .live = true,
	  .help = "A client that has not answered for so long is late: smacks-ack-delayed" },
	SMACKS_OPTION_ACK_TIMEOUT,
	{ .name = "smacks_survive",
	  .type = PC_OPT_ENUM,
	  .dflt = "crash",
	  .values = (const char *const[]){ "crash", "off", NULL },
	  .live = true,
	  .help = "Sessions can be resumed also after a crash or a restart of the server, where it "
	          "keeps a journal" },
	{ .name = "smacks_location",
	  .type = PC_OPT_STRING,
	  .live = true,
	  .help = "Where clients are told to come back to: HOST:PORT of this server" },
	{ 0 },
};

/* ------------------------------------------------------------ helpers of all files */

struct sm *smacks_of(const pc_session *s, pc_module *m)
{
	struct sm *sm = s ? pc_session_data_if(s, m) : NULL;

	return sm && sm->state != SM_OFF ? sm : NULL;
}

const char *smacks_ns(const struct sm *sm)
{
	return smacks_version_ns(sm->version);
}

void smacks_say(const pc_session *s, pc_stanza *st)
{
	pc_stream *stream = pc_session_stream(s);

	if (stream)
		pc_stream_send(stream, st);
	pc_stanza_free(&st);
}

void smacks_too_high(const pc_session *s, const struct sm *sm, uint32_t h)
{
	char text[100];
	pc_stanza *detail = smacks_too_high_detail(smacks_ns(sm), h, queue_sent(&sm->queue), text);

	pc_session_close_with(s, "undefined-condition", text, detail);
	pc_stanza_free(&detail);
}

/* ------------------------------------------------------------ what goes out */

static bool is_full(const struct smacks *x, const struct sm *sm)
{
	return sm->queue.n > x->limits.queue || (int64_t)sm->queue.bytes > x->limits.queue_bytes;
}

/* The last one is in the queue: with the others it goes where they go when the session has ended.
 */
static void overflow(struct smacks *x, const pc_session *s, struct sm *sm)
{
	sm->full = true;
	pc_log_session(x->m, s, PC_INFO, "%s: %u stanzas, %zu bytes are not acknowledged: too much",
	               s->full_jid, sm->queue.n, sm->queue.bytes);
	pc_metric_add(x->overfull, 1);
	if (s->conn)
		pc_session_close(s, "resource-constraint", "too much is not acknowledged");
	else
		pc_session_destroy(s, "too much waits for its client");
}

/* The frame is ours from here on, whatever becomes of the connection: hence PC_HOLD. */
static pc_verdict on_frame(const pc_session *s, pc_frame *frame, void *data)
{
	struct smacks *x = data;
	struct sm *sm = smacks_of(s, x->m);
	int64_t when = pc_time_ms();

	if (sm == NULL || pc_frame_kind(frame) == PC_OTHER)
		return PC_KEEP;
	queue_add(&sm->queue, frame, when);
	pc_journal_out(s, frame, when);
	if (sm->state == SM_CONNECTED)
		pc_session_send_frame(s, frame, 0);
	if (!sm->full && is_full(x, sm))
		overflow(x, s, sm);
	else if (sm->state == SM_CONNECTED)
		acks_sent(s, x, sm);
	else if (sm->state == SM_HIBERNATED)
		hibernate_queued(x, s, frame);
	return PC_HOLD;
}

static void on_handled(const pc_session *s, void *data)
{
	struct smacks *x = data;
	struct sm *sm = smacks_of(s, x->m);

	if (sm == NULL)
		return;
	pc_journal_in(s, pc_session_handled(s));
	if (sm->state != SM_HIBERNATED)
		acks_handled(s, x, sm);
	resume_go_on(x, s->id);
}

void smacks_attach(struct smacks *x, const pc_session *s, struct sm *sm)
{
	sm->id = s->id;
	pc_tap(x->m, s, on_frame, -1000);
	pc_session_count_on(x->m, s, on_handled);
}

void smacks_begin(struct smacks *x, const pc_session *s, struct sm *sm, uint32_t from)
{
	pc_session_count(x->m, s, from, on_handled);
	smacks_attach(x, s, sm);
}

/* ------------------------------------------------------------ the module */

static void session_free(pc_module *m, void *data)
{
	struct sm *sm = data;

	(void)m;
	acks_unwatch(sm);
	queue_free(&sm->queue);
}

static void hook_elements(pc_module *m)
{
	static const char *const ns[] = { NS_SM2, NS_SM3 };
	static const struct {
		const char *name;
		pc_handler *fn;
	} elements[] = { { "enable", enable_on_element },
		         { "resume", resume_on_element },
		         { "r", acks_on_request },
		         { "a", acks_on_answer } };
	char event[64];

	for (size_t i = 0; i < 2; i++) {
		for (size_t k = 0; k < sizeof(elements) / sizeof(elements[0]); k++) {
			snprintf(event, sizeof(event), "stanza/%s:%s", ns[i], elements[k].name);
			pc_hook(m, event, elements[k].fn, 0);
		}
	}
}

static void count_things(struct smacks *x)
{
	x->enabled = pc_counter(x->m, "enabled", NULL);
	x->hibernated = pc_gauge(x->m, "hibernated", NULL);
	x->resumed = pc_counter(x->m, "resumed", NULL);
	x->refused = pc_counter(x->m, "refused", NULL);
	x->expired = pc_counter(x->m, "expired", NULL);
	x->overfull = pc_counter(x->m, "overfull", NULL);
	x->lost = pc_counter(x->m, "lost_connections", NULL);
	x->again = pc_counter(x->m, "undelivered", NULL);
}

static void read_limits(pc_module *m)
{
	struct smacks *x = pc_module_data(m);

	x->limits = (struct limits){
		.queue = pc_opt_int(m, "smacks_max_queue_size"),
		.queue_bytes = pc_opt_int(m, "smacks_max_queue_bytes"),
		.unacked_inactive = pc_opt_int(m, "smacks_max_inactive_unacked_stanzas"),
		.ack_delay = pc_opt_seconds(m, "smacks_max_ack_delay"),
		.hibernation = pc_opt_seconds(m, "smacks_hibernation_time"),
	};
	exchange_read_limits(m, &x->limits.acks);
}

/* Times that became shorter count from now on. */
static void config_changed(pc_module *m)
{
	struct smacks *x = pc_module_data(m);

	read_limits(m);
	acks_retime(x);
}

static void load(pc_module *m)
{
	struct smacks *x = pc_module_data(m);

	x->m = m;
	read_limits(m);
	x->request[0] = pc_stanza_new("r", NS_SM2);
	x->request[1] = pc_stanza_new("r", NS_SM3);
	x->old = pc_store_open(m, "smacks_h", PC_STORE_MAP);
	count_things(x);
	hook_elements(m);
	pc_hook(m, "stream-features", enable_on_features, -1);
	pc_hook(m, "bind2-features", enable_on_bind2_features, 0);
	pc_hook(m, "bind2-bound", enable_on_bound, 0);
	pc_hook(m, "sasl2-features", resume_on_sasl2_features, 0);
	pc_hook(m, "sasl2-success", resume_on_sasl2_success, 100);
	pc_hook(m, "sasl2-succeeded", resume_on_sasl2_succeeded, 0);
	pc_hook(m, "pre-resource-unbind", hibernate_on_lost, 0);
	pc_hook(m, "resource-unbind", hibernate_on_end, 10);
	pc_hook(m, "user-deleted", hibernate_on_account_gone, 400);
	pc_hook(m, "user-password-changed", hibernate_on_password, 0);
	pc_hook(m, "pre-session-close", acks_on_close, 0);
	pc_hook(m, "read-timeout", acks_on_silence, 0);
	pc_hook(m, "session-restored", hibernate_on_restored, 0);
	pc_hook(m, "csi-client-active", acks_on_active, 10);
	pc_hook(m, "csi-client-inactive", acks_on_inactive, -10);
	pc_hook_global(m, "server-stopping", hibernate_on_stopping, 0);
	pc_hook_global(m, "host-deactivating", hibernate_on_host_going, 0);
}

/* At a reload the blocks of sessions have moved on already, and nothing is found here. */
static void unload(pc_module *m)
{
	struct smacks *x = pc_module_data(m);

	hibernate_unload(x);
	failure_finish(x);
	resume_clear(x);
	pc_stanza_free(&x->request[0]);
	pc_stanza_free(&x->request[1]);
}

static void save(pc_module *m, pc_state *state)
{
	struct smacks *x = pc_module_data(m);

	failure_finish(x);
	resume_save(x, state);
	pc_state_put(state, "stopping", &x->stopping, sizeof(x->stopping));
}

static bool adopt(const pc_session *s, void *data)
{
	struct smacks *x = data;
	struct sm *sm = smacks_of(s, x->m);

	if (sm) {
		acks_unwatch(sm);
		smacks_attach(x, s, sm);
		acks_watch(x, sm);
	}
	return true;
}

static void restore(pc_module *m, const pc_state *state)
{
	struct smacks *x = pc_module_data(m);
	size_t len;
	const void *stopping = pc_state_get(state, "stopping", &len);

	if (stopping && len == sizeof(x->stopping))
		memcpy(&x->stopping, stopping, len);
	pc_each_session(pc_module_host(m), adopt, x);
	resume_restore(x, state);
}

static const pc_event_decl events[] = {
	{ "smacks-ack-delayed", PC_NOTICE,
	  "A client has not answered a request for smacks_max_ack_delay: `unacked` (number)" },
	{ "smacks-hibernation-start", PC_QUESTION,
	  "A session has lost its connection and waits: `seconds` (number; may be changed), "
	  "`unacked`. Handlers pass" },
	{ "smacks-hibernation-stanza-queued", PC_NOTICE,
	  "A stanza waits for such a session; also each that was not acknowledged when it began: "
	  "`frame` (pc_frame *)" },
	{ "smacks-hibernation-end", PC_NOTICE,
	  "Such a session has its client again (`resumed` is 1), or ends" },
	{ "delivery/failure", PC_QUESTION,
	  "A stanza was never acknowledged by its client, whose session has ended: `username`, "
	  "`jid`, `queued` (milliseconds since 1970); HANDLED: somebody else has it" },
	{ "delivery/again", PC_QUESTION,
	  "Such a message would go to another session, the origin: `queued`; HANDLED: that one has "
	  "had it" },
	{ "message/offline/handle", PC_WAITING, "as in mod_message, and `when` it was sent first" },
	{ 0 },
};

static const pc_store_decl stores[] = {
	{ "smacks_h", PC_STORE_MAP, "How far sessions had come that are no more" },
	{ 0 },
};

static const pc_command commands[] = {
	{ "smacks", "list", "[HOST]", "Lists sessions with stream management", list_run },
	{ 0 },
};

static const pc_metric_decl metrics[] = {
	{ "enabled", PC_COUNTER, "Sessions that have enabled stream management" },
	{ "hibernated", PC_GAUGE, "Sessions that wait for their clients" },
	{ "resumed", PC_COUNTER, "Sessions that were resumed" },
	{ "refused", PC_COUNTER, "Resumptions that were refused" },
	{ "expired", PC_COUNTER, "Sessions that have waited in vain" },
	{ "overfull", PC_COUNTER, "Sessions ended by smacks_max_queue_size or _bytes" },
	{ "lost_connections", PC_COUNTER, "Connections taken for dead by smacks_ack_timeout" },
	{ "undelivered", PC_COUNTER, "Stanzas of ended sessions that were never acknowledged" },
	{ 0 },
};

PC_MODULE(smacks, .summary = "Stream management (XEP-0198)",
          .xeps = "0198:1.6.3 0203:2.0 0386:1.0.1 0388:1.0.3", .data_size = sizeof(struct smacks),
          .session_size = sizeof(struct sm), .state_version = 2, .options = options,
          .events = events, .stores = stores, .commands = commands, .metrics = metrics,
          .load = load, .unload = unload, .session_free = session_free,
          .session_save = survive_save, .session_restore = survive_restore, .save = save,
          .restore = restore, .config_changed = config_changed);
