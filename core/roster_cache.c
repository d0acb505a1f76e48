#include "roster_cache.h"

#include <stdlib.h>
#include <string.h>

#include <prosody-c/table.h>

#include "events.h"
#include "hosts.h"
#include "modules.h"
#include "rosters.h"
#include "stores.h"
#include "timers.h"
#include "util/mem.h"

/* Who waits for a roster that is being read. */
struct waiter {
	struct waiter *next;
	pc_roster_fn *fn;
	void *data;
};

struct cached {
	pc_host *host;
	pc_roster *roster;      /* NULL while it is being read */
	struct waiter *waiters; /* in order of asking */
	bool kept;              /* the account is connected */
	bool answering;         /* its waiters are being called */
	bool forgotten;         /* removed while being read */
	bool expected;          /* in the list of those */
	bool late;              /* ... for the second time */
	UT_hash_handle hh;
	char user[];
};

/* Rosters that somebody who has not proved anything yet makes us read: that many, that long. */
#define EXPECTED_MOST 64
#define EXPECTED_SECONDS 10

struct pc__roster_cache {
	pc_store *store;
	struct cached *all;
	struct cached *expected[EXPECTED_MOST];
	size_t n_expected;
	struct pc__timer sweep;
};

static struct pc__roster_cache *cache_of(pc_host *host)
{
	if (host->rosters == NULL) {
		host->rosters = pc__alloc(sizeof(*host->rosters));
		host->rosters->store = pc__store_open(host->name, "roster", PC_STORE_MAP);
	}
	return host->rosters;
}

static struct cached *find(pc_host *host, const char *user)
{
	struct cached *c;

	HASH_FIND_STR(cache_of(host)->all, user, c);
	return c;
}

static void no_more_expected(struct cached *c)
{
	struct pc__roster_cache *cache = c->host->rosters;
	size_t i = 0;

	if (!c->expected)
		return;
	while (cache->expected[i] != c)
		i++;
	cache->expected[i] = cache->expected[--cache->n_expected];
	c->expected = false;
}

static void cached_free(struct cached *c)
{
	no_more_expected(c);
	HASH_DEL(c->host->rosters->all, c);
	pc__roster_free(&c->roster);
	free(c);
}

pc_roster *pc_roster_of(pc_host *host, const char *user)
{
	struct cached *c = find(host, user);

	return c ? c->roster : NULL;
}

bool pc__roster_in_memory(pc_host *host, const char *user)
{
	return find(host, user) != NULL;
}

void pc_each_roster(pc_host *host, pc_each_roster_fn *fn, void *data)
{
	struct cached *c, *next;

	HASH_ITER(hh, cache_of(host)->all, c, next)
	if (c->roster && !c->forgotten)
		fn(c->user, c->roster, data);
}

/* ------------------------------------------------------------ loading */

static void answer(struct cached *c, int err)
{
	c->answering = true;
	while (c->waiters) {
		struct waiter *w = c->waiters;

		c->waiters = w->next;
		w->fn(err, c->roster, w->data);
		free(w);
	}
	c->answering = false;
	if (!c->kept && !(c->expected && c->roster && !c->forgotten))
		cached_free(c);
}

static void on_items(int err, const pc_item *items, size_t n, void *data)
{
	struct cached *c = data;

	if (err == PC_OK) {
		c->roster = pc__roster_new(c->host, c->user, c->host->rosters->store);
		pc__roster_read(c->roster, items, c->forgotten ? 0 : n);
		pc__notify(c->host->bus, "roster-load", c->host, 0,
		           (pc_arg[]){ PC_STR("username", c->user), PC_PTR("roster", c->roster) },
		           2);
	}
	answer(c, err);
}

static void add_waiter(struct cached *c, pc_roster_fn *fn, void *data)
{
	struct waiter *w = pc__alloc(sizeof(*w)), **at = &c->waiters;

	w->fn = fn;
	w->data = data;
	while (*at)
		at = &(*at)->next;
	*at = w;
}

/* A read of what is in memory goes the same way as one from the store, so that it never calls back
 * before it returns; what it finds there is ignored. */
struct again {
	pc_host *host;
	pc_roster_fn *fn;
	void *data;
	char user[];
};

