/* The way in: from the socket (or TLS) to the parser, and what makes it wait. */
#include "io/conn.h"

#include <stdlib.h>
#include <string.h>

#include "io/lane.h"
#include "io/tlsconn.h"
#include "util/mem.h"

#define ELEMENTS_UNDER_WAY 32
#define ELEMENTS_IN_TURN 16
/* A parser that stops in the middle has copied what is behind. */
#define PIECE ((size_t)8 * 1024)
#define ROOM_BLOCKED ((size_t)4 * 1024)
#define ROOM_BARRIER ((size_t)16 * 1024)
#define RAW_UNDER_WAY ((size_t)256 * 1024)

static void restart_turn(struct pc__conn *c)
{
	if (c->turn == c->lane->turn)
		return;
	c->turn = c->lane->turn;
	c->turn_elements = 0;
}

static bool turn_used_up(const struct pc__conn *c)
{
	return c->turn == c->lane->turn && c->turn_elements >= ELEMENTS_IN_TURN;
}

static bool credit_used_up(const struct pc__conn *c)
{
	if (c->kind->framing == PC__RAW)
		return c->under_way_bytes >= RAW_UNDER_WAY;
	return c->under_way >= ELEMENTS_UNDER_WAY || c->under_way_bytes >= c->limits.stanza_bytes;
}

/* Someone must say something, or time must pass, before this one goes on. */
static bool waits_for_others(const struct pc__conn *c)
{
	return c->blocked || c->slow_until != 0 || credit_used_up(c) ||
	       (c->lane->paused && c->barrier && c->kind->framing == PC__XMPP);
}

bool pc__reader_may(const struct pc__conn *c)
{
	return c->state == PC__OPEN && !c->failed && !c->ended && !waits_for_others(c) &&
	       !turn_used_up(c);
}

static bool held(const struct pc__conn *c)
{
	return c->held.len > c->held_at;
}

/* What will never be looked at. */
static bool useless(const struct pc__conn *c)
{
	return c->failed || c->ended || c->state == PC__CLOSING || c->state == PC__DEAD;
}

bool pc__reader_waits(const struct pc__conn *c)
{
	return held(c) || (c->tls != NULL && pc__tlsconn_waits(c));
}

static size_t leading_space(const char *p, size_t len)
{
	size_t n = 0;

	while (n < len && (p[n] == ' ' || p[n] == '\n' || p[n] == '\r' || p[n] == '\t'))
		n++;
	return n;
}

bool pc__reader_pending(const struct pc__conn *c)
{
	size_t len = c->held.len - c->held_at;

	return (held(c) && leading_space(c->held.p + c->held_at, len) < len) ||
	       (c->parser != NULL && !pc__xml_idle(c->parser));
}

bool pc__reader_takes(const struct pc__conn *c)
{
	return !held(c) && (useless(c) || pc__reader_may(c));
}

static void hold(struct pc__conn *c, const char *p, size_t len)
{
	pc__buf_add(&c->held, p, len);
}

static void held_done(struct pc__conn *c)
{
	if (held(c))
		return;
	pc__buf_free(&c->held);
	c->held_at = 0;
}

/* ---- elements */

static bool on_element(pc_stanza *element, void *data)
{
	struct pc__conn *c = data;
	struct pc__io_msg *msg = pc__lane_tell(c->lane, c->id, PC__IS_ELEMENT);

	msg->p = element;
	msg->n = c->barrier;
	restart_turn(c);
	c->turn_elements++;
	if (c->barrier)
		c->blocked = true;
	else
		c->under_way++;
	return pc__reader_may(c);
}

static size_t copy_string(char *to, size_t at, const char *s, const char **copy_r)
{
	size_t len;

	if (s == NULL)
		return at;
	len = strlen(s) + 1;
	memcpy(to + at, s, len);
	*copy_r = to + at;
	return at + len;
}

