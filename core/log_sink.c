/*
 * log_sink.c - a line into a file, a pipe, a terminal, syslog or the journal, without waiting.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "log_internal.h"
#include "util/mem.h"

#define SYSLOG_SOCKET "/dev/log"
#define JOURNAL_SOCKET "/run/systemd/journal/socket"

struct pc__sink *pc__sink_new(enum pc__sink_kind kind, const char *path, unsigned levels)
{
	struct pc__sink *sink = pc__alloc(sizeof(*sink));

	sink->kind = kind;
	sink->path = pc__strdup(path);
	sink->levels = levels;
	sink->timestamps = true;
	sink->facility = 3; /* daemons */
	sink->fd = -1;
	return sink;
}

static bool owns_fd(const struct pc__sink *sink)
{
	return sink->kind != PC__SINK_STDERR && sink->kind != PC__SINK_STDOUT;
}

const char *pc__sink_word(const struct pc__sink *sink)
{
	static const char *const words[] = {
		[PC__SINK_STDERR] = "console",  [PC__SINK_STDOUT] = "stdout",
		[PC__SINK_FILE] = "file",       [PC__SINK_SYSLOG] = "syslog",
		[PC__SINK_JOURNAL] = "journal", [PC__SINK_PIPE] = "watch",
	};

	return sink->path ? sink->path : words[sink->kind];
}

const char *pc__sink_name(const struct pc__sink *sink)
{
	static const char *const names[] = { [PC__SINK_STDERR] = "standard error",
		                             [PC__SINK_STDOUT] = "standard output",
		                             [PC__SINK_FILE] = "a file",
		                             [PC__SINK_SYSLOG] = "syslog (" SYSLOG_SOCKET ")",
		                             [PC__SINK_JOURNAL] =
		                                     "the journal (" JOURNAL_SOCKET ")",
		                             [PC__SINK_PIPE] = "a watch" };

	return sink->path ? sink->path : names[sink->kind];
}

/* ------------------------------------------------------------ opening */

static int open_socket(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	memcpy(to.sun_path, path, strlen(path) + 1);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		err = errno;
		close(fd);
		errno = err;
		return -1;
	}
	return fd;
}

static int open_kind(const struct pc__sink *sink)
{
	switch (sink->kind) {
	case PC__SINK_STDERR:
		return STDERR_FILENO;
	case PC__SINK_STDOUT:
		return STDOUT_FILENO;
	case PC__SINK_FILE:
		return open(sink->path,
		            O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		            0640);
	case PC__SINK_SYSLOG:
		return open_socket(SYSLOG_SOCKET);
	case PC__SINK_JOURNAL:
		return open_socket(JOURNAL_SOCKET);
	case PC__SINK_PIPE:
		break;
	}
	return -1;
}

/* Is standard error a stream to the journal? systemd names its device and inode. */
static bool is_journal(const struct stat *st)
{
	const char *name = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;

	return name && sscanf(name, "%llu:%llu", &device, &inode) == 2 && st->st_dev == device &&
	       st->st_ino == inode;
}

/* Files, logs of containers and whoever asks not to (no-color.org) get none. */
static bool shows_colour(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && (no == NULL || *no == '\0') && term && strcmp(term, "dumb") != 0;
}

static void look_at(struct pc__sink *sink)
{
	struct stat st;

	if (fstat(sink->fd, &st) < 0)
		return;
	sink->seekable = S_ISREG(st.st_mode);
	sink->socket = S_ISSOCK(st.st_mode);
	sink->priorities = sink->kind == PC__SINK_STDERR && is_journal(&st);
	sink->colour = !owns_fd(sink) && shows_colour(sink->fd);
	if (sink->priorities)
		sink->timestamps = false;
}

int pc__sink_open(struct pc__sink *sink)
{
	int fd = open_kind(sink);

	if (fd < 0)
		return errno;
	if (owns_fd(sink) && sink->fd >= 0)
		close(sink->fd);
	sink->fd = fd;
	sink->torn = false;
	look_at(sink);
	return 0;
}

bool pc__sink_adopt(struct pc__sink *sink, struct pc__sink *from)
{
	if (sink->kind != PC__SINK_FILE || from->kind != PC__SINK_FILE || from->fd < 0 ||
	    strcmp(sink->path, from->path) != 0)
		return false;
	sink->fd = from->fd;
	sink->torn = from->torn;
	sink->dropped = from->dropped;
	from->fd = -1;
	from->dropped = 0;
	look_at(sink);
	return true;
}

/* ------------------------------------------------------------ writing */

/* A pipe or terminal that is ready takes PC__LOG_LINE bytes without waiting. */
static bool ready(const struct pc__sink *sink)
{
	struct pollfd p = { .fd = sink->fd, .events = POLLOUT };

	return sink->seekable || sink->socket ||
	       (poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0);
}

/* 0, or an errno. */
static int put(struct pc__sink *sink, const char *line, size_t len)
{
	ssize_t n;

	if (sink->fd < 0)
		return ENOTCONN;
	if (!ready(sink))
		return EAGAIN;
	do {
		n = sink->socket ? send(sink->fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL)
		                 : write(sink->fd, line, len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno;
	if (n > 0)
		sink->torn = (size_t)n < len;
	return n == (ssize_t)len ? 0 : ENOSPC;
}

/* Who listened there may have been started again, or later than we. */
static bool may_open_again(struct pc__sink *sink, int err)
{
	time_t now = time(NULL);

	if ((sink->kind != PC__SINK_SYSLOG && sink->kind != PC__SINK_JOURNAL) || err == EAGAIN ||
	    err == EMSGSIZE || sink->tried == now)
		return false;
	sink->tried = now;
	return pc__sink_open(sink) == 0;
}

static bool put_line(struct pc__sink *sink, const struct pc__line *line)
{
	char out[PC__LOG_LINE];
	size_t len = pc__log_format(sink, line, out);
	int err = put(sink, out, len);

	if (err != 0 && may_open_again(sink, err))
		err = put(sink, out, len);
	return err == 0;
}

static bool tell_dropped(struct pc__sink *sink)
{
	char text[80];
	int len = snprintf(text, sizeof(text), "%llu lines could not be written here",
	                   (unsigned long long)sink->dropped);
	struct pc__line line = {
		.level = PC_WARN, .source = "log", .text = text, .len = (size_t)len
	};

	return put_line(sink, &line);
}

bool pc__sink_write(struct pc__sink *sink, const struct pc__line *line)
{
	if (sink->dropped > 0 && tell_dropped(sink))
		sink->dropped = 0;
	if (sink->dropped == 0 && put_line(sink, line))
		return true;
	sink->dropped++;
	return false;
}

void pc__sink_free(struct pc__sink **sink)
{
	if ((*sink)->dropped > 0)
		tell_dropped(*sink);
	if (owns_fd(*sink) && (*sink)->fd >= 0)
		close((*sink)->fd);
	free((*sink)->path);
	free((*sink)->stamp);
	pc__free(sink);
}
