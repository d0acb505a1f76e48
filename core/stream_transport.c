/*
 * stream_transport.c - streams that did not come by a listener: those that we open, and those that
 * another transport carries (RFC 7395, XEP-0124), whose bytes are parsed on the main thread.
 *
 * A carried stream has a number as connections have, of thread 0, which has none. What the I/O
 * threads do for connections is done here: the barrier, the bound of elements under way, restarts,
 * and the end, which comes by a timer, so that nobody's pointer goes while he holds it.
 */
#include <stdlib.h>
#include <string.h>

#include "bounds.h"
#include "log.h"
#include "modules.h"
#include "server.h"
#include "stream_internal.h"
#include "util/buf.h"
#include "util/mem.h"

#define UNDER_WAY_MOST 32
#define ELEMENTS_A_TURN 16
#define BACKLOG_MORE 65536 /* bytes that may wait, beyond one stanza */

/* What a framed transport's elements stand in: nobody sees it. */
static const char surroundings[] = "<stream:stream xmlns:stream='" PC_NS_STREAM "'>";

struct pc__carried {
	pc_stream *s;
	const pc_transport *transport; /* NULL: it was told of the end */
	void *t;
	pc__xml_parser *parser;
	pc__xml_limits limits;
	struct pc__buf in; /* what waits to be parsed */
	struct pc__timer turn;
	char *end_reason;   /* it has ended, and goes with the timer */
	unsigned under_way; /* elements whose handling has not ended */
	unsigned in_turn;
	bool waiting; /* the barrier is up and an element under way */
	bool afresh;  /* the next byte is a new stream's */
	bool feeding;
	bool full; /* the transport was told so */
};

/* ------------------------------------------------------------ ties to modules */

/* Such a stream ends with its module, and keeps the memory of one that was replaced: there is no
 * port to see to either. */
struct pc__tie {
	struct pc__owned own;
	bool owned;
	pc_stream *s;
};

static void on_module_gone(struct pc__owned *o)
{
	struct pc__tie *tie = PC__CONTAINER(o, struct pc__tie, own);

	tie->owned = false;
	if (o->m->state != PC__RETIRED)
		pc__stream_close_of_module(tie->s);
}

static void tie_to(pc_stream *s, pc_module *m)
{
	struct pc__tie *tie = pc__alloc(sizeof(*tie));

	tie->s = s;
	tie->owned = true;
	s->tie = tie;
	pc__own(m, &tie->own, on_module_gone);
	pc__module_hold(m);
}

void pc__stream_untie(pc_stream *s)
{
	struct pc__tie *tie = s->tie;

	if (tie == NULL)
		return;
	if (tie->owned)
		pc__disown(&tie->own);
	pc__module_release(tie->own.m);
	pc__free(&s->tie);
}

void pc__stream_move(pc_stream *s, pc_module *m)
{
	bool tied = s->tie != NULL;

	pc__stream_untie(s);
	s->m = m;
	if (tied)
		tie_to(s, m);
}

void pc_stream_adopt(pc_stream *s, pc_module *m, const pc_stream_class *class, void *data)
{
	pc__stream_move(s, m);
	s->class = class;
	s->user = data;
}

pc_stream *pc__stream_connected(pc_module *m, const pc_connect_args *args, pc_conn_id conn)
{
	pc_stream *s = pc__stream_make(m, args->class, conn, args->address, false);

	s->we_connected = true;
	s->user = args->data;
	tie_to(s, m);
	return s;
}

/* ------------------------------------------------------------ numbers */

static struct {
	uint32_t *free;
	uint32_t n_free, n_slots;
	uint32_t made;
} numbers;

static pc_conn_id take_number(void)
{
	uint32_t slot = numbers.n_free > 0 ? numbers.free[--numbers.n_free] : numbers.n_slots++;

	if (++numbers.made == 0)
		numbers.made++;
	return (pc_conn_id)slot << 32 | numbers.made;
}

/* The last place of the list is for the one that was made last: it cannot be full. */
static void give_number(pc_conn_id conn)
{
	numbers.free = pc__realloc(numbers.free, numbers.n_slots * sizeof(*numbers.free));
	numbers.free[numbers.n_free++] = pc__io_slot_of(conn);
}

/* ------------------------------------------------------------ the end */

