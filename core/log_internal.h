/*
 * log_internal.h - sinks: where lines of the log go. For core/log*.c only.
 *
 * A sink takes whole lines and never waits: what a full or stuck one cannot take is dropped, and
 * the next line that gets through is preceded by one that says how many. All under one lock
 * (log.c).
 */
#pragma once

#include <stdint.h>
#include <time.h>

#include <prosody-c/log.h>

#define PC__LOG_LINE 4096 /* bytes of a line with all around it: what a pipe takes in one piece */
#define PC__LOG_TEXT (PC__LOG_LINE - 400) /* of the text alone */

enum pc__sink_kind {
	PC__SINK_STDERR,
	PC__SINK_STDOUT,
	PC__SINK_FILE,
	PC__SINK_SYSLOG,  /* datagrams to /dev/log */
	PC__SINK_JOURNAL, /* datagrams to journald's own socket, with fields */
	PC__SINK_PIPE     /* to who watches the log; never opened again */
};

struct pc__sink {
	struct pc__sink *next;
	enum pc__sink_kind kind;
	unsigned levels; /* bits: 1 << pc_level */
	bool timestamps;
	bool json;       /* an object a line */
	bool colour;     /* a terminal */
	bool priorities; /* the journal reads "<6>" before each line */
	bool seekable;   /* a file on a disk: writing does not wait for anybody */
	bool socket;
	bool torn;    /* the last line went out in part */
	int fd;       /* -1: none */
	char *path;   /* of files */
	char *stamp;  /* strftime's, of timestamps; NULL: the usual ones */
	int facility; /* of syslog and journal */
	uint64_t dropped;
	time_t tried; /* when a socket was last opened again */
};

/* A line as it came, its text escaped. */
struct pc__line {
	pc_level level;
	const char *source;
	pc_session_id session; /* 0: none */
	const char *ip;        /* NULL: not known */
	const char *text;
	size_t len;
};

extern const char *const pc__level_names[4];

struct pc__sink *pc__sink_new(enum pc__sink_kind kind, const char *path, unsigned levels);
/* Opens it (again). 0, or an errno: what was open stays then. */
int pc__sink_open(struct pc__sink *sink);
void pc__sink_free(struct pc__sink **sink);
/* Takes the descriptor of one for the same file, which cannot be opened any more. */
bool pc__sink_adopt(struct pc__sink *sink, struct pc__sink *from);
/* What `log` calls it: the file, or its kind. */
const char *pc__sink_word(const struct pc__sink *sink);
/* For messages: the file, or what it is. */
const char *pc__sink_name(const struct pc__sink *sink);
/* false: it was dropped. */
bool pc__sink_write(struct pc__sink *sink, const struct pc__line *line);

/* log_format.c: the line as this sink wants it, at most PC__LOG_LINE bytes. Returns the length. */
size_t pc__log_format(const struct pc__sink *sink, const struct pc__line *line,
                      char out[static PC__LOG_LINE]);

/* Copies the text with what is not to be printed escaped: control characters, line ends, bytes that
 * are not UTF-8, what turns the direction of writing. Returns the length; cuts at `size`. */
size_t pc__log_escape(const char *text, size_t len, char *out, size_t size);

/* What the option `log` says: a list of sinks, not opened. NULL where it says nothing sensible. */
struct pc__sink *pc__log_sinks(void);
