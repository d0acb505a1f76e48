/*
 * csi_simple.c - what does not matter waits while nobody looks at a client (XEP-0352).
 *
 * A radio that wakes for each presence empties a phone's battery. While a client says that it is
 * inactive, what is not important is held: until something important comes, the client itself says
 * something, so much or so long has been held, or it is active again. Then all goes out at once, in
 * order, and for some seconds everything may pass, since the radio is awake.
 *
 * Frames are held, which recipients share; of a contact's presences and of its typing only the last
 * is kept. What is held has not been sent: those who count what the client gets (XEP-0198) are
 * nearer to the wire. A session that loses its connection gives them all that is held.
 */
#include <math.h>

#include "csi_simple.h"

/* Above those that count what the client gets. */
#define TAP_PRIORITY 10
/* Before those that may keep a session without its connection. */
#define EARLY 100

static const pc_option options[] = {
	{ .name = "csi_queue_size",
	  .type = PC_OPT_INTEGER,
	  .dflt = "256",
	  .min = 1,
	  .max = 100000,
	  .live = true,
	  .help = "Stanzas held for an inactive client" },
	{ .name = "csi_queue_bytes",
	  .type = PC_OPT_SIZE,
	  .dflt = "128 KiB",
	  .min = 1024,
	  .max = 1e9,
	  .live = true,
	  .help = "Bytes of them together" },
	{ .name = "csi_hold_time",
	  .type = PC_OPT_PERIOD,
	  .dflt = "1 hour",
	  .live = true,
	  .help = "For how long something may be held" },
	{ .name = "csi_resume_inactive_delay",
	  .type = PC_OPT_PERIOD,
	  .dflt = "5 seconds",
	  .live = true,
	  .help = "For how long everything passes once something has gone to an inactive client" },
	{ .name = "csi_important_payloads",
	  .type = PC_OPT_SET,
	  .dflt = "{ }",
	  .live = true,
	  .help = "Messages with these children are important: \"{namespace}name\" or "
	          "\"namespace\"" },
	{ 0 },
};

static const pc_event_decl events[] = {
	{ "csi-is-stanza-important", PC_QUESTION,
	  "Something is about to be sent to an inactive client: `important` (1 or 0; may be set)" },
	{ "csi-flushing", PC_NOTICE,
	  "What was held for a client goes out: `reason` (important, input, size, time, active, "
	  "leaving)" },
	{ 0 },
};

/* Of a session. */
struct csi {
	pc_module *m;
	pc_session_id session;
	struct held held;
	pc_timer *timer;    /* while something is held */
	int64_t open_until; /* until then everything passes; pc_now_ms() */
	bool inactive;
};

/* Of an instance. */
struct csi_simple {
	pc_module *m;
	pc_metric *held, *replaced;
};

/* ------------------------------------------------------------ letting go */

static void flush(struct csi *c, const pc_session *s, const char *reason)
{
	double delay = fmin(pc_opt_seconds(c->m, "csi_resume_inactive_delay"), 1e9);
	pc_frame *frame;

	c->open_until = pc_now_ms() + (int64_t)(delay * 1000);
	if (c->held.n == 0)
		return;
	pc_timer_stop(&c->timer);
	pc_notify(c->m, "csi-flushing",
	          &(pc_fire_args){ .origin = s,
	                           .args = (pc_arg[]){ PC_STR("reason", reason) },
	                           .n_args = 1 });
	while ((frame = held_take(&c->held))) {
		pc_tap_pass(c->m, s, frame);
		pc_frame_unref(&frame);
	}
}

static void on_time(void *data)
{
	struct csi *c = data;
	const pc_session *s = pc_session_find(c->session);

	c->timer = NULL;
	if (s)
		flush(c, s, "time");
}

/* ------------------------------------------------------------ what passes */

static struct csi *inactive_state(const struct csi_simple *simple, const pc_session *s)
{
	struct csi *c = pc_session_data_if(s, simple->m);

	return c && c->inactive ? c : NULL;
}

static pc_verdict hold(const struct csi_simple *simple, struct csi *c, const pc_session *s,
                       pc_frame *frame)
{
	pc_module *m = simple->m;

	pc_metric_add(simple->held, 1);
	if (held_add(&c->held, frame, pc_tap_stanza(frame)))
		pc_metric_add(simple->replaced, 1);
	if (c->timer == NULL)
		c->timer = pc_after(m, pc_opt_seconds(m, "csi_hold_time"), on_time, c);
	if (c->held.n >= (size_t)pc_opt_int(m, "csi_queue_size") ||
	    c->held.bytes >= (size_t)pc_opt_int(m, "csi_queue_bytes"))
		flush(c, s, "size");
	return PC_HOLD;
}

