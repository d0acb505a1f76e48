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

static struct {
	pthread_mutex_t lock;
	struct pc__sink *sinks;
	struct pc__sink *watches; /* they outlive reloads */
	bool begun;               /* else standard error takes the lines from info on */
	uint64_t dropped;
} log_state = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Bits of the levels that any sink takes: read without the lock. */
static atomic_uint levels = (1u << PC_INFO) | (1u << PC_WARN) | (1u << PC_ERROR);

static _Thread_local pc_session_id about;

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

static unsigned levels_of(const struct pc__sink *sink)
{
	unsigned all = 0;

	for (; sink; sink = sink->next)
		all |= sink->levels;
	return all;
}

/* Under the lock, after any change of sinks. */
static void note_levels(void)
{
	atomic_store(&levels, levels_of(log_state.sinks) | levels_of(log_state.watches));
}

/* Under the lock. */
static void replace(struct pc__sink *sinks)
{
	while (log_state.sinks) {
		struct pc__sink *old = log_state.sinks;

		log_state.sinks = old->next;
		pc__sink_free(&old);
	}
	log_state.sinks = sinks;
	log_state.begun = sinks != NULL;
	note_levels();
}

/* `like` but for the text. */
static void write_line(const struct pc__line *like, const char *text, size_t len)
{
	char escaped[PC__LOG_TEXT];
	struct pc__line line = *like;

	line.text = escaped;
	line.len = pc__log_escape(text, len, escaped, sizeof(escaped));
	if (line.session == 0)
		line.session = about;
	pthread_mutex_lock(&log_state.lock);
	if (!log_state.begun)
		replace(console(atomic_load(&levels)));
	for (struct pc__sink *sink = log_state.sinks; sink; sink = sink->next)
		if (sink->levels >> line.level & 1)
			log_state.dropped += !pc__sink_write(sink, &line);
	for (struct pc__sink *sink = log_state.watches; sink; sink = sink->next)
		if (sink->levels >> line.level & 1)
			pc__sink_write(sink, &line);
	pthread_mutex_unlock(&log_state.lock);
}

/* ---- lines */