static void on_again(int err, const pc_item *items, size_t n, void *data)
{
	struct again *a = data;
	struct cached *c = find(a->host, a->user);

	(void)items;
	(void)n;
	if (c && c->roster)
		a->fn(PC_OK, c->roster, a->data);
	else if (err != PC_OK)
		a->fn(err, NULL, a->data);
	else
		pc__roster_load(a->host, a->user, a->fn, a->data);
	free(a);
}

static void call_later(pc_host *host, const char *user, pc_roster_fn *fn, void *data)
{
	size_t size = strlen(user) + 1;
	struct again *a = pc__alloc(sizeof(*a) + size);

	*a = (struct again){ host, fn, data };
	memcpy(a->user, user, size);
	pc_store_get_key(cache_of(host)->store, user, "", on_again, a);
}

static struct cached *cached_new(pc_host *host, const char *user)
{
	size_t len = strlen(user);
	struct cached *c = pc__alloc(sizeof(*c) + len + 1);

	c->host = host;
	memcpy(c->user, user, len);
	HASH_ADD_KEYPTR(hh, cache_of(host)->all, c->user, len, c);
	return c;
}

void pc__roster_load(pc_host *host, const char *user, pc_roster_fn *fn, void *data)
{
	struct cached *c = find(host, user);

	if (c && c->roster) {
		call_later(host, user, fn, data);
		return;
	}
	if (c) {
		add_waiter(c, fn, data);
		return;
	}
	c = cached_new(host, user);
	add_waiter(c, fn, data);
	pc_store_get(host->rosters->store, user, on_items, c);
}

static void on_sweep(struct pc__timer *timer)
{
	struct pc__roster_cache *cache = PC__CONTAINER(timer, struct pc__roster_cache, sweep);

	for (size_t i = cache->n_expected; i-- > 0;) {
		struct cached *c = cache->expected[i];

		if (c->late && c->roster && c->waiters == NULL)
			cached_free(c);
		else
			c->late = true;
	}
	if (cache->n_expected > 0)
		pc__timer_set(timer, EXPECTED_SECONDS, on_sweep);
}

void pc__roster_expect(pc_host *host, const char *user)
{
	struct pc__roster_cache *cache = cache_of(host);
	struct cached *c = find(host, user);

	if (c || cache->n_expected == EXPECTED_MOST)
		return;
	c = cached_new(host, user);
	c->expected = true;
	cache->expected[cache->n_expected++] = c;
	if (cache->n_expected == 1 && !pc__timer_is_set(&cache->sweep))
		pc__timer_set(&cache->sweep, EXPECTED_SECONDS, on_sweep);
	pc_store_get(cache->store, user, on_items, c);
}

struct guarded {
	pc_module *m;
	pc_roster_fn *fn;
	void *data;
};

static void on_guarded(int err, pc_roster *roster, void *data)
{
	struct guarded *g = data;

	if (pc__module_callable(g->m))
		g->fn(err, roster, g->data);
	pc__module_release(g->m);
	free(g);
}

void pc_roster_load(pc_module *m, pc_host *host, const char *user, pc_roster_fn *fn, void *data)
{
	struct guarded *g = pc__alloc(sizeof(*g));

	*g = (struct guarded){ m, fn, data };
	pc__module_hold(m);
	pc__roster_load(host, user, on_guarded, g);
}

/* ------------------------------------------------------------ keeping */

void pc__roster_keep(pc_host *host, const char *user)
{
	struct cached *c = find(host, user);

	if (c == NULL)
		return;
	c->kept = true;
	no_more_expected(c);
}

void pc__roster_release(pc_host *host, const char *user)
{
	struct cached *c = find(host, user);

	if (c == NULL)
		return;
	c->kept = false;
	if (c->waiters == NULL && !c->answering)
		cached_free(c);
}

void pc__roster_forget(pc_host *host, const char *user)
{
	struct cached *c = find(host, user);

	if (c == NULL)
		return;
	c->forgotten = true;
	if (c->expected && c->roster && c->waiters == NULL && !c->answering)
		cached_free(c);
}

void pc__rosters_free(pc_host *host)
{
	struct pc__roster_cache *cache = host->rosters;
	struct cached *c, *next;

	if (cache == NULL)
		return;
	pc__timer_clear(&cache->sweep);
	HASH_ITER(hh, cache->all, c, next)
	cached_free(c);
	pc__store_close(&cache->store);
	pc__free(&host->rosters);
}
