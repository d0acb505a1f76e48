/* What main says to connections: their numbers, and a message for the thread that has them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/ends.h"
#include "util/mem.h"

#define CONNECT_SECONDS 20.0

#ifdef PC_DEBUG_BUILD
static void check_main(const pc__io *io, const char *where)
{
	uv_thread_t self = uv_thread_self();

	if (uv_thread_equal(&self, &io->owner))
		return;
	fprintf(stderr, "%s: called on another thread than main\n", where);
	abort();
}
#define ON_MAIN(io) check_main(io, __func__)
#else
#define ON_MAIN(io) ((void)(io))
#endif

/* ---- numbers */

static unsigned lane_index(pc_conn_id conn)
{
	return (unsigned)(conn >> 56);
}

static struct pc__slot *slot_of(pc__io *io, pc_conn_id conn)
{
	unsigned i = lane_index(conn) - 1;

	if (conn == 0 || i >= io->n_lanes)
		return NULL;
	return pc__slots_find(&io->slots[i], conn);
}

struct pc__io_lane *pc__io_lane_of(pc__io *io, pc_conn_id conn)
{
	struct pc__slot *slot = slot_of(io, conn);

	ON_MAIN(io);
	if (slot == NULL || slot->state != PC__SLOT_OPEN)
		return NULL;
	return &io->lanes[lane_index(conn) - 1];
}

static unsigned least_used(const pc__io *io)
{
	unsigned best = 0;

	for (unsigned i = 1; i < io->n_lanes; i++) {
		if (io->slots[i].used < io->slots[best].used)
			best = i;
	}
	return best;
}

pc_conn_id pc__io_number(pc__io *io)
{
	unsigned lane = least_used(io);
	uint32_t slot = pc__slots_take(&io->slots[lane]);

	if (slot == UINT32_MAX)
		return 0;
	return (pc_conn_id)(lane + 1) << 56 | (pc_conn_id)slot << 32 |
	       io->slots[lane].v[slot].generation;
}

/* ---- commands */

static struct pc__io_msg *order(pc__io *io, pc_conn_id conn, pc__io_what what)
{
	struct pc__io_lane *lane = pc__io_lane_of(io, conn);

	return lane ? pc__io_queue_add(&lane->in, conn, what) : NULL;
}

struct pc__io_msg *pc__io_order_lane(struct pc__io_lane *lane, pc__io_what what)
{
	return pc__io_queue_add(&lane->in, 0, what);
}

void pc__io_accept(pc__io *io, int fd, const pc__io_kind *kind, void *user, const char *ip,
                   struct pc__origin *origin)
{
	pc_conn_id conn = pc__io_number(io);
	struct pc__io_msg *m;

	if (conn == 0) {
		close(fd);
		pc__origins_leave(io, origin, false);
		return;
	}
	slot_of(io, conn)->origin = origin;
	m = order(io, conn, PC__DO_ADOPT);
	m->n = (uint32_t)fd;
	m->p = (void *)(uintptr_t)kind;
	io->told = true;
	if (io->handler->accepted != NULL)
		io->handler->accepted(conn, user, ip, io->data);
}

void pc__io_prove(pc__io *io, pc_conn_id conn)
{
	struct pc__slot *slot = slot_of(io, conn);

	if (slot == NULL || slot->proven)
		return;
	slot->proven = true;
	if (slot->origin != NULL)
		pc__origins_prove(slot->origin);
}

pc_conn_id pc__io_connect(pc__io *io, const char *address, uint16_t port, double timeout_seconds,
                          const pc__io_kind *kind, const char *server_name, const char *own_name)
{
	pc_conn_id conn = pc__io_number(io);
	double seconds = timeout_seconds > 0 ? timeout_seconds : CONNECT_SECONDS;
	struct pc__io_dial *dial;

	if (conn == 0)
		return 0;
	dial = pc__alloc(sizeof(*dial));
	dial->kind = kind;
	dial->address = pc__strdup(address);
	dial->server_name = pc__strdup(server_name);
	dial->own_name = pc__strdup(own_name);
	dial->port = port;
	dial->timeout = (uint64_t)(seconds * 1000);
	dial->fd = -1;
	order(io, conn, PC__DO_CONNECT)->p = dial;
	return conn;
}

pc_conn_id pc__io_dialed(pc__io *io, int fd, const pc__io_kind *kind, const char *server_name,
                         const char *own_name)
{
	pc_conn_id conn = pc__io_number(io);
	struct pc__io_dial *dial;

	if (conn == 0) {
		close(fd);
		return 0;
	}
	dial = pc__alloc(sizeof(*dial));
	dial->kind = kind;
	dial->server_name = pc__strdup(server_name);
	dial->own_name = pc__strdup(own_name);
	dial->timeout = (uint64_t)(CONNECT_SECONDS * 1000);
	dial->fd = fd;
	order(io, conn, PC__DO_CONNECT)->p = dial;
	return conn;
}

