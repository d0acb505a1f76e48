/*
 * session.h - sessions: who is connected as whom.
 *
 * The life of a client's session: c2s_unauthed (a stream is open) -> c2s_unbound (authenticated,
 * may only bind) -> c2s (has a full JID) -> gone. It is connected once it has a full JID, available
 * while it has presence, interested once it has asked for the roster; every available and every
 * interested resource is connected (RFC 6121 sections 2.2 and 4.1).
 *
 * Handlers get `const pc_session *`. Fields are read directly and changed by the functions below
 * only. The struct grows at its end only, and only the core allocates it. A pointer is good until
 * the handler returns; across time keep the id.
 */
#pragma once

#include <prosody-c/base.h>
#include <prosody-c/event.h>
#include <prosody-c/stanza.h>

typedef enum pc_session_type {
	PC_C2S_UNAUTHED,
	PC_C2S_UNBOUND,
	PC_C2S,
	PC_S2SIN_UNAUTHED,
	PC_S2SIN,
	PC_S2SOUT_UNAUTHED,
	PC_S2SOUT,
	PC_COMPONENT_UNAUTHED,
	PC_COMPONENT,
} pc_session_type;

struct pc_session {
	pc_conn_id conn; /* 0 while hibernated */
	bool notopen;    /* no stream header received yet */
	pc_session_type type;
	const char *username;      /* local part; NULL before authentication */
	const char *host;          /* NULL before the stream is open */
	const char *resource;      /* NULL before resource binding */
	const char *full_jid;      /* username@host/resource; NULL before resource binding */
	int8_t priority;           /* 0 by default */
	const pc_stanza *presence; /* last undirected presence without a type; NULL at first and
	                              after unavailable */
	bool interested;           /* asked for the roster, so gets roster pushes */
	pc_roster *roster;         /* loaded as soon as the resource is bound */
	/* further facts */
	pc_session_id id;
	const char *ip;        /* of the peer, as text; "" where there is none */
	bool secure;           /* under TLS, or trusted as if it were */
	const char *role;      /* "prosody:registered", ...; NULL before authentication */
	const char *client_id; /* of the user agent, where it told one (XEP-0388); else NULL */
	const char *lang;      /* xml:lang of the stream header, or NULL */
	int64_t presence_time; /* when `presence` was set, in milliseconds since 1970 */
	int64_t bound_time;    /* when the resource was bound, likewise; 0 before */
};

/* ---- find. NULL when there is none. */

PC_EXPORT const pc_session *pc_session_find(pc_session_id id);
PC_EXPORT const pc_session *pc_session_of(const pc_jid *full);
/* The connected sessions of an account, in the order of binding. */
PC_EXPORT const pc_session *pc_session_first(const pc_host *host, const char *username);
PC_EXPORT const pc_session *pc_session_next(const pc_session *s);
/* The highest priority of the available sessions from `first` (may be NULL) on: those that have it
 * get the account's messages (RFC 6121 8.5.2.1.1). -1 where none is 0 or above. */
PC_EXPORT int pc_session_top_priority(const pc_session *first);
/* Every session that is connected (host NULL: of all hosts); stops when fn returns false. fn may
 * close sessions. */
typedef bool pc_session_fn(const pc_session *s, void *data);
PC_EXPORT void pc_each_session(const pc_host *host, pc_session_fn *fn, void *data);
/* The same for streams that have not bound: any type. */
PC_EXPORT void pc_each_unbound_session(pc_session_fn *fn, void *data);

PC_EXPORT pc_host *pc_session_host(const pc_session *s);     /* NULL before the stream is open */
PC_EXPORT pc_stream *pc_session_stream(const pc_session *s); /* NULL: hibernated, or closed */
PC_EXPORT bool pc_session_is_connected(const pc_session *s);
PC_EXPORT bool pc_session_is_available(const pc_session *s);
PC_EXPORT bool pc_session_is_interested(const pc_session *s);

/* ---- change */

