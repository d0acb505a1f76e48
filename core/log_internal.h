/*
 * log_internal.h - sinks: where lines of the log go. For core/log*.c only.
 *
 * A sink takes whole lines and never waits: what a full or stuck one cannot take is dropped, and
 * the next line that gets through is preceded by one that says how many. All under one lock
 * (log.c).
 */
#pragma once

#include <stdint.h>

#include <prosody-c/log.h>

#define PC__LOG_LINE 4096 /* bytes of a line with all around it: what a pipe takes in one piece */

enum pc__sink_kind { PC__SINK_STDERR, PC__SINK_STDOUT, PC__SINK_FILE, PC__SINK_SYSLOG };

struct pc__sink {
	struct pc__sink *next;
	enum pc__sink_kind kind;
	unsigned levels; /* bits: 1 << pc_level */
	bool timestamps;
	bool priorities; /* the journal reads "<6>" before each line */
	bool seekable;   /* a file on a disk: writing does not wait for anybody */
	bool socket;
	bool torn;    /* the last line went out in part */
	int fd;       /* -1: none */
	char *path;   /* of files */
	int facility; /* of syslog */
	uint64_t dropped;
};

/* A line as it came, its text escaped. */
struct pc__line {
	pc_level level;
	const char *source;
	const char *text;
	size_t len;
};

struct pc__sink *pc__sink_new(enum pc__sink_kind kind, const char *path, unsigned levels);
/* Opens it (again). 0, or an errno: what was open stays then. */
int pc__sink_open(struct pc__sink *sink);
void pc__sink_free(struct pc__sink **sink);
void pc__sink_write(struct pc__sink *sink, const struct pc__line *line);

/* Copies the text with what is not to be printed escaped: control characters, line ends, bytes that
 * are not UTF-8, what turns the direction of writing. Returns the length; cuts at `size`. */
size_t pc__log_escape(const char *text, size_t len, char *out, size_t size);

/* What the option `log` says: a list of sinks, not opened. NULL where it says nothing sensible. */
struct pc__sink *pc__log_sinks(void);
