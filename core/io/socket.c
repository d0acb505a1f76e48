#include "io/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define KEEPALIVE_SECONDS 60
#define PROBE_SECONDS 10
#define PROBES 6

static void set(int fd, int level, int option, int value)
{
	/* Fails on UNIX sockets, where there is nothing to set. */
	(void)setsockopt(fd, level, option, &value, sizeof(value));
}

void pc__socket_setup(int fd, bool keepalive)
{
	set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (!keepalive)
		return;
	set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_SECONDS);
	set(fd, IPPROTO_TCP, TCP_KEEPINTVL, PROBE_SECONDS);
	set(fd, IPPROTO_TCP, TCP_KEEPCNT, PROBES);
}

void pc__socket_acknowledge(int fd)
{
#ifdef TCP_QUICKACK
	set(fd, IPPROTO_TCP, TCP_QUICKACK, 1);
#else
	(void)fd;
#endif
}
