/*
 * sends.c - a stanza's way out to one session: filters, frame, taps, the stream.
 */
#include <string.h>

#include "filters.h"
#include "router.h"
#include "session_table.h"
#include "streams.h"
#include "xml/frame.h"

/* The common way: nobody keeps the frame, so only its bytes are made. */
static int write_plain(struct pc__session *s, pc_stanza *st)
{
	return s->stream ? pc_stream_send(s->stream, st) : PC_ECANCELED;
}

static int write_frame(struct pc__session *s, pc_frame *frame, int64_t delay_ms)
{
	struct pc__buf *out = s->stream ? pc__stream_begin(s->stream) : NULL;

	if (out == NULL)
		return PC_ECANCELED;
	pc__frame_write(frame, pc__stream_is_framed(s->stream) ? PC_NS_CLIENT : NULL, delay_ms,
	                s->pub.host, out);
	pc__stream_end(s->stream);
	return PC_OK;
}

int pc_session_send_frame(const pc_session *s, pc_frame *frame, int64_t delay_ms)
{
	return write_frame(pc__session_of(s), frame, delay_ms);
}

/* What taps are asked about; a tap that sends to somebody makes another one of it meanwhile. */
struct tapped {
	const pc_frame *frame;
	const pc_stanza *st;
};
static struct tapped tapped;

const pc_stanza *pc_tap_stanza(const pc_frame *frame)
{
	return tapped.frame == frame ? tapped.st : NULL;
}

static bool ask_taps(struct pc__session *s, pc_frame *frame, const pc_stanza *st)
{
	struct tapped outer = tapped;
	bool all_keep;

	tapped = (struct tapped){ frame, st };
	all_keep = pc__filters_tap(s, frame);
	tapped = outer;
	return all_keep;
}

static int write_tapped(struct pc__session *s, pc_stanza *st)
{
	pc__body *body = pc__body_of(st);
	pc_frame *frame = pc__frame_new(body, pc_stanza_get(st, "to"));
	int err = PC_OK;

	if (ask_taps(s, frame, st))
		err = write_frame(s, frame, 0);
	pc_frame_unref(&frame);
	pc__body_unref(&body);
	return err;
}

int pc__session_write(struct pc__session *s, pc_stanza *st)
{
	return pc__filters_has_tap(s) ? write_tapped(s, st) : write_plain(s, st);
}

static int send_filtered(struct pc__session *s, const pc_stanza *st)
{
	pc_stanza *copy = pc_stanza_clone(st);
	int err = PC_OK;

	if (pc__filters_out(s, &copy)) {
		err = pc__session_write(s, copy);
		pc_stanza_free(&copy);
	}
	return err;
}

/* A local client that sends to one who does not read is slowed, never stopped; servers and
 * components speak for many and are not. */
static void slow_sender(const struct pc__session *recipient)
{
	pc_conn_id conn = pc__stream_element().conn;

	if (conn && recipient->stream && pc_stream_lags(recipient->stream) &&
	    conn != recipient->pub.conn)
		pc__stream_slow_conn(conn);
}

int pc_session_send(const pc_session *session, pc_stanza *st)
{
	struct pc__session *s = pc__session_of(session);

	slow_sender(s);
	if (s->filters == NULL)
		return write_plain(s, st);
	return pc__filters_has_out(s) ? send_filtered(s, st) : pc__session_write(s, st);
}
