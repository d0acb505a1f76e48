/*
 * Commands: log list, log level, watch log.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "log.h"
#include "log_internal.h"
#include "util/mem.h"

/* ---- sinks */

/* "info warn error"; a NUL where there is none. */
static char *levels_text(unsigned levels)
{
	char *text = pc__strdup("");

	for (unsigned i = 0; i < PC__COUNT(pc__level_names); i++) {
		char *longer;

		if ((levels >> i & 1) == 0)
			continue;
		longer = pc__printf("%s%s%s", text, *text ? " " : "", pc__level_names[i]);
		free(text);
		text = longer;
	}
	return text;
}

static void tell_sink(pc_call *call, const struct pc__log_view *v)
{
	char *levels = levels_text(v->levels);
	const pc_cell cells[] = { PC_TEXT("sink", v->name), PC_TEXT("levels", levels),
		                  PC_TEXT("format", v->json ? "json" : "text"),
		                  PC_NUMBER("dropped", v->dropped) };

	pc_call_row(call, cells, PC__COUNT(cells), "%s  %s%s", v->name,
	            *levels ? levels : "(nothing)", v->json ? "  as JSON" : "");
	free(levels);
}

static void run_list(pc_call *call, pc_module *m)
{
	struct pc__log_view *views;
	size_t n = pc__log_views(&views);

	(void)m;
	for (size_t i = 0; i < n; i++) {
		tell_sink(call, &views[i]);
		free(views[i].name);
	}
	free(views);
	pc_call_end(call, PC_OK, NULL);
}

static void run_level(pc_call *call, pc_module *m)
{
	const char *sink = pc_call_arg(call, 0), *name = pc_call_arg(call, 1);
	int level = pc__log_level(name);
	size_t n;

	(void)m;
	if (level < 0) {
		pc_call_end(call, PC_EINVAL, "levels are debug, info, warn and error");
		return;
	}
	n = pc__log_set_level(strcmp(sink, "all") == 0 ? NULL : sink, (pc_level)level);
	if (n == 0)
		pc_call_end(call, PC_ENOENT, "no such sink: %s (log list names them)", sink);
	else
		pc_call_end(call, PC_OK, "%s: %s and above, until the next reload", sink, name);
}

/* ---- watching: lines come by a pipe, for they are made on any thread */

#define READ_AT_ONCE 16384

struct watch {
	pc_call *call;
	pc_watch *watch;
	int from, to;
	unsigned long left_out;
	size_t len;
	char text[READ_AT_ONCE + 1];
};

static void close_pipe(struct watch *w)
{
	pc_watch_stop(&w->watch);
	pc__log_unwatch(w->to);
	close(w->from);
}

static void on_unheard(pc_call *call)
{
	close_pipe(pc_call_data(call, sizeof(struct watch)));
	pc_call_end(call, PC_ECANCELED, NULL);
}

static void tell_line(struct watch *w, const char *line)
{
	if (pc_call_lags(w->call)) {
		w->left_out++;
		return;
	}
	if (w->left_out > 0)
		pc_call_row(w->call, &PC_NUMBER("left_out", w->left_out), 1,
		            "(%lu lines were left out: they came too fast)", w->left_out);
	w->left_out = 0;
	pc_call_row(w->call, &PC_TEXT("line", line), 1, "%s", line);
}

/* Lines are shorter than the buffer. */
static void tell_lines(struct watch *w)
{
	char *line = w->text, *end;

	w->text[w->len] = '\0';
	while ((end = strchr(line, '\n')) != NULL) {
		*end = '\0';
		tell_line(w, line);
		line = end + 1;
	}
	w->len -= (size_t)(line - w->text);
	memmove(w->text, line, w->len);
}

static void on_lines(int fd, int events, void *data)
{
	struct watch *w = data;
	ssize_t n = read(fd, w->text + w->len, READ_AT_ONCE - w->len);

	(void)events;
	if (n <= 0)
		return;
	w->len += (size_t)n;
	tell_lines(w);
}

static void begin_watch(pc_call *call, pc_module *m, pc_level level)
{
	struct watch *w = pc_call_data(call, sizeof(*w));
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
		pc_call_end(call, PC_EIO, "%s", strerror(errno));
		return;
	}
	w->call = call;
	w->from = ends[0];
	w->to = ends[1];
	w->watch = pc_watch_fd(m, w->from, PC_READABLE, on_lines, w);
	pc_call_on_unheard(call, on_unheard);
	pc_call_row(call, &PC_TEXT("watching", "log"), 1, "watching the log; Ctrl-C ends it");
	pc__log_watch(w->to, level);
}

static void run_watch(pc_call *call, pc_module *m)
{
	const char *name = pc_call_arg(call, 0);
	int level = name ? pc__log_level(name) : PC_INFO;

	if (level < 0)
		pc_call_end(call, PC_EINVAL, "levels are debug, info, warn and error");
	else
		begin_watch(call, m, (pc_level)level);
}

const pc_command pc__log_commands[] = {
	{ "log", "list", "", "Lists where lines of the log go, and which", run_list },
	{ "log", "level", "SINK|all LEVEL",
	  "Has a sink take lines of that level and above, until the next reload", run_level },
	{ "watch", "log", "[LEVEL]", "Shows lines of the log as they come", run_watch },
	{ 0 },
};
