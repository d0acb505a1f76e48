/*
 * event.c - one firing: walking the hooks, arguments, the result.
 */
#include <stdlib.h>
#include <string.h>

#include "event_internal.h"
#include "events.h"
#include "hosts.h"
#include "log.h"
#include "server.h"
#include "util/mem.h"

struct pc__owned_text {
	struct pc__owned_text *next;
	char text[];
};

static pc_event *free_events; /* a firing per stanza: worth a list */

static pc_event *event_new(void)
{
	pc_event *ev = free_events;

	if (ev == NULL)
		return pc__alloc(sizeof(*ev));
	free_events = ev->free_next;
	memset(ev, 0, sizeof(*ev));
	return ev;
}

static void event_free(pc_event *ev)
{
	for (struct pc__owned_text *t = ev->texts, *next; t; t = next) {
		next = t->next;
		free(t);
	}
	if (ev->args != ev->inline_args)
		free(ev->args);
	if (ev->owns_stanza)
		pc_stanza_free(&ev->stanza);
	for (unsigned i = 0; i <= ev->depth; i++)
		pc__hooks_unref(&ev->walks[i].hooks);
	ev->free_next = free_events;
	free_events = ev;
}

static void set_args(pc_event *ev, const pc_arg *args, size_t n)
{
	ev->args = n <= PC__INLINE_ARGS ? ev->inline_args : pc__malloc(n * sizeof(*args));
	if (n > 0)
		memcpy(ev->args, args, n * sizeof(*args));
	ev->n_args = n;
}

static pc_result log_error(const pc_event *ev, pc_result r)
{
	pc_log(ev->running, PC_WARN, "handling of %s failed: %s", pc_event_name(ev),
	       pc_strerror(r));
	return r;
}

/* What a handler returned, seen by the rules: PC_PASS goes on. */
static pc_result judge(pc_event *ev, pc_result r)
{
	if (r == PC_SUSPENDED) {
		if (pc__bug(ev->token == 0 || ev->question || ev->notice))
			return PC_EINTERNAL;
		if (!ev->has_early)
			return PC_SUSPENDED;
		ev->has_early = false;
		r = ev->early;
	}
	if (ev->token) {
		pc__token_free(ev->token);
		ev->token = 0;
	}
	if (r < 0)
		log_error(ev, r);
	return ev->notice ? PC_PASS : r;
}

static void push_walk(pc_event *ev, const pc__key *key)
{
	struct pc__walk *w;

	if (pc__bug(ev->depth + 1 >= PC__WALKS))
		return;
	w = &ev->walks[++ev->depth];
	*w = (struct pc__walk){ .key = key, .hooks = key->hooks };
	w->hooks->refs++;
}

/* The first one asked for lies on top. */
static void take_detours(pc_event *ev)
{
	while (ev->n_detours > 0) {
		const pc__key *key = ev->detours[--ev->n_detours];

		if (pc__key_hooked(key))
			push_walk(ev, key);
	}
}

/* The next hook to run, leaving detours that have been walked; NULL at the end of all. */
static struct pc__hook *next_hook(pc_event *ev)
{
	for (;;) {
		struct pc__walk *w = &ev->walks[ev->depth];

		while (w->next < w->hooks->n) {
			struct pc__hook *h = w->hooks->at[w->next++];

			if (!h->gone && !h->paused && (!h->self_only || ev->to_self))
				return h;
		}
		if (ev->depth == 0)
			return NULL;
		pc__hooks_unref(&w->hooks);
		ev->depth--;
	}
}

static pc_result run(pc_event *ev)
{
	pc_session_id before = pc__log_about(ev->origin);
	pc_result r = PC_PASS;
	struct pc__hook *h;

	take_detours(ev);
	while (r == PC_PASS && (h = next_hook(ev)) != NULL) {
		ev->running = h->m;
		ev->inside = true;
		r = h->fn(ev, h->m->data);
		ev->inside = false;
		r = judge(ev, r);
		if (r == PC_PASS)
			take_detours(ev);
	}
	pc__log_about(before);
	return r;
}

void pc_event_detour(pc_event *ev, const char *prefix, const char *ns, const char *name)
{
	pc__key *key = pc__bus_find(ev->host ? ev->host->bus : pc__bus_global(), prefix, ns, name);

	if (key && !pc__bug(ev->n_detours == PC__DETOURS))
		ev->detours[ev->n_detours++] = key;
}

