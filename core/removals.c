#include "removals.h"

#include <stdlib.h>
#include <string.h>

#include <prosody-c/table.h>

#include "hosts.h"
#include "log.h"
#include "roster_cache.h"
#include "stores.h"
#include "util/mem.h"

#define STORE "removals"

struct waiter {
	struct waiter *next;
	pc_done_fn *fn;
	void *data;
	char *user; /* that it wants, while the notes are being read */
};

struct removal {
	pc_host *host;
	bool busy;              /* not waiting for another try */
	struct waiter *waiters; /* for its end, in the order of coming */
	UT_hash_handle hh;
	char user[];
};

struct pc__removals {
	pc_store *store;
	struct removal *all;
	bool reading;
	struct waiter *early; /* who came before the notes had been read */
};

static struct pc__removals *removals_of(pc_host *host)
{
	if (host->removals == NULL) {
		host->removals = pc__alloc(sizeof(*host->removals));
		host->removals->store = pc__store_open(host->name, STORE, PC_STORE_MAP);
	}
	return host->removals;
}

static struct removal *find(pc_host *host, const char *user)
{
	struct removal *r;

	HASH_FIND_STR(removals_of(host)->all, user, r);
	return r;
}

static struct removal *add(pc_host *host, const char *user)
{
	size_t size = strlen(user) + 1;
	struct removal *r = pc__alloc(sizeof(*r) + size);

	r->host = host;
	r->busy = true;
	memcpy(r->user, user, size);
	HASH_ADD_STR(removals_of(host)->all, user, r);
	return r;
}

static void add_waiter(struct waiter **list, const char *user, pc_done_fn *fn, void *data)
{
	struct waiter *w = pc__alloc(sizeof(*w));

	w->fn = fn;
	w->data = data;
	w->user = pc__strdup(user);
	while (*list)
		list = &(*list)->next;
	*list = w;
}

static struct waiter *take_waiter(struct waiter **list)
{
	struct waiter *w = *list;

	*list = w->next;
	return w;
}

static void tell(struct waiter *list, int err)
{
	while (list) {
		struct waiter *w = take_waiter(&list);

		w->fn(err, w->data);
		free(w->user);
		free(w);
	}
}

static void end(struct removal *r, int err)
{
	struct waiter *waiters = r->waiters;

	HASH_DEL(r->host->removals->all, r);
	free(r);
	tell(waiters, err);
}

/* ------------------------------------------------------------ the end of one */

/* Whether the note has gone or not: what it says is done, and may be done again. */
static void on_unnoted(int err, void *data)
{
	(void)err;
	end(data, PC_OK);
}

static void unnote(struct removal *r)
{
	pc_store_set_keys(r->host->removals->store, NULL, &(pc_item){ .key = r->user }, 1,
	                  on_unnoted, r);
}

static void on_purged(int err, void *data)
{
	struct removal *r = data;
	struct waiter *waiters = r->waiters;

	if (err == PC_OK) {
		unnote(r);
		return;
	}
	if (err != PC_ECANCELED) /* a stop */
		pc__log("removals", PC_ERROR,
		        "what is left of %s@%s cannot be removed (%s): nobody gets that name "
		        "before it is",
		        r->user, r->host->name, pc_strerror(err));
	r->busy = false;
	r->waiters = NULL;
	tell(waiters, err);
}

/* While the roster is in memory: who hears of it can tell the contacts. */
static void on_last_roster(int err, pc_roster *roster, void *data)
{
	struct removal *r = data;

	(void)err, (void)roster;
	pc__user_deleted(r->host, r->user);
	pc__roster_forget(r->host, r->user);
	pc__stores_purge(r->host->name, r->user, on_purged, r);
}

static void purge(struct removal *r)
{
	r->busy = true;
	pc__roster_load(r->host, r->user, on_last_roster, r);
}

/* ------------------------------------------------------------ the life of one */

