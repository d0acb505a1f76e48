/*
 * buf.h - bytes that grow.
 *
 * `struct pc__buf b = {0};` is an empty one. Adding may move the bytes. No locks.
 */
#pragma once

#include <string.h>

#include <prosody-c/base.h>

struct pc__buf {
	char *p;
	size_t len, size;
};

void pc__buf_free(struct pc__buf *b);
/* Takes `n` bytes off the front. */
void pc__buf_shift(struct pc__buf *b, size_t n);
void pc__buf_printf(struct pc__buf *b, const char *format, ...) PC_PRINTF(2, 3);
/* A NUL behind the last byte, not counted: returns the bytes as a string. */
const char *pc__buf_str(struct pc__buf *b);

/* Makes room where there is too little. */
char *pc__buf_grow(struct pc__buf *b, size_t more);

/* Room for `more` bytes behind the last: where to write them. Then pc__buf_added(). */
static inline char *pc__buf_room(struct pc__buf *b, size_t more)
{
	return b->size - b->len < more ? pc__buf_grow(b, more) : b->p + b->len;
}

static inline void pc__buf_added(struct pc__buf *b, size_t n)
{
	b->len += n;
}

static inline void pc__buf_add(struct pc__buf *b, const void *bytes, size_t len)
{
	if (len == 0)
		return;
	memcpy(pc__buf_room(b, len), bytes, len);
	b->len += len;
}

static inline void pc__buf_adds(struct pc__buf *b, const char *s)
{
	pc__buf_add(b, s, strlen(s));
}

static inline void pc__buf_addc(struct pc__buf *b, char c)
{
	*pc__buf_room(b, 1) = c;
	b->len++;
}
