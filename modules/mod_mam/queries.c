/*
 * queries.c - queries in their turn.
 *
 * They do not hold up what else a session sends. Of each session one is carried out at a time, and
 * the next one begins when its page has left for the network: who asks without reading has one page
 * in memory, and who asks without end comes behind everybody else who asks.
 */
#include "mam.h"

#define WAITING_MOST 16

struct asker {
	UT_hash_handle hh;
	pc_session_id id;
	struct mam *mam;
	struct query *first, **last; /* the first is carried out */
	size_t n;
	char user[];
};

static void go_on(struct asker *a);

static void drop_first(struct asker *a)
{
	struct query *q = a->first;

	a->first = q->next;
	if (a->first == NULL)
		a->last = &a->first;
	a->n--;
	query_free(&q);
}

static void asker_free(struct asker *a)
{
	while (a->first)
		drop_first(a);
	HASH_DEL(a->mam->askers, a);
	free(a);
}

static void on_written(int err, void *data)
{
	struct asker *a = data;

	(void)err; /* a session whose stream broke may live on, and is answered */
	if (pc_session_find(a->id) == NULL)
		asker_free(a);
	else
		go_on(a);
}

/* The oldest entry is known: now the newest one. */
static bool wants_more(struct query *q, int err, const pc_found *found)
{
	if (!q->metadata || err || found->n == 0 || q->oldest.id[0])
		return false;
	memcpy(q->oldest.id, found->entries[0].id, strlen(found->entries[0].id) + 1);
	q->oldest.when = found->entries[0].when;
	q->search.query.reverse = true;
	return true;
}

static void on_found(int err, const pc_found *found, void *data)
{
	struct asker *a = data;
	struct query *q = a->first;
	const pc_session *s = pc_session_find(a->id);

	if (s == NULL) {
		asker_free(a);
		return;
	}
	if (wants_more(q, err, found)) {
		go_on(a);
		return;
	}
	if (err)
		results_fail(s, q, err);
	else if (q->metadata)
		results_send_metadata(s, q, found);
	else
		results_send(s, q, found);
	drop_first(a);
	pc_session_written(a->mam->m, s, on_written, a);
}

static void go_on(struct asker *a)
{
	if (a->first)
		pc_archive_search(a->mam->archive, a->user, &a->first->search, on_found, a);
	else
		asker_free(a);
}

static struct asker *asker_of(struct mam *mam, const pc_session *s)
{
	size_t size = strlen(s->username) + 1;
	struct asker *a;

	HASH_FIND(hh, mam->askers, &s->id, sizeof(s->id), a);
	if (a)
		return a;
	a = mam_alloc(sizeof(*a) + size);
	a->id = s->id;
	a->mam = mam;
	a->last = &a->first;
	memcpy(a->user, s->username, size);
	HASH_ADD(hh, mam->askers, id, sizeof(a->id), a);
	return a;
}

int queries_add(struct mam *mam, const pc_session *s, struct query *q)
{
	bool busy;
	struct asker *a;

	HASH_FIND(hh, mam->askers, &s->id, sizeof(s->id), a);
	busy = a != NULL;
	if (a && a->n >= WAITING_MOST)
		return PC_ELIMIT;
	a = asker_of(mam, s);
	*a->last = q;
	a->last = &q->next;
	a->n++;
	pc_metric_add(mam->queries, 1);
	if (!busy)
		go_on(a);
	return PC_OK;
}

/* Of a module that is replaced they are carried out in its old code; else nobody would. */
void queries_unload(struct mam *mam)
{
	struct asker *a, *next;

	if (mam->replaced)
		return;
	HASH_ITER(hh, mam->askers, a, next)
	{
		const pc_session *s = pc_session_find(a->id);

		for (const struct query *q = a->first; q && s; q = q->next)
			results_fail(s, q, PC_ECANCELED);
		asker_free(a);
	}
}