static void tell_transport_of_end(struct pc__carried *c)
{
	const pc_transport *transport = c->transport;

	c->transport = NULL;
	if (transport)
		transport->close(c->t);
}

static void pump(struct pc__carried *c);

static void on_turn(struct pc__timer *timer)
{
	struct pc__carried *c = PC__CONTAINER(timer, struct pc__carried, turn);
	const pc_session who = pc__stream_who(c->s);
	char *reason = c->end_reason;

	if (reason == NULL) {
		pump(c);
		return;
	}
	c->end_reason = NULL;
	pc__log_session("streams", &who, PC_DEBUG, "%s ended: %s", c->s->class->name, reason);
	tell_transport_of_end(c);
	pc__stream_gone(c->s, reason);
	free(reason);
}

void pc__carried_end(pc_stream *s, const char *reason)
{
	struct pc__carried *c = s->carried;

	if (c->end_reason)
		return;
	c->end_reason = pc__strdup(reason);
	pc__timer_set(&c->turn, 0, on_turn);
}

void pc__carried_forget_transport(pc_stream *s)
{
	pc__carried_end(s, "the module is unloaded");
	tell_transport_of_end(s->carried);
}

void pc_stream_lost(pc_stream *s, const char *reason)
{
	s->lost = s->state == PC__STREAM_WAITING || s->state == PC__STREAM_OPEN;
	pc_stream_abort(s, reason);
}

void pc__carried_free(pc_stream *s)
{
	struct pc__carried *c = s->carried;

	pc__timer_clear(&c->turn);
	give_number(s->conn);
	pc__xml_free(&c->parser);
	pc__buf_free(&c->in);
	free(c->end_reason);
	pc__free(&s->carried);
}

/* ------------------------------------------------------------ what the peer says */

static void on_header(const pc__xml_header *h, void *data)
{
	struct pc__carried *c = data;

	if (!c->s->framed && c->s->state == PC__STREAM_WAITING)
		pc__stream_got_header(c->s, h);
}

static void open_by_element(pc_stream *s, const pc_stanza *open)
{
	pc__xml_header h = { .to = pc_stanza_get(open, "to"),
		             .from = pc_stanza_get(open, "from"),
		             .id = pc_stanza_get(open, "id"),
		             .version = pc_stanza_get(open, "version"),
		             .lang = pc_stanza_get(open, "xml:lang"),
		             .content_ns = NULL };

	pc__stream_got_header(s, &h);
}

/* RFC 7395 3.3 and 3.6: what stands for the tags of the stream. */
static bool is_of_framing(pc_stream *s, const pc_stanza *st)
{
	bool waits = s->state == PC__STREAM_WAITING;

	if (pc_stanza_is(st, "close", PC__NS_FRAMING))
		pc__stream_got_end(s);
	else if (waits && pc_stanza_is(st, "open", PC__NS_FRAMING))
		open_by_element(s, st);
	else if (waits || pc_stanza_is(st, "open", PC__NS_FRAMING))
		pc_stream_error(s, "bad-format",
		                waits ? "a stream begins by <open/>" : "the stream is open");
	else
		return false;
	return true;
}

static void handle(struct pc__carried *c, pc_stanza *st)
{
	c->under_way++;
	c->in_turn++;
	c->waiting = c->s->barrier;
	pc__stream_element_begin(c->s, c->s->conn, 0, c->waiting);
	pc__stream_take_element(c->s, st);
	pc__stream_element_end(c->s->conn, 0);
}

static bool may_go_on(const struct pc__carried *c)
{
	return !c->waiting && !c->afresh && !c->end_reason && c->under_way < UNDER_WAY_MOST &&
	       c->in_turn < ELEMENTS_A_TURN;
}

static bool on_element(pc_stanza *st, void *data)
{
	struct pc__carried *c = data;

	if (c->s->framed && is_of_framing(c->s, st))
		pc_stanza_free(&st);
	else
		handle(c, st);
	return may_go_on(c);
}

/* The end tag is not of a framed stream (RFC 7395 3.3). */
static void on_end(void *data)
{
	struct pc__carried *c = data;

	if (c->s->framed)
		pc_stream_error(c->s, "not-well-formed", NULL);
	else
		pc__stream_got_end(c->s);
}

static const pc__xml_callbacks callbacks = { on_header, on_element, on_end };

