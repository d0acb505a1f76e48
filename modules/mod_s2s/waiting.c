/*
 * waiting.c - what waits for a stream: stanzas, and frames that were sent on a stream which broke
 * before they were acknowledged.
 */
#include <stdlib.h>
#include <string.h>

#include "s2s.h"

void line_init(struct line *line)
{
	*line = (struct line){ .last = &line->first };
}

static void append(struct line *line, struct waiting one)
{
	struct waiting *w = malloc(sizeof(*w));

	if (w == NULL)
		abort();
	*w = one;
	w->since = pc_now_ms();
	*line->last = w;
	line->last = &w->next;
	line->n++;
	line->bytes += w->bytes;
}

void line_add(struct line *line, pc_stanza *st, size_t bytes)
{
	append(line, (struct waiting){ .st = st, .bytes = bytes });
}

void line_add_frame(struct line *line, pc_frame *frame, int64_t when)
{
	append(line, (struct waiting){ .frame = pc_frame_ref(frame),
	                               .when = when,
	                               .bytes = pc_frame_size(frame) });
}

void line_put_before(struct line *line, struct line *front)
{
	if (front->first == NULL)
		return;
	*front->last = line->first;
	if (line->first == NULL)
		line->last = front->last;
	line->first = front->first;
	line->n += front->n;
	line->bytes += front->bytes;
	line_init(front);
}

/* Yours: its stanza and its frame. */
static struct waiting take_first(struct line *line)
{
	struct waiting *first = line->first, w = *first;

	line->first = w.next;
	if (line->first == NULL)
		line->last = &line->first;
	line->n--;
	line->bytes -= w.bytes;
	free(first);
	return w;
}

static void drop(struct waiting *w)
{
	pc_stanza_free(&w->st);
	pc_frame_unref(&w->frame);
}

bool line_send_first(struct line *line, const pc_session *s)
{
	const struct waiting *first = line->first;
	int err = first->frame ? managed_send_frame(s, first->frame, first->when)
	                       : pc_session_send(s, first->st);
	struct waiting w;

	if (err != PC_OK)
		return false;
	w = take_first(line);
	drop(&w);
	return true;
}

/* ------------------------------------------------------------ back to the sender */

bool line_is_told(const pc_stanza *st)
{
	switch (pc_stanza_type(st)) {
	case PC_TYPE_ERROR:
	case PC_TYPE_RESULT:
	case PC_TYPE_PROBE:
	case PC_TYPE_UNAVAILABLE:
	case PC_TYPE_UNSUBSCRIBED:
		return false;
	default:
		return true;
	}
}

void line_give_back(struct s2s *own, pc_stanza *st, const char *condition, const char *type,
                    const char *text)
{
	if (line_is_told(st)) {
		pc_metric_add(own->returned, 1);
		pc_send(own->m, pc_stanza_error(st, type, condition, text));
	}
	pc_stanza_free(&st);
}

static void give_first_back(struct line *line, struct s2s *own, const char *condition,
                            const char *type)
{
	struct waiting w = take_first(line);
	const char *text = w.frame ? "It was sent, and may have arrived" : NULL;

	if (w.st == NULL)
		w.st = pc_frame_stanza(w.frame);
	if (w.st)
		line_give_back(own, w.st, condition, type, text);
	w.st = NULL;
	drop(&w);
}

void line_give_back_since(struct line *line, struct s2s *own, int64_t since, const char *condition)
{
	while (line->first && line->first->since <= since)
		give_first_back(line, own, condition, NULL);
}

/* An error may make that more is written to the same domain: that is not of these. */
size_t line_give_all_back(struct line *line, struct s2s *own, const char *condition,
                          const char *type)
{
	size_t n = line->n;

	for (size_t i = 0; i < n && line->first; i++)
		give_first_back(line, own, condition, type);
	return n;
}
