/*
 * event.h - events: hook them, fire them, wait inside them.
 *
 * There is one bus for every host and one global bus; a host's does not inherit from the global
 * one. pc_hook() uses the bus of the module's own host (the global bus in a global module).
 * Handlers run by priority, higher first, equal ones in the order of loading; the first that does
 * not PC_PASS ends the event.
 *
 * Names. Stanza events are named as Prosody names them:
 *
 *   pre-stanza                       every stanza from a client of this host, first of all
 *   pre-message/bare|full|host       from a client of this host, before routing (also presence, iq)
 *   message/bare|full|host|self      to an address of this host (also presence, iq)
 *   iq-get/bare/NS:NAME              by mod_iq: payload of the iq (also iq-set, iq/, /full, ...
 *                                    as Prosody)
 *   iq-result/host/ID                a reply to the host itself
 *   stanza/NS:NAME                   a top-level element that is no stanza (also before log-in)
 *   route/remote                     a stanza to a domain that is not ours; bus of the sender's
 *                                    host
 *
 * and these are aliases onto the same handlers: `auth` (the elements of SASL), `bind`
 * (pre-resource-bind), `roster-request` (iq-get/self/jabber:iq:roster:query), `presence`
 * (pre-presence/bare to oneself). The reference (prosody-ctl about --reference) lists all.
 *
 * Waiting. Every event is declared with a kind.
 *   PC_QUESTION  answered at once; suspending one is a programming error.
 *   PC_NOTICE    tells that something happened; all handlers are told, results are ignored.
 *   PC_WAITING   may suspend: pc_event_suspend(), return PC_SUSPENDED, and later exactly one
 *                pc_event_resume(). While an event of a session is suspended, later stanzas of that
 *                session wait; everybody else goes on.
 * Wait for storage, a job, a watched descriptor or a child process, never for an XMPP entity's
 * reply. A suspension that is not resumed within 30 seconds ends as PC_ETIMEOUT. Tokens are
 * numbers: resuming twice, or after the session or the module has gone, does nothing.
 */
#pragma once

#include <prosody-c/base.h>
#include <prosody-c/jid.h>

typedef pc_result pc_handler(pc_event *ev, void *data);

typedef enum pc_event_kind { PC_WAITING, PC_QUESTION, PC_NOTICE } pc_event_kind;

/* One line of a module's list of the events that it fires (module.h: .events), ends with {0}. */
typedef struct pc_event_decl {
	const char *name; /* a trailing '*' stands for any rest: "iq-get/bare/" */
	pc_event_kind kind;
	const char *help; /* one line: when, its arguments, what the result means */
} pc_event_decl;

/* ---- hook. `data` of the handler is the module's instance data (module.h: pc_module_data). */

PC_EXPORT void pc_hook(pc_module *m, const char *event, pc_handler *fn, double priority);
PC_EXPORT void pc_hook_global(pc_module *m, const char *event, pc_handler *fn, double priority);
/* On the bus of another host: for modules of scope PC_GLOBAL_WITH_HOSTS. */
PC_EXPORT void pc_hook_on(pc_module *m, pc_host *host, const char *event, pc_handler *fn,
                          double priority);
PC_EXPORT void pc_unhook(pc_module *m, const char *event, pc_handler *fn);

/* ---- read an event, inside a handler */

PC_EXPORT const char *pc_event_name(const pc_event *ev);
PC_EXPORT pc_module *pc_event_module(const pc_event *ev); /* whose handler is running */
PC_EXPORT pc_host *pc_event_host(const pc_event *ev);     /* NULL on the global bus */
/* NULL where the event has none. Borrowed, to be read: one tree may serve a whole broadcast. */
PC_EXPORT pc_stanza *pc_event_stanza(const pc_event *ev);
/* The same, to be changed: what later handlers and the recipient see. */
PC_EXPORT pc_stanza *pc_event_edit(pc_event *ev);
/* The session that caused it; NULL when it came from a module, a host, or the session is gone. */
PC_EXPORT const pc_session *pc_event_origin(const pc_event *ev);
/* The prepared addresses of a routed stanza. */
PC_EXPORT const pc_jid *pc_event_to(const pc_event *ev);
PC_EXPORT const pc_jid *pc_event_from(const pc_event *ev);
/* The stanza is to the sender's own account, or without `to` from a client. */
PC_EXPORT bool pc_event_to_self(const pc_event *ev);

/* ---- arguments: a short list of named values, shared by all handlers, editable by each. */

