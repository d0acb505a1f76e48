/*
 * hibernate.c - sessions without a connection: how they begin, and how they end.
 */
#include <string.h>

#include "smacks.h"

double hibernate_seconds(struct smacks *x, const struct sm *sm)
{
	double most = x->limits.hibernation;

	return sm->most_seconds > 0 && (double)sm->most_seconds < most ? (double)sm->most_seconds
	                                                               : most;
}

/* ------------------------------------------------------------ the connection is gone */

/* Those that the account has, and the one that would end first. */
static int64_t count_waiting(struct smacks *x, const pc_session *of, const pc_session **first_r)
{
	const pc_session *s = pc_session_first(pc_module_host(x->m), of->username);
	int64_t least = INT64_MAX, n = 0;

	for (; s; s = pc_session_next(s)) {
		const struct sm *sm = s == of ? NULL : smacks_of(s, x->m);

		if (sm == NULL || sm->state != SM_HIBERNATED || sm->at == NULL)
			continue;
		n++;
		if (sm->deadline < least) {
			least = sm->deadline;
			*first_r = s;
		}
	}
	return n;
}

static void make_room(struct smacks *x, const pc_session *s)
{
	const pc_session *first = NULL;

	if (count_waiting(x, s, &first) < pc_opt_int(x->m, "smacks_max_hibernated_sessions") ||
	    first == NULL)
		return;
	acks_unwatch(smacks_of(first, x->m));
	pc_session_destroy(first, "its account has too many that wait");
}

struct start {
	int64_t seconds;
};

static void on_start_ended(pc_event *ev, pc_result result, void *data)
{
	(void)result;
	((struct start *)data)->seconds = pc_event_int(ev, "seconds");
}

/* Others may have it wait longer, or end sooner. Fractions are ours alone. */
static double announce(struct smacks *x, const pc_session *s, const struct sm *sm)
{
	double seconds = hibernate_seconds(x, sm);
	struct start start = { (int64_t)seconds };
	pc_fire_args args = { .origin = s,
		              .args = (pc_arg[]){ PC_INT("seconds", (int64_t)seconds),
		                                  PC_INT("unacked", sm->queue.n) },
		              .n_args = 2 };

	pc_fire(x->m, "smacks-hibernation-start", &args, on_start_ended, &start);
	return start.seconds == (int64_t)seconds ? seconds : (double)start.seconds;
}

void hibernate_queued(struct smacks *x, const pc_session *s, pc_frame *frame)
{
	const struct sm *sm = smacks_of(s, x->m);

	if (sm->announced)
		pc_notify(x->m, "smacks-hibernation-stanza-queued",
		          &(pc_fire_args){ .origin = s,
		                           .args = (pc_arg[]){ PC_PTR("frame", frame) },
		                           .n_args = 1 });
}

void hibernate_begin(struct smacks *x, const pc_session *s, struct sm *sm, double seconds)
{
	sm->state = SM_HIBERNATED;
	sm->inactive = false;
	exchange_restart(&sm->exchange, &sm->queue);
	sm->deadline = pc_now_ms() + (int64_t)(seconds * 1000);
	acks_watch(x, sm);
	pc_session_changed(s, x->m);
	pc_metric_add(x->hibernated, 1);
}

void hibernate_tell(struct smacks *x, const pc_session *s, struct sm *sm)
{
	sm->announced = true;
	for (uint32_t i = 0; i < sm->queue.n; i++)
		hibernate_queued(x, s, queue_at(&sm->queue, i)->frame);
}

/* It was connected when the process before ended. */
pc_result hibernate_on_restored(pc_event *ev, void *data)
{
	struct smacks *x = data;
	const pc_session *s = pc_event_origin(ev);
	struct sm *sm = smacks_of(s, x->m);

	if (sm && sm->state == SM_HIBERNATED && !sm->announced) {
		announce(x, s, sm);
		hibernate_tell(x, s, sm);
	}
	return PC_PASS;
}