static void finish(pc_event *ev, pc_result r)
{
	if (ev->ended)
		ev->ended(ev, r, ev->data);
	event_free(ev);
}

static pc_event *prepare(pc__key *key, const struct pc__firing *f)
{
	pc_event *ev = event_new();

	ev->walks[0] = (struct pc__walk){ .key = key, .hooks = key->hooks };
	key->hooks->refs++;
	ev->host = f->host;
	ev->origin = f->origin;
	ev->stanza = f->stanza;
	ev->to = f->to;
	ev->from = f->from;
	ev->to_self = f->to_self;
	ev->notice = f->notice;
	ev->question = f->question;
	ev->shared = f->shared;
	ev->lent = f->lent;
	ev->ended = f->ended;
	ev->data = f->data;
	set_args(ev, f->args, f->n_args);
	return ev;
}

/* Nobody hooked it: the caller still hears that it ended, with an event that reads the same. */
static pc_result fire_unhooked(const struct pc__firing *f)
{
	static struct pc__hooks none = { .refs = 1 };
	static char no_name[] = "";
	static pc__key nobody = { .name = no_name, .hooks = &none };

	if (f->ended)
		finish(prepare(&nobody, f), PC_PASS);
	return PC_PASS;
}

pc_result pc__fire(pc__key *key, const struct pc__firing *f)
{
	pc_event *ev;
	pc_result r;

	if (!pc__key_hooked(key))
		return fire_unhooked(f);
	ev = prepare(key, f);
	r = run(ev);
	if (r != PC_SUSPENDED)
		finish(ev, r);
	return r;
}

pc_result pc__fire_name(pc__bus *bus, const char *name, const struct pc__firing *f)
{
	pc__event_check(name, f);
	return pc__fire(pc__bus_find(bus, "", NULL, name), f);
}

void pc__notify(pc__bus *bus, const char *name, pc_host *host, pc_session_id origin,
                const pc_arg *args, size_t n_args)
{
	pc__fire_name(bus, name,
	              &(struct pc__firing){ .host = host,
	                                    .origin = origin,
	                                    .notice = true,
	                                    .args = args,
	                                    .n_args = n_args });
}

bool pc__event_is_running(const pc_event *ev)
{
	return ev->inside;
}

void pc__event_resume(pc_event *ev, pc_result r)
{
	ev->token = 0;
	if (r < 0)
		log_error(ev, r);
	if (r == PC_PASS)
		r = run(ev);
	if (r != PC_SUSPENDED)
		finish(ev, r);
}

/* ------------------------------------------------------------ firing, for modules */

static struct pc__firing firing_of(pc_module *m, const pc_fire_args *a, pc_ended_fn *ended,
                                   void *data)
{
	struct pc__firing f = {
		.host = m->host, .lent = true, .ended = ended, .data = data, .by = m
	};

	if (a == NULL)
		return f;
	if (a->host)
		f.host = a->host;
	if (a->global)
		f.host = NULL;
	f.origin = a->origin ? a->origin->id : 0;
	f.stanza = a->stanza;
	f.args = a->args;
	f.n_args = a->n_args;
	return f;
}

static pc__bus *bus_of(const struct pc__firing *f)
{
	return f->host ? f->host->bus : pc__bus_global();
}

pc_result pc_fire(pc_module *m, const char *event, const pc_fire_args *args, pc_ended_fn *ended,
                  void *data)
{
	struct pc__firing f = firing_of(m, args, ended, data);

	f.question = true;
	return pc__fire_name(bus_of(&f), event, &f);
}

void pc_notify(pc_module *m, const char *event, const pc_fire_args *args)
{
	struct pc__firing f = firing_of(m, args, NULL, NULL);

	f.notice = true;
	pc__fire_name(bus_of(&f), event, &f);
}

void pc_fire_wait(pc_module *m, const char *event, const pc_fire_args *args, pc_ended_fn *ended,
                  void *data)
{
	struct pc__firing f = firing_of(m, args, ended, data);

	pc__fire_name(bus_of(&f), event, &f);
}

/* ------------------------------------------------------------ reading */

const char *pc_event_name(const pc_event *ev)
{
	return ev->walks[ev->depth].key->name;
}

pc_module *pc_event_module(const pc_event *ev)
{
	return ev->running;
}

pc_host *pc_event_host(const pc_event *ev)
{
	return ev->host;
}

pc_stanza *pc_event_stanza(const pc_event *ev)
{
	return ev->stanza;
}

