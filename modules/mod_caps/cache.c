#include "caps.h"

#include <stdlib.h>
#include <string.h>

static void drop(struct cache *c, struct known *k)
{
	HASH_DEL(c->by_key, k);
	free(k->text);
	free(k);
}

static void forget(struct cache *c, const char *key)
{
	if (c->store)
		pc_store_set_keys(c->store, NULL, &(pc_item){ .key = key }, 1, NULL, NULL);
}

static void make_room(struct cache *c)
{
	struct known *k, *next;

	HASH_ITER(hh, c->by_key, k, next)
	{
		if (HASH_COUNT(c->by_key) <= (size_t)c->most)
			return;
		forget(c, k->key);
		drop(c, k);
	}
}

const char *cache_find(struct cache *c, const char *key)
{
	struct known *k;

	HASH_FIND_STR(c->by_key, key, k);
	if (k == NULL)
		return NULL;
	if (k->hh.next) {
		HASH_DEL(c->by_key, k);
		HASH_ADD_STR(c->by_key, key, k);
	}
	return k->text;
}

void cache_put(struct cache *c, const char *key, const char *text, bool keep)
{
	size_t size = strlen(key) + 1;
	struct known *k;

	cache_remove(c, key);
	k = calloc(1, sizeof(*k) + size);
	if (k == NULL || (k->text = strdup(text)) == NULL)
		abort();
	memcpy(k->key, key, size);
	HASH_ADD_STR(c->by_key, key, k);
	if (keep && c->store)
		pc_store_set_keys(c->store, NULL, &(pc_item){ key, text, strlen(text) }, 1, NULL,
		                  NULL);
	make_room(c);
}

void cache_remove(struct cache *c, const char *key)
{
	struct known *k;

	HASH_FIND_STR(c->by_key, key, k);
	if (k)
		drop(c, k);
}

void cache_clear(struct cache *c)
{
	struct known *k, *next;

	HASH_ITER(hh, c->by_key, k, next)
	{
		drop(c, k);
	}
	c->most = 0; /* what is read from the store now comes too late */
}

static void on_kept(int err, const pc_item *items, size_t n, void *data)
{
	struct cache *c = data;

	for (size_t i = 0; err == PC_OK && c->most > 0 && i < n; i++)
		if (cache_find(c, items[i].key) == NULL)
			cache_put(c, items[i].key, items[i].value, false);
}

void cache_load(struct cache *c)
{
	pc_store_get(c->store, NULL, on_kept, c);
}