typedef enum pc_arg_type { PC_ARG_NONE, PC_ARG_STR, PC_ARG_INT, PC_ARG_PTR } pc_arg_type;
typedef struct pc_arg {
	const char *key;
	pc_arg_type type;
	const char *s;
	int64_t i;
	void *p;
} pc_arg;
#define PC_STR(key, value) ((pc_arg){ (key), PC_ARG_STR, (value), 0, NULL })
#define PC_INT(key, value) ((pc_arg){ (key), PC_ARG_INT, NULL, (value), NULL })
#define PC_PTR(key, value) ((pc_arg){ (key), PC_ARG_PTR, NULL, 0, (value) })

/* NULL or 0 when there is no such argument. */
PC_EXPORT const char *pc_event_str(const pc_event *ev, const char *key);
PC_EXPORT int64_t pc_event_int(const pc_event *ev, const char *key);
PC_EXPORT void *pc_event_ptr(const pc_event *ev, const char *key);
/* Change or add; a string is copied and lives as long as the event. */
PC_EXPORT void pc_event_set_str(pc_event *ev, const char *key, const char *value);
PC_EXPORT void pc_event_set_int(pc_event *ev, const char *key, int64_t value);

/* ---- fire */

typedef struct pc_fire_args {
	const pc_session *origin;
	pc_stanza *stanza; /* borrowed */
	const pc_arg *args;
	size_t n_args;
	pc_host *host; /* whose bus; NULL: the module's own */
	bool global;   /* the global bus instead */
} pc_fire_args;

/* Questions: ends before it returns. `args` may be NULL. Arguments that handlers
 * changed are seen by `ended` (called before this returns; may be NULL). */
typedef void pc_ended_fn(pc_event *ev, pc_result result, void *data);
PC_EXPORT pc_result pc_fire(pc_module *m, const char *event, const pc_fire_args *args,
                            pc_ended_fn *ended, void *data);
/* Notices: everybody is told. */
PC_EXPORT void pc_notify(pc_module *m, const char *event, const pc_fire_args *args);
/* Events that may wait: `ended` is called exactly once, maybe before this returns. Stanza and texts
 * need not live longer than this call: from the first handler that waits on, the event has copies
 * (so changes that are made later are not the firing module's to see). */
PC_EXPORT void pc_fire_wait(pc_module *m, const char *event, const pc_fire_args *args,
                            pc_ended_fn *ended, void *data);

/* Before the next handler runs, the handlers of the event PREFIX NS ':' NAME run (ns NULL: PREFIX
 * NAME), with the same stanza, origin and addresses; the first that does not pass ends this event.
 * For dispatching by payload: a handler asks for at most two detours, in the order in which they
 * are to be made, and returns PC_PASS. */
PC_EXPORT void pc_event_detour(pc_event *ev, const char *prefix, const char *ns, const char *name);

/* ---- wait */

/* Returns a token to resume by; the handler then returns PC_SUSPENDED. */
PC_EXPORT pc_token pc_event_suspend(pc_event *ev);
/* Ends the waiting with what the handler would have returned. */
PC_EXPORT void pc_event_resume(pc_token token, pc_result result);
/* The event of a token, to read it or to reply before resuming; NULL when it has ended. */
PC_EXPORT pc_event *pc_token_event(pc_token token);

/* ---- answer and pass on (iq stanzas above all) */

/* Sends the reply to where the event's stanza came from, and marks the event as answered. Returns
 * PC_HANDLED, so that a handler may end in it. */
PC_EXPORT pc_result pc_reply(pc_event *ev, PC_TAKES pc_stanza *reply);
/* The same by condition: pc_reply(ev, pc_stanza_error(...)). A stanza of type error or result gets
 * no answer (RFC 6120 8.3.1). */
PC_EXPORT pc_result pc_reply_error(pc_event *ev, const char *type, const char *condition,
                                   const char *text);
/* Like pc_reply(), but the reply leaves only when the ticket's write is committed, and becomes
 * internal-server-error if that fails (store.h). Nothing else waits for it. */
PC_EXPORT pc_result pc_reply_after(pc_event *ev, pc_ticket ticket, PC_TAKES pc_stanza *reply);
/* "I shall answer this iq later, by my own means": the core does not complain that it was not. */
PC_EXPORT void pc_event_defer(pc_event *ev);
/* Gives the event's stanza to a session of this server, as it is. PC_HANDLED. */
PC_EXPORT pc_result pc_deliver(pc_event *ev, const pc_session *to);
/* Ownership of the event's stanza goes to the caller; the event ends with PC_HANDLED. */
PC_EXPORT pc_stanza *pc_event_take(pc_event *ev);
