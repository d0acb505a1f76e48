#include "stop.h"

#include "events.h"
#include "log.h"
#include "modules.h"
#include "ports.h"
#include "sessions.h"
#include "streams.h"
#include "systemd.h"
#include "timers.h"
#include "util/mem.h"

#define HOLD_SECONDS 3.0 /* for all that modules have under way */
#define STOP_SECONDS 5.0 /* for streams to end */

static bool begun;
static unsigned holds;
static struct pc__timer leave_timer, end_timer;

/* ------------------------------------------------------------ the second step */

static void end_loop(struct pc__timer *t)
{
	(void)t;
	uv_stop(pc__server.loop);
}

static void leave(struct pc__timer *t)
{
	(void)t;
	if (holds > 0)
		pc__log("server", PC_WARN, "what is under way is not waited for any longer");
	pc__timer_clear(&leave_timer);
	pc__server.stopping = true;
	pc__sessions_stop();
	pc__streams_close_clients("system-shutdown");
	pc__sessions_reap(); /* what that is to contacts elsewhere still has a stream to leave by */
	pc__streams_close_all("system-shutdown");
	pc__timer_set(&end_timer, STOP_SECONDS, end_loop);
}

void pc__stop_look(void)
{
	if (pc__server.stopping && pc__streams_count_xmpp() == 0 && pc__sessions_stopped())
		pc__timer_set(&end_timer, 0, end_loop);
}

/* ------------------------------------------------------------ who is waited for */

struct hold {
	struct pc__owned own;
};

/* Not from here: whoever lets go may be handling a stanza of a session that ends by it. */
static void let_go(struct pc__owned *o)
{
	free(PC__CONTAINER(o, struct hold, own));
	if (--holds == 0 && begun && !pc__server.stopping)
		pc__timer_set(&leave_timer, 0, leave);
}

void pc_stop_hold(pc_module *m)
{
	struct hold *h = pc__alloc(sizeof(*h));

	pc__own(m, &h->own, let_go);
	holds++;
}

void pc_stop_release(pc_module *m)
{
	struct pc__owned *o = m->owned;

	while (o && o->drop != let_go)
		o = o->next;
	if (pc__bug(o == NULL))
		return;
	pc__disown(o);
	let_go(o);
}

/* ------------------------------------------------------------ the first step */

void pc__server_stop(const char *reason)
{
	if (begun)
		return;
	begun = true;
	pc__log("server", PC_INFO, "stopping: %s", reason);
	pc__systemd_stopping(reason);
	pc__ports_close();
	pc__notify(pc__bus_global(), "server-stopping", NULL, 0,
	           (pc_arg[]){ PC_STR("reason", reason) }, 1);
	if (holds == 0)
		leave(NULL);
	else
		pc__timer_set(&leave_timer, HOLD_SECONDS, leave);
}
