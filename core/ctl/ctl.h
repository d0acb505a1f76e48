/*
 * ctl.h - prosody-ctl: the words of its command line carried to the server, or where none runs, to
 * a prosody-c that works on the store alone.
 *
 *   main.c      the command line
 *   server.c    finding and starting the other side
 *   talk.c      requests and answers in the line protocol (util/words.h)
 *   password.c  asking for a password
 *   csv.c       many accounts from a file
 *   moving.c    backups, imports, exports
 */
#pragma once

#include <prosody-c/base.h>

enum { CTL_OK = 0, CTL_FAILED = 1, CTL_USAGE = 2, CTL_NOT_RUNNING = 3 };

struct ctl {
	const char *config;      /* NULL: prosody-c.conf here */
	const char *socket;      /* NULL: as the configuration says */
	const char *options[64]; /* -o, handed on */
	size_t n_options;
	bool quiet;
};

/* ---- server.c. What the configuration says of that option, malloc'ed; NULL: it says nothing. */
char *ctl_option(const struct ctl *ctl, const char *option);
/* A connected descriptor; -1: the message was printed. `may_start`: where no server
 * runs, start one that has no ports. *child_r gets its process, or 0. */
int ctl_connect(const struct ctl *ctl, bool may_start, pid_t *child_r);
/* Waits for the other side's end. */
void ctl_disconnect(int fd, pid_t child);
/* After a stop: waits until another server may use the data, for a minute at most. */
void ctl_await_lock(const struct ctl *ctl);
/* Becomes the server's program, with one more option and its argument (each may be NULL); returns,
 * the message printed, only where it cannot. */
void ctl_exec(const struct ctl *ctl, const char *option, const char *argument);

/* ---- talk.c */
struct talk;
/* Called for each request that has ended; code PC_OK or PC_E*. */
typedef void talk_ended_fn(unsigned long tag, int code, const char *text, void *data);
struct talk *talk_new(int fd, talk_ended_fn *ended, void *data);
void talk_free(struct talk **t);
/* Sends a request under this tag; waits while too many are under way. PC_EINVAL: a word cannot be
 * sent; PC_EIO: the other side has gone. */
int talk_ask(struct talk *t, unsigned long tag, const char *const *words, size_t n);
/* Waits until everything has been answered. PC_EIO: the other side has gone before. */
int talk_finish(struct talk *t);
/* Waits until the other side closes: the server has ended. */
void talk_await_end(struct talk *t);

/* ---- password.c. From the terminal, twice and without echo, or a line of standard input.
 * malloc'ed; NULL: the message was printed. */
char *ctl_password(void);

/* ---- main.c. Runs a command and prints its answer; the exit status. */
int ctl_run(const char *const *words, size_t n);

/* ---- moving.c. Commands whose arguments are files of the caller's: `ctl_moves` says which. */
struct ctl_moving {
	bool force, dry_run;
	const char *host, *user; /* of an export; NULL: all */
};
bool ctl_moves(const char *command);
int ctl_move(const struct ctl *ctl, const char *const *words, size_t n,
             const struct ctl_moving *how);

/* ---- csv.c. Lines user,domain,password. The exit status. */
int ctl_csv(const struct ctl *ctl, const char *file);
