/*
 * mem.h - memory that is always there: out of memory ends the process.
 */
#pragma once

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void *mem_checked(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

/* Zeroed. */
static inline void *mem_new(size_t size)
{
	return mem_checked(calloc(1, size));
}

/* NULL stays NULL. */
static inline char *mem_strdup(const char *text)
{
	return text ? mem_checked(strdup(text)) : NULL;
}

__attribute__((format(printf, 1, 2))) static inline char *mem_printf(const char *format, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	return text;
}
