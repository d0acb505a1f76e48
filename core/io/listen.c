/*
 * Listeners live on the main thread: accepting costs little, and pausing, closing and counting need
 * no talk. A new socket goes to the thread that has fewest.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/ends.h"
#include "io/socket.h"
#include "util/mem.h"

#define ACCEPTS_IN_TURN 32
#define OUT_OF_FDS_MS 100

struct pc__io_listener {
	uv_poll_t poll;
	pc__io *io;
	const pc__io_kind *kind;
	void *user;
	char *path; /* of a UNIX socket that we made */
	int fd;
	struct pc__io_listener *next;
};

/* ---- accepting */

static void text_of(const struct sockaddr_storage *addr, char *ip, size_t size)
{
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)addr;

	ip[0] = '\0';
	if (addr->ss_family == AF_INET) {
		uv_ip4_name((const struct sockaddr_in *)addr, ip, size);
	} else if (addr->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
		uv_inet_ntop(AF_INET, &six->sin6_addr.s6_addr[12], ip, size);
	} else if (addr->ss_family == AF_INET6) {
		uv_ip6_name(six, ip, size);
	}
}

static void watch(struct pc__io_listener *l);

static void on_accept_again(uv_timer_t *timer)
{
	pc__listeners_update(timer->data);
}

/* Out of descriptors: the one in reserve takes whoever waits, so that they see an end, and a pause
 * lets others go. */