pc_result hibernate_on_lost(pc_event *ev, void *data)
{
	struct smacks *x = data;
	const pc_session *s = pc_event_origin(ev);
	struct sm *sm = smacks_of(s, x->m);
	double seconds;

	if (sm == NULL || !sm->resumable || sm->orphan ||
	    pc_opt_int(x->m, "smacks_max_hibernated_sessions") == 0)
		return PC_PASS;
	if (sm->state == SM_HIBERNATED)
		return PC_HANDLED;
	if (x->stopping) { /* asked all the same: the next process goes on with it */
		hibernate_begin(x, s, sm, hibernate_seconds(x, sm));
		return PC_HANDLED;
	}
	make_room(x, s);
	seconds = announce(x, s, sm);
	hibernate_begin(x, s, sm, seconds);
	hibernate_tell(x, s, sm);
	pc_log_session(x->m, s, PC_DEBUG, "%s waits for its client, %.0f s at most", s->full_jid,
	               seconds);
	return PC_HANDLED;
}

/* ------------------------------------------------------------ and comes back, or does not */

static void tell_end(struct smacks *x, const pc_session *s, struct sm *sm, bool resumed)
{
	pc_metric_add(x->hibernated, -1);
	if (!sm->announced)
		return;
	sm->announced = false;
	pc_notify(x->m, "smacks-hibernation-end",
	          &(pc_fire_args){ .origin = s,
	                           .args = (pc_arg[]){ PC_INT("resumed", resumed) },
	                           .n_args = 1 });
}

void hibernate_over(struct smacks *x, const pc_session *s, struct sm *sm)
{
	sm->deadline = 0;
	pc_session_changed(s, x->m);
	tell_end(x, s, sm, true);
}

static void end(struct smacks *x, const pc_session *s, struct sm *sm, const char *reason)
{
	acks_unwatch(sm);
	if (sm->state == SM_HIBERNATED)
		tell_end(x, s, sm, false);
	if (sm->resumable && !sm->orphan && reason)
		old_keep(x, s, sm);
	sm->state = SM_OFF;
	failure_begin(x, s, sm);
}

/* Before others hear that it is gone: what it was among its account's sessions is known yet. */
pc_result hibernate_on_end(pc_event *ev, void *data)
{
	struct smacks *x = data;
	const pc_session *s = pc_event_origin(ev);
	struct sm *sm = smacks_of(s, x->m);

	if (sm)
		end(x, s, sm, pc_event_str(ev, "reason"));
	return PC_PASS;
}

static bool end_one(const pc_session *s, void *data)
{
	struct smacks *x = data;
	const struct sm *sm = smacks_of(s, x->m);

	if (sm && sm->state == SM_HIBERNATED)
		pc_session_destroy(s, "nothing waits any more");
	return true;
}

pc_result hibernate_on_stopping(pc_event *ev, void *data)
{
	struct smacks *x = data;

	(void)ev;
	x->stopping = true;
	return PC_PASS;
}

/* Its other modules are there yet, and go next. */
pc_result hibernate_on_host_going(pc_event *ev, void *data)
{
	struct smacks *x = data;

	if (strcmp(pc_event_str(ev, "host"), pc_module_host_name(x->m)) == 0)
		x->stopping = true;
	return PC_PASS;
}

/* Its end comes when we are gone. */
static bool unload_one(const pc_session *s, void *data)
{
	struct smacks *x = data;
	struct sm *sm = smacks_of(s, x->m);

	if (sm && sm->state == SM_HIBERNATED) {
		pc_session_destroy(s, "nothing waits any more");
		end(x, s, sm, "connection lost");
	}
	return true;
}

void hibernate_unload(struct smacks *x)
{
	pc_each_session(pc_module_host(x->m), unload_one, x);
}

/* Who knew the old one is not let back in by what it gave him. */
pc_result hibernate_on_password(pc_event *ev, void *data)
{
	struct smacks *x = data;
	const pc_session *s = pc_session_first(pc_module_host(x->m), pc_event_str(ev, "username"));

	for (; s; s = pc_session_next(s))
		end_one(s, x);
	return PC_PASS;
}

/* Its data go with it: nothing is to be written for it any more. */
pc_result hibernate_on_account_gone(pc_event *ev, void *data)
{
	struct smacks *x = data;
	const pc_session *s = pc_session_first(pc_module_host(x->m), pc_event_str(ev, "username"));

	for (; s; s = pc_session_next(s)) {
		struct sm *sm = smacks_of(s, x->m);

		if (sm)
			sm->orphan = true;
	}
	return PC_PASS;
}
