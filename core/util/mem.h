/*
 * mem.h - memory that is always there: out of memory ends the process, so nothing here returns
 * NULL.
 */
#pragma once

#include <prosody-c/base.h>

void *pc__alloc(size_t size);  /* zeroed */
void *pc__malloc(size_t size); /* not zeroed */
void *pc__realloc(void *p, size_t size);
char *pc__strdup(const char *s); /* NULL gives NULL */
char *pc__strndup(const char *s, size_t len);
char *pc__printf(const char *format, ...) PC_PRINTF(1, 2);
/* Frees what *p points to and clears it. */
#define pc__free(p) (free(*(p)), *(p) = NULL)

#define PC__COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PC__CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
