/* A connection's life: how it comes, what time does to it, how it goes. */
#include "io/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/lane.h"
#include "io/socket.h"
#include "io/tlsconn.h"
#include "util/mem.h"

#define HANDSHAKE_MS 30000
#define CLOSE_MS 2000

/* ---- lists */

static bool is_in(const struct pc__conn_list *list, const struct pc__conn *c, int which)
{
	return c->links[which].prev != NULL || list->first == c;
}

void pc__conn_list_add(struct pc__conn_list *list, struct pc__conn *c, int which)
{
	if (is_in(list, c, which))
		return;
	c->links[which] = (struct pc__conn_link){ .prev = list->last };
	if (list->last != NULL)
		list->last->links[which].next = c;
	else
		list->first = c;
	list->last = c;
}

void pc__conn_list_remove(struct pc__conn_list *list, struct pc__conn *c, int which)
{
	struct pc__conn_link *link = &c->links[which];

	if (!is_in(list, c, which))
		return;
	if (link->prev != NULL)
		link->prev->links[which].next = link->next;
	else
		list->first = link->next;
	if (link->next != NULL)
		link->next->links[which].prev = link->prev;
	else
		list->last = link->prev;
	*link = (struct pc__conn_link){ 0 };
}

struct pc__conn *pc__conn_list_pop(struct pc__conn_list *list, int which)
{
	struct pc__conn *c = list->first;

	if (c != NULL)
		pc__conn_list_remove(list, c, which);
	return c;
}

/* ---- slots */

static size_t slot_of(pc_conn_id id)
{
	return (size_t)(id >> 32) & 0xffffff;
}

struct pc__conn *pc__conn_find(struct pc__io_lane *lane, pc_conn_id id)
{
	size_t slot = slot_of(id);
	struct pc__conn *c = slot < lane->n_conns ? lane->conns[slot] : NULL;

	return c != NULL && c->id == id ? c : NULL;
}

static void enter(struct pc__io_lane *lane, struct pc__conn *c)
{
	size_t slot = slot_of(c->id);

	if (slot >= lane->n_conns) {
		size_t n = lane->n_conns ? lane->n_conns : 64;

		while (n <= slot)
			n *= 2;
		lane->conns = pc__realloc(lane->conns, n * sizeof(struct pc__conn *));
		memset(lane->conns + lane->n_conns, 0,
		       (n - lane->n_conns) * sizeof(struct pc__conn *));
		lane->n_conns = n;
	}
	lane->conns[slot] = c;
}

static void on_due(struct pc__wheel_node *node);

static struct pc__conn *make(struct pc__io_lane *lane, pc_conn_id id, const pc__io_kind *kind)
{
	struct pc__conn *c = pc__alloc(sizeof(*c));

	c->id = id;
	c->lane = lane;
	c->kind = kind;
	c->limits = pc__xml_limits_unauthed;
	c->barrier = kind->framing == PC__XMPP;
	c->last_read = c->idle_from = pc__lane_now(lane);
	c->idle = (uint64_t)(kind->idle_seconds * 1000);
	c->node.fn = on_due;
	uv_tcp_init(lane->loop, &c->tcp);
	c->tcp.data = c;
	enter(lane, c);
	return c;
}

/* ---- time */

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

static void set_node(struct pc__conn *c, uint64_t due)
{
	c->due = due;
	pc__wheel_set(&c->lane->wheel, &c->node, due);
	pc__lane_rearm(c->lane);
}

/* A date that moves on with every byte is not moved here: the node comes due at the first one, is
 * found to be early, and is set again. So traffic costs nothing. */
void pc__conn_arm(struct pc__conn *c)
{
	uint64_t due = earlier(c->deadline, c->slow_until);

	if (c->state == PC__DEAD)
		return;
	if (c->idle != 0 && c->state == PC__OPEN)
		due = earlier(due, c->idle_from + c->idle);
	if (due == 0)
		pc__wheel_stop(&c->lane->wheel, &c->node);
	else if (!pc__wheel_is_set(&c->node) || due < c->due)
		set_node(c, due);
}

void pc__conn_slow(struct pc__conn *c, uint64_t ms)
{
	uint64_t until = pc__lane_now(c->lane) + ms;

	if (until > c->slow_until)
		c->slow_until = until;
	pc__conn_arm(c);
}

static void deadline_passed(struct pc__conn *c)
{
	if (c->state == PC__CONNECTING)
		pc__conn_drop(c, "connecting took too long");
	else if (c->state == PC__SHAKING)
		pc__conn_drop(c, "TLS: the handshake took too long");
	else
		pc__conn_drop(c, c->reason ? c->reason : "closed");
}

