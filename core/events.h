/*
 * events.h - buses, hooks and firings.
 *
 * A bus holds for each event name a list of hooks, sorted. The list that a firing walks is an
 * immutable version: hooking and unhooking make a new one, so handlers may do both while events are
 * under way, also suspended ones. A removed hook is marked and skipped.
 *
 * Words: a *key* is one event name on one bus; a *hook* one handler of a module on a key; a
 * *firing* (pc_event) one walk over the hooks of a key.
 */
#pragma once

#include <prosody-c/prosody-c.h>

#include "timers.h"

typedef struct pc__bus pc__bus;
typedef struct pc__key pc__key;

/* The address of a stanza as the event names it. */
enum pc__target { PC__BARE, PC__FULL, PC__HOST, PC__SELF };

pc__bus *pc__bus_new(void);
void pc__bus_free(pc__bus **bus);
pc__bus *pc__bus_global(void);

/* ---- keys. Fixed ones are found without a look-up; others by the pieces of their name, which are
 * not put together: `prefix` such as "iq-get/bare/", then NS ':' NAME (ns NULL: name alone). NULL
 * where nobody ever hooked it. */
pc__key *pc__bus_stanza_key(pc__bus *bus, bool pre, pc_kind kind, enum pc__target target);
pc__key *pc__bus_find(pc__bus *bus, const char *prefix, const char *ns, const char *name);
bool pc__key_hooked(const pc__key *key); /* NULL: false */

/* ---- firing, for the core. All of `pc__firing` is optional. */
struct pc__firing {
	pc_host *host;
	pc_session_id origin;
	pc_stanza *stanza;
	const pc_jid *to, *from; /* must live as long as the firing */
	bool to_self;
	bool notice;   /* everybody is told, results do not matter */
	bool question; /* may not suspend */
	bool shared;   /* the stanza is one of a broadcast: whoever suspends gets a copy */
	bool lent;     /* stanza and texts may go while it waits: whoever suspends gets copies */
	const pc_arg *args;
	size_t n_args;
	pc_ended_fn *ended; /* called exactly once */
	void *data;
	const pc_module *by; /* who fires; NULL: the core */
};
/* Runs the handlers. Returns the result, or PC_SUSPENDED when `ended` comes later. */
pc_result pc__fire(pc__key *key, const struct pc__firing *f);
/* By name, on that bus (nothing happens where nobody hooked it: PC_PASS, and `ended` is called). */
pc_result pc__fire_name(pc__bus *bus, const char *name, const struct pc__firing *f);
/* The short form for notices without a stanza. */
void pc__notify(pc__bus *bus, const char *name, pc_host *host, pc_session_id origin,
                const pc_arg *args, size_t n_args);

/* ---- declarations (event_table.c) */

/* What the core fires; ends with {0}. */
extern const pc_event_decl pc__core_events[];
/* The line of a table (NULL: an empty one) that has that name, or a pattern for it; or NULL. */
const pc_event_decl *pc__event_declared(const pc_event_decl *table, const char *name);
#ifdef PC_DEBUG_BUILD
/* Who fires has declared it, and fires it as what it was declared. */
void pc__event_check(const char *name, const struct pc__firing *f);
#else
#define pc__event_check(name, f) ((void)0)
#endif

/* ---- what the router asks of an event that has ended */
bool pc__event_answered(const pc_event *ev); /* replied, deferred, or passed on */
bool pc__event_taken(const pc_event *ev);    /* the stanza is somebody else's now */
void pc__event_set_answered(pc_event *ev);

/* ---- modules. Hooks of `from` take the place of those of `to`... a reload pauses the new
 * instance's hooks until they are exchanged. */
void pc__hooks_pause(pc_module *m);
void pc__hooks_go(pc_module *m);
/* Ends what handlers of this module have suspended: PC_ECANCELED. */
void pc__tokens_cancel(pc_module *m);
size_t pc__tokens_count(void);
