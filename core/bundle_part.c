/*
 * bundle_part.c - some records of a bundle on their way into a store: what is here, what is
 * missing, the write, and what is here then.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bundle_load.h"
#include "removals.h"
#include "util/mem.h"
#include "util/number.h"

#define REFUSALS_SHOWN 20

static bool is_account(const struct part *p)
{
	return strcmp(p->name, "accounts") == 0;
}

/* The version of a roster is no contact. */
static bool is_counted(const struct part *p, const char *key)
{
	return *key != '\0' || strcmp(p->name, "roster") != 0;
}

void pc__load_refuse(struct load *l, const char *host, const char *user, const char *store,
                     const char *why)
{
	if (l->refused++ < REFUSALS_SHOWN && l->call)
		pc_call_print(l->call, "not taken: %s of %s@%s: %s", store, user, host, why);
}

void pc__part_free(struct part *p)
{
	pc__arena *arena = p->arena;

	pc__store_close(&p->store);
	pc__store_close(&p->notes);
	pc__arena_free(&arena);
}

/* What follows a part that was refused is not taken either: the note at its end would say that all
 * of the group has come. */
static void part_refused(struct part *p, const char *why)
{
	struct load *l = p->l;

	if (why) {
		pc__load_refuse(l, pc_host_name(p->host), p->user, p->name, why);
		l->skip = l->skip || !p->last;
	}
	pc__part_free(p);
	l->under_way--;
	pc__load_go_on(l);
}

static void part_end(struct part *p, int err)
{
	part_refused(p, err != PC_OK ? pc_strerror(err) : NULL);
}

/* ---- what is here afterwards */

static uint64_t count_items(const struct part *p, const pc_item *items, size_t n)
{
	uint64_t counted = 0;

	if (is_account(p))
		return n > 0;
	for (size_t i = 0; i < n; i++)
		counted += is_counted(p, items[i].key);
	return counted;
}

static void on_items_after(int err, const pc_item *items, size_t n, void *data)
{
	struct part *p = data;

	p->count->after += count_items(p, items, n);
	part_end(p, err);
}

static void on_entries_after(int err, const pc_entry *entries, size_t n, int64_t total, bool more,
                             void *data)
{
	struct part *p = data;

	(void)entries, (void)n, (void)more;
	p->count->after += total > 0 ? (uint64_t)total : 0;
	part_end(p, err);
}

static void on_account_after(int err, void *data)
{
	struct part *p = data;

	p->count->after += err == PC_OK;
	part_end(p, err);
}

static void look_after(struct part *p)
{
	if (!p->last)
		part_end(p, PC_OK);
	else if (is_account(p))
		pc_user_exists(NULL, p->host, p->user, on_account_after, p);
	else if (p->archive)
		pc_archive_find(p->store, p->user, &(pc_query){ .limit = 1, .count = true },
		                on_entries_after, p);
	else
		pc_store_get(p->store, p->user, on_items_after, p);
}

/* ---- writing */

static void on_written(int err, void *data)
{
	struct part *p = data;

	if (err != PC_OK) {
		part_end(p, err);
		return;
	}
	for (size_t i = 0; i < p->n; i++)
		p->count->added += !p->here[i] && !is_account(p) &&
		                   is_counted(p, p->archive ? p->entries[i].id : p->items[i].key);
	p->count->added += is_account(p) && p->n > 0 && !p->here[0];
	look_after(p);
}

/* Whoever has a copy of the roster must see that it has changed. */
static void add_version(struct part *p, pc_batch *b, size_t n_new)
{
	uint64_t version = p->version + 1, theirs;
	char text[24];
	pc_item item = { "", text, 0 };

	if (n_new == 0 || strcmp(p->name, "roster") != 0)
		return;
	for (size_t i = 0; i < p->n; i++)
		if (*p->items[i].key == '\0' &&
		    pc__number_uint(p->items[i].value, p->items[i].len, UINT64_MAX / 2, &theirs) ==
		            PC_OK &&
		    theirs > version)
			version = theirs;
	item.len = (size_t)snprintf(text, sizeof(text), "%" PRIu64, version);
	pc_batch_set_keys(b, p->store, p->user, &item, 1);
}