static void on_due(struct pc__wheel_node *node)
{
	struct pc__conn *c = PC__CONTAINER(node, struct pc__conn, node);
	uint64_t now = pc__lane_now(c->lane);

	if (c->deadline != 0 && c->deadline <= now) {
		deadline_passed(c);
		return;
	}
	if (c->slow_until != 0 && c->slow_until <= now) {
		c->slow_until = 0;
		pc__reader_go_on(c);
	}
	if (c->state == PC__OPEN && c->idle != 0 && c->idle_from + c->idle <= now) {
		c->idle_from = now;
		pc__lane_tell(c->lane, c->id, PC__IS_IDLE);
	}
	pc__conn_arm(c);
}

/* ---- coming */

void pc__dial_free(struct pc__io_dial **dial)
{
	if (*dial == NULL)
		return;
	if ((*dial)->fd >= 0)
		close((*dial)->fd);
	free((*dial)->address);
	free((*dial)->server_name);
	free((*dial)->own_name);
	pc__free(dial);
}

static void begin_tls(struct pc__conn *c, const char *host)
{
	double seconds = c->kind->handshake_seconds;

	c->state = PC__SHAKING;
	PC__COUNTER_ADD(c->lane->counters.handshakes, 1);
	c->deadline = pc__lane_now(c->lane) +
	              (seconds > 0 ? (uint64_t)(seconds * 1000) : (uint64_t)HANDSHAKE_MS);
	pc__tlsconn_start(c, host);
	if (c->dial != NULL)
		pc__conn_list_add(&c->lane->handshakes, c, PC__HANDSHAKES);
}

void pc__conn_starttls(struct pc__conn *c, const char *host)
{
	if (c->state != PC__OPEN)
		return;
	if (c->tls != NULL || c->lane->tls == NULL) {
		pc__conn_drop(c, "TLS is not possible here");
		return;
	}
	pc__writer_flush(c);
	if (c->state != PC__OPEN)
		return;
	if (pc__reader_pending(c)) {
		pc__conn_drop(c, "data came behind the request for TLS");
		return;
	}
	pc__reader_free(c);
	begin_tls(c, host);
	pc__conn_arm(c);
	pc__reader_start(c);
}

/* What a listener has handed on, for a connection that we made. */
static void set_up(struct pc__conn *c)
{
	uv_os_fd_t fd;

	if (uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0)
		pc__socket_setup(fd, c->kind->keepalive);
}

/* The socket stands. */
static void stands(struct pc__conn *c)
{
	c->state = PC__OPEN;
	c->deadline = 0;
	if (c->dial != NULL) {
		set_up(c);
		pc__lane_tell(c->lane, c->id, PC__IS_CONNECTED);
	}
	if (c->kind->direct_tls && c->lane->tls == NULL) {
		pc__conn_drop(c, "TLS is not possible here");
		return;
	}
	if (c->kind->direct_tls)
		begin_tls(c, c->dial ? c->dial->own_name : NULL);
	else if (c->out.len > 0 || c->marks > 0)
		pc__conn_list_add(&c->lane->dirty, c, PC__DIRTY);
	pc__conn_arm(c);
	pc__reader_start(c);
}

void pc__conn_adopt(struct pc__io_lane *lane, pc_conn_id id, int fd, const pc__io_kind *kind)
{
	struct pc__conn *c = make(lane, id, kind);
	int err = uv_tcp_open(&c->tcp, fd);

	PC__ON_LANE(lane);
	if (err < 0) {
		close(fd);
		pc__conn_drop(c, uv_strerror(err));
		return;
	}
	stands(c);
}

static void on_connected(uv_connect_t *req, int status)
{
	struct pc__conn *c = req->handle->data;

	if (c->state == PC__DEAD)
		return;
	if (status < 0)
		pc__conn_drop(c, uv_strerror(status));
	else
		stands(c);
}

