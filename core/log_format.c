/*
 * log_format.c - a line as each kind of sink wants it: text, an object of JSON, a datagram.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log_internal.h"

#define NAME "prosody-c"

const char *const pc__level_names[4] = { "debug", "info", "warn", "error" };
static const int syslog_levels[] = { 7, 6, 4, 3 }; /* RFC 5424 section 6.2.1 */
static const char *const colours[] = { "\033[2m", "", "\033[33m", "\033[1;31m" };

struct out {
	char *at;
	size_t len;
};

static void put(struct out *out, const char *format, ...) PC_PRINTF(2, 3);

static void put(struct out *out, const char *format, ...)
{
	size_t room = PC__LOG_LINE - out->len;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(out->at + out->len, room, format, args);
	va_end(args);
	if (n > 0)
		out->len += (size_t)n < room ? (size_t)n : room - 1;
}

/* All of what fits, with `tail` bytes left free. */
static void put_bytes(struct out *out, const char *bytes, size_t len, size_t tail)
{
	size_t room = PC__LOG_LINE - out->len - tail;

	if (len > room)
		len = room;
	memcpy(out->at + out->len, bytes, len);
	out->len += len;
}

/* ------------------------------------------------------------ text */

static void put_stamp(struct out *out, const char *format)
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	out->len += strftime(out->at + out->len, 100, format ? format : "%Y-%m-%d %H:%M:%S", &tm);
	if (format == NULL)
		put(out, ".%03ld", now.tv_nsec / 1000000);
	put(out, " ");
}

static void put_session(struct out *out, const struct pc__line *line)
{
	const char *ip = line->ip ? line->ip : "";

	if (line->session)
		put(out, "[%llu%s%.60s] ", (unsigned long long)line->session, *ip ? " " : "", ip);
	else if (*ip)
		put(out, "[%.60s] ", ip);
}

static void put_words(const struct pc__sink *sink, const struct pc__line *line, struct out *out)
{
	const char *colour = sink->colour ? colours[line->level] : "";

	put(out, "%-24.200s %s%-5s%s ", line->source, colour, pc__level_names[line->level],
	    *colour ? "\033[0m" : "");
	put_session(out, line);
	put_bytes(out, line->text, line->len, 1);
}

static void format_text(const struct pc__sink *sink, const struct pc__line *line, struct out *out)
{
	if (sink->priorities)
		put(out, "<%d>", syslog_levels[line->level]);
	if (sink->timestamps)
		put_stamp(out, sink->stamp);
	put_words(sink, line, out);
	put(out, "\n");
}

/* ------------------------------------------------------------ JSON */

/* The text is escaped already: what is left are two characters, and ends that must not be cut into.
 */
static void put_json(struct out *out, const char *text, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		n = 1;
		while (i + n < len && ((unsigned char)text[i + n] & 0xc0) == 0x80)
			n++;
		if (out->len + n + 8 > PC__LOG_LINE)
			return;
		if (text[i] == '"' || text[i] == '\\')
			put_bytes(out, "\\", 1, 0);
		put_bytes(out, text + i, n, 0);
	}
}

static void format_json(const struct pc__line *line, struct out *out)
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	put(out, "{\"time\":\"");
	out->len += strftime(out->at + out->len, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	put(out, ".%03ldZ\",\"level\":\"%s\",\"source\":\"", now.tv_nsec / 1000000,
	    pc__level_names[line->level]);
	put_json(out, line->source, strnlen(line->source, 200));
	put(out, "\"");
	if (line->session)
		put(out, ",\"session\":%llu", (unsigned long long)line->session);
	if (line->ip)
		put(out, ",\"ip\":\"%.60s\"", line->ip);
	put(out, ",\"text\":\"");
	put_json(out, line->text, line->len);
	put(out, "\"}\n");
}

/* ------------------------------------------------------------ datagrams */

static void format_syslog(const struct pc__sink *sink, const struct pc__line *line, struct out *out)
{
	put(out, "<%d>" NAME "[%ld]: %.200s %s ", sink->facility * 8 + syslog_levels[line->level],
	    (long)getpid(), line->source, pc__level_names[line->level]);
	put_session(out, line);
	put_bytes(out, line->text, line->len, 0);
}

/* A field a line: nothing in them has a line end (systemd.io/JOURNAL_NATIVE_PROTOCOL). */
static void format_journal(const struct pc__sink *sink, const struct pc__line *line,
                           struct out *out)
{
	put(out, "PRIORITY=%d\nSYSLOG_FACILITY=%d\nSYSLOG_IDENTIFIER=" NAME "\nSYSLOG_PID=%ld\n",
	    syslog_levels[line->level], sink->facility, (long)getpid());
	put(out, "PROSODY_SOURCE=%.200s\n", line->source);
	if (line->session)
		put(out, "PROSODY_SESSION=%llu\n", (unsigned long long)line->session);
	if (line->ip)
		put(out, "PROSODY_IP=%.60s\n", line->ip);
	put(out, "MESSAGE=%.200s: ", line->source);
	put_bytes(out, line->text, line->len, 1);
	put(out, "\n");
}

size_t pc__log_format(const struct pc__sink *sink, const struct pc__line *line,
                      char at[static PC__LOG_LINE])
{
	struct out out = { at, 0 };

	if (sink->torn && !sink->socket)
		put(&out, "\n");
	if (sink->kind == PC__SINK_SYSLOG)
		format_syslog(sink, line, &out);
	else if (sink->kind == PC__SINK_JOURNAL)
		format_journal(sink, line, &out);
	else if (sink->json)
		format_json(line, &out);
	else
		format_text(sink, line, &out);
	return out.len;
}