/* Somebody may have logged in since the part was begun. From here on whoever reads finds what is
 * written. */
static void write_part(struct part *p)
{
	const char *obstacle = pc__load_obstacle(p->host, p->user);
	pc_item note = { p->name, p->digest, strlen(p->digest) };
	char id[PC_ENTRY_ID_SIZE];
	size_t n_new = 0;
	pc_batch *b;

	if (obstacle) {
		part_refused(p, obstacle);
		return;
	}
	b = pc_batch_new(NULL);
	for (size_t i = 0; i < p->n; i++) {
		if (p->here[i])
			continue;
		if (p->archive)
			pc_batch_append(b, p->store, p->user, &p->entries[i], id);
		else
			pc_batch_set_keys(b, p->store, p->user, &p->items[i], 1);
		n_new += is_counted(p, p->archive ? "id" : p->items[i].key);
	}
	add_version(p, b, n_new);
	if (p->last)
		pc_batch_set_keys(b, p->notes, p->user, &note, 1);
	pc_batch_commit(b, on_written, p);
}

/* Nothing is written: what would be there is counted. */
static void pretend(struct part *p)
{
	uint64_t added = 0;

	for (size_t i = 0; i < p->n; i++)
		added += !p->here[i] &&
		         is_counted(p, p->archive ? p->entries[i].id : p->items[i].key);
	if (is_account(p))
		added = added > 0;
	p->count->added += added;
	p->count->after += added;
	part_end(p, PC_OK);
}

static void take(struct part *p)
{
	if (p->l->dry)
		pretend(p);
	else
		write_part(p);
}

/* ---- accounts: a password in the clear is the provider's business */

static void on_created(int err, void *data)
{
	struct part *p = data;
	size_t kept = 0;

	if (err != PC_OK) {
		part_end(p, err);
		return;
	}
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->items[i].key, "password") != 0)
			p->items[kept++] = p->items[i];
	p->n = kept;
	if (kept > 0)
		write_part(p);
	else {
		p->count->added++;
		look_after(p);
	}
}

static const pc_item *password_of(const struct part *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->items[i].key, "password") == 0)
			return &p->items[i];
	return NULL;
}

static void on_account(int err, void *data)
{
	struct part *p = data;
	const pc_item *password = password_of(p);

	p->count->before += err == PC_OK;
	if (err == PC_OK) {
		p->count->after += p->l->dry;
		if (p->l->dry)
			part_end(p, PC_OK);
		else
			look_after(p);
	} else if (err != PC_ENOENT) {
		part_end(p, err);
	} else if (password && !p->l->dry) {
		pc_user_create(NULL, p->host, p->user, password->value, on_created, p);
	} else {
		take(p);
	}
}

/* ---- what is here before */

static void on_entries_here(int err, const pc_entry *entries, size_t n, int64_t total, bool more,
                            void *data)
{
	struct part *p = data;

	(void)total, (void)more;
	if (err != PC_OK) {
		part_end(p, err);
		return;
	}
	for (size_t i = 0; i < p->n; i++)
		for (size_t j = 0; j < n && !p->here[i]; j++)
			p->here[i] = strcmp(p->entries[i].id, entries[j].id) == 0;
	take(p);
}

static void find_entries(struct part *p)
{
	const char **ids = pc__arena_alloc(p->arena, (p->n + 1) * sizeof(*ids));

	for (size_t i = 0; i < p->n; i++)
		ids[i] = p->entries[i].id;
	pc_archive_find(p->store, p->user, &(pc_query){ .ids = ids, .n_ids = p->n },
	                on_entries_here, p);
}

static void on_total(int err, const pc_entry *entries, size_t n, int64_t total, bool more,
                     void *data)
{
	struct part *p = data;

	(void)entries, (void)n, (void)more;
	if (err != PC_OK) {
		part_end(p, err);
		return;
	}
	p->count->before += total > 0 ? (uint64_t)total : 0;
	p->count->after += p->l->dry && total > 0 ? (uint64_t)total : 0;
	find_entries(p);
}

static int by_key(const void *a, const void *b)
{
	return strcmp(((const pc_item *)a)->key, ((const pc_item *)b)->key);
}

