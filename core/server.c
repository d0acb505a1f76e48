/*
 * server.c - start, reload, stop.
 */
#include "server.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "bounds.h"
#include "certs.h"
#include "children.h"
#include "commands.h"
#include "config.h"
#include "dane.h"
#include "detach.h"
#include "dns.h"
#include "events.h"
#include "hosts.h"
#include "jobs.h"
#include "latency.h"
#include "loader.h"
#include "log.h"
#include "modules.h"
#include "options.h"
#include "ports.h"
#include "process.h"
#include "quotas.h"
#include "redo.h"
#include "reload.h"
#include "revival.h"
#include "roles.h"
#include "sessions.h"
#include "start.h"
#include "stop.h"
#include "stores.h"
#include "streams.h"
#include "systemd.h"
#include "timers.h"
#include "turns.h"
#include "util/mem.h"

struct pc__server pc__server;

static pc__past past; /* what the journal says, until sessions are there again */
static uv_prepare_t before_sleep;
static uv_signal_t signals[3];

bool pc__bug_found(const char *what, const char *file, int line)
{
	pc__log("server", PC_ERROR, "a programming error: %s (%s:%d)", what, file, line);
#ifdef PC_DEBUG_BUILD
	abort();
#endif
	return true;
}

/* Runs before the loop sleeps, also where no socket had a part in the turn: what handlers ended is
 * ended now, streams get their places back for what the store or a job has finished, and a stop is
 * over when the last session has gone. */
static void on_before_sleep(uv_prepare_t *handle)
{
	(void)handle;
	pc__sessions_reap();
	pc__streams_give_back();
	pc__systemd_turn();
	pc__stop_look();
}

/* ------------------------------------------------------------ signals */

static void on_signal(uv_signal_t *handle, int number)
{
	char *error = NULL;

	(void)handle;
	if (number != SIGHUP) {
		pc__server_stop(number == SIGINT ? "interrupted" : "terminated");
		return;
	}
	if (pc__reload(NULL, NULL, &error) != PC_OK)
		pc__log("server", PC_ERROR, "the configuration stays as it was: %s", error);
	free(error);
}

static void catch_signals(void)
{
	static const int numbers[] = { SIGHUP, SIGTERM, SIGINT };

	for (size_t i = 0; i < PC__COUNT(numbers); i++) {
		uv_signal_init(pc__server.loop, &signals[i]);
		uv_signal_start(&signals[i], on_signal, numbers[i]);
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, SIG_IGN); /* without a meaning here: no reason to die */
	signal(SIGUSR2, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* writing fails, and that is told */
}

static unsigned io_threads(void)
{
	const pc__value *v = pc__config_get(NULL, "io_threads");
	unsigned cores = uv_available_parallelism();

	if (v && v->type == PC__NUMBER && v->n >= 0 && v->n <= 64)
		return (unsigned)v->n;
	if (pc__server.commands_only || cores <= 3)
		return 0;
	return cores - 2 < 6 ? cores - 2 : 6;
}

static char *from_config(const char *path)
{
	return *path == '/' ? pc__strdup(path) : pc__printf("%s/%s", pc__server.config_dir, path);
}

void pc__server_set_loader(void)
{
	char *dirs[32];
	size_t n = 0;

	for (size_t i = 0; i < pc__opt_count(NULL, "plugin_paths") && n < 28; i++)
		dirs[n++] = from_config(pc__opt_at(NULL, "plugin_paths", i));
	dirs[n++] = from_config("plugins.d");
	dirs[n++] = pc__printf("%s/modules", pc__server.program_dir);
#ifdef PC_MODULES_DIR
	dirs[n++] = pc__strdup(PC_MODULES_DIR);
#endif
	pc__loader_setup((const char *const *)dirs, n);
	while (n > 0)
		free(dirs[--n]);
}

/* Sessions of the process before are there before anybody can come in. */
static void go_on(void)
{
	pc__revival_run(&past);
	pc__turns_past_is_over();
	pc__past_free(&past);
}

/* What is root's to do, and then never again. */
static int open_to_the_world(void)
{
	int status;

	pc__config_warn_unknown();
	pc__certs_load();
	pc__certs_watch();
	go_on();
	if (!pc__ports_open()) {
		pc__log("server", PC_ERROR, "not started: see the ports above");
		return EX_UNAVAILABLE;
	}
	status = pc__process_drop();
	if (status != 0)
		return status;
	pc__notify(pc__bus_global(), "server-started", NULL, 0, NULL, 0);
	pc__log("server", PC_INFO, "prosody-c %s is ready", PC_VERSION);
	pc__systemd_ready();
	pc__detach_ready();
	return 0;
}

static int serve_commands(void)
{
	int status = pc__process_drop();

	if (status != 0)
		return status;
	return pc__shell_serve_stdin() == PC_OK ? 0 : EX_OSERR;
}

/* Writes that were under way are made before anybody reads or writes. Without ports, or without a
 * database, nothing more is taken from the journal. */
static void take_journal(void)
{
	if (pc__turns_open(&past))
		pc__redo_run(&past);
	if (!pc__server.commands_only && !pc__stores_failed()) {
		pc__turns_begin(&past);
		return;
	}
	pc__past_free(&past);
	pc__turns_close();
}

int pc__server_start(void)
{
	pc__server.started = pc_time_ms();
	pc__server.io = pc__io_new(pc__server.loop, io_threads(), &pc__streams_handler, NULL);
	uv_prepare_init(pc__server.loop, &before_sleep);
	uv_prepare_start(&before_sleep, on_before_sleep);
	catch_signals();
	pc__latency_start(pc__server.loop);
	pc__bounds_start();
	pc__server_set_loader();
	take_journal();
	pc__notify(pc__bus_global(), "server-starting", NULL, 0, NULL, 0);
	pc__modules_load_enabled(NULL);
	pc__hosts_setup();
	if (pc__stores_started() != PC_OK) {
		pc__log("server", PC_ERROR, "not started: see the database above");
		return EX_IOERR;
	}
	return pc__server.commands_only ? serve_commands() : open_to_the_world();
}

/* ------------------------------------------------------------ after the loop */

static void close_handle(uv_handle_t *handle, void *data)
{
	(void)data;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void drain_loop(void)
{
	uv_walk(pc__server.loop, close_handle, NULL);
	while (uv_run(pc__server.loop, UV_RUN_DEFAULT) != 0)
		;
}

void pc__server_end(void)
{
	pc__server.stopping = true; /* also where the start has failed: every module may go */
	uv_prepare_stop(&before_sleep);
	pc__sessions_reap();
	pc__stores_flush();
	pc__sessions_stop(); /* also where the start has failed */
	pc__sessions_reap();
	pc__turns_close();
	pc__sessions_leave();
	pc__past_free(&past);
	pc__hosts_free_modules();
	pc__modules_unload_all(NULL);
	pc__stores_flush();
	pc__certs_free();
	pc__io_free(&pc__server.io);
	pc__quotas_stop();
	pc__sessions_reap();
	pc__children_stop();
	pc__dns_stop();
	pc__jobs_stop();
	pc__dane_stop();
	pc__stores_close();
	pc__hosts_free();
	pc__roles_free();
	pc__systemd_stop();
	pc__timers_stop();
	pc__latency_stop();
	drain_loop();
	pc__log("server", PC_INFO, "stopped");
}
