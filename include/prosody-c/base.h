/*
 * base.h - what every other header stands on: results, ids, visibility.
 *
 * Ownership, in six sentences. They hold for every function of this folder.
 *
 * 1. What a handler receives is borrowed until it returns (or, if it suspends, until it resumes);
 *    to keep it, clone it.
 * 2. A parameter marked PC_TAKES is consumed always, on success and on failure.
 * 3. What `_new`, `_result`, `_error`, `_clone` and `_parse` return is yours until you give it to a
 *    taker or free it.
 * 4. Strings you pass in are copied; strings you get back live as long as the object you asked.
 * 5. Whatever is registered through a `pc_module *` (hooks, filters, timers, stores, items,
 *    listeners, ...) goes with the module; you never undo it by hand.
 * 6. Every call is legal on the main thread only, except pc_log() and what runs inside a callback
 *    typed PC_ON_WRITER or PC_ON_JOB, which may touch only the data it was given.
 *
 * No pointer to a session is kept across events: keep its id and look it up again (session.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
#error "prosody-c modules are written in C"
#endif

/* A module is loaded when its major equals the server's and its minor is not above the server's. */
#define PC_ABI_MAJOR 1
#define PC_ABI_MINOR 5

#define PC_EXPORT __attribute__((visibility("default")))
#define PC_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define PC_TAKES     /* the parameter is consumed: see sentence 2 */
#define PC_ON_WRITER /* the callback runs on a store thread */
#define PC_ON_JOB    /* the callback runs on a job thread */

/* Errors are negative; 0 is success. pc_strerror() names them. */
enum {
	PC_OK = 0,
	PC_EINVAL = -1,     /* malformed argument or input */
	PC_ENOENT = -2,     /* no such thing */
	PC_EEXIST = -3,     /* there is one already */
	PC_ELIMIT = -4,     /* a limit was reached */
	PC_EPERM = -5,      /* not allowed */
	PC_EAUTH = -6,      /* credentials are wrong */
	PC_EIO = -7,        /* storage or network failed */
	PC_ESTATE = -8,     /* not in this state */
	PC_ETIMEOUT = -9,   /* the deadline passed */
	PC_ECONFLICT = -10, /* compare-and-set found another value; name taken */
	PC_ENOTSUP = -11,   /* not supported here */
	PC_ECANCELED = -12, /* the other side went away: session, module or server */
	PC_EBUSY = -13,     /* overloaded: try again later */
	PC_EINTERNAL = -14, /* a programming error, already logged */
	PC_EPARTIAL = -15,  /* a part was done, another was not */
};
PC_EXPORT const char *pc_strerror(int err);

/* Bytes with a length; not necessarily NUL-terminated, p may be NULL when len is 0. */
typedef struct pc_str {
	const char *p;
	size_t len;
} pc_str;

typedef uint64_t pc_conn_id;    /* a connection; 0 is none. Never reused while the server runs */
typedef uint64_t pc_session_id; /* a session; 0 is none. Never reused while the server runs */
typedef uint64_t pc_token;      /* a suspended event; 0 is none (event.h) */
typedef uint64_t pc_ticket; /* a write's place in the order of its database; 0 is none (store.h) */

/* What a handler says of an event; a negative PC_E* is logged and ends the event as an error. */
typedef int pc_result;
enum {
	PC_PASS = 0,      /* not mine, or seen: ask the next handler */
	PC_HANDLED = 1,   /* mine: the event ends here */
	PC_SUSPENDED = 2, /* ends later, by pc_event_resume() (event.h) */
};

typedef struct pc_module pc_module;   /* one loaded instance of a module (module.h) */
typedef struct pc_host pc_host;       /* a VirtualHost or Component (host.h) */
typedef struct pc_event pc_event;     /* one firing of an event (event.h) */
typedef struct pc_stanza pc_stanza;   /* an XML element with all below it (stanza.h) */
typedef struct pc_session pc_session; /* who sent it (session.h) */
typedef struct pc_stream pc_stream;   /* an XML or raw stream over a connection (net.h) */
typedef struct pc_roster pc_roster;   /* an account's contacts (roster.h) */
typedef struct pc_store pc_store;     /* an open store (store.h) */
typedef struct pc_timer pc_timer;     /* a running timer (loop.h) */

/* Called once when something asked for is done: PC_OK or PC_E*. */
typedef void pc_done_fn(int err, void *data);
