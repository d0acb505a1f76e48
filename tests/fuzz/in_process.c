#include "in_process.h"

#include <libgen.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config_internal.h"
#include "hosts.h"
#include "loader.h"
#include "log.h"
#include "modules.h"
#include "ports.h"
#include "server.h"
#include "sessions.h"
#include "streams.h"
#include "util/mem.h"

#define TURNS_MOST 10000

uint16_t in_process_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	must(bind(fd, (struct sockaddr *)&address, len) == 0);
	must(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
	close(fd);
	return ntohs(address.sin_port);
}

static void configure(const char *text)
{
	char *error = NULL;
	pc__config *config = pc__config_read("fuzz", text, strlen(text), NULL, NULL, 0, &error);

	if (config == NULL)
		fprintf(stderr, "%s\n", error);
	must(config != NULL);
	pc__config_use(config);
	pc__log_setup();
}

static void find_modules(void)
{
	char path[PATH_MAX], *dir;
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	must(n > 0);
	path[n] = '\0';
	dir = pc__printf("%s/../modules", dirname(path));
	pc__loader_setup((const char *const[]){ dir }, 1);
	free(dir);
}

/* ------------------------------------------------------------ the host */

static void (*tell_arrival)(pc_event *ev);

static pc_result on_arrival(pc_event *ev, void *data)
{
	(void)data;
	tell_arrival(ev);
	return PC_PASS;
}

pc_module *in_process_watcher(void)
{
	static const pc_module_def def = { .abi_major = PC_ABI_MAJOR,
		                           .size = sizeof(pc_module_def),
		                           .name = "watcher" };
	static pc_module watcher = { .def = &def, .state = PC__LIVE, .holds = 1 };

	return &watcher;
}

static void watch_host(void)
{
	static const char *const events[] = { "message/bare",  "message/full",  "message/host",
		                              "presence/bare", "presence/full", "presence/host",
		                              "iq/bare",       "iq/full",       "iq/host" };
	pc_module *watcher = in_process_watcher();

	watcher->host = pc_host_find("localhost");
	for (size_t i = 0; i < PC__COUNT(events); i++)
		pc_hook(watcher, events[i], on_arrival, 1000);
}

void in_process_start(const char *config, void (*arrived)(pc_event *ev))
{
	tell_arrival = arrived;
	pc__server.loop = uv_default_loop();
	pc__server.data_path = pc__server.config_dir = "/nowhere";
	configure(config);
	pc__server.io = pc__io_new(pc__server.loop, 0, &pc__streams_handler, NULL);
	find_modules();
	pc__hosts_setup();
	must(pc_host_find("localhost") != NULL);
	watch_host();
	pc__ports_open();
	signal(SIGPIPE, SIG_IGN);
}

/* ------------------------------------------------------------ connections */

int in_process_connect(uint16_t port)
{
	static uint32_t n;
	struct sockaddr_in here = { .sin_family = AF_INET,
		                    .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + n++ % 65536) };
	struct sockaddr_in there = { .sin_family = AF_INET,
		                     .sin_port = htons(port),
		                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(fd >= 0);
	must(bind(fd, (struct sockaddr *)&here, sizeof(here)) == 0);
	must(connect(fd, (struct sockaddr *)&there, sizeof(there)) == 0);
	in_process_hasten(fd);
	return fd;
}

void in_process_hasten(int fd)
{
	must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)) == 0);
}

void in_process_turn(void)
{
	uv_run(pc__server.loop, UV_RUN_NOWAIT);
}

void in_process_settle(void)
{
	for (unsigned i = 0; i < TURNS_MOST && pc__streams_count() > 0; i++)
		in_process_turn();
	must(pc__streams_count() == 0);
	in_process_turn();
	in_process_turn();
	must(pc__sessions_count() == 0);
}
