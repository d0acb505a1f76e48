#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "hosts.h"
#include "jobs.h"
#include "log.h"
#include "metrics.h"
#include "reload.h"
#include "server.h"
#include "util/mem.h"

/* ---- help */

struct help {
	pc_call *call;
	const char *section; /* NULL: all */
	size_t width, found;
};

static bool is_asked(const struct help *h, const pc_command *c)
{
	return h->section == NULL || strcmp(h->section, c->section) == 0;
}

static bool measure(const pc_command *c, void *data)
{
	struct help *h = data;
	char *usage = pc__command_usage(c);

	if (is_asked(h, c) && strlen(usage) > h->width)
		h->width = strlen(usage);
	free(usage);
	return true;
}

static bool describe(const pc_command *c, void *data)
{
	struct help *h = data;
	char *usage = pc__command_usage(c);
	const pc_cell cells[] = { PC_TEXT("section", c->section), PC_TEXT("name", c->name),
		                  PC_TEXT("args", c->args ? c->args : ""),
		                  PC_TEXT("help", c->help) };

	if (is_asked(h, c)) {
		pc_call_row(h->call, cells, PC__COUNT(cells), "%-*s  %s", (int)h->width, usage,
		            c->help ? c->help : "");
		h->found++;
	}
	free(usage);
	return true;
}

static void run_help(pc_call *call, pc_module *m)
{
	struct help h = { .call = call, .section = pc_call_arg(call, 0) };

	(void)m;
	pc__each_command(measure, &h);
	pc__each_command(describe, &h);
	if (h.found == 0)
		pc_call_end(call, PC_ENOENT, "no such command: %.64s", h.section);
	else
		pc_call_end(call, PC_OK, NULL);
}

/* ---- status, hosts */

static char *uptime_text(void)
{
	long long s = (pc_time_ms() - pc__server.started) / 1000;

	if (s >= 86400)
		return pc__printf("%lld days, %lld:%02lld hours", s / 86400, s / 3600 % 24,
		                  s / 60 % 60);
	return pc__printf("%lld:%02lld:%02lld hours", s / 3600, s / 60 % 60, s % 60);
}

static void run_status(pc_call *call, pc_module *m)
{
	char *uptime = uptime_text();
	int64_t seconds = (pc_time_ms() - pc__server.started) / 1000;
	size_t hosts = 0, sessions = 0;

	(void)m;
	for (pc_host *h = pc__hosts_first(); h != NULL; h = h->next) {
		hosts++;
		sessions += h->n_sessions;
	}
	const pc_cell cells[] = { PC_TEXT("version", PC_VERSION),
		                  PC_NUMBER("process", uv_os_getpid()),
		                  PC_NUMBER("seconds", seconds), PC_NUMBER("hosts", hosts),
		                  PC_NUMBER("sessions", sessions) };

	pc_call_row(call, cells, PC__COUNT(cells),
	            "prosody-c %s is running, process %d\n"
	            "up:       %s\n"
	            "hosts:    %zu\n"
	            "sessions: %zu",
	            PC_VERSION, (int)uv_os_getpid(), uptime, hosts, sessions);
	free(uptime);
	pc_call_end(call, PC_OK, NULL);
}

static void run_version(pc_call *call, pc_module *m)
{
	(void)m;
	pc_call_end(call, PC_OK, "prosody-c %s", PC_VERSION);
}

static void run_host_list(pc_call *call, pc_module *m)
{
	(void)m;
	for (pc_host *h = pc__hosts_first(); h != NULL; h = h->next) {
		const char *type = h->type == PC_COMPONENT_HOST ? "component" : "virtual host";
		const pc_cell cells[] = { PC_TEXT("host", h->name), PC_TEXT("type", type),
			                  PC_NUMBER("sessions", h->n_sessions),
			                  PC_TRUTH("active", h->active) };

		pc_call_row(call, cells, PC__COUNT(cells), "%s  %s  %zu sessions%s", h->name, type,
		            h->n_sessions, h->active ? "" : "  (not active)");
	}
	pc_call_end(call, PC_OK, NULL);
}

/* ---- stats */

struct stats {
	pc_call *call;
	const char *pattern;
};

static void print_histogram(pc_call *call, const pc__metric_view *v, const char *host)
{
	double half = pc__metric_quantile(v, 0.5), nearly_all = pc__metric_quantile(v, 0.99);
	const pc_cell cells[] = { PC_TEXT("name", v->name),     PC_TEXT("host", v->host),
		                  PC_NUMBER("count", v->count), PC_NUMBER("p50", half),
		                  PC_NUMBER("p99", nearly_all), PC_NUMBER("most", v->most) };

	pc_call_row(call, cells, PC__COUNT(cells),
	            "%s%s%s  %llu times, half below %g, 99%% below %g, most %g", v->name,
	            host[0] ? " " : "", host, (unsigned long long)v->count, half, nearly_all,
	            v->most);
}