static int connect_unix(struct pc__conn *c, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	int fd, err = 0;

	if (len >= sizeof(addr.sun_path))
		return UV_ENAMETOOLONG;
	memcpy(addr.sun_path, path, len + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		err = -errno;
	if (err == 0)
		err = uv_tcp_open(&c->tcp, fd);
	if (err < 0)
		close(fd);
	else
		stands(c);
	return err;
}

static int connect_ip(struct pc__conn *c, struct pc__io_dial *dial)
{
	struct sockaddr_storage addr;
	int err = uv_ip4_addr(dial->address, dial->port, (struct sockaddr_in *)&addr);

	if (err < 0)
		err = uv_ip6_addr(dial->address, dial->port, (struct sockaddr_in6 *)&addr);
	if (err < 0)
		return err;
	return uv_tcp_connect(&dial->req, &c->tcp, (struct sockaddr *)&addr, on_connected);
}

/* The socket was connected by somebody else (RFC 8305). */
static int connect_fd(struct pc__conn *c, struct pc__io_dial *dial)
{
	int err = uv_tcp_open(&c->tcp, dial->fd);

	if (err < 0)
		return err;
	dial->fd = -1;
	stands(c);
	return 0;
}

static int connect_to(struct pc__conn *c, struct pc__io_dial *dial)
{
	if (dial->fd >= 0)
		return connect_fd(c, dial);
	return dial->address[0] == '/' ? connect_unix(c, dial->address) : connect_ip(c, dial);
}

void pc__conn_connect(struct pc__io_lane *lane, pc_conn_id id, struct pc__io_dial *dial)
{
	struct pc__conn *c = make(lane, id, dial->kind);
	int err;

	PC__ON_LANE(lane);
	c->dial = dial;
	c->deadline = pc__lane_now(lane) + dial->timeout;
	err = connect_to(c, dial);
	if (err < 0)
		pc__conn_drop(c, uv_strerror(err));
	else
		pc__conn_arm(c);
}

/* ---- going */

static void on_handle_closed(uv_handle_t *handle)
{
	struct pc__conn *c = handle->data;

	pc__writer_free(c);
	pc__dial_free(&c->dial);
	free(c->rate);
	free(c);
}

static void leave_lists(struct pc__conn *c)
{
	struct pc__io_lane *lane = c->lane;

	pc__conn_list_remove(&lane->ready, c, PC__READY);
	pc__conn_list_remove(&lane->dirty, c, PC__DIRTY);
	pc__conn_list_remove(&lane->handshakes, c, PC__HANDSHAKES);
	pc__conn_list_remove(&lane->ending, c, PC__ENDING);
	pc__wheel_stop(&lane->wheel, &c->node);
}

static void count_unsent_out(struct pc__conn *c)
{
	if (c->backlog != NULL)
		PC__COUNTER_ADD(c->lane->counters.unsent,
		                -(c->backlog->writing.len + c->backlog->next.len));
}

void pc__conn_forget(struct pc__conn *c)
{
	if (c->state == PC__DEAD)
		return;
	if (c->state == PC__SHAKING)
		PC__COUNTER_ADD(c->lane->counters.handshakes, (size_t)-1);
	c->state = PC__DEAD;
	c->lane->conns[slot_of(c->id)] = NULL;
	leave_lists(c);
	count_unsent_out(c);
	pc__reader_free(c);
	pc__tlsconn_free(c);
	pc__buf_free(&c->out);
	pc__free(&c->reason);
	uv_close((uv_handle_t *)&c->tcp, on_handle_closed);
}

void pc__conn_drop(struct pc__conn *c, const char *reason)
{
	if (c->state == PC__DEAD)
		return;
	pc__lane_tell(c->lane, c->id, PC__IS_CLOSED)->p = pc__strdup(reason);
	pc__conn_forget(c);
}

static void shut(struct pc__conn *c)
{
	uv_os_fd_t fd;

	if (c->shut)
		return;
	c->shut = true;
	if (uv_fileno((uv_handle_t *)&c->tcp, &fd) == 0)
		shutdown(fd, SHUT_WR);
}

void pc__conn_written(struct pc__conn *c)
{
	if (c->state != PC__CLOSING)
		return;
	if (c->eof)
		pc__conn_drop(c, c->reason);
	else
		shut(c);
}

void pc__conn_finish(struct pc__conn *c)
{
	if (c->state != PC__OPEN)
		return;
	pc__writer_flush(c);
	if (c->state != PC__OPEN)
		return;
	c->state = PC__CLOSING;
	pc__reader_free(c);
	if (c->tls != NULL)
		pc__tlsconn_bye(c);
	if (c->state == PC__DEAD)
		return;
	c->deadline = pc__lane_now(c->lane) + CLOSE_MS;
	pc__conn_arm(c);
	pc__reader_start(c);
	if (c->backlog == NULL)
		pc__conn_written(c);
}

void pc__conn_close(struct pc__conn *c, char *reason)
{
	if (c->state != PC__OPEN) {
		if (c->state != PC__CLOSING)
			pc__conn_drop(c, reason);
		free(reason);
		return;
	}
	free(c->reason);
	c->reason = reason;
	pc__conn_finish(c);
}
