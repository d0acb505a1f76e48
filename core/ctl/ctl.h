/*
 * ctl.h - prosody-ctl: the words of its command line carried to the server, or where none runs, to
 * a prosody-c that works on the store alone.
 *
 *   main.c      the command line
 *   options.c   the options of a line
 *   run.c       one command, by whoever it is for
 *   answer.c    what is said of it, to people or (--json) to programs
 *   server.c    finding and starting the other side
 *   talk.c      requests and answers in the line protocol (util/words.h)
 *   shell.c     many commands, one a line
 *   edit.c      lines from a terminal: editing, history, completion
 *   password.c  asking for a password
 *   csv.c       many accounts from a file
 *   moving.c    backups, imports, exports
 *   qr.c        links as QR codes
 */
#pragma once

#include <stdio.h>

#include <prosody-c/base.h>

/* What the program exits with; answer.c has their names. */
enum {
	CTL_OK = 0,
	CTL_FAILED = 1,      /* it was tried: the disk, the network, the time was against it */
	CTL_USAGE = 2,       /* the command or its arguments are wrong */
	CTL_NOT_RUNNING = 3, /* the command needs a server, and none runs */
	CTL_REFUSED = 4,     /* there is no such thing, or there is one already, or it may not be */
	CTL_PARTIAL = 5,     /* a part was done, another was not */
};

struct ctl {
	const char *config;      /* NULL: prosody-c.conf here */
	const char *socket;      /* NULL: as the configuration says */
	const char *options[64]; /* -o, handed on */
	size_t n_options;
	bool quiet, json;
	bool shell; /* it has a prompt: an interrupt must not end the program */
};

/* How to move (moving.c). */
struct ctl_moving {
	bool force, dry_run;
	const char *host, *user; /* of an export; NULL: all */
};

/* One command with the options that are its own. */
struct line {
	const char *csv;
	bool reference; /* of `about` */
	struct ctl_moving moving;
	size_t n;
	const char *const *words;
};

/* ---- server.c. What the configuration says of that option, malloc'ed; NULL: it says nothing. */
char *ctl_option(const struct ctl *ctl, const char *option);
/* A connected descriptor; else -CTL_FAILED or -CTL_NOT_RUNNING, and the message was printed.
 * `may_start`: where no server runs, start one that has no ports. *child_r gets its process, or 0.
 */
int ctl_connect(const struct ctl *ctl, bool may_start, pid_t *child_r);
/* Waits for the other side's end. */
void ctl_disconnect(int fd, pid_t child);
/* After a stop: waits until another server may use the data, for a minute at most. */
void ctl_await_lock(const struct ctl *ctl);
/* Becomes the server's program, with more words (ending with NULL); returns, the message printed,
 * only where it cannot. */
void ctl_exec(const struct ctl *ctl, const char *const *words);
/* Runs the server's program with more words (ending with NULL): its standard output goes to `line`,
 * line by line; with --json its standard error, too. Its exit status; -1: it did not end by itself.
 */
int ctl_program(const struct ctl *ctl, const char *const *words,
                void (*line)(const char *text, void *data), void *data);

/* ---- talk.c */
struct talk;
struct talk_fns {
	void (*output)(const char *text, void *data);
	void (*row)(const char *json, void *data); /* only where the request asked for JSON */
	/* Called for each request that has ended; code PC_OK or PC_E*. */
	void (*ended)(unsigned long tag, int code, const char *text, void *data);
};
struct talk *talk_new(int fd, const struct talk_fns *fns, void *data);
void talk_free(struct talk **t);
/* Sends a request under this tag; waits while too many are under way. PC_EINVAL: a word cannot be
 * sent; PC_EIO: the other side has gone. */
int talk_ask(struct talk *t, unsigned long tag, const char *const *words, size_t n);
/* Waits until everything has been answered. PC_EIO: the other side has gone before; PC_ECANCELED:
 * there was an interrupt, where one is waited for. */
int talk_finish(struct talk *t);
/* From here on, until the call with false: an interrupt (Ctrl-C) ends waiting, not the program. */
void talk_interruptible(bool on);
/* Waits until the other side closes: the server has ended. */
void talk_await_end(struct talk *t);

/* ---- qr.c. Shows a line that is a link as a QR code, too, where that can be. */
void ctl_show_link(const char *line);

/* ---- password.c. From the terminal, twice and without echo, or a line of standard input.
 * malloc'ed; NULL: the message was printed. */
char *ctl_password(void);

/* ---- answer.c. One answer at a time. For people it is printed as it comes, errors on standard
 * error; for programs it is one value of JSON at its end. */
void answer_begin(bool json, bool quiet);
bool answer_is_json(void);
/* Rows leave one by one as soon as they come, an object a line: for what goes on. */
void answer_stream(void);
void answer_line(const char *text);
void answer_row(const char *json);                          /* for programs alone */
void answer_text(const char *format, ...) PC_PRINTF(1, 2);  /* a summary */
void answer_error(const char *format, ...) PC_PRINTF(1, 2); /* what went wrong */
/* Ends it; `status` is returned. */
int answer_end(int status);
int answer_status(int err); /* what a PC_E* is to the outside */

/* ---- options.c. Takes the options off the line; `inner`: of a line of the shell, which cannot
 * choose another server. The exit status where there is nothing more to do (answered), or -1. */
int ctl_options(struct ctl *ctl, struct line *line, bool inner, int argc, char **argv);
void ctl_usage(FILE *to);

/* ---- run.c. The exit status. */
int ctl_line(const struct ctl *ctl, const struct line *line);
/* Runs a command of the server's; its answer is not ended yet. */
int ctl_run(const struct ctl *ctl, const char *const *words, size_t n);
/* What prosody-ctl does by itself, for completion: "check config", ...; ends with NULL. */
extern const char *const ctl_own_commands[];

/* ---- shell.c. Reads lines from standard input until its end, or "exit". The exit status. */
int ctl_shell(const struct ctl *ctl);
/* Does the line have a password in it? */
bool shell_has_secret(const char *const *words, size_t n);

/* ---- edit.c. */
struct edit;
/* Called with the words before the cursor, the last of which is to be completed (maybe ""); answers
 * by edit_offer(). */
typedef void edit_complete_fn(struct edit *e, const char *const *words, size_t n, void *data);
struct edit *edit_new(edit_complete_fn *complete, void *data);
void edit_offer(struct edit *e, const char *word);
void edit_free(struct edit **e);
/* The next line, to be freed; NULL at the end. */
char *edit_read(struct edit *e);
/* Remembers the line. */
void edit_remember(struct edit *e, const char *line);

/* ---- moving.c. Commands whose arguments are files of the caller's: `ctl_moves` says which. */
bool ctl_moves(const char *command);
int ctl_move(const struct ctl *ctl, const char *const *words, size_t n,
             const struct ctl_moving *how);

/* ---- csv.c. Lines user,domain,password. The exit status. */
int ctl_csv(const struct ctl *ctl, const char *file);
