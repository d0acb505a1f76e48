/*
 * module.c - what a module sees of itself: data, memory, dependencies, shared memory.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hosts.h"
#include "log.h"
#include "modules.h"
#include "util/mem.h"

void *pc_module_data(const pc_module *m)
{
	return m->data;
}

const char *pc_module_name(const pc_module *m)
{
	return m->def->name;
}

pc_host *pc_module_host(const pc_module *m)
{
	return m->host;
}

const char *pc_module_host_name(const pc_module *m)
{
	return m->host ? m->host->name : "*";
}

void pc_module_fail(pc_module *m, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	pc__module_error(m, PC_ESTATE, "%s", text);
	free(text);
}

void pc_depends(pc_module *m, const char *name)
{
	char *error = NULL;
	int err = pc__module_load(m->host, name, &error);

	if (err != PC_OK)
		pc__module_error(m, err, "needs module %s: %s", name,
		                 error ? error : pc_strerror(err));
	else
		pc__module_find(pc__module_find(m->host, name) ? m->host : NULL, name)->needed =
		        true;
	free(error);
}

struct block {
	struct pc__owned owned;
	pc_fini_fn *fini; /* NULL: it holds nothing */
	max_align_t bytes[];
};

static void drop_block(struct pc__owned *o)
{
	/* The block may be the data of a callback that is under way: it goes with the instance. */
	struct block *b = PC__CONTAINER(o, struct block, owned);
	pc_module *m = o->m;

	b->owned.next = m->retired_blocks;
	m->retired_blocks = &b->owned;
}

static void free_block(struct block *b)
{
	if (b->fini)
		b->fini(b->bytes);
	free(b);
}

void pc__module_free_blocks(pc_module *m)
{
	while (m->retired_blocks) {
		struct block *b = PC__CONTAINER(m->retired_blocks, struct block, owned);

		m->retired_blocks = b->owned.next;
		free_block(b);
	}
}

void *pc_module_alloc(pc_module *m, size_t size)
{
	return pc_module_alloc_with(m, size, NULL);
}

void *pc_module_alloc_with(pc_module *m, size_t size, pc_fini_fn *fini)
{
	struct block *b = pc__alloc(sizeof(*b) + size);

	b->fini = fini;
	pc__own(m, &b->owned, drop_block);
	return b->bytes;
}

void pc_module_free(pc_module *m, void *memory)
{
	struct block *b = PC__CONTAINER(memory, struct block, bytes);

	if (m->state != PC__LIVE && m->state != PC__LOADING)
		return; /* its list has been taken down: the block goes with the instance */
	pc__disown(&b->owned);
	free_block(b);
}

/* ------------------------------------------------------------ shared memory */

static struct shared {
	struct shared *next;
	char *path;
	size_t size;
	unsigned users;
	max_align_t bytes[];
} * all_shared;

struct share {
	struct pc__owned owned;
	struct shared *what;
};

static void free_shared(struct shared *s)
{
	struct shared **at = &all_shared;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	free(s->path);
	free(s);
}

static void drop_share(struct pc__owned *o)
{
	struct share *share = PC__CONTAINER(o, struct share, owned);

	if (--share->what->users == 0)
		free_shared(share->what);
	free(share);
}

static struct shared *find_shared(const char *path, size_t size)
{
	struct shared *s;

	for (s = all_shared; s; s = s->next)
		if (strcmp(s->path, path) == 0)
			return s;
	s = pc__alloc(sizeof(*s) + size);
	s->path = pc__strdup(path);
	s->size = size;
	s->next = all_shared;
	all_shared = s;
	return s;
}

void *pc_shared(pc_module *m, const char *path, size_t size)
{
	struct shared *s = find_shared(path, size);
	struct share *share;

	if (s->size != size) {
		pc__module_error(m, PC_EINVAL, "shared memory %s has another size", path);
		return NULL;
	}
	share = pc__alloc(sizeof(*share));
	share->what = s;
	s->users++;
	pc__own(m, &share->owned, drop_share);
	return s->bytes;
}