static void out_of_descriptors(struct pc__io_listener *l)
{
	pc__io *io = l->io;
	int fd;

	if (io->reserve >= 0) {
		close(io->reserve);
		fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			close(fd);
		io->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	uv_timer_start(&io->accept_again, on_accept_again, OUT_OF_FDS_MS, 0);
	pc__listeners_update(io);
}

static void refuse(struct pc__io_listener *l, int fd, const char *ip)
{
	pc__io *io = l->io;

	close(fd);
	if (io->handler->refused != NULL)
		io->handler->refused(l->user, l->kind->quota, ip, io->data);
}

/* false: there is nobody else now. */
static bool accept_one(struct pc__io_listener *l)
{
	struct sockaddr_storage addr = { 0 };
	socklen_t len = sizeof(addr);
	char ip[INET6_ADDRSTRLEN];
	struct pc__origin *origin;
	int fd = accept4(l->fd, (struct sockaddr *)&addr, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0) {
		if (errno == EINTR || errno == ECONNABORTED)
			return true;
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			out_of_descriptors(l);
		return false;
	}
	text_of(&addr, ip, sizeof(ip));
	if (pc__origins_admit(l->io, l->kind->quota, &addr, &origin))
		pc__io_accept(l->io, fd, l->kind, l->user, ip, origin);
	else
		refuse(l, fd, ip);
	return true;
}

static bool is_listening(const pc__io *io, const struct pc__io_listener *wanted)
{
	for (struct pc__io_listener *l = io->listeners; l != NULL; l = l->next) {
		if (l == wanted)
			return true;
	}
	return false;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct pc__io_listener *l = poll->data;
	pc__io *io = l->io;

	(void)events;
	if (status < 0)
		return;
	/* The handler may close the listener. */
	for (int i = 0; i < ACCEPTS_IN_TURN && !io->paused && is_listening(io, l); i++) {
		if (!accept_one(l))
			break;
	}
}

static void watch(struct pc__io_listener *l)
{
	if (l->io->paused || uv_is_active((uv_handle_t *)&l->io->accept_again))
		uv_poll_stop(&l->poll);
	else
		uv_poll_start(&l->poll, UV_READABLE, on_readable);
}

void pc__listeners_update(pc__io *io)
{
	for (struct pc__io_listener *l = io->listeners; l != NULL; l = l->next)
		watch(l);
}

/* ---- listening */

int pc__io_listen_fd(pc__io *io, int fd, const pc__io_kind *kind, void *user,
                     pc__io_listener **listener_r)
{
	struct pc__io_listener *l = pc__alloc(sizeof(*l));
	int err = uv_poll_init(io->loop, &l->poll, fd);

	if (err < 0) {
		close(fd);
		free(l);
		return err;
	}
	pc__socket_setup(fd, kind->keepalive);
	l->poll.data = l;
	l->io = io;
	l->kind = kind;
	l->user = user;
	l->fd = fd;
	l->next = io->listeners;
	io->listeners = l;
	watch(l);
	*listener_r = l;
	return 0;
}

static int bind_and_listen(int family, const struct sockaddr *addr, socklen_t len, int backlog)
{
	int on = 1, err;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* "::" is for IPv6 alone: "0.0.0.0" is listened to as well where it is wanted. */
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, addr, len) == 0 && listen(fd, backlog > 0 ? backlog : SOMAXCONN) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

/* A socket that nobody listens to is left over from a server that was killed. */
static void remove_stale(const struct sockaddr_un *addr)
{
	struct stat st;
	int fd;

	if (lstat(addr->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 && errno == ECONNREFUSED)
		unlink(addr->sun_path);
	close(fd);
}

static int listen_unix(const char *path, int backlog)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = strlen(path);

	if (len >= sizeof(addr.sun_path))
		return UV_ENAMETOOLONG;
	memcpy(addr.sun_path, path, len + 1);
	remove_stale(&addr);
	return bind_and_listen(AF_UNIX, (struct sockaddr *)&addr, sizeof(addr), backlog);
}

static int listen_ip(const char *address, uint16_t port, int backlog)
{
	struct sockaddr_in four;
	struct sockaddr_in6 six;
	int err;

	if (uv_ip4_addr(address, port, &four) == 0)
		return bind_and_listen(AF_INET, (struct sockaddr *)&four, sizeof(four), backlog);
	err = uv_ip6_addr(address, port, &six);
	if (err < 0)
		return err;
	return bind_and_listen(AF_INET6, (struct sockaddr *)&six, sizeof(six), backlog);
}

int pc__io_listen(pc__io *io, const char *address, uint16_t port, int backlog,
                  const pc__io_kind *kind, void *user, pc__io_listener **listener_r)
{
	bool is_path = address[0] == '/';
	int fd = is_path ? listen_unix(address, backlog) : listen_ip(address, port, backlog);
	int err;

	if (fd < 0)
		return fd;
	err = pc__io_listen_fd(io, fd, kind, user, listener_r);
	if (err == 0 && is_path)
		(*listener_r)->path = pc__strdup(address);
	return err;
}

uint16_t pc__io_listener_port(const pc__io_listener *l)
{
	struct sockaddr_storage addr = { 0 };
	socklen_t len = sizeof(addr);

	if (getsockname(l->fd, (struct sockaddr *)&addr, &len) < 0)
		return 0;
	if (addr.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&addr)->sin_port);
	if (addr.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&addr)->sin6_port);
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void pc__io_unlisten(pc__io *io, pc__io_listener **listener)
{
	pc__io_listener *l = *listener, **at = &io->listeners;

	if (l == NULL)
		return;
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	uv_poll_stop(&l->poll);
	close(l->fd);
	if (l->path != NULL)
		unlink(l->path);
	free(l->path);
	uv_close((uv_handle_t *)&l->poll, on_closed);
	*listener = NULL;
}

void pc__listeners_start(pc__io *io)
{
	uv_timer_init(io->loop, &io->accept_again);
	io->accept_again.data = io;
	io->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void pc__listeners_stop(pc__io *io)
{
	while (io->listeners != NULL) {
		pc__io_listener *l = io->listeners;

		pc__io_unlisten(io, &l);
	}
	uv_close((uv_handle_t *)&io->accept_again, NULL);
	if (io->reserve >= 0)
		close(io->reserve);
}
