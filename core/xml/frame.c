#include "xml/frame.h"

#include <stdlib.h>

#include <prosody-c/codec.h>

#include "util/mem.h"
#include "xml/write.h"

/* The text is what precedes slot 1, what lies between the tags, and the end tag, in one piece. */
struct pc__body {
	unsigned refs;
	uint8_t kind;
	bool no_ns;     /* the root relies on the default namespace around it */
	bool no_stream; /* the root relies on a declaration of "stream" around it */
	bool empty;     /* nothing lies between the tags */
	size_t head, inner, end;
	char text[];
};

struct pc_frame {
	unsigned refs;
	pc__body *body;
	size_t to_len;
	char to[]; /* empty: none */
};

static pc__body *make(const pc_stanza *root)
{
	struct pc__buf out = { 0 };
	pc__writer w = { .out = &out, .top = root, .ns = PC_NS_CLIENT };
	pc__body *body;
	size_t head, inner;

	w.stream = strcmp(root->ns, PC_NS_STREAM) == 0;
	pc__buf_room(&out, pc__arena_used(root->doc->arena) / 2);
	pc__write_open(&w, root, true);
	head = out.len;
	pc__write_below(&w);
	inner = out.len - head;
	pc__buf_add(&out, "</", 2);
	pc__buf_adds(&out, pc__write_prefix(&w, root));
	pc__buf_add(&out, root->node.name, root->name_len);
	pc__buf_addc(&out, '>');
	body = pc__malloc(sizeof(*body) + out.len);
	*body = (pc__body){
		.refs = 1,
		.kind = root->kind,
		.no_ns = w.stream || strcmp(root->ns, PC_NS_CLIENT) == 0,
		.no_stream = w.stream,
		.empty = inner == 0,
		.head = head,
		.inner = inner,
		.end = out.len - head - inner,
	};
	memcpy(body->text, out.p, out.len);
	pc__buf_free(&out);
	return body;
}

pc__body *pc__body_of(pc_stanza *root)
{
	if (root != root->doc->root)
		return make(root);
	if (root->doc->body == NULL)
		root->doc->body = make(root);
	return pc__body_ref(root->doc->body);
}

pc__body *pc__body_ref(pc__body *body)
{
	body->refs++;
	return body;
}

void pc__body_unref(pc__body **body)
{
	pc__body *b = *body;

	*body = NULL;
	if (b && --b->refs == 0)
		free(b);
}

size_t pc__body_size(const pc__body *body)
{
	return body->head + body->inner + body->end + 1;
}

pc_kind pc__body_kind(const pc__body *body)
{
	return (pc_kind)body->kind;
}

static void write_ns(const pc__body *body, const char *xmlns, struct pc__buf *out)
{
	if (body->no_ns)
		pc__write_attr(out, "xmlns", 5, xmlns, strlen(xmlns));
	if (body->no_stream)
		pc__write_attr(out, "xmlns:stream", 12, PC_NS_STREAM, sizeof(PC_NS_STREAM) - 1);
}

void pc__body_write(const pc__body *body, const char *to, const char *xmlns, const char *tail,
                    struct pc__buf *out)
{
	const char *inner = body->text + body->head;

	pc__buf_add(out, body->text, body->head);
	if (to)
		pc__write_attr(out, "to", 2, to, strlen(to));
	if (xmlns)
		write_ns(body, xmlns, out);
	if (body->empty && (tail == NULL || *tail == '\0')) {
		pc__buf_add(out, "/>", 2);
		return;
	}
	pc__buf_addc(out, '>');
	pc__buf_add(out, inner, body->inner);
	if (tail)
		pc__buf_adds(out, tail);
	pc__buf_add(out, inner + body->inner, body->end);
}

pc_frame *pc__frame_new(pc__body *body, const char *to)
{
	size_t len = to ? strlen(to) : 0;
	pc_frame *frame = pc__malloc(sizeof(*frame) + len + 1);

	frame->refs = 1;
	frame->body = pc__body_ref(body);
	frame->to_len = len;
	memcpy(frame->to, to ? to : "", len + 1);
	return frame;
}

pc_frame *pc_frame_ref(pc_frame *frame)
{
	frame->refs++;
	return frame;
}

