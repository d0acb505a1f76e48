/*
 * loop.h - time, background work, foreign descriptors, child processes.
 *
 * The main thread must never wait: no loop turn is over 5 ms. What computes goes to a job thread,
 * what waits for a descriptor is watched. Everything ends with its module.
 */
#pragma once

#include <prosody-c/base.h>

PC_EXPORT int64_t pc_now_ms(void);  /* monotonic, of this turn of the loop */
PC_EXPORT int64_t pc_time_ms(void); /* wall clock, since 1970 */

typedef void pc_timer_fn(void *data);
/* Seconds may be fractions. A timer that ran once is gone; pc_timer_stop clears the pointer, NULL
 * is fine. */
PC_EXPORT pc_timer *pc_after(pc_module *m, double seconds, pc_timer_fn *fn, void *data);
PC_EXPORT pc_timer *pc_every(pc_module *m, double seconds, pc_timer_fn *fn, void *data);
PC_EXPORT void pc_timer_stop(pc_timer **timer);

/* Runs fn now and then: "hourly", "daily", "weekly", or a number of seconds; missed runs are made
 * up once after a restart. The option MODULE_NAME_period overrides `when`. */
PC_EXPORT void pc_cron(pc_module *m, const char *name, const char *when, pc_timer_fn *fn,
                       void *data);

/* Runs work on a job thread, then done on the main thread. Work must be a pure function of `data`.
 * PC_EBUSY when too many are queued. */
typedef void pc_work_fn(void *data);
PC_EXPORT int pc_run_job(pc_module *m, PC_ON_JOB pc_work_fn *work, pc_done_fn *done, void *data);

/* Watches a descriptor that is not ours (a client library's socket). Events are PC_READABLE and
 * PC_WRITABLE. It is never closed here. */
enum { PC_READABLE = 1, PC_WRITABLE = 2 };
typedef struct pc_watch pc_watch;
typedef void pc_watch_fn(int fd, int events, void *data);
PC_EXPORT pc_watch *pc_watch_fd(pc_module *m, int fd, int events, pc_watch_fn *fn, void *data);
PC_EXPORT void pc_watch_set(pc_watch *w, int events);
PC_EXPORT void pc_watch_stop(pc_watch **w);

/* A child process with its standard input and output as pipes; standard error goes to the log. */
typedef struct pc_child pc_child;
typedef struct pc_child_fns {
	void (*output)(pc_child *c, const void *bytes, size_t len, void *data);
	void (*ended)(pc_child *c, int status,
	              void *data); /* as waitpid; the child is gone after */
} pc_child_fns;
/* argv ends with NULL. NULL when it cannot be started (logged). Killed when the module goes. */
PC_EXPORT pc_child *pc_spawn(pc_module *m, const char *const *argv, const pc_child_fns *fns,
                             void *data);
PC_EXPORT int pc_child_write(pc_child *c, const void *bytes, size_t len); /* PC_ELIMIT: it lags */
PC_EXPORT void pc_child_close_input(pc_child *c);
PC_EXPORT void pc_child_kill(pc_child *c, int signal);

/* The server waits for what the module has under way before it closes the streams of clients: from
 * a handler of server-stopping until the release, or until the module goes. For 3 seconds in all.
 */
PC_EXPORT void pc_stop_hold(pc_module *m);
PC_EXPORT void pc_stop_release(pc_module *m);

/* ---- DNS. Answers are cached and, where the zone is signed, validated. */

typedef struct pc_dns_answer {
	int err;     /* PC_OK, PC_ENOENT (no such name or no such record), PC_EIO, PC_ETIMEOUT */
	bool secure; /* validated by DNSSEC */
	bool bogus;  /* validation failed */
	const pc_str *data; /* the records' raw data, n of them */
	size_t n;
	uint32_t ttl;
} pc_dns_answer;
typedef void pc_dns_fn(const pc_dns_answer *answer, void *data);
/* `rrtype` as in the DNS (1 A, 28 AAAA, 33 SRV, 52 TLSA). */
PC_EXPORT int pc_resolve(pc_module *m, const char *name, int rrtype, pc_dns_fn *fn, void *data);
