/*
 * log_setup.c - the option `log`:
 *
 *   log = "file"                              info and above (with debug = true: all)
 *   log = "*syslog"   "*journal"   "*console"   "*stdout"
 *   log = { info = "file"; error = "file" }   each level and above
 *   log = { { levels = { min = "info" }; to = "file"; filename = "..."; timestamps = true } }
 *
 * timestamps may be a format of strftime's; format = "json" makes each line an object.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "detach.h"
#include "log.h"
#include "log_internal.h"
#include "util/mem.h"

int pc__log_level(const char *name)
{
	for (int i = 0; i < (int)PC__COUNT(pc__level_names); i++)
		if (strcmp(pc__level_names[i], name) == 0)
			return i;
	return -1;
}

static unsigned from(int level)
{
	return 0xfu << level & 0xfu;
}

static unsigned upto(int level)
{
	return (2u << level) - 1;
}

static void complain(const pc__value *v, const char *what)
{
	pc__log("log", PC_WARN, "%s:%d: option log: %s", v->file, v->line, what);
}

static unsigned default_levels(void)
{
	const pc__value *debug = pc__config_get(NULL, "debug");

	return from(debug && debug->type == PC__BOOL && debug->b ? PC_DEBUG : PC_INFO);
}

/* Relative to the configuration's folder. */
static struct pc__sink *file_sink(const char *name, unsigned levels)
{
	char *path = *name == '/' ? pc__strdup(name) : pc__printf("%s/%s", pc__config_dir(), name);
	struct pc__sink *sink = pc__sink_new(PC__SINK_FILE, path, levels);

	free(path);
	return sink;
}

static int facility(void)
{
	static const struct {
		const char *name;
		int number;
	} known[] = { { "user", 1 },    { "mail", 2 },    { "daemon", 3 },  { "auth", 4 },
		      { "local0", 16 }, { "local1", 17 }, { "local2", 18 }, { "local3", 19 },
		      { "local4", 20 }, { "local5", 21 }, { "local6", 22 }, { "local7", 23 } };
	const pc__value *v = pc__config_get(NULL, "syslog_facility");

	for (size_t i = 0; v && v->type == PC__STRING && i < PC__COUNT(known); i++)
		if (strcmp(known[i].name, v->s) == 0)
			return known[i].number;
	return 3;
}

/* A sink by the name of its kind; NULL for another word. */
static struct pc__sink *kind_sink(const char *kind, unsigned levels)
{
	bool syslog = strcmp(kind, "syslog") == 0;
	struct pc__sink *sink;

	if (strcmp(kind, "console") == 0 || strcmp(kind, "stderr") == 0)
		return pc__sink_new(PC__SINK_STDERR, NULL, levels);
	if (strcmp(kind, "stdout") == 0)
		return pc__sink_new(PC__SINK_STDOUT, NULL, levels);
	if (strcmp(kind, "nowhere") == 0)
		return pc__sink_new(PC__SINK_STDERR, NULL, 0);
	if (!syslog && strcmp(kind, "journal") != 0)
		return NULL;
	sink = pc__sink_new(syslog ? PC__SINK_SYSLOG : PC__SINK_JOURNAL, NULL, levels);
	sink->facility = facility();
	return sink;
}

/* "file name" or "*kind" */
static struct pc__sink *named_sink(const pc__value *v, const char *name, unsigned levels)
{
	struct pc__sink *sink;

	if (*name != '*')
		return file_sink(name, levels);
	sink = kind_sink(name + 1, levels);
	if (sink == NULL)
		complain(v, "known are *console, *stdout, *syslog, *journal, *nowhere and names of "
		            "files");
	return sink;
}

static void check_level(const pc__value *v, const char *name)
{
	if (pc__log_level(name) < 0)
		complain(v, "levels are debug, info, warn and error");
}

