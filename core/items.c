/*
 * items.c - what modules offer to others: items by kind, services, features, identities.
 */
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "hosts.h"
#include "items.h"
#include "modules.h"
#include "util/mem.h"

struct pc__item {
	struct pc__owned owned;
	struct pc__item *next; /* of the host, in the order of adding */
	char *kind;
	const void *item;
	bool owns_item;
};

static struct pc__item *global_items;

static struct pc__item **list_of(pc_host *host)
{
	return host ? &host->items : &global_items;
}

static void announce(const char *what, const struct pc__item *i)
{
	pc_module *m = i->owned.m;
	char *event = pc__printf("%s/%s", what, i->kind);

	pc__notify(m->host ? m->host->bus : pc__bus_global(), event, m->host, 0,
	           (pc_arg[]){ PC_PTR("item", (void *)(uintptr_t)i->item),
	                       PC_STR("module", m->def->name) },
	           2);
	free(event);
}

static void drop_item(struct pc__owned *o)
{
	struct pc__item *i = PC__CONTAINER(o, struct pc__item, owned);
	struct pc__item **at = list_of(o->m->host);

	while (*at != i)
		at = &(*at)->next;
	*at = i->next;
	announce("item-removed", i);
	if (i->owns_item)
		free((void *)(uintptr_t)i->item);
	free(i->kind);
	free(i);
}

static void add(pc_module *m, const char *kind, const void *item, bool owns_item)
{
	struct pc__item *i = pc__alloc(sizeof(*i));
	struct pc__item **at = list_of(m->host);

	i->kind = pc__strdup(kind);
	i->item = item;
	i->owns_item = owns_item;
	while (*at)
		at = &(*at)->next;
	*at = i;
	pc__own(m, &i->owned, drop_item);
	announce("item-added", i);
}

void pc_add_item(pc_module *m, const char *kind, const void *item)
{
	add(m, kind, item, false);
}

void pc_remove_item(pc_module *m, const char *kind, const void *item)
{
	for (struct pc__item *i = *list_of(m->host); i; i = i->next) {
		if (i->owned.m == m && i->item == item && strcmp(i->kind, kind) == 0) {
			pc__disown(&i->owned);
			drop_item(&i->owned);
			return;
		}
	}
}

/* While a module is being reloaded both instances have added theirs: the new one's count only when
 * the old one's have gone. */
static bool is_seen(const struct pc__item *i)
{
	const pc_module *m = i->owned.m;

	if (m->state != PC__LOADING)
		return true;
	return pc__module_find(m->host, m->def->name) == m;
}

static bool each(pc_host *host, const char *kind, pc_item_fn *fn, void *data)
{
	for (struct pc__item *i = *list_of(host), *next; i; i = next) {
		next = i->next;
		if (strcmp(i->kind, kind) == 0 && is_seen(i) && !fn(i->item, i->owned.m, data))
			return false;
	}
	return true;
}

/* A host's own items, then those of global modules. */
void pc_each_item(pc_host *host, const char *kind, pc_item_fn *fn, void *data)
{
	if (host == NULL || each(host, kind, fn, data))
		each(NULL, kind, fn, data);
}

void pc_add_feature(pc_module *m, const char *ns)
{
	add(m, "feature", pc__strdup(ns), true);
}

/* One block: the identity and its texts. */
void pc_add_identity(pc_module *m, const char *category, const char *type, const char *name)
{
	size_t c = strlen(category) + 1, t = strlen(type) + 1, n = name ? strlen(name) + 1 : 0;
	pc_identity *id = pc__alloc(sizeof(*id) + c + t + n);
	char *text = (char *)(id + 1);

	id->category = memcpy(text, category, c);
	id->type = memcpy(text + c, type, t);
	id->name = name ? memcpy(text + c + t, name, n) : NULL;
	add(m, "identity", id, true);
}

void pc_provide(pc_module *m, const char *service, const void *vtable)
{
	char *kind = pc__printf("%s-provider", service);

	add(m, kind, vtable, false);
	free(kind);
}

struct found {
	const void *item;
	pc_module *owner;
};

static bool take_first(const void *item, pc_module *owner, void *data)
{
	*(struct found *)data = (struct found){ item, owner };
	return false;
}

const void *pc_provider(pc_host *host, const char *service, pc_module **owner_r)
{
	struct found found = { NULL, NULL };
	char *kind = pc__printf("%s-provider", service);

	pc_each_item(host, kind, take_first, &found);
	free(kind);
	if (owner_r)
		*owner_r = found.owner;
	return found.item;
}
