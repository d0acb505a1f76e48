#include "util/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "util/mem.h"

#define LEAST 256

char *pc__buf_grow(struct pc__buf *b, size_t more)
{
	size_t size = b->size ? b->size : LEAST, need = b->len + more;

	while (size < need)
		size *= 2;
	b->p = pc__realloc(b->p, size);
	b->size = size;
	return b->p + b->len;
}

void pc__buf_free(struct pc__buf *b)
{
	free(b->p);
	*b = (struct pc__buf){ 0 };
}

void pc__buf_shift(struct pc__buf *b, size_t n)
{
	if (n < b->len)
		memmove(b->p, b->p + n, b->len - n);
	b->len -= n;
}

void pc__buf_printf(struct pc__buf *b, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len <= 0)
		return;
	va_start(args, format);
	vsnprintf(pc__buf_room(b, (size_t)len + 1), (size_t)len + 1, format, args);
	va_end(args);
	b->len += (size_t)len;
}

const char *pc__buf_str(struct pc__buf *b)
{
	*pc__buf_room(b, 1) = '\0';
	return b->p;
}