/* { "info", "error" }, { min = "info", max = "warn" }, or "info": that level and above. */
static unsigned levels_of(const pc__value *v)
{
	const pc__value *min = pc__value_field(v, "min"), *max = pc__value_field(v, "max");
	unsigned levels = 0;

	if (v == NULL)
		return default_levels();
	if (v->type == PC__STRING) {
		check_level(v, v->s);
		return pc__log_level(v->s) >= 0 ? from(pc__log_level(v->s)) : default_levels();
	}
	for (size_t i = 0; i < v->n_list; i++) {
		const char *name = v->list[i].s ? v->list[i].s : "";

		check_level(v, name);
		levels |= pc__log_level(name) >= 0 ? 1u << pc__log_level(name) : 0;
	}
	if (v->n_list > 0)
		return levels;
	levels = min && min->s && pc__log_level(min->s) >= 0 ? from(pc__log_level(min->s))
	                                                     : default_levels();
	if (max && max->s && pc__log_level(max->s) >= 0)
		levels &= upto(pc__log_level(max->s));
	return levels;
}

static void set_looks(struct pc__sink *sink, const pc__value *v)
{
	const pc__value *stamps = pc__value_field(v, "timestamps");
	const pc__value *format = pc__value_field(v, "format");

	if (stamps && stamps->type == PC__STRING)
		sink->stamp = pc__strdup(stamps->s);
	else if (stamps && stamps->type == PC__BOOL)
		sink->timestamps = stamps->b;
	sink->json = format && format->s && strcmp(format->s, "json") == 0;
	if (format && !sink->json && (format->s == NULL || strcmp(format->s, "text") != 0))
		complain(v, "format is \"text\" or \"json\"");
	if (sink->json && (sink->kind == PC__SINK_SYSLOG || sink->kind == PC__SINK_JOURNAL))
		complain(v, "syslog and the journal have a format of their own");
}

/* { levels = ...; to = "file"; filename = "..."; timestamps = ...; format = ... } */
static struct pc__sink *described_sink(const pc__value *v)
{
	const pc__value *to = pc__value_field(v, "to"), *file = pc__value_field(v, "filename");
	const pc__value *levels = pc__value_field(v, "levels");
	struct pc__sink *sink = NULL;

	if (to && to->s && strcmp(to->s, "file") != 0)
		sink = kind_sink(to->s, levels_of(levels));
	else if (file && file->type == PC__STRING)
		sink = file_sink(file->s, levels_of(levels));
	if (sink == NULL)
		complain(v, "a sink has to = \"file\" (with filename), \"console\", \"stdout\", "
		            "\"syslog\" or \"journal\"");
	else
		set_looks(sink, v);
	return sink;
}

static void add(struct pc__sink ***at, struct pc__sink *sink)
{
	if (sink == NULL)
		return;
	**at = sink;
	*at = &sink->next;
}

static void table_sinks(const pc__value *v, struct pc__sink ***at)
{
	for (size_t i = 0; i < v->n_list; i++) {
		const pc__value *item = &v->list[i];

		if (item->type == PC__TABLE)
			add(at, described_sink(item));
		else if (item->type == PC__STRING)
			add(at, named_sink(v, item->s, default_levels()));
	}
	for (size_t i = 0; i < v->n_fields; i++) {
		const struct pc__field *f = &v->fields[i];

		check_level(v, f->name);
		if (pc__log_level(f->name) >= 0 && f->value.type == PC__STRING)
			add(at, named_sink(v, f->value.s, from(pc__log_level(f->name))));
	}
}

static void warn_of_nobody(const struct pc__sink *sink, const pc__value *v)
{
	for (; sink; sink = sink->next)
		if (sink->levels &&
		    (sink->kind == PC__SINK_STDERR || sink->kind == PC__SINK_STDOUT)) {
			complain(v, "with -D nobody sees the console");
			return;
		}
}

struct pc__sink *pc__log_sinks(void)
{
	const pc__value *v = pc__config_get(NULL, "log");
	struct pc__sink *sinks = NULL, **at = &sinks;

	if (v && v->type == PC__STRING)
		add(&at, named_sink(v, v->s, default_levels()));
	else if (v && v->type == PC__TABLE)
		table_sinks(v, &at);
	else if (v)
		complain(v, "the name of a file or a table is meant");
	if (v && pc__detached())
		warn_of_nobody(sinks, v);
	if (sinks == NULL) /* nobody sees the terminal of -D any more */
		sinks = kind_sink(pc__detached() ? "syslog" : "console", default_levels());
	return sinks;
}
