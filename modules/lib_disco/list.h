/*
 * list.h - a list of pointers, to be put in order. It begins as zeroes; what it holds is not its
 * own.
 */
#pragma once

#include <stddef.h>

struct list {
	const void **at; /* free() it */
	size_t n, room;
};

void list_add(struct list *l, const void *p);
/* As for qsort(): `compare` gets pointers to what was added. */
void list_sort(struct list *l, int (*compare)(const void *a, const void *b));