const pc_session *pc_event_origin(const pc_event *ev)
{
	return ev->origin ? pc_session_find(ev->origin) : NULL;
}

const pc_jid *pc_event_to(const pc_event *ev)
{
	return ev->to;
}

const pc_jid *pc_event_from(const pc_event *ev)
{
	return ev->from;
}

bool pc_event_to_self(const pc_event *ev)
{
	return ev->to_self;
}

static pc_arg *find_arg(const pc_event *ev, const char *key)
{
	for (size_t i = 0; i < ev->n_args; i++)
		if (strcmp(ev->args[i].key, key) == 0)
			return &ev->args[i];
	return NULL;
}

const char *pc_event_str(const pc_event *ev, const char *key)
{
	const pc_arg *a = find_arg(ev, key);

	return a && a->type == PC_ARG_STR ? a->s : NULL;
}

int64_t pc_event_int(const pc_event *ev, const char *key)
{
	const pc_arg *a = find_arg(ev, key);

	return a && a->type == PC_ARG_INT ? a->i : 0;
}

void *pc_event_ptr(const pc_event *ev, const char *key)
{
	const pc_arg *a = find_arg(ev, key);

	return a && a->type == PC_ARG_PTR ? a->p : NULL;
}

static const char *own_text(pc_event *ev, const char *text)
{
	size_t len;
	struct pc__owned_text *t;

	if (text == NULL)
		return NULL;
	len = strlen(text) + 1;
	t = pc__malloc(sizeof(*t) + len);
	memcpy(t->text, text, len);
	t->next = ev->texts;
	ev->texts = t;
	return t->text;
}

static pc_arg *want_arg(pc_event *ev, const char *key)
{
	pc_arg *a = find_arg(ev, key), *grown;

	if (a)
		return a;
	grown = pc__alloc((ev->n_args + 1) * sizeof(*grown));
	memcpy(grown, ev->args, ev->n_args * sizeof(*grown));
	if (ev->args != ev->inline_args)
		free(ev->args);
	ev->args = grown;
	a = &ev->args[ev->n_args++];
	a->key = own_text(ev, key);
	return a;
}

void pc_event_set_str(pc_event *ev, const char *key, const char *value)
{
	pc_arg *a = want_arg(ev, key);

	a->type = PC_ARG_STR;
	a->s = own_text(ev, value);
}

void pc_event_set_int(pc_event *ev, const char *key, int64_t value)
{
	pc_arg *a = want_arg(ev, key);

	a->type = PC_ARG_INT;
	a->i = value;
}

/* ------------------------------------------------------------ the result */

void pc_event_defer(pc_event *ev)
{
	ev->answered = true;
}

bool pc__event_answered(const pc_event *ev)
{
	return ev->answered;
}

void pc__event_set_answered(pc_event *ev)
{
	ev->answered = true;
}

bool pc__event_taken(const pc_event *ev)
{
	return ev->taken;
}

pc_stanza *pc_event_take(pc_event *ev)
{
	pc_stanza *st = ev->stanza;

	ev->answered = true;
	if (ev->shared)
		return pc_stanza_clone(st);
	ev->owns_stanza = false;
	ev->taken = true;
	return st;
}

/* One tree of a broadcast serves all recipients: who changes it, or keeps it beyond its turn, gets
 * a copy. */
pc_stanza *pc_event_edit(pc_event *ev)
{
	if (ev->shared && !ev->owns_stanza) {
		ev->stanza = pc_stanza_clone(ev->stanza);
		ev->owns_stanza = true;
		ev->shared = false;
	}
	return ev->stanza;
}

/* An event that a module fires is mostly about another one, of which it has stanza and texts. That
 * may end first, by its deadline or an unload. */
static void keep_what_is_lent(pc_event *ev)
{
	if (!ev->lent)
		return;
	ev->lent = false;
	if (ev->stanza && !ev->owns_stanza && !ev->taken) {
		ev->stanza = pc_stanza_clone(ev->stanza);
		ev->owns_stanza = true;
	}
	for (size_t i = 0; i < ev->n_args; i++)
		if (ev->args[i].type == PC_ARG_STR)
			ev->args[i].s = own_text(ev, ev->args[i].s);
}

pc_token pc_event_suspend(pc_event *ev)
{
	if (pc__bug(ev->token != 0))
		return ev->token;
	pc_event_edit(ev);
	keep_what_is_lent(ev);
	ev->token = pc__token_new(ev);
	return ev->token;
}
