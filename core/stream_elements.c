/*
 * stream_elements.c - elements whose handling is under way, and what the I/O threads are told when
 * it has ended.
 */
#include "server.h"
#include "stream_internal.h"

static struct pc__element current;
static bool kept;

struct pc__element pc__stream_element(void)
{
	return current;
}

void pc__stream_keep_element(void)
{
	kept = true;
}

void pc__stream_element_begin(pc_stream *s, pc_conn_id conn, size_t bytes, bool waits)
{
	current = (struct pc__element){ .conn = conn, .bytes = bytes };
	kept = false;
	s->under_barrier = waits;
}

void pc__stream_element_end(pc_conn_id conn, size_t bytes)
{
	current.conn = 0;
	if (!kept)
		pc__stream_element_done(conn, bytes);
}

static pc_stream *owing;

void pc__stream_unowe(pc_stream *s)
{
	pc_stream **at = &owing;

	if (!s->owes)
		return;
	while (*at != s)
		at = &(*at)->owed_next;
	*at = s->owed_next;
	s->owes = false;
}

/* Places are given back once a turn, whatever the number of elements. */
void pc__stream_owe(pc_stream *s, size_t bytes)
{
	s->owed++;
	s->owed_bytes += bytes;
	if (!s->owes) {
		s->owes = true;
		s->owed_next = owing;
		owing = s;
	}
}

void pc__streams_give_back(void)
{
	while (owing) {
		pc_stream *s = owing;

		owing = s->owed_next;
		s->owes = false;
		pc__io_credit(pc__server.io, s->conn, s->owed, s->owed_bytes);
		s->owed = 0;
		s->owed_bytes = 0;
	}
}

static void take_barrier_off(pc_stream *s)
{
	enum pc__stream_then then = s->then;

	s->then = PC__THEN_CONTINUE;
	if (s->carried)
		pc__carried_go_on(s, then == PC__THEN_RESTART);
	else if (then == PC__THEN_RESTART)
		pc__io_restart(pc__server.io, s->conn);
	else if (then == PC__THEN_STARTTLS)
		pc__io_starttls(pc__server.io, s->conn, s->host ? pc_host_name(s->host) : NULL);
	else
		pc__io_continue(pc__server.io, s->conn);
}

/* With the barrier up the element's end is what the I/O thread waits for; with it down only the
 * count matters. */
void pc__stream_element_done(pc_conn_id conn, size_t bytes)
{
	pc_stream *s = conn ? pc__stream_find(conn) : NULL;

	if (s == NULL)
		return;
	if (s->under_barrier) {
		s->under_barrier = false;
		take_barrier_off(s);
	}
	if (s->carried)
		pc__carried_done(s);
	else
		pc__stream_owe(s, bytes);
}