static pc_verdict on_frame(const pc_session *s, pc_frame *frame, void *data)
{
	const struct csi_simple *simple = data;
	struct csi *c = inactive_state(simple, s);
	const pc_stanza *st = pc_tap_stanza(frame);

	/* What is no stanza is the stream's, and in no order with stanzas. */
	if (c == NULL || st == NULL || pc_stanza_kind(st) == PC_OTHER)
		return PC_KEEP;
	if (!csi_is_important(simple->m, s, st))
		return pc_now_ms() < c->open_until ? PC_KEEP : hold(simple, c, s, frame);
	flush(c, s, "important");
	return PC_KEEP;
}

/* The radio is awake when the client itself sends. */
static pc_verdict on_input(const pc_session *s, pc_stanza **st, void *data)
{
	struct csi *c = inactive_state(data, s);

	(void)st;
	if (c)
		flush(c, s, "input");
	return PC_KEEP;
}

/* ------------------------------------------------------------ active and inactive */

static void watch(struct csi *c, pc_module *m, const pc_session *s)
{
	c->m = m;
	c->session = s->id;
	c->inactive = true;
	pc_tap(m, s, on_frame, TAP_PRIORITY);
	pc_filter(m, s, PC_STANZAS_IN, on_input, 0);
}

static void end_watch(struct csi *c, const pc_session *s, const char *reason)
{
	flush(c, s, reason);
	c->inactive = false;
	pc_untap(c->m, s, on_frame);
	pc_unfilter(c->m, s, PC_STANZAS_IN, on_input);
}

static pc_result on_inactive(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	pc_module *m = pc_event_module(ev);

	if (s && inactive_state(data, s) == NULL)
		watch(pc_session_data(s, m), m, s);
	return PC_PASS;
}

static pc_result on_active(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	struct csi *c = s ? inactive_state(data, s) : NULL;

	if (c)
		end_watch(c, s, "active");
	return PC_PASS;
}

/* Who resumes the session gets what was held, and begins as active (section 5.2). */
static pc_result on_leaving(pc_event *ev, void *data)
{
	const pc_session *s = pc_event_origin(ev);
	struct csi *c = s ? inactive_state(data, s) : NULL;

	if (c)
		end_watch(c, s, "leaving");
	return PC_PASS;
}

static void session_free(pc_module *m, void *session_data)
{
	struct csi *c = session_data;
	pc_frame *frame;

	(void)m;
	pc_timer_stop(&c->timer);
	while ((frame = held_take(&c->held)))
		pc_frame_unref(&frame);
}

/* ------------------------------------------------------------ loading */

static void load(pc_module *m)
{
	struct csi_simple *simple = pc_module_data(m);

	simple->m = m;
	simple->held = pc_counter(m, "held", NULL);
	simple->replaced = pc_counter(m, "replaced", NULL);
	pc_depends(m, "csi");
	pc_hook(m, "csi-client-inactive", on_inactive, 0);
	pc_hook(m, "csi-client-active", on_active, 0);
	pc_hook(m, "pre-resource-unbind", on_leaving, EARLY);
}

static bool take_over(const pc_session *s, void *data)
{
	const struct csi_simple *simple = data;
	struct csi *c = inactive_state(simple, s);

	if (c == NULL)
		return true;
	watch(c, simple->m, s);
	c->timer = NULL; /* the old one's, which goes with it */
	if (c->held.n > 0)
		c->timer = pc_after(c->m, pc_opt_seconds(c->m, "csi_hold_time"), on_time, c);
	return true;
}

static void restore(pc_module *m, const pc_state *state)
{
	(void)state;
	pc_each_session(pc_module_host(m), take_over, pc_module_data(m));
}

static bool let_go(const pc_session *s, void *data)
{
	struct csi *c = inactive_state(data, s);

	if (c)
		end_watch(c, s, "active");
	return true;
}

/* Replaced by a new instance, this one has no sessions any more. */
static void unload(pc_module *m)
{
	pc_each_session(pc_module_host(m), let_go, pc_module_data(m));
}

static const pc_metric_decl metrics[] = {
	{ "held", PC_COUNTER, "Stanzas that waited for an inactive client" },
	{ "replaced", PC_COUNTER, "Of them, those that a later state made worthless" },
	{ 0 },
};

PC_MODULE(csi_simple, .summary = "Unimportant traffic waits for inactive clients (XEP-0352)",
          .xeps = "0352:1.0.0", .data_size = sizeof(struct csi_simple),
          .session_size = sizeof(struct csi), .options = options, .events = events,
          .metrics = metrics, .load = load, .unload = unload, .session_free = session_free,
          .restore = restore);
