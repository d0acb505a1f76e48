/*
 * log_sink.c - a line into a file, a pipe, a terminal or syslog, without waiting.
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
#include <time.h>
#include <unistd.h>

#include "log_internal.h"
#include "util/mem.h"

static const char *const level_names[] = { "debug", "info", "warn", "error" };
static const int syslog_levels[] = { 7, 6, 4, 3 }; /* RFC 5424 section 6.2.1 */

struct pc__sink *pc__sink_new(enum pc__sink_kind kind, const char *path, unsigned levels)
{
	struct pc__sink *sink = pc__alloc(sizeof(*sink));

	sink->kind = kind;
	sink->path = pc__strdup(path);
	sink->levels = levels;
	sink->timestamps = kind != PC__SINK_SYSLOG;
	sink->facility = 3; /* daemons */
	sink->fd = -1;
	return sink;
}

static bool owns_fd(const struct pc__sink *sink)
{
	return sink->kind == PC__SINK_FILE || sink->kind == PC__SINK_SYSLOG;
}

void pc__sink_free(struct pc__sink **sink)
{
	if (owns_fd(*sink) && (*sink)->fd >= 0)
		close((*sink)->fd);
	free((*sink)->path);
	pc__free(sink);
}

/* ---- opening */

static int open_syslog(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

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
		return open_syslog();
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

int pc__sink_open(struct pc__sink *sink)
{
	int fd = open_kind(sink);
	struct stat st;

	if (fd < 0)
		return errno;
	if (owns_fd(sink) && sink->fd >= 0)
		close(sink->fd);
	sink->fd = fd;
	sink->torn = false;
	if (fstat(fd, &st) < 0)
		return 0;
	sink->seekable = S_ISREG(st.st_mode);
	sink->socket = S_ISSOCK(st.st_mode);
	sink->priorities = sink->kind == PC__SINK_STDERR && is_journal(&st);
	if (sink->priorities)
		sink->timestamps = false;
	return 0;
}

/* ---- writing */

/* A pipe or terminal that is ready takes PC__LOG_LINE bytes without waiting. */
static bool ready(const struct pc__sink *sink)
{
	struct pollfd p = { .fd = sink->fd, .events = POLLOUT };

	return sink->seekable || sink->socket ||
	       (poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0);
}

static bool put(struct pc__sink *sink, const char *line, size_t len)
{
	ssize_t n;

	if (sink->fd < 0 || !ready(sink))
		return false;
	do {
		n = sink->socket ? send(sink->fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL)
		                 : write(sink->fd, line, len);
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		sink->torn = (size_t)n < len;
	return n == (ssize_t)len;
}

static size_t put_time(char *out, size_t size)
{
	struct timespec now;
	struct tm tm;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	len = strftime(out, size, "%Y-%m-%d %H:%M:%S", &tm);
	return len + (size_t)snprintf(out + len, size - len, ".%03ld ", now.tv_nsec / 1000000);
}

/* What stands before the text; small beside PC__LOG_LINE. */
static size_t put_head(const struct pc__sink *sink, const struct pc__line *line, char *out,
                       size_t size)
{
	size_t len = 0;

	if (sink->torn && sink->kind != PC__SINK_SYSLOG)
		out[len++] = '\n';
	if (sink->kind == PC__SINK_SYSLOG)
		len += (size_t)snprintf(out + len, size - len, "<%d>prosody-c[%d]: ",
		                        sink->facility * 8 + syslog_levels[line->level],
		                        (int)getpid());
	else if (sink->priorities)
		len += (size_t)snprintf(out + len, size - len, "<%d>", syslog_levels[line->level]);
	if (sink->timestamps)
		len += put_time(out + len, size - len);
	len += (size_t)snprintf(out + len, size - len, "%-24.200s %-5s ", line->source,
	                        level_names[line->level]);
	return len;
}

static bool put_line(struct pc__sink *sink, const struct pc__line *line)
{
	char out[PC__LOG_LINE];
	size_t len = put_head(sink, line, out, sizeof(out)), room = sizeof(out) - len - 1;
	size_t n = line->len < room ? line->len : room;

	memcpy(out + len, line->text, n);
	len += n;
	out[len++] = '\n';
	return put(sink, out, len);
}

static bool tell_dropped(struct pc__sink *sink)
{
	char text[80];
	int len = snprintf(text, sizeof(text), "%llu lines could not be written here",
	                   (unsigned long long)sink->dropped);
	struct pc__line line = { PC_WARN, "log", text, (size_t)len };

	return put_line(sink, &line);
}

void pc__sink_write(struct pc__sink *sink, const struct pc__line *line)
{
	if (sink->dropped > 0 && tell_dropped(sink))
		sink->dropped = 0;
	if (sink->dropped > 0 || !put_line(sink, line))
		sink->dropped++;
	if (sink->dropped > 0 && sink->kind == PC__SINK_SYSLOG)
		pc__sink_open(sink); /* the syslog service may have been restarted */
}
