#include "store/note.h"

#include <string.h>

/* A text is its length and its bytes; this length is that of NULL. */
#define NONE UINT32_MAX

/* ------------------------------------------------------------ writing */

static void put(struct pc__buf *out, const void *bytes, size_t len)
{
	pc__buf_add(out, bytes, len);
}

static void put_number(struct pc__buf *out, uint64_t n)
{
	put(out, &n, sizeof(n));
}

static void put_bytes(struct pc__buf *out, const char *p, size_t len)
{
	uint32_t size = p ? (uint32_t)len : NONE;

	put(out, &size, sizeof(size));
	if (p)
		put(out, p, len);
}

static void put_text(struct pc__buf *out, const char *text)
{
	put_bytes(out, text, text ? strlen(text) : 0);
}

static void put_query(struct pc__buf *out, const pc_query *q)
{
	pc__buf_addc(out, q != NULL);
	if (q == NULL)
		return;
	put_number(out, (uint64_t)q->start);
	put_number(out, (uint64_t)q->end);
	put_text(out, q->with);
	put_text(out, q->before);
	put_text(out, q->after);
	put_number(out, q->n_ids);
	for (size_t i = 0; i < q->n_ids; i++)
		put_text(out, q->ids[i]);
	put_number(out, q->limit);
	pc__buf_addc(out, q->reverse);
}

static void put_items(struct pc__buf *out, const pc__op *op)
{
	put_number(out, op->n);
	for (size_t i = 0; i < op->n; i++) {
		put_text(out, op->items[i].key);
		put_bytes(out, op->items[i].value, op->items[i].len);
	}
}

static void put_entry(struct pc__buf *out, const pc__op *op)
{
	put_text(out, op->entry.id);
	put_number(out, (uint64_t)op->entry.when);
	put_text(out, op->entry.with);
	put_bytes(out, op->entry.value, op->entry.len);
	put_number(out, op->most);
	put_text(out, op->text);
}

static void put_op(struct pc__buf *out, const pc__op *op)
{
	pc__buf_addc(out, (char)op->type);
	put_text(out, op->k.host);
	put_text(out, op->k.user);
	put_text(out, op->k.store);
	switch (op->type) {
	case PC__OP_SET:
	case PC__OP_SET_KEYS:
		put_items(out, op);
		break;
	case PC__OP_SWAP:
		put_text(out, op->key);
		put_text(out, op->expected);
		put_text(out, op->value);
		break;
	case PC__OP_APPEND:
		put_entry(out, op);
		break;
	case PC__OP_REPLACE:
		put_text(out, op->key);
		put_bytes(out, op->value, op->len);
		break;
	case PC__OP_REMOVE:
		put_query(out, op->query);
		break;
	case PC__OP_EXPIRE:
		put_number(out, (uint64_t)op->before);
		put_number(out, op->most);
		break;
	default:
		break;
	}
}

void pc__note_write(const pc__job *job, struct pc__buf *out)
{
	put_number(out, job->n_ops);
	for (const pc__op *op = job->ops; op; op = op->next)
		put_op(out, op);
}

/* ------------------------------------------------------------ reading */

struct input {
	const char *p;
	size_t left;
	bool bad;
	pc__job *job;
};

static void take(struct input *in, void *to, size_t len)
{
	if (in->bad || len > in->left) {
		in->bad = true;
		memset(to, 0, len);
		return;
	}
	memcpy(to, in->p, len);
	in->p += len;
	in->left -= len;
}

static uint64_t take_number(struct input *in)
{
	uint64_t n;

	take(in, &n, sizeof(n));
	return n;
}

static bool take_flag(struct input *in)
{
	char c;

	take(in, &c, 1);
	return c != 0;
}

/* A copy that lives as long as the job. */
static const char *take_bytes(struct input *in, size_t *len_r)
{
	const char *copy;
	uint32_t len;

	take(in, &len, sizeof(len));
	*len_r = 0;
	if (in->bad || len == NONE)
		return NULL;
	if (len > in->left) {
		in->bad = true;
		return NULL;
	}
	copy = pc__job_bytes(in->job, in->p, len);
	in->p += len;
	in->left -= len;
	*len_r = len;
	return copy;
}