/* Bytes for the connection that the last bytes were for join them. */
static void add_bytes(struct pc__io_lane *lane, pc_conn_id conn, size_t len)
{
	struct pc__io_batch *b = &lane->in.mine;
	struct pc__io_msg *last = b->n ? &b->msgs[b->n - 1] : NULL;

	if (len == 0)
		return;
	if (last == NULL || last->what != PC__DO_SEND || last->conn != conn)
		last = pc__io_queue_add(&lane->in, conn, PC__DO_SEND);
	last->bytes += len;
}

void pc__io_send(pc__io *io, pc_conn_id conn, const void *bytes, size_t len)
{
	struct pc__io_lane *lane = pc__io_lane_of(io, conn);

	if (lane == NULL)
		return;
	pc__buf_add(&lane->in.mine.bytes, bytes, len);
	add_bytes(lane, conn, len);
}

struct pc__buf *pc__io_send_begin(pc__io *io, pc_conn_id conn)
{
	struct pc__io_lane *lane = pc__io_lane_of(io, conn);

	io->sending = lane ? conn : 0;
	if (lane == NULL) {
		io->nowhere.len = 0;
		return &io->nowhere;
	}
	io->sending_from = lane->in.mine.bytes.len;
	return &lane->in.mine.bytes;
}

void pc__io_send_end(pc__io *io)
{
	struct pc__io_lane *lane = pc__io_lane_of(io, io->sending);

	if (lane != NULL)
		add_bytes(lane, io->sending, lane->in.mine.bytes.len - io->sending_from);
	io->sending = 0;
}

void pc__io_mark(pc__io *io, pc_conn_id conn)
{
	order(io, conn, PC__DO_MARK);
}

void pc__io_continue(pc__io *io, pc_conn_id conn)
{
	order(io, conn, PC__DO_CONTINUE);
}

void pc__io_barrier(pc__io *io, pc_conn_id conn, bool up)
{
	struct pc__io_msg *m = order(io, conn, PC__DO_BARRIER);

	if (m != NULL)
		m->n = up;
}

void pc__io_credit(pc__io *io, pc_conn_id conn, unsigned elements, size_t bytes)
{
	struct pc__io_msg *m = order(io, conn, PC__DO_CREDIT);

	if (m == NULL)
		return;
	m->n = elements;
	m->bytes = bytes;
}

static void order_with_text(pc__io *io, pc_conn_id conn, pc__io_what what, const char *text)
{
	struct pc__io_msg *m = order(io, conn, what);

	if (m != NULL)
		m->p = pc__strdup(text);
}

void pc__io_starttls(pc__io *io, pc_conn_id conn, const char *host)
{
	order_with_text(io, conn, PC__DO_STARTTLS, host);
}

void pc__io_restart(pc__io *io, pc_conn_id conn)
{
	order(io, conn, PC__DO_RESTART);
}

void pc__io_set_limits(pc__io *io, pc_conn_id conn, const pc__xml_limits *limits)
{
	struct pc__io_msg *m = order(io, conn, PC__DO_LIMITS);

	if (m == NULL)
		return;
	m->p = pc__malloc(sizeof(*limits));
	memcpy(m->p, limits, sizeof(*limits));
}

void pc__io_set_idle(pc__io *io, pc_conn_id conn, double seconds)
{
	struct pc__io_msg *m = order(io, conn, PC__DO_IDLE);

	if (m != NULL)
		m->bytes = (size_t)(seconds * 1000);
}

void pc__io_slow(pc__io *io, pc_conn_id conn, unsigned ms)
{
	struct pc__io_msg *m = order(io, conn, PC__DO_SLOW);

	if (m != NULL)
		m->n = ms;
}

void pc__io_set_rate(pc__io *io, pc_conn_id conn, size_t rate, unsigned burst_kib)
{
	struct pc__io_msg *m = order(io, conn, PC__DO_RATE);

	if (m == NULL)
		return;
	m->bytes = rate;
	m->n = burst_kib;
}

static void end(pc__io *io, pc_conn_id conn, pc__io_what what, const char *reason)
{
	struct pc__slot *slot = slot_of(io, conn);
	struct pc__io_msg *m;

	if (slot == NULL)
		return;
	m = pc__io_queue_add(&io->lanes[lane_index(conn) - 1].in, conn, what);
	m->p = pc__strdup(reason ? reason : "closed");
	slot->state = PC__SLOT_CLOSING;
}

void pc__io_close(pc__io *io, pc_conn_id conn, const char *reason)
{
	end(io, conn, PC__DO_CLOSE, reason);
}

void pc__io_abort(pc__io *io, pc_conn_id conn, const char *reason)
{
	end(io, conn, PC__DO_ABORT, reason);
}

void pc__io_set_tls(pc__io *io, pc__tls *tls)
{
	for (unsigned i = 0; i < io->n_lanes; i++)
		pc__io_order_lane(&io->lanes[i], PC__DO_TLS)->p = pc__tls_ref(tls);
}

void pc__io_pause_new(pc__io *io, bool pause)
{
	if (io->paused == pause)
		return;
	io->paused = pause;
	pc__listeners_update(io);
	for (unsigned i = 0; i < io->n_lanes; i++)
		pc__io_order_lane(&io->lanes[i], PC__DO_PAUSE)->n = pause;
}
