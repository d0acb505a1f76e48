/*
 * event_internal.h - the structs that events.c (buses and hooks), event.c (a firing) and tokens.c
 * (suspended firings) share; nobody else includes it.
 */
#pragma once

#include "events.h"
#include "modules.h"

struct pc__hook {
	struct pc__owned owned;
	pc__key *key;
	pc_module *m;
	pc_handler *fn;
	double priority;
	uint32_t order;
	unsigned refs; /* versions that hold it */
	bool self_only;
	bool gone;
	bool paused;
};

struct pc__hooks {
	unsigned refs; /* the key, and firings that walk it */
	size_t n;
	struct pc__hook *at[];
};
void pc__hooks_unref(struct pc__hooks **hooks);

struct pc__key {
	char *name;
	uint64_t hash;
	struct pc__hooks *hooks; /* NULL: none */
	pc__key *next;
};

#define PC__INLINE_ARGS 4
#define PC__DETOURS 2 /* that one handler may ask for */
#define PC__WALKS 5   /* a walk, and detours of detours */

/* One walk over the hooks of a key. */
struct pc__walk {
	const pc__key *key;
	struct pc__hooks *hooks;
	size_t next; /* index of the hook to run next */
};

struct pc_event {
	struct pc__walk walks[PC__WALKS]; /* a stack: the event's own walk first, detours above */
	unsigned depth;
	const pc__key *detours[PC__DETOURS];
	unsigned n_detours;
	pc_module *running; /* whose handler runs or has suspended */
	pc_host *host;
	pc_session_id origin;
	pc_stanza *stanza;
	const pc_jid *to, *from;
	pc_arg *args; /* inline_args, or malloc'ed */
	size_t n_args;
	pc_arg inline_args[PC__INLINE_ARGS];
	struct pc__owned_text *texts; /* strings that handlers set */
	pc_ended_fn *ended;
	void *data;
	pc_token token;  /* while suspended, or about to be */
	pc_result early; /* resumed before the handler had returned */
	bool has_early;
	bool inside; /* a handler is running right now */
	bool to_self, notice, question, shared, lent, owns_stanza;
	bool answered, taken;
	pc_event *free_next;
};

/* Goes on after the handler that had suspended; ends the firing if it has ended. */
void pc__event_resume(pc_event *ev, pc_result result);

bool pc__event_is_running(const pc_event *ev);

/* tokens.c */
pc_token pc__token_new(pc_event *ev);
void pc__token_free(pc_token token);