struct beginning {
	struct removal *removal;
	pc_done_fn *fn;
	void *data;
};

static void on_noted(int err, void *data)
{
	struct beginning b = *(struct beginning *)data;

	free(data);
	if (err != PC_OK)
		end(b.removal, PC_OK); /* nothing was changed */
	b.fn(err, b.data);
}

void pc__removal_begin(pc_host *host, const char *user, pc_done_fn *fn, void *data)
{
	struct beginning *b;

	if (pc__removal_pending(host, user)) {
		fn(PC_EBUSY, data);
		return;
	}
	b = pc__alloc(sizeof(*b));
	*b = (struct beginning){ add(host, user), fn, data };
	pc_store_set_keys(host->removals->store, NULL, &(pc_item){ user, "true", 4 }, 1, on_noted,
	                  b);
}

void pc__removal_cancel(pc_host *host, const char *user)
{
	struct removal *r = find(host, user);

	if (r)
		unnote(r);
}

void pc__removal_finish(pc_host *host, const char *user, pc_done_fn *fn, void *data)
{
	struct removal *r = find(host, user);

	if (r == NULL) {
		fn(PC_ENOENT, data);
		return;
	}
	add_waiter(&r->waiters, user, fn, data);
	purge(r);
}

bool pc__removal_pending(pc_host *host, const char *user)
{
	return removals_of(host)->reading || find(host, user) != NULL;
}

/* ------------------------------------------------------------ after a crash */

static void on_exists(int err, void *data)
{
	struct removal *r = data;

	if (err == PC_OK) {
		unnote(r);
	} else if (err == PC_ENOENT) {
		pc__log("removals", PC_INFO, "the removal of %s@%s goes on", r->user,
		        r->host->name);
		purge(r);
	} else {
		on_purged(err, r);
	}
}

static void check(struct removal *r)
{
	r->busy = true;
	pc_user_exists(NULL, r->host, r->user, on_exists, r);
}

void pc__removal_settle(pc_host *host, const char *user)
{
	struct removal *r = find(host, user);

	if (r)
		check(r);
}

static void on_notes(int err, const pc_item *items, size_t n, void *data)
{
	pc_host *host = data;
	struct pc__removals *all = host->removals;
	struct waiter *early = all->early;

	all->reading = false;
	all->early = NULL;
	if (err != PC_OK && err != PC_ENOTSUP && err != PC_ECANCELED)
		pc__log("removals", PC_ERROR, "removals of %s that were begun cannot be read: %s",
		        host->name, pc_strerror(err));
	for (size_t i = 0; err == PC_OK && i < n; i++)
		if (find(host, items[i].key) == NULL)
			check(add(host, items[i].key));
	while (early) {
		struct waiter *w = take_waiter(&early);

		pc__removal_wait(host, w->user, w->fn, w->data);
		free(w->user);
		free(w);
	}
}

void pc__removals_resume(pc_host *host)
{
	struct pc__removals *all;

	if (host->type != PC_VIRTUAL_HOST)
		return;
	all = removals_of(host);
	all->reading = true;
	pc_store_get(all->store, NULL, on_notes, host);
}

void pc__removal_wait(pc_host *host, const char *user, pc_done_fn *fn, void *data)
{
	struct pc__removals *all = removals_of(host);
	struct removal *r = find(host, user);

	if (all->reading) {
		add_waiter(&all->early, user, fn, data);
	} else if (r == NULL) {
		fn(PC_OK, data);
	} else {
		add_waiter(&r->waiters, user, fn, data);
		if (!r->busy)
			check(r);
	}
}

void pc__removals_free(pc_host *host)
{
	struct pc__removals *all = host->removals;
	struct removal *r, *next;

	if (all == NULL)
		return;
	tell(all->early, PC_ECANCELED);
	HASH_ITER(hh, all->all, r, next)
	end(r, PC_ECANCELED);
	pc__store_close(&all->store);
	pc__free(&host->removals);
}
