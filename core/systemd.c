#include "systemd.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "hosts.h"
#include "log.h"
#include "server.h"
#include "session_table.h"
#include "timers.h"
#include "util/number.h"

#define PATIENCE_SECONDS 1 /* with a manager that does not read */

struct counts {
	size_t sessions, connections;
};

static struct {
	int fd; /* 0: nobody is told */
	double watchdog_seconds;
	bool ready;
	struct counts told;
	struct pc__timer sign_of_life, next_status;
} manager;

/* ------------------------------------------------------------ the socket */

static int connect_to(const char *name)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = PATIENCE_SECONDS };
	size_t len = strlen(name);
	int fd;

	if ((*name != '/' && *name != '@') || len < 2 || len >= sizeof(to.sun_path))
		return 0;
	memcpy(to.sun_path, name, len);
	if (*name == '@') /* a name without a file */
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&to,
	            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) == 0)
		return fd;
	close(fd);
	return 0;
}

static void tell(int flags, const char *format, ...) PC_PRINTF(2, 3);

static void tell(int flags, const char *format, ...)
{
	char text[300];
	va_list args;
	int len;

	if (manager.fd == 0)
		return;
	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len > (int)sizeof(text) - 1)
		len = (int)sizeof(text) - 1;
	if (len > 0)
		send(manager.fd, text, (size_t)len, flags | MSG_NOSIGNAL);
}

static uint64_t number_of(const char *text)
{
	uint64_t n;

	return text && pc__number_uint(text, strlen(text), UINT64_MAX, &n) == PC_OK ? n : 0;
}

/* Only where it is meant for this process. */
static double watchdog_seconds(void)
{
	const char *pid = getenv("WATCHDOG_PID");

	if (pid && number_of(pid) != (uint64_t)getpid())
		return 0;
	return (double)number_of(getenv("WATCHDOG_USEC")) / 1e6;
}

void pc__systemd_setup(void)
{
	const char *name = getenv("NOTIFY_SOCKET");

	manager.fd = name ? connect_to(name) : 0;
	manager.watchdog_seconds = manager.fd ? watchdog_seconds() : 0;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

/* ------------------------------------------------------------ counts, signs of life */

static struct counts count(void)
{
	pc__io_stats io = { 0 };

	pc__io_get_stats(pc__server.io, &io);
	return (struct counts){ pc__sessions_connected(), io.connections };
}

static void tell_counts(int flags, const char *before)
{
	size_t hosts = 0;

	for (const pc_host *h = pc__hosts_first(); h; h = h->next)
		hosts += h->active;
	manager.told = count();
	tell(flags, "%sSTATUS=%zu hosts, %zu sessions, %zu connections", before, hosts,
	     manager.told.sessions, manager.told.connections);
}

static void on_next_status(struct pc__timer *t)
{
	(void)t;
	tell_counts(MSG_DONTWAIT, "");
}

void pc__systemd_turn(void)
{
	const struct counts *was = &manager.told;
	struct counts now;

	if (!manager.ready || pc__server.stopping || pc__timer_is_set(&manager.next_status))
		return;
	now = count();
	if (now.sessions != was->sessions || now.connections != was->connections)
		pc__timer_set(&manager.next_status, 1, on_next_status);
}

/* Half of the time allowed, as sd_watchdog_enabled(3) advises. */
static void on_sign_of_life(struct pc__timer *t)
{
	tell(MSG_DONTWAIT, "WATCHDOG=1");
	pc__timer_set(t, manager.watchdog_seconds / 2, on_sign_of_life);
}

/* ------------------------------------------------------------ changes of state */

void pc__systemd_ready(void)
{
	char before[64];

	if (manager.fd == 0)
		return;
	snprintf(before, sizeof(before), "READY=1\nMAINPID=%ld\n", (long)getpid());
	tell_counts(0, before);
	if (!manager.ready && manager.watchdog_seconds > 0)
		on_sign_of_life(&manager.sign_of_life);
	manager.ready = true;
}

void pc__systemd_reloading(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	tell(0, "RELOADING=1\nMONOTONIC_USEC=%llu\nSTATUS=reloading",
	     (unsigned long long)now.tv_sec * 1000000 + (unsigned long long)now.tv_nsec / 1000);
}

void pc__systemd_stopping(const char *reason)
{
	pc__timer_clear(&manager.next_status);
	manager.ready = false; /* and of counts nothing is said any more */
	tell(0, "STOPPING=1\nSTATUS=stopping: %.100s", reason);
}

void pc__systemd_stop(void)
{
	pc__timer_clear(&manager.next_status);
	pc__timer_clear(&manager.sign_of_life);
	if (manager.fd)
		close(manager.fd);
	manager.fd = 0;
	manager.ready = false;
}
