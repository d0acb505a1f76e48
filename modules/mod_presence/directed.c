#include <stdlib.h>
#include <string.h>

#include "presence.h"

static size_t find(const struct directed *d, const char *jid)
{
	size_t i = 0;

	while (i < d->n && strcmp(d->jids[i], jid) != 0)
		i++;
	return i;
}

int presence_direct(struct directed *d, const char *jid, size_t most)
{
	if (find(d, jid) < d->n)
		return PC_OK;
	if (d->n >= most)
		return PC_ELIMIT;
	if (d->n == d->size) {
		size_t size = d->size ? d->size * 2 : 4;
		char **jids = realloc(d->jids, size * sizeof(*jids));

		if (jids == NULL)
			return PC_ELIMIT;
		d->jids = jids;
		d->size = size;
	}
	d->jids[d->n] = strdup(jid);
	if (d->jids[d->n] == NULL)
		return PC_ELIMIT;
	d->n++;
	return PC_OK;
}

void presence_undirect(struct directed *d, const char *jid)
{
	size_t i = find(d, jid);

	if (i == d->n)
		return;
	free(d->jids[i]);
	d->jids[i] = d->jids[--d->n];
}

void presence_directed_free(struct directed *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->jids[i]);
	free(d->jids);
	*d = (struct directed){ 0 };
}