static void on_items_here(int err, const pc_item *items, size_t n, void *data)
{
	struct part *p = data;

	if (err != PC_OK) {
		part_end(p, err);
		return;
	}
	if (p->first)
		p->count->before += count_items(p, items, n);
	if (p->first && p->l->dry)
		p->count->after += count_items(p, items, n);
	if (n > 0 && !is_counted(p, items[0].key)) /* sorted: "" comes first */
		pc__number_uint(items[0].value, items[0].len, UINT64_MAX / 2, &p->version);
	for (size_t i = 0; i < p->n; i++)
		p->here[i] = p->here[i] ||
		             (n > 0 && bsearch(&p->items[i], items, n, sizeof(*items), by_key));
	take(p);
}

static void look(struct part *p)
{
	if (is_account(p))
		pc_user_exists(NULL, p->host, p->user, on_account, p);
	else if (!p->archive)
		pc_store_get(p->store, p->user, on_items_here, p);
	else if (p->first)
		pc_archive_find(p->store, p->user, &(pc_query){ .limit = 1, .count = true },
		                on_total, p);
	else
		find_entries(p);
}

/* The same has come before: whatever became of it since, it does not come again. */
static void on_note(int err, const pc_item *items, size_t n, void *data)
{
	struct part *p = data;

	if (err == PC_OK && n > 0 && strcmp(items[0].value, p->digest) == 0) {
		p->l->skip = p->l->skip || !p->last;
		p->last = true;
		memset(p->here, true, p->n);
		p->count->found += p->l->skip ? p->l->left : 0;
	}
	look(p);
}

/* What the last owner of the name has left may still be on its way out. */
static void on_name_free(int err, void *data)
{
	struct part *p = data;

	if (err != PC_OK) {
		part_end(p, err);
		return;
	}
	if (p->first)
		pc_store_get_key(p->notes, p->user, p->name, on_note, p);
	else
		look(p);
}

void pc__part_begin(struct part *p)
{
	pc__removal_wait(p->host, p->user, on_name_free, p);
}

/* ------------------------------------------------------------ made */

struct part *pc__part_new(struct load *l, int kind)
{
	pc__arena *arena = pc__arena_new(4096);
	struct part *p = pc__arena_alloc(arena, sizeof(*p));
	const struct pc__bundle_group *g = &l->group;

	*p = (struct part){ .l = l, .arena = arena, .host = pc_host_find(g->host) };
	p->user = pc__arena_strndup(arena, g->user, strlen(g->user));
	p->name = pc__arena_strndup(arena, g->store, strlen(g->store));
	p->digest = pc__arena_strndup(arena, g->digest, strlen(g->digest));
	p->count = &l->counts[kind];
	p->archive = pc__kept[kind].archive;
	p->first = l->left == g->n;
	p->store = pc__store_open(g->host, g->store, p->archive ? PC_STORE_ARCHIVE : PC_STORE_MAP);
	p->notes = pc__store_open(g->host, PC__KEPT_IMPORTED, PC_STORE_MAP);
	p->items = pc__arena_alloc(arena, PC__PART_RECORDS * sizeof(*p->items));
	p->entries = pc__arena_alloc(arena, PC__PART_RECORDS * sizeof(*p->entries));
	p->here = pc__arena_alloc(arena, PC__PART_RECORDS * sizeof(*p->here));
	memset(p->here, 0, PC__PART_RECORDS * sizeof(*p->here));
	return p;
}

void pc__part_add(struct part *p, const struct pc__bundle_record *r)
{
	const char *key = pc__arena_strndup(p->arena, r->key, strlen(r->key));
	const char *value = pc__arena_strndup(p->arena, r->value, r->len);

	if (p->archive)
		p->entries[p->n] = (pc_entry){
			.id = key,
			.when = r->when,
			.value = value,
			.len = r->len,
			.with = r->with ? pc__arena_strndup(p->arena, r->with, strlen(r->with))
			                : NULL,
		};
	else
		p->items[p->n] = (pc_item){ key, value, r->len };
	p->count->found += is_account(p) ? p->n == 0 && p->first : is_counted(p, key);
	p->n++;
}