static void begin_parsing(struct pc__carried *c)
{
	size_t used;

	pc__xml_free(&c->parser);
	c->parser = pc__xml_new(&callbacks, c->s->class->content_ns, &c->limits, c);
	if (c->s->framed)
		pc__xml_feed(c->parser, surroundings, sizeof(surroundings) - 1, &used);
	c->afresh = false;
}

static void fail(struct pc__carried *c)
{
	const char *text, *condition = pc__xml_error(c->parser, &text);

	if (strcmp(condition, "policy-violation") == 0)
		pc__bound_reached(PC__BOUND_STANZA);
	pc_stream_error(c->s, condition, text);
	pc__carried_end(c->s, condition);
}

/* The parser looks at the bytes where they are, and what it calls may add to them. */
static bool feed(struct pc__carried *c)
{
	struct pc__buf now = c->in;
	size_t used = 0;
	int err;

	if (c->afresh)
		begin_parsing(c);
	c->in = (struct pc__buf){ 0 };
	c->feeding = true;
	err = pc__xml_feed(c->parser, now.p, now.len, &used);
	c->feeding = false;
	pc__buf_shift(&now, used);
	pc__buf_add(&now, c->in.p, c->in.len);
	pc__buf_free(&c->in);
	c->in = now;
	if (err < 0)
		fail(c);
	return err >= 0;
}

static void tell_ready(struct pc__carried *c)
{
	if (!c->full || c->in.len > 0 || c->end_reason)
		return;
	c->full = false;
	if (c->transport->ready)
		c->transport->ready(c->t);
}

/* `afresh` stops the parser behind the element that asked for it; here it may go on. */
static bool has_work(const struct pc__carried *c)
{
	return c->in.len > 0 && !c->waiting && !c->end_reason && c->under_way < UNDER_WAY_MOST;
}

static void pump(struct pc__carried *c)
{
	c->in_turn = 0;
	while (has_work(c) && c->in_turn < ELEMENTS_A_TURN && feed(c))
		;
	if (has_work(c))
		pc__timer_set(&c->turn, 0, on_turn);
	tell_ready(c);
}

int pc_stream_input(pc_stream *s, const void *bytes, size_t len)
{
	struct pc__carried *c = s->carried;

	if (c->end_reason)
		return PC_ECANCELED;
	pc__buf_add(&c->in, bytes, len);
	if (!c->feeding && pc__stream_element().conn == 0)
		pump(c);
	else
		pc__timer_set(&c->turn, 0, on_turn);
	if (!c->end_reason && c->in.len > s->limit + BACKLOG_MORE)
		pc_stream_error(s, "policy-violation", "too much is waiting");
	if (c->end_reason)
		return PC_ECANCELED;
	c->full = c->in.len > 0;
	return c->full ? PC_EBUSY : PC_OK;
}

/* ------------------------------------------------------------ what connections ask their thread */

void pc__carried_done(pc_stream *s)
{
	struct pc__carried *c = s->carried;

	c->under_way--;
	if (!c->feeding && !c->end_reason)
		pc__timer_set(&c->turn, 0, on_turn);
}

void pc__carried_go_on(pc_stream *s, bool afresh)
{
	s->carried->waiting = false;
	s->carried->afresh = afresh && !s->framed;
}

void pc__carried_set_limits(pc_stream *s, const pc__xml_limits *limits)
{
	s->carried->limits = *limits;
	pc__xml_set_limits(s->carried->parser, limits);
}

void pc__carried_send(pc_stream *s, const void *bytes, size_t len)
{
	if (s->carried->transport)
		s->carried->transport->send(s->carried->t, bytes, len);
}

pc_stream *pc__carried_by(const pc_stream *s)
{
	const struct pc__carried *c = s->carried;

	return c->transport && c->transport->carrier ? c->transport->carrier(c->t) : NULL;
}

bool pc__stream_is_framed(const pc_stream *s)
{
	return s->framed;
}

pc_stream *pc_stream_new(pc_module *m, const pc_stream_class *class, const char *ip, bool secure,
                         const pc_transport *transport, void *t)
{
	pc_stream *s = pc__stream_make(m, class, take_number(), ip, secure);
	struct pc__carried *c = pc__alloc(sizeof(*c));

	c->s = s;
	c->transport = transport;
	c->t = t;
	c->limits = pc__xml_limits_unauthed;
	s->carried = c;
	s->framed = transport->framed;
	begin_parsing(c);
	tie_to(s, m);
	return s;
}