static void say(const struct pc__line *line, const char *format, va_list args)
{
	char text[PC__LOG_TEXT];
	int n = vsnprintf(text, sizeof(text), format, args);

	if (n >= 0)
		write_line(line, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

void pc__log(const char *source, pc_level level, const char *format, ...)
{
	struct pc__line line = { .level = level, .source = source };
	va_list args;

	if (!pc_log_enabled(level))
		return;
	va_start(args, format);
	say(&line, format, args);
	va_end(args);
}

static void set_session(struct pc__line *line, const pc_session *s)
{
	if (s == NULL)
		return;
	line->session = s->id;
	line->ip = s->ip && *s->ip ? s->ip : NULL;
}

void pc__log_session(const char *source, const pc_session *s, pc_level level, const char *format,
                     ...)
{
	struct pc__line line = { .level = level, .source = source };
	va_list args;

	if (!pc_log_enabled(level))
		return;
	set_session(&line, s);
	va_start(args, format);
	say(&line, format, args);
	va_end(args);
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
	char source[200];
	struct pc__line line = { .level = level, .source = source };
	va_list args;

	if (!pc_log_enabled(level))
		return;
	name_source(m, source, sizeof(source));
	va_start(args, format);
	say(&line, format, args);
	va_end(args);
}

void pc_log_session(const pc_module *m, const pc_session *s, pc_level level, const char *format,
                    ...)
{
	char source[200];
	struct pc__line line = { .level = level, .source = source };
	va_list args;

	if (!pc_log_enabled(level))
		return;
	name_source(m, source, sizeof(source));
	set_session(&line, s);
	va_start(args, format);
	say(&line, format, args);
	va_end(args);
}

pc_session_id pc__log_about(pc_session_id session)
{
	pc_session_id before = about;

	about = session;
	return before;
}

uint64_t pc__log_dropped(void)
{
	uint64_t dropped;

	pthread_mutex_lock(&log_state.lock);
	dropped = log_state.dropped;
	pthread_mutex_unlock(&log_state.lock);
	return dropped;
}

/* ---- sinks, while the server runs */

size_t pc__log_views(struct pc__log_view **views_r)
{
	size_t n = 0;

	*views_r = NULL;
	pthread_mutex_lock(&log_state.lock);
	for (const struct pc__sink *sink = log_state.sinks; sink; sink = sink->next) {
		*views_r = pc__realloc(*views_r, (n + 1) * sizeof(**views_r));
		(*views_r)[n++] = (struct pc__log_view){ pc__strdup(pc__sink_word(sink)),
			                                 sink->levels, sink->json, sink->dropped };
	}
	pthread_mutex_unlock(&log_state.lock);
	return n;
}

size_t pc__log_set_level(const char *name, pc_level level)
{
	size_t n = 0;

	pthread_mutex_lock(&log_state.lock);
	for (struct pc__sink *sink = log_state.sinks; sink; sink = sink->next) {
		if (name && strcmp(pc__sink_word(sink), name) != 0)
			continue;
		sink->levels = 0xfu << level & 0xfu;
		n++;
	}
	note_levels();
	pthread_mutex_unlock(&log_state.lock);
	return n;
}

void pc__log_watch(int fd, pc_level level)
{
	struct pc__sink *sink = pc__sink_new(PC__SINK_PIPE, NULL, 0xfu << level & 0xfu);

	sink->fd = fd;
	pthread_mutex_lock(&log_state.lock);
	sink->next = log_state.watches;
	log_state.watches = sink;
	note_levels();
	pthread_mutex_unlock(&log_state.lock);
}

void pc__log_unwatch(int fd)
{
	struct pc__sink **at = &log_state.watches, *sink;

	pthread_mutex_lock(&log_state.lock);
	while (*at && (*at)->fd != fd)
		at = &(*at)->next;
	sink = *at;
	if (sink) {
		*at = sink->next;
		pc__sink_free(&sink);
	}
	note_levels();
	pthread_mutex_unlock(&log_state.lock);
}

/* ---- life */

/* The file that is open is written on, where the same name cannot be opened any more. */
static bool keep_open(struct pc__sink *sink)
{
	bool kept = false;

	pthread_mutex_lock(&log_state.lock);
	for (struct pc__sink *old = log_state.sinks; old && !kept; old = old->next)
		kept = pc__sink_adopt(sink, old);
	pthread_mutex_unlock(&log_state.lock);
	return kept;
}

/* true: the sink is of use, now or later. Said to the sinks that are in use still. */
static bool open_or_tell(struct pc__sink *sink)
{
	const char *name = pc__sink_name(sink);
	int err = pc__sink_open(sink);
	bool is_file = sink->kind == PC__SINK_FILE;

	if (err == 0)
		return true;
	pc__log("log", PC_ERROR,
	        is_file ? "the log file %s cannot be opened: %s"
	                : "%s cannot be reached, and is tried again later: %s",
	        name, strerror(err));
	if (!is_file)
		return true;
	if (!keep_open(sink))
		return false;
	pc__log("log", PC_WARN, "what was open as %s is written to still", name);
	return true;
}

/* A sink that cannot be opened must not silence the others. */
static struct pc__sink *open_all(struct pc__sink *sinks, bool *heard_r)
{
	struct pc__sink **at = &sinks;

	while (*at) {
		struct pc__sink *sink = *at;

		if (open_or_tell(sink)) {
			*heard_r |= sink->fd >= 0;
			at = &sink->next;
			continue;
		}
		*at = sink->next;
		pc__sink_free(&sink);
	}
	return sinks;
}

void pc__log_setup(void)
{
	bool heard = false;
	struct pc__sink *sinks = open_all(pc__log_sinks(), &heard), *last_resort = NULL;

	if (!heard) {
		last_resort = console(1u << PC_INFO | 1u << PC_WARN | 1u << PC_ERROR);
		last_resort->next = sinks;
		sinks = last_resort;
	}
	pthread_mutex_lock(&log_state.lock);
	replace(sinks);
	pthread_mutex_unlock(&log_state.lock);
	if (last_resort)
		pc__log("log", PC_WARN, "lines go to standard error, for lack of anything else");
}

/* The first that fails is told, after the lock has gone. */
void pc__log_reopen(void)
{
	char *failed = NULL;
	int err = 0;

	pthread_mutex_lock(&log_state.lock);
	for (struct pc__sink *sink = log_state.sinks; sink; sink = sink->next) {
		int e = pc__sink_open(sink);

		if (e != 0 && failed == NULL) {
			err = e;
			failed = pc__strdup(pc__sink_name(sink));
		}
	}
	pthread_mutex_unlock(&log_state.lock);
	if (failed)
		pc__log("log", PC_ERROR, "%s cannot be opened again, and what was open is kept: %s",
		        failed, strerror(err));
	free(failed);
}

void pc__log_free(void)
{
	pthread_mutex_lock(&log_state.lock);
	replace(NULL);
	while (log_state.watches) {
		struct pc__sink *watch = log_state.watches;

		log_state.watches = watch->next;
		pc__sink_free(&watch);
	}
	atomic_store(&levels, 1u << PC_INFO | 1u << PC_WARN | 1u << PC_ERROR);
	pthread_mutex_unlock(&log_state.lock);
}