/* The account is proved. Fires auth-success. `role` NULL: the account's. PC_EINVAL when the name
 * cannot be prepared. PC_ECANCELED: under TLS the client had said to be another, and the stream
 * ends with invalid-from (RFC 6120 6.4.6). The caller restarts the stream after its last answer. */
PC_EXPORT int pc_session_authenticated(const pc_session *s, const char *username, const char *role);
/* Binds a resource (RFC 6120 section 7): fires `bind`, settles conflicts by `conflict_resolve`,
 * loads the roster, enters the session in the table, fires resource-bind. `wanted` NULL or "": the
 * server chooses. Ends by `done`: PC_OK, or PC_E* with a stanza error condition; the session is
 * then as before. */
typedef void pc_bound_fn(const pc_session *s, int err, const char *condition, void *data);
PC_EXPORT void pc_session_bind(pc_module *m, const pc_session *s, const char *wanted,
                               pc_bound_fn *done, void *data);
/* A presence without type: cloned, and its priority with it. NULL: unavailable. */
PC_EXPORT void pc_session_set_presence(const pc_session *s, const pc_stanza *presence);
/* The session's presence for somebody who asks later: a copy (yours) to that address, with the time
 * at which it was sent (XEP-0203). NULL when the session is not available. */
PC_EXPORT pc_stanza *pc_session_presence(const pc_session *s, const char *to);
PC_EXPORT void pc_session_set_interested(const pc_session *s);
PC_EXPORT void pc_session_set_roster(const pc_session *s, pc_roster *roster);
PC_EXPORT void pc_session_set_client_id(const pc_session *s, const char *client_id);

/* Serialises the stanza (once, however many sessions it goes to) and writes it. Borrowed. Written
 * when the turn of the loop ends, in order. PC_ECANCELED when the session cannot be written to. */
PC_EXPORT int pc_session_send(const pc_session *s, pc_stanza *st);
/* Calls fn when all that was sent to the session until now has left for the network: PC_OK, and
 * nothing that the peer says in answer is handled before. PC_ECANCELED when the stream ends
 * earlier, or has ended: whoever must not lose what he sent still has it. */
PC_EXPORT void pc_session_written(pc_module *m, const pc_session *s, pc_done_fn *fn, void *data);
/* Ends the stream and the session: with that stream error (RFC 6120 4.9.3) and text, or orderly
 * where condition is NULL. The session ends when the handler has returned. */
PC_EXPORT void pc_session_close(const pc_session *s, const char *condition, const char *text);
/* The same with an element of an application in the stream error (RFC 6120 4.9.4); borrowed. */
PC_EXPORT void pc_session_close_with(const pc_session *s, const char *condition, const char *text,
                                     const pc_stanza *detail);
/* The module's own block of `.session_size` bytes for this session; zeroed at the first call. */
PC_EXPORT void *pc_session_data(const pc_session *s, pc_module *m);
/* The same, but NULL where there was no first call. */
PC_EXPORT void *pc_session_data_if(const pc_session *s, const pc_module *m);

/* ---- let it live on without its connection (stream management). A handler of pre-resource-unbind
 * that returns PC_HANDLED keeps the session: conn is 0 then. */

/* Gives the connection of `from` to `to`, the hibernated session it resumes; `from` ends without an
 * unbind. Stanzas that `from` posted before are dropped uncounted. Fires c2s-session-updated. */
PC_EXPORT int pc_session_take_over(const pc_session *to, const pc_session *from);
/* The stream ends with that stream error, and the session lives on without a connection: another
 * one is about to resume it. Nothing that the old one sent and that has not been taken up yet is.
 */
PC_EXPORT void pc_session_detach(const pc_session *s, const char *condition, const char *text);
/* Ends a hibernated session as if its stream had closed now. */
PC_EXPORT void pc_session_destroy(const pc_session *s, const char *reason);

/* Counts the stanzas that come from the peer from now on, the first one as `from` + 1. One is
 * handled when its handling has ended, and safe when also what was written meanwhile is committed,
 * or has failed and its handlers were told: then it may be acknowledged. `fn` is called when more
 * of them are; _on goes on with another `fn`, that of a reloaded module's successor. */
