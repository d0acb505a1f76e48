/* What a thread has posted reaches the handler here, and here alone. */
#include <stdlib.h>
#include <string.h>

#include "io/ends.h"
#include "util/mem.h"

void pc__io_tls_info_free(pc__io_tls_info **info)
{
	if (*info == NULL)
		return;
	for (size_t i = 0; i < (*info)->n_peer_certs; i++)
		free((void *)(uintptr_t)(*info)->peer_certs[i].p);
	free((*info)->peer_certs);
	free((*info)->server_name);
	free((*info)->peer_fault);
	pc__free(info);
}

/* What a message brought and nobody has taken. */
static void throw_away(struct pc__io_msg *m)
{
	pc_stanza *element;
	pc__io_tls_info *info;

	if (m->what == PC__IS_ELEMENT) {
		element = m->p;
		pc_stanza_free(&element);
	} else if (m->what == PC__IS_TLS_DONE) {
		info = m->p;
		pc__io_tls_info_free(&info);
	} else {
		free(m->p);
	}
	m->p = NULL;
}

static void *take(struct pc__io_msg *m)
{
	void *p = m->p;

	m->p = NULL;
	return p;
}

/* RAW bytes need no credit of main: they are used up when they were told. */
static void tell_bytes(pc__io *io, struct pc__io_msg *m, const char *bytes)
{
	if (io->handler->bytes != NULL)
		io->handler->bytes(m->conn, bytes, m->bytes, io->data);
	pc__io_credit(io, m->conn, 0, m->bytes);
}

static void tell_error(pc__io *io, struct pc__io_msg *m)
{
	const char *condition = m->p;

	io->handler->error(m->conn, condition, condition + strlen(condition) + 1, io->data);
}

static void call(void (*fn)(pc_conn_id conn, void *data), pc__io *io, pc_conn_id conn)
{
	if (fn != NULL)
		fn(conn, io->data);
}

static void tell(pc__io *io, struct pc__io_msg *m, const char *bytes)
{
	const pc__io_handler *h = io->handler;

	switch (m->what) {
	case PC__IS_CONNECTED:
		call(h->connected, io, m->conn);
		break;
	case PC__IS_TLS_DONE:
		if (h->tls_done != NULL)
			h->tls_done(m->conn, take(m), io->data);
		break;
	case PC__IS_HEADER:
		if (h->header != NULL)
			h->header(m->conn, m->p, io->data);
		break;
	case PC__IS_ELEMENT:
		if (h->element != NULL)
			h->element(m->conn, take(m), m->bytes, m->n != 0, io->data);
		break;
	case PC__IS_BYTES:
		tell_bytes(io, m, bytes);
		break;
	case PC__IS_END:
		call(h->stream_end, io, m->conn);
		break;
	case PC__IS_ERROR:
		if (h->error != NULL)
			tell_error(io, m);
		break;
	case PC__IS_IDLE:
		call(h->idle, io, m->conn);
		break;
	case PC__IS_PILED:
		call(h->piled, io, m->conn);
		break;
	case PC__IS_DRAINED:
		call(h->drained, io, m->conn);
		break;
	case PC__IS_WRITTEN:
		if (h->written != NULL)
			h->written(m->conn, m->n, io->data);
		break;
	case PC__IS_CLOSED:
		if (h->closed != NULL)
			h->closed(m->conn, m->p, io->data);
		break;
	default:
		break;
	}
}

/* The one place where what comes of a connection that main has ended is dropped. */
static bool is_wanted(pc__io *io, struct pc__slots *slots, struct pc__io_msg *m)
{
	struct pc__slot *slot = pc__slots_find(slots, m->conn);

	if (slot == NULL)
		return false;
	if (m->what != PC__IS_CLOSED)
		return slot->state == PC__SLOT_OPEN;
	pc__origins_leave(io, slot->origin, slot->proven);
	pc__slots_give(slots, slot);
	return true;
}

bool pc__io_deliver(pc__io *io, struct pc__io_lane *lane)
{
	struct pc__io_batch *b = pc__io_queue_take(&lane->out);
	size_t at = 0;

	if (b == NULL)
		return false;
	for (size_t i = 0; i < b->n; i++) {
		struct pc__io_msg *m = &b->msgs[i];

		if (is_wanted(io, &io->slots[lane->index], m))
			tell(io, m, m->what == PC__IS_BYTES ? b->bytes.p + at : NULL);
		if (m->what == PC__IS_BYTES)
			at += m->bytes;
		throw_away(m);
	}
	pc__io_queue_done(&lane->out);
	io->told = true;
	return true;
}

void pc__io_discard(struct pc__io_lane *lane)
{
	struct pc__io_batch *b;

	for (size_t i = 0; i < lane->out.mine.n; i++)
		throw_away(&lane->out.mine.msgs[i]);
	lane->out.mine.n = 0;
	while ((b = pc__io_queue_take(&lane->out)) != NULL) {
		for (size_t i = 0; i < b->n; i++)
			throw_away(&b->msgs[i]);
		pc__io_queue_done(&lane->out);
	}
}