void pc_frame_unref(pc_frame **frame)
{
	pc_frame *f = *frame;

	*frame = NULL;
	if (f == NULL || --f->refs > 0)
		return;
	pc__body_unref(&f->body);
	free(f);
}

size_t pc_frame_size(const pc_frame *frame)
{
	return pc__body_size(frame->body) +
	       (frame->to_len ? frame->to_len + sizeof(" to=''") - 1 : 0);
}

pc_kind pc_frame_kind(const pc_frame *frame)
{
	return pc__body_kind(frame->body);
}

pc_stanza *pc_frame_stanza(const pc_frame *frame)
{
	struct pc__buf text = { 0 };
	pc_stanza *st;

	pc__frame_write(frame, NULL, 0, NULL, &text);
	st = pc_stanza_parse(text.p, text.len);
	pc__buf_free(&text);
	return st;
}

/* ------------------------------------------------------------ as bytes */

struct saved {
	uint32_t head, inner, end, to_len;
	uint8_t kind, no_ns, no_stream, empty;
};

size_t pc__frame_saved_size(const pc_frame *frame)
{
	const pc__body *b = frame->body;

	return sizeof(struct saved) + b->head + b->inner + b->end + frame->to_len;
}

void pc__frame_save(const pc_frame *frame, char *out)
{
	const pc__body *b = frame->body;
	size_t len = b->head + b->inner + b->end;
	struct saved saved = { .head = (uint32_t)b->head,
		               .inner = (uint32_t)b->inner,
		               .end = (uint32_t)b->end,
		               .to_len = (uint32_t)frame->to_len,
		               .kind = b->kind,
		               .no_ns = b->no_ns,
		               .no_stream = b->no_stream,
		               .empty = b->empty };

	memcpy(out, &saved, sizeof(saved));
	memcpy(out + sizeof(saved), b->text, len);
	memcpy(out + sizeof(saved) + len, frame->to, frame->to_len);
}

static pc__body *body_from(const struct saved *saved, const char *text)
{
	size_t len = (size_t)saved->head + saved->inner + saved->end;
	pc__body *body = pc__malloc(sizeof(*body) + len);

	*body = (pc__body){ .refs = 1,
		            .kind = saved->kind,
		            .no_ns = saved->no_ns,
		            .no_stream = saved->no_stream,
		            .empty = saved->empty,
		            .head = saved->head,
		            .inner = saved->inner,
		            .end = saved->end };
	memcpy(body->text, text, len);
	return body;
}

pc_frame *pc__frame_load(const void *bytes, size_t len)
{
	const char *text = (const char *)bytes + sizeof(struct saved);
	struct saved saved;
	pc__body *body;
	pc_frame *frame;
	char *to;

	if (len < sizeof(saved))
		return NULL;
	memcpy(&saved, bytes, sizeof(saved));
	if ((uint64_t)saved.head + saved.inner + saved.end + saved.to_len != len - sizeof(saved))
		return NULL;
	body = body_from(&saved, text);
	to = pc__strndup(text + (len - sizeof(saved)) - saved.to_len, saved.to_len);
	frame = pc__frame_new(body, to);
	free(to);
	pc__body_unref(&body);
	return frame;
}

/* ------------------------------------------------------------ writing */

static void write_delay(int64_t when, const char *from, struct pc__buf *out)
{
	char stamp[PC_DATETIME_SIZE];

	pc_datetime_write(when, stamp);
	pc__buf_adds(out, "<delay xmlns='urn:xmpp:delay'");
	if (from)
		pc__write_attr(out, "from", 4, from, strlen(from));
	pc__write_attr(out, "stamp", 5, stamp, strlen(stamp));
	pc__buf_add(out, "/>", 2);
}

void pc__frame_write(const pc_frame *frame, const char *xmlns, int64_t delay_ms,
                     const char *delay_from, struct pc__buf *out)
{
	struct pc__buf tail = { 0 };
	pc_kind kind = pc_frame_kind(frame);

	/* an iq has one child at most (RFC 6120 8.2.3), and a nonza is not delayed */
	if (delay_ms > 0 && (kind == PC_MESSAGE || kind == PC_PRESENCE))
		write_delay(delay_ms, delay_from, &tail);
	pc__body_write(frame->body, frame->to_len ? frame->to : NULL, xmlns,
	               tail.len ? pc__buf_str(&tail) : NULL, out);
	pc__buf_free(&tail);
}