static size_t size_of(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

/* The parser's strings end with its callback, so they travel in one block with their struct. */
static pc__xml_header *copy_header(const pc__xml_header *h)
{
	size_t size = size_of(h->to) + size_of(h->from) + size_of(h->id) + size_of(h->version) +
	              size_of(h->lang) + size_of(h->content_ns);
	pc__xml_header *copy = pc__alloc(sizeof(*copy) + size);
	char *text = (char *)(copy + 1);
	size_t at = 0;

	at = copy_string(text, at, h->to, &copy->to);
	at = copy_string(text, at, h->from, &copy->from);
	at = copy_string(text, at, h->id, &copy->id);
	at = copy_string(text, at, h->version, &copy->version);
	at = copy_string(text, at, h->lang, &copy->lang);
	copy_string(text, at, h->content_ns, &copy->content_ns);
	return copy;
}

static void on_header(const pc__xml_header *header, void *data)
{
	struct pc__conn *c = data;

	pc__lane_tell(c->lane, c->id, PC__IS_HEADER)->p = copy_header(header);
	if (!c->barrier)
		return;
	c->blocked = true;
	pc__xml_pause(c->parser);
}

static void on_end(void *data)
{
	struct pc__conn *c = data;

	c->ended = true;
	pc__lane_tell(c->lane, c->id, PC__IS_END);
}

const pc__xml_callbacks pc__reader_callbacks = {
	.header = on_header,
	.element = on_element,
	.end = on_end,
};

/* ---- feeding */

static void post_error(struct pc__conn *c)
{
	const char *text = NULL, *condition = pc__xml_error(c->parser, &text);
	size_t len = strlen(condition) + 1;
	char *both;

	if (text == NULL)
		text = "";
	both = pc__malloc(len + strlen(text) + 1);
	memcpy(both, condition, len);
	memcpy(both + len, text, strlen(text) + 1);
	c->failed = true;
	pc__lane_tell(c->lane, c->id, PC__IS_ERROR)->p = both;
}

/* The parser does not say where an element ends, so those of one feeding share its bytes. */
static void share_bytes(struct pc__conn *c, size_t first, size_t bytes)
{
	struct pc__io_batch *b = &c->lane->out.mine;
	size_t n = 0, each;

	c->uncounted += bytes;
	for (size_t i = first; i < b->n; i++)
		n += b->msgs[i].what == PC__IS_ELEMENT;
	if (n == 0)
		return;
	each = c->uncounted / n;
	for (size_t i = first; i < b->n; i++) {
		if (b->msgs[i].what == PC__IS_ELEMENT)
			b->msgs[i].bytes = each;
	}
	if (!c->barrier)
		c->under_way_bytes += each * n;
	c->uncounted = 0;
}

static size_t feed(struct pc__conn *c, const char *p, size_t len)
{
	size_t used = len, first = c->lane->out.mine.n;
	int r;

	if (c->skips_space && leading_space(p, len) > 0)
		return leading_space(p, len);
	c->skips_space = false;
	pc__parking_borrow(c);
	r = pc__xml_feed(c->parser, p, len, &used);
	share_bytes(c, first, used);
	if (r < 0) {
		if (!c->ended)
			post_error(c);
		return len;
	}
	return used;
}

static void post_bytes(struct pc__conn *c, const char *p, size_t len)
{
	struct pc__io_msg *msg = pc__lane_tell(c->lane, c->id, PC__IS_BYTES);

	msg->bytes = len;
	pc__buf_add(&c->lane->out.mine.bytes, p, len);
	c->under_way_bytes += len;
	restart_turn(c);
}

/* Uses as much as may be used now; returns how much. */
static size_t consume(struct pc__conn *c, const char *p, size_t len)
{
	if (c->kind->framing == PC__RAW) {
		post_bytes(c, p, len);
		return len;
	}
	return feed(c, p, len < PIECE ? len : PIECE);
}

static void wait_for_turn(struct pc__conn *c)
{
	if (c->state == PC__OPEN && pc__reader_waits(c) && !useless(c) && !waits_for_others(c))
		pc__conn_list_add(&c->lane->ready, c, PC__READY);
}

void pc__reader_plain(struct pc__conn *c, const char *p, size_t len)
{
	size_t used = 0;

	if (useless(c) || len == 0)
		return;
	while (used < len && !held(c) && pc__reader_may(c))
		used += consume(c, p + used, len - used);
	if (used < len && !useless(c)) {
		hold(c, p + used, len - used);
		wait_for_turn(c);
	}
}

static void feed_held(struct pc__conn *c)
{
	while (held(c) && pc__reader_may(c))
		c->held_at += consume(c, c->held.p + c->held_at, c->held.len - c->held_at);
	if (useless(c))
		c->held_at = c->held.len;
	held_done(c);
}

void pc__reader_go_on(struct pc__conn *c)
{
	if (c->state != PC__OPEN)
		return;
	feed_held(c);
	if (c->tls != NULL && !held(c))
		pc__tlsconn_go_on(c);
	if (c->state != PC__OPEN)
		return;
	wait_for_turn(c);
	pc__reader_start(c);
}

/* ---- the socket */

/* Room for another read: nothing is waiting from the last. */
static bool wants_bytes(const struct pc__conn *c)
{
	if (c->state == PC__CLOSING || c->state == PC__SHAKING)
		return true;
	if (c->state != PC__OPEN || c->failed)
		return false;
	return c->ended || !(pc__reader_waits(c) || c->slow_until != 0 || credit_used_up(c) ||
	                     (c->lane->paused && c->barrier));
}

/* Those who are not let in yet get little: what waits for them is held in memory. */
static size_t room(const struct pc__conn *c)
{
	if (c->blocked)
		return ROOM_BLOCKED;
	return c->barrier ? ROOM_BARRIER : PC__LANE_READ;
}

/* Stopping is put off until bytes are there and unwelcome: most waits are over before. */
static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct pc__conn *c = handle->data;

	(void)suggested;
	PC__ON_LANE(c->lane);
	if (wants_bytes(c))
		*buf = uv_buf_init(c->lane->read, (unsigned)room(c));
	else
		*buf = uv_buf_init(NULL, 0);
}

