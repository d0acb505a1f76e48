#include <stdlib.h>
#include <string.h>

#include "watch.h"

/* Behind all other filters: what is shown is what comes from the wire, and what goes there. */
#define OUTERMOST (-1000)

/* Somebody who watches; lives as the call does. */
struct watch {
	struct watch *next, **at;
	pc_call *call;
	pc_module *m;
	char *host;            /* NULL: all */
	char *user, *resource; /* NULL: any */
	unsigned long left_out;
};

struct watches {
	struct watch *first;
};

/* ------------------------------------------------------------ who is meant */

static bool same(const char *wanted, const char *is)
{
	return wanted == NULL || (is && strcmp(wanted, is) == 0);
}

static bool means(const struct watch *w, const pc_session *s)
{
	return same(w->host, s->host) && same(w->user, s->username) &&
	       same(w->resource, s->resource);
}

/* ------------------------------------------------------------ what passes */

static void tell(struct watch *w, const pc_session *s, const char *direction, const pc_stanza *st)
{
	char when[PC_DATETIME_SIZE];
	char *lines, *line;

	if (pc_call_lags(w->call)) {
		w->left_out++;
		return;
	}
	if (w->left_out > 0)
		pc_call_row(w->call, &PC_NUMBER("left_out", w->left_out), 1,
		            "(%lu stanzas were left out: they came too fast)", w->left_out);
	w->left_out = 0;
	pc_datetime_write(pc_time_ms(), when);
	lines = show(st, true);
	line = show(st, false);
	pc_call_row(w->call,
	            (pc_cell[]){ PC_TEXT("time", when), PC_TEXT("direction", direction),
	                         PC_TEXT("jid", s->full_jid), PC_TEXT("stanza", line) },
	            4, "%s %-3s %s\n%s", when, direction, s->full_jid, lines);
	free(lines);
	free(line);
}

static void tell_all(const struct watches *all, const pc_session *s, const char *direction,
                     const pc_stanza *st)
{
	for (struct watch *w = all->first; w; w = w->next)
		if (means(w, s))
			tell(w, s, direction, st);
}

static pc_verdict on_in(const pc_session *s, pc_stanza **st, void *data)
{
	tell_all(data, s, "in", *st);
	return PC_KEEP;
}

static pc_verdict on_out(const pc_session *s, pc_stanza **st, void *data)
{
	tell_all(data, s, "out", *st);
	return PC_KEEP;
}

/* ------------------------------------------------------------ where filters are */

/* A session has filters as long as anybody means it. */
static bool set_filters(const pc_session *s, void *data)
{
	pc_module *m = data;
	const struct watches *all = pc_module_data(m);
	const struct watch *w = all->first;

	while (w && !means(w, s))
		w = w->next;
	pc_unfilter(m, s, PC_STANZAS_IN, on_in);
	pc_unfilter(m, s, PC_STANZAS_OUT, on_out);
	if (w) {
		pc_filter(m, s, PC_STANZAS_IN, on_in, OUTERMOST);
		pc_filter(m, s, PC_STANZAS_OUT, on_out, OUTERMOST);
	}
	return true;
}

static pc_result on_bind(pc_event *ev, void *data)
{
	const struct watches *all = data;

	if (all->first && pc_event_origin(ev))
		set_filters(pc_event_origin(ev), pc_event_module(ev));
	return PC_PASS;
}

/* ------------------------------------------------------------ begin and end */

static void take_off(struct watch *w)
{
	*w->at = w->next;
	if (w->next)
		w->next->at = w->at;
}

static void forget(struct watch *w)
{
	free(w->host);
	free(w->user);
	free(w->resource);
}

static void on_unheard(pc_call *call)
{
	struct watch *w = pc_call_data(call, sizeof(*w));
	pc_module *m = w->m;

	take_off(w);
	forget(w);
	pc_call_end(call, PC_ECANCELED, NULL);
	pc_each_session(NULL, set_filters, m);
}

static char *copy(const char *text)
{
	char *it = text ? strdup(text) : NULL;

	if (text && it == NULL)
		abort();
	return it;
}

static void begin(pc_call *call, pc_module *m, const pc_jid *jid)
{
	struct watches *all = pc_module_data(m);
	struct watch *w = pc_call_data(call, sizeof(*w));

	*w = (struct watch){ .call = call,
		             .m = m,
		             .host = copy(jid->domain),
		             .user = copy(jid->local),
		             .resource = copy(jid->resource) };
	w->next = all->first;
	w->at = &all->first;
	if (w->next)
		w->next->at = &w->next;
	all->first = w;
	pc_call_on_unheard(call, on_unheard);
	pc_each_session(NULL, set_filters, m);
	pc_call_row(call, &PC_TEXT("watching", pc_call_arg(call, 0)), 1,
	            "watching %s; Ctrl-C ends it", pc_call_arg(call, 0));
}

static void run_watch(pc_call *call, pc_module *m)
{
	const char *target = pc_call_arg(call, 0);
	char buf[PC_JID_BUF];
	pc_jid jid = { NULL, NULL, NULL };
	const pc_host *host;

	if (strcmp(target, "all") == 0) {
		begin(call, m, &jid);
		return;
	}
	if (pc_jid_parse(target, buf, &jid) != PC_OK || (jid.local == NULL && jid.resource)) {
		pc_call_end(call, PC_EINVAL, "neither an address nor a host: %s", target);
		return;
	}
	host = pc_host_find(jid.domain);
	if (host && pc_host_kind(host) == PC_VIRTUAL_HOST)
		begin(call, m, &jid);
	else
		pc_call_end(call, PC_ENOENT, "%s is no host with accounts of this server",
		            jid.domain);
}

static void add_host(pc_module *m, pc_host *host)
{
	pc_hook_on(m, host, "resource-bind", on_bind, 1000);
}

static void unload(pc_module *m)
{
	struct watches *all = pc_module_data(m);

	for (struct watch *w = all->first, *next; w; w = next) {
		next = w->next;
		forget(w);
		pc_call_on_unheard(w->call, NULL);
		pc_call_end(w->call, PC_ECANCELED,
		            "the module that watches was replaced or unloaded");
	}
	all->first = NULL;
}

static const pc_command commands[] = {
	{ "watch", NULL, "JID|HOST|all", "Shows stanzas of clients as they come and go",
	  run_watch },
	{ 0 },
};

PC_MODULE(watch, .summary = "Stanzas of clients shown to prosody-ctl",
          .scope = PC_GLOBAL_WITH_HOSTS, .data_size = sizeof(struct watches), .commands = commands,
          .unload = unload, .add_host = add_host);