static void print_metric(const pc__metric_view *v, void *data)
{
	const struct stats *s = data;
	const char *host = v->host ? v->host : "";
	const pc_cell cells[] = { PC_TEXT("name", v->name), PC_TEXT("host", v->host),
		                  PC_NUMBER("value", v->value) };

	if (s->pattern != NULL && fnmatch(s->pattern, v->name, 0) != 0)
		return;
	if (v->type == PC__HISTOGRAM)
		print_histogram(s->call, v, host);
	else
		pc_call_row(s->call, cells, PC__COUNT(cells), "%s%s%s  %.15g", v->name,
		            host[0] ? " " : "", host, v->value);
}

static void print_io(pc_call *call)
{
	pc__io_stats io = { 0 };

	if (pc__server.io != NULL)
		pc__io_get_stats(pc__server.io, &io);
	const pc_cell cells[] = { PC_TEXT("name", "io"),
		                  PC_NUMBER("connections", io.connections),
		                  PC_NUMBER("parsers", io.parsers),
		                  PC_NUMBER("handshakes", io.handshakes),
		                  PC_NUMBER("unsent", io.unsent),
		                  PC_NUMBER("bytes_in", io.bytes_in),
		                  PC_NUMBER("reads", io.reads),
		                  PC_NUMBER("bytes_out", io.bytes_out),
		                  PC_NUMBER("writes", io.writes) };

	pc_call_row(call, cells, PC__COUNT(cells),
	            "connections: %zu (%zu with a parser, %zu in a TLS handshake)\n"
	            "unsent:      %zu bytes\n"
	            "received:    %llu bytes in %llu reads\n"
	            "sent:        %llu bytes in %llu writes",
	            io.connections, io.parsers, io.handshakes, io.unsent,
	            (unsigned long long)io.bytes_in, (unsigned long long)io.reads,
	            (unsigned long long)io.bytes_out, (unsigned long long)io.writes);
}

static void run_stats(pc_call *call, pc_module *m)
{
	struct stats s = { .call = call, .pattern = pc_call_arg(call, 0) };
	size_t resident = 0;

	(void)m;
	if (s.pattern == NULL) {
		uv_resident_set_memory(&resident);
		pc_call_row(call,
		            (pc_cell[]){ PC_TEXT("name", "memory"), PC_NUMBER("value", resident) },
		            2, "memory:      %zu KiB", resident / 1024);
		print_io(call);
		pc_call_row(call,
		            (pc_cell[]){ PC_TEXT("name", "jobs"),
		                         PC_NUMBER("value", pc__jobs_pending()) },
		            2, "jobs:        %zu waiting", pc__jobs_pending());
		pc_call_row(call,
		            (pc_cell[]){ PC_TEXT("name", "log_dropped"),
		                         PC_NUMBER("value", pc__log_dropped()) },
		            2, "log:         %llu lines could not be written",
		            (unsigned long long)pc__log_dropped());
	}
	pc__metrics_each(print_metric, &s);
	pc_call_end(call, PC_OK, NULL);
}

/* ---- reload, stop: between two turns, for they pull the ground from under who asks */

static void tell_change(const char *text, void *data)
{
	pc_call_print(data, "%s", text);
}

static void reload_now(void *data)
{
	char *error = NULL;
	int err = pc__reload(tell_change, data, &error);

	if (err == PC_OK)
		pc_call_end(data, PC_OK, "the configuration was read again");
	else
		pc_call_end(data, err, "%s", error ? error : pc_strerror(err));
	free(error);
}

static void run_reload(pc_call *call, pc_module *m)
{
	pc_after(m, 0, reload_now, call);
}

static void stop_now(void *data)
{
	(void)data;
	pc__server_stop("asked to by an administrator");
}

static void run_stop(pc_call *call, pc_module *m)
{
	pc_after(m, 0, stop_now, NULL);
	pc_call_end(call, PC_OK, "stopping");
}

const pc_command pc__server_commands[] = {
	{ "help", NULL, "[SECTION]", "Lists the commands", run_help },
	{ "status", NULL, "", "Tells whether and for how long the server runs", run_status },
	{ "version", NULL, "", "Tells the server's version", run_version },
	{ "reload", NULL, "", "Reads the configuration again", run_reload },
	{ "stop", NULL, "", "Ends the server", run_stop },
	{ "stats", NULL, "[PATTERN]", "Shows what the server is doing", run_stats },
	{ "host", "list", "", "Lists the hosts", run_host_list },
	{ 0 },
};
