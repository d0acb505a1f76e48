#include <stdlib.h>
#include <string.h>

#include "blocklist.h"

struct waiter {
	struct waiter *next;
	pc_token token;
	decide_fn *decide;
};

/* A list that is being read. */
struct reading {
	UT_hash_handle hh;
	struct reading *next; /* free ones */
	struct lists *lists;
	struct waiter *waiters; /* in order of coming */
	char user[PC_JID_PART_MAX + 1];
};

/* ------------------------------------------------------------ one list */

static size_t place(const struct list *list, const char *jid)
{
	size_t low = 0, high = list->n;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (strcmp(list->jids[mid], jid) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool list_has(const struct list *list, const char *jid)
{
	size_t at = place(list, jid);

	return at < list->n && strcmp(list->jids[at], jid) == 0;
}

void list_add(struct list *list, const char *jid)
{
	size_t at = place(list, jid);

	if (at < list->n && strcmp(list->jids[at], jid) == 0)
		return;
	if (list->n == list->size) {
		size_t size = list->size ? list->size * 2 : 4;
		char **more = realloc(list->jids, size * sizeof(*more));

		if (more == NULL)
			abort();
		list->jids = more;
		list->size = size;
	}
	memmove(&list->jids[at + 1], &list->jids[at], (list->n - at) * sizeof(*list->jids));
	list->jids[at] = strdup(jid);
	if (list->jids[at] == NULL)
		abort();
	list->n++;
}

void list_remove(struct list *list, const char *jid)
{
	size_t at = place(list, jid);

	if (at == list->n || strcmp(list->jids[at], jid) != 0)
		return;
	free(list->jids[at]);
	list->n--;
	memmove(&list->jids[at], &list->jids[at + 1], (list->n - at) * sizeof(*list->jids));
}

static bool has_parts(const struct list *list, const char *local, const char *domain,
                      const char *resource)
{
	char text[PC_JID_MAX + 1];

	pc_jid_write(&(pc_jid){ local, domain, resource }, text);
	return list_has(list, text);
}

bool list_blocks(const struct list *list, const pc_jid *jid)
{
	if (list->n == 0)
		return false;
	return (jid->local && jid->resource &&
	        has_parts(list, jid->local, jid->domain, jid->resource)) ||
	       (jid->local && has_parts(list, jid->local, jid->domain, NULL)) ||
	       (jid->resource && has_parts(list, NULL, jid->domain, jid->resource)) ||
	       has_parts(list, NULL, jid->domain, NULL);
}

void list_clear(struct list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->jids[i]);
	free(list->jids);
	list->jids = NULL;
	list->n = list->size = 0;
}

static void list_free(struct list *list)
{
	list_clear(list);
	free(list->user);
	free(list);
}

static struct list *list_new(const char *user, const pc_item *items, size_t n)
{
	struct list *list = calloc(1, sizeof(*list));

	if (list == NULL || (list->user = strdup(user)) == NULL)
		abort();
	for (size_t i = 0; i < n; i++)
		list_add(list, items[i].key);
	return list;
}

/* ------------------------------------------------------------ those in memory */

static void drop(struct lists *l, struct list *list)
{
	HASH_DEL(l->all, list);
	list_free(list);
}

/* Of accounts that are away those go that were not used for longest. */
static void make_room(struct lists *l)
{
	size_t most = (size_t)pc_opt_int(l->m, "blocklist_cache_size");
	struct list *list, *next;

	if (HASH_COUNT(l->all) <= most)
		return;
	HASH_ITER(hh, l->all, list, next)
	{
		if (pc_session_first(pc_module_host(l->m), list->user) == NULL)
			drop(l, list);
		if (HASH_COUNT(l->all) <= most)
			return;
	}
}

struct list *lists_find(struct lists *l, const char *user)
{
	struct list *list;

	HASH_FIND_STR(l->all, user, list);
	if (list && list->hh.next) {
		HASH_DEL(l->all, list);
		HASH_ADD_KEYPTR(hh, l->all, list->user, strlen(list->user), list);
	}
	return list;
}

void lists_forget(struct lists *l, const char *user)
{
	struct list *list = lists_find(l, user);

	if (list)
		drop(l, list);
}

void lists_clear(struct lists *l)
{
	struct list *list, *next;

	l->unloaded = true;
	HASH_ITER(hh, l->all, list, next)
	{
		drop(l, list);
	}
}

/* ------------------------------------------------------------ reading */

static struct reading *reading_new(struct lists *l, const char *user)
{
	struct reading *r = l->free_readings;

	if (r)
		l->free_readings = r->next;
	else
		r = pc_module_alloc(l->m, sizeof(*r));
	*r = (struct reading){ .lists = l };
	memcpy(r->user, user, strlen(user) + 1);
	HASH_ADD_STR(l->readings, user, r);
	return r;
}

static struct waiter *waiter_new(struct lists *l)
{
	struct waiter *w = l->free_waiters;

	if (w)
		l->free_waiters = w->next;
	else
		w = pc_module_alloc(l->m, sizeof(*w));
	*w = (struct waiter){ 0 };
	return w;
}

static void tell(struct reading *r, const struct list *list)
{
	while (r->waiters) {
		struct waiter *w = r->waiters, now = *w;
		pc_event *ev = pc_token_event(now.token);

		r->waiters = now.next;
		w->next = r->lists->free_waiters;
		r->lists->free_waiters = w;
		if (ev)
			pc_event_resume(now.token, list ? now.decide(ev, list) : PC_EIO);
	}
}

static void on_items(int err, const pc_item *items, size_t n, void *data)
{
	struct reading *r = data;
	struct lists *l = r->lists;
	struct list *list = err == PC_OK ? list_new(r->user, items, n) : NULL;

	HASH_DEL(l->readings, r);
	if (list && !l->unloaded)
		HASH_ADD_KEYPTR(hh, l->all, list->user, strlen(list->user), list);
	tell(r, list);
	if (list && l->unloaded)
		list_free(list);
	else if (list)
		make_room(l);
	r->next = l->free_readings;
	l->free_readings = r;
}

void lists_load(struct lists *l, const char *user, pc_token token, decide_fn *decide)
{
	struct waiter *w, **at;
	struct reading *r;

	HASH_FIND_STR(l->readings, user, r);
	if (r == NULL) {
		r = reading_new(l, user);
		pc_store_get(l->store, user, on_items, r);
	}
	if (token == 0)
		return;
	w = waiter_new(l);
	w->token = token;
	w->decide = decide;
	for (at = &r->waiters; *at; at = &(*at)->next)
		;
	*at = w;
}
