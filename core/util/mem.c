#include "util/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *check(void *p)
{
	if (p == NULL) {
		fputs("prosody-c: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *pc__alloc(size_t size)
{
	return check(calloc(1, size ? size : 1));
}

void *pc__malloc(size_t size)
{
	return check(malloc(size ? size : 1));
}

void *pc__realloc(void *p, size_t size)
{
	return check(realloc(p, size ? size : 1));
}

char *pc__strdup(const char *s)
{
	return s ? check(strdup(s)) : NULL;
}

char *pc__strndup(const char *s, size_t len)
{
	char *copy = pc__malloc(len + 1);

	if (len > 0)
		memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *pc__printf(const char *format, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	return check(len < 0 ? NULL : text);
}