typedef void pc_handled_fn(const pc_session *s, void *data);
PC_EXPORT void pc_session_count(pc_module *m, const pc_session *s, uint32_t from,
                                pc_handled_fn *fn);
PC_EXPORT void pc_session_count_on(pc_module *m, const pc_session *s, pc_handled_fn *fn);
/* How many have come, are handled, are safe; the first that is not and all behind it do not count
 * as such. They wrap at 2^32. */
PC_EXPORT uint32_t pc_session_received(const pc_session *s);
PC_EXPORT uint32_t pc_session_handled(const pc_session *s);
PC_EXPORT uint32_t pc_session_safe(const pc_session *s);

/* ---- filters: see, change, hold or drop what passes. They are questions: they may not suspend.
 * A session without filters pays nothing for them. */

typedef enum pc_verdict {
	PC_KEEP, /* pass it on (changed in place or not) */
	PC_DROP, /* it ends here */
	PC_HOLD, /* the filter has taken it (the pointer is its own now) */
} pc_verdict;
/* `st` may be replaced: free the old one or keep it. For outgoing stanzas it is a copy of the
 * filter's own. */
typedef pc_verdict pc_filter_fn(const pc_session *s, pc_stanza **st, void *data);
typedef enum pc_direction { PC_STANZAS_IN, PC_STANZAS_OUT } pc_direction;
/* Higher priority runs nearer to the router. `data` is the instance's. */
PC_EXPORT void pc_filter(pc_module *m, const pc_session *s, pc_direction dir, pc_filter_fn *fn,
                         double priority);
PC_EXPORT void pc_unfilter(pc_module *m, const pc_session *s, pc_direction dir, pc_filter_fn *fn);
/* Goes on behind the last filter of this module, so that it is not asked again, nor those that come
 * before it: to let go what was held. A module without a filter there begins with the first. */
PC_EXPORT int pc_filter_pass(pc_module *m, const pc_session *s, pc_direction dir,
                             PC_TAKES pc_stanza *st);

/* ---- frames: what is written, after all filters. A frame is a serialised stanza, counted and
 * shared; a queue of frames costs no tree. */

typedef struct pc_frame pc_frame;
PC_EXPORT pc_frame *pc_frame_ref(pc_frame *frame);
PC_EXPORT void pc_frame_unref(pc_frame **frame);
PC_EXPORT size_t pc_frame_size(const pc_frame *frame);
PC_EXPORT pc_kind pc_frame_kind(const pc_frame *frame);
/* The stanza that it was made of, read again; yours. NULL where it is larger than what the network
 * may send. */
PC_EXPORT pc_stanza *pc_frame_stanza(const pc_frame *frame);
/* Writes it again; `delay_ms` > 0 puts a delay stamp of that time (XEP-0203) into it. */
PC_EXPORT int pc_session_send_frame(const pc_session *s, pc_frame *frame, int64_t delay_ms);
/* Called for each frame that leaves, right before it is written; keep a reference to keep it.
 * PC_HOLD: not written now. Lower priority is nearer to the wire: counts what the peer gets. */
typedef pc_verdict pc_tap_fn(const pc_session *s, pc_frame *frame, void *data);
PC_EXPORT void pc_tap(pc_module *m, const pc_session *s, pc_tap_fn *fn, double priority);
/* What the frame was made of, borrowed, while taps are asked; NULL for one that is passed on or
 * written again. */
PC_EXPORT const pc_stanza *pc_tap_stanza(const pc_frame *frame);
/* Lets go what was held: goes on behind the last tap of this module, and writes. Borrowed. A module
 * without a tap there begins with the first. */
PC_EXPORT int pc_tap_pass(pc_module *m, const pc_session *s, pc_frame *frame);
PC_EXPORT void pc_untap(pc_module *m, const pc_session *s, pc_tap_fn *fn);