/* What came is looked at; the next reading waits. A handshake is bounded by other means. */
static void spend(struct pc__conn *c, size_t len)
{
	uint64_t wait;

	if (c->rate == NULL || c->state != PC__OPEN)
		return;
	wait = pc__rate_spend(c->rate, len, pc__lane_now(c->lane));
	if (wait > 0)
		pc__conn_slow(c, wait);
}

static void take_bytes(struct pc__conn *c, const char *p, size_t len)
{
	struct pc__lane_counters *n = &c->lane->counters;

	PC__COUNTER_ADD(n->bytes_in, len);
	PC__COUNTER_ADD(n->reads, 1);
	c->last_read = c->idle_from = pc__lane_now(c->lane);
	if (c->state == PC__CLOSING)
		return;
	if (c->tls != NULL)
		pc__tlsconn_input(c, p, len);
	else
		pc__reader_plain(c, p, len);
	spend(c, len);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct pc__conn *c = stream->data;

	PC__ON_LANE(c->lane);
	if (n > 0) {
		take_bytes(c, buf->base, (size_t)n);
	} else if (n == UV_ENOBUFS) {
		uv_read_stop(stream);
		c->reading = false;
	} else if (n == UV_EOF) {
		pc__reader_eof(c, c->tls ? "connection cut without the end of TLS"
		                         : "connection closed by the peer");
	} else if (n < 0) {
		pc__conn_drop(c, uv_strerror((int)n));
	}
}

void pc__reader_start(struct pc__conn *c)
{
	if (c->reading || c->eof || c->state == PC__DEAD || !wants_bytes(c))
		return;
	if (uv_read_start((uv_stream_t *)&c->tcp, on_room, on_read) == 0)
		c->reading = true;
}

void pc__reader_eof(struct pc__conn *c, const char *reason)
{
	if (c->eof || c->state == PC__DEAD)
		return;
	c->eof = true;
	uv_read_stop((uv_stream_t *)&c->tcp);
	c->reading = false;
	if (c->state != PC__OPEN) {
		pc__conn_drop(c, c->state == PC__CLOSING ? c->reason : reason);
		return;
	}
	/* What main makes of the last elements still leaves, at the end of the turn. */
	c->reason = pc__strdup(reason);
	pc__conn_list_add(&c->lane->ending, c, PC__ENDING);
}

void pc__reader_restart(struct pc__conn *c)
{
	pc__parking_drop(c);
	c->blocked = c->ended = false;
	c->keep_parser = false;
	c->skips_space = true;
	c->uncounted = 0;
}

void pc__reader_free(struct pc__conn *c)
{
	pc__reader_restart(c);
	pc__buf_free(&c->held);
	c->held_at = 0;
}
