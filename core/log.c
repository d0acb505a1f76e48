/*
 * log.c - lines of the log: made on any thread, handed to every sink that wants their level.
 */
#include "log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hosts.h"
#include "log_internal.h"
#include "modules.h"
#include "util/mem.h"

#define TEXT_MAX (PC__LOG_LINE - 300) /* the rest is for what stands before it */

static struct {
	pthread_mutex_t lock;
	struct pc__sink *sinks;
	bool begun; /* else standard error takes the lines from info on */
} log_state = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Bits of the levels that any sink takes: read without the lock. */
static atomic_uint levels = (1u << PC_INFO) | (1u << PC_WARN) | (1u << PC_ERROR);

bool pc_log_enabled(pc_level level)
{
	return (atomic_load_explicit(&levels, memory_order_relaxed) >> level & 1) != 0;
}

/* ---- sinks */

static struct pc__sink *console(unsigned wanted)
{
	struct pc__sink *sink = pc__sink_new(PC__SINK_STDERR, NULL, wanted);

	pc__sink_open(sink);
	return sink;
}

/* Under the lock. */
static void replace(struct pc__sink *sinks)
{
	unsigned all = 0;

	while (log_state.sinks) {
		struct pc__sink *old = log_state.sinks;

		log_state.sinks = old->next;
		pc__sink_free(&old);
	}
	log_state.sinks = sinks;
	log_state.begun = sinks != NULL;
	for (; sinks; sinks = sinks->next)
		all |= sinks->levels;
	atomic_store(&levels, all);
}

static void write_line(const char *source, pc_level level, const char *text, size_t len)
{
	char escaped[TEXT_MAX];
	struct pc__line line = { level, source, escaped,
		                 pc__log_escape(text, len, escaped, sizeof(escaped)) };

	pthread_mutex_lock(&log_state.lock);
	if (!log_state.begun)
		replace(console(atomic_load(&levels)));
	for (struct pc__sink *sink = log_state.sinks; sink; sink = sink->next)
		if (sink->levels >> level & 1)
			pc__sink_write(sink, &line);
	pthread_mutex_unlock(&log_state.lock);
}

/* ---- lines */

struct text {
	char at[TEXT_MAX];
	size_t len;
};

static void add(struct text *t, const char *format, va_list args)
{
	int n = vsnprintf(t->at + t->len, sizeof(t->at) - t->len, format, args);
	size_t room = sizeof(t->at) - 1 - t->len;

	if (n > 0)
		t->len += (size_t)n < room ? (size_t)n : room;
}

void pc__log(const char *source, pc_level level, const char *format, ...)
{
	struct text t = { .len = 0 };
	va_list args;

	if (!pc_log_enabled(level))
		return;
	va_start(args, format);
	add(&t, format, args);
	va_end(args);
	write_line(source, level, t.at, t.len);
}

/* "example.org:ping"; "*:c2s" of global modules. */
static void name_source(const pc_module *m, char *out, size_t size)
{
	if (m == NULL)
		snprintf(out, size, "module");
	else
		snprintf(out, size, "%s:%s", m->host ? m->host->name : "*", m->def->name);
}

void pc_log(const pc_module *m, pc_level level, const char *format, ...)
{
	struct text t = { .len = 0 };
	char source[200];
	va_list args;

	if (!pc_log_enabled(level))
		return;
	name_source(m, source, sizeof(source));
	va_start(args, format);
	add(&t, format, args);
	va_end(args);
	write_line(source, level, t.at, t.len);
}

void pc_log_session(const pc_module *m, const pc_session *s, pc_level level, const char *format,
                    ...)
{
	struct text t = { .len = 0 };
	char source[200];
	va_list args;
	int n;

	if (!pc_log_enabled(level))
		return;
	name_source(m, source, sizeof(source));
	n = snprintf(t.at, sizeof(t.at), "[%llu%s%s] ", (unsigned long long)s->id,
	             s->ip && *s->ip ? " " : "", s->ip ? s->ip : "");
	t.len = n > 0 ? (size_t)n : 0;
	va_start(args, format);
	add(&t, format, args);
	va_end(args);
	write_line(source, level, t.at, t.len);
}

/* ---- life */

/* A file that cannot be opened must not silence the others. */
static struct pc__sink *open_all(struct pc__sink *sinks)
{
	struct pc__sink **at = &sinks;

	while (*at) {
		struct pc__sink *sink = *at;
		int err = pc__sink_open(sink);

		if (err == 0) {
			at = &sink->next;
			continue;
		}
		pc__log("log", PC_ERROR, "%s: %s", sink->path ? sink->path : "syslog",
		        strerror(err));
		*at = sink->next;
		pc__sink_free(&sink);
	}
	return sinks;
}

void pc__log_setup(void)
{
	struct pc__sink *sinks = open_all(pc__log_sinks());

	if (sinks == NULL)
		sinks = console(1u << PC_INFO | 1u << PC_WARN | 1u << PC_ERROR);
	pthread_mutex_lock(&log_state.lock);
	replace(sinks);
	pthread_mutex_unlock(&log_state.lock);
}

void pc__log_reopen(void)
{
	pthread_mutex_lock(&log_state.lock);
	for (struct pc__sink *sink = log_state.sinks; sink; sink = sink->next)
		pc__sink_open(sink);
	pthread_mutex_unlock(&log_state.lock);
}

void pc__log_free(void)
{
	pthread_mutex_lock(&log_state.lock);
	replace(NULL);
	atomic_store(&levels, 1u << PC_INFO | 1u << PC_WARN | 1u << PC_ERROR);
	pthread_mutex_unlock(&log_state.lock);
}
