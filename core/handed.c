#include "handed.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "util/mem.h"
#include "util/number.h"

#define FIRST 3
#define MOST 64

struct handed {
	int fd; /* -1: taken */
	char *name;
	char address[128];
	uint16_t port;
	bool both; /* [::] for IPv4, too */
};

static struct handed all[MOST];
static size_t n_all;

/* ------------------------------------------------------------ what they are */

static bool listens(int fd)
{
	int type = 0, listening = 0;
	socklen_t len = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0 || type != SOCK_STREAM)
		return false;
	len = sizeof(listening);
	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 && listening;
}

static void look_at_v6(struct handed *h, const struct sockaddr_in6 *six)
{
	int only = 0;
	socklen_t len = sizeof(only);

	inet_ntop(AF_INET6, &six->sin6_addr, h->address, sizeof(h->address));
	h->port = ntohs(six->sin6_port);
	getsockopt(h->fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &len);
	h->both = !only && strcmp(h->address, "::") == 0;
}

static bool look_at(struct handed *h)
{
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
		struct sockaddr_un local;
	} addr = { .any = { 0 } };
	socklen_t len = sizeof(addr);

	if (!listens(h->fd) || getsockname(h->fd, &addr.any, &len) != 0)
		return false;
	if (addr.any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &addr.four.sin_addr, h->address, sizeof(h->address));
		h->port = ntohs(addr.four.sin_port);
	} else if (addr.any.sa_family == AF_INET6) {
		look_at_v6(h, &addr.six);
	} else if (addr.any.sa_family == AF_UNIX) {
		snprintf(h->address, sizeof(h->address), "%.*s", (int)sizeof(addr.local.sun_path),
		         addr.local.sun_path);
	}
	return h->address[0] != '\0';
}

/* ------------------------------------------------------------ taking them over */

/* The names are separated by colons; "unknown" stands for none. */
static void take(int fd, const char **names)
{
	size_t len = strcspn(*names, ":");
	struct handed *h = &all[n_all];

	fcntl(fd, F_SETFD, FD_CLOEXEC);
	*h = (struct handed){ .fd = fd, .name = pc__strndup(*names, len) };
	*names += len + ((*names)[len] == ':');
	if (look_at(h)) {
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		n_all++;
		return;
	}
	pc__log("ports", PC_WARN,
	        "descriptor %d (%s) that was handed over does not listen for connections", fd,
	        h->name);
	close(fd);
	pc__free(&h->name);
}

static uint64_t number_of(const char *text)
{
	uint64_t n;

	return text && pc__number_uint(text, strlen(text), INT32_MAX, &n) == PC_OK ? n : 0;
}

void pc__handed_setup(void)
{
	const char *names = getenv("LISTEN_FDNAMES");
	uint64_t n = number_of(getenv("LISTEN_FDS"));

	if (number_of(getenv("LISTEN_PID")) == (uint64_t)getpid()) {
		names = names ? names : "";
		for (int fd = FIRST; n > 0 && n_all < MOST; fd++, n--)
			take(fd, &names);
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

/* ------------------------------------------------------------ handing them out */

static int give(struct handed *h)
{
	int fd = h->fd;

	h->fd = -1;
	return fd;
}

/* "::1" may be written in several ways. */
static bool same_address(const char *a, const char *b)
{
	unsigned char one[16], two[16];

	if (strcmp(a, b) == 0)
		return true;
	return inet_pton(AF_INET6, a, one) == 1 && inet_pton(AF_INET6, b, two) == 1 &&
	       memcmp(one, two, sizeof(one)) == 0;
}

static bool serves(const struct handed *h, const char *address, uint16_t port)
{
	return h->port == port &&
	       (same_address(h->address, address) || (h->both && strcmp(address, "0.0.0.0") == 0));
}

enum pc__handed pc__handed_find(const char *address, uint16_t port, int *fd_r)
{
	for (size_t i = 0; i < n_all; i++) {
		struct handed *h = &all[i];

		if (!serves(h, address, port))
			continue;
		if (h->fd < 0 && h->both)
			return PC__HANDED_COVERED;
		if (h->fd < 0)
			continue;
		*fd_r = give(h);
		return PC__HANDED_TAKEN;
	}
	return PC__HANDED_NONE;
}

int pc__handed_named(const char *name, char address_r[static 128], uint16_t *port_r)
{
	for (size_t i = 0; i < n_all; i++) {
		struct handed *h = &all[i];

		if (h->fd < 0 || strcmp(h->name, name) != 0)
			continue;
		memcpy(address_r, h->address, sizeof(h->address));
		*port_r = h->port;
		return give(h);
	}
	return -1;
}

void pc__handed_end(void)
{
	for (size_t i = 0; i < n_all; i++) {
		if (all[i].fd >= 0) {
			pc__log("ports", PC_WARN,
			        "no service listens on %s port %u, which was handed over%s%s",
			        all[i].address, all[i].port, *all[i].name ? " as " : "",
			        all[i].name);
			close(all[i].fd);
		}
		free(all[i].name);
	}
	n_all = 0;
}
