#include "list.h"

#include <stdlib.h>

void list_add(struct list *l, const void *p)
{
	if (l->n == l->room) {
		l->room = l->room ? l->room * 2 : 32;
		l->at = reallocarray(l->at, l->room, sizeof(*l->at));
		if (l->at == NULL)
			abort(); /* out of memory ends the process, as everywhere */
	}
	l->at[l->n++] = p;
}

void list_sort(struct list *l, int (*compare)(const void *a, const void *b))
{
	if (l->n > 1)
		qsort(l->at, l->n, sizeof(*l->at), compare);
}