static const char *take_text(struct input *in)
{
	size_t len;
	const char *text = take_bytes(in, &len);

	if (text && strlen(text) != len)
		in->bad = true;
	return text;
}

/* What must be there. */
static const char *need_text(struct input *in)
{
	const char *text = take_text(in);

	in->bad |= text == NULL;
	return text ? text : "";
}

/* How many things follow, of which each takes `least` bytes. */
static size_t take_count(struct input *in, size_t least)
{
	uint64_t n = take_number(in);

	if (n > in->left / least)
		in->bad = true;
	return in->bad ? 0 : (size_t)n;
}

static void take_items(struct input *in, pc__op *op)
{
	op->n = take_count(in, 2 * sizeof(uint32_t));
	op->items = pc__arena_alloc(in->job->arena, op->n * sizeof(*op->items));
	for (size_t i = 0; i < op->n; i++) {
		op->items[i].key = need_text(in);
		op->items[i].value = take_bytes(in, &op->items[i].len);
	}
}

static void take_entry(struct input *in, pc__op *op)
{
	op->entry.id = need_text(in);
	op->entry.when = (int64_t)take_number(in);
	op->entry.with = take_text(in);
	op->entry.value = take_bytes(in, &op->entry.len);
	op->most = take_number(in);
	op->text = take_text(in);
	in->bad |= op->entry.value == NULL || strlen(op->entry.id) >= PC_ENTRY_ID_SIZE;
}

static void take_query(struct input *in, pc__op *op)
{
	pc_query *q;
	const char **ids;

	if (!take_flag(in))
		return;
	q = pc__arena_alloc(in->job->arena, sizeof(*q));
	*q = (pc_query){ 0 };
	q->start = (int64_t)take_number(in);
	q->end = (int64_t)take_number(in);
	q->with = take_text(in);
	q->before = take_text(in);
	q->after = take_text(in);
	q->n_ids = take_count(in, sizeof(uint32_t));
	ids = pc__arena_alloc(in->job->arena, q->n_ids * sizeof(*ids));
	for (size_t i = 0; i < q->n_ids; i++)
		ids[i] = need_text(in);
	q->ids = ids;
	q->limit = take_number(in);
	q->reverse = take_flag(in);
	op->query = q;
}

static void take_arguments(struct input *in, pc__op *op)
{
	switch (op->type) {
	case PC__OP_SET:
	case PC__OP_SET_KEYS:
		take_items(in, op);
		break;
	case PC__OP_SWAP:
		op->key = need_text(in);
		op->expected = take_text(in);
		op->value = take_text(in);
		break;
	case PC__OP_APPEND:
		take_entry(in, op);
		break;
	case PC__OP_REPLACE:
		op->key = need_text(in);
		op->value = take_bytes(in, &op->len);
		in->bad |= op->value == NULL;
		break;
	case PC__OP_REMOVE:
		take_query(in, op);
		break;
	case PC__OP_EXPIRE:
		op->before = (int64_t)take_number(in);
		op->most = take_number(in);
		break;
	default:
		break;
	}
}

static void take_op(struct input *in)
{
	uint8_t type;
	const char *host, *user, *store;

	take(in, &type, 1);
	host = need_text(in);
	user = need_text(in);
	store = need_text(in);
	in->bad |= type > PC__OP_LAST_WRITE;
	if (!in->bad)
		take_arguments(in, pc__job_add(in->job, (pc__op_type)type, host, user, store));
}

pc__job *pc__note_read(const void *bytes, size_t len, void (*done)(pc__job *job), void *data)
{
	struct input in = { .p = bytes, .left = len, .job = pc__job_new(len, done, data) };
	uint64_t n = take_number(&in);

	in.bad |= n == 0;
	for (uint64_t i = 0; i < n && !in.bad; i++)
		take_op(&in);
	if (in.bad || in.left > 0)
		pc__job_free(&in.job);
	return in.job;
}
