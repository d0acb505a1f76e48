/*
 * bootstrap.c - the command mimicking bootstrap: what accounts look like that are there already.
 *
 * Some of them a turn: first their skeletons are made, then they are written. Who registers
 * meanwhile looks like nobody whose look is known, and is noted by his registration.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <prosody-c/table.h>

#include "mimicking.h"

#define AT_ONCE 200

/* Accounts that look alike. */
struct group {
	UT_hash_handle hh;
	char *skeleton, *names;
	size_t n;
};

struct bootstrap {
	pc_module *m;
	pc_call *call;
	char *names, *at, *end; /* each with its NUL */
	struct group *groups, *next;
	size_t n, alike;
	pc_timer *timer;
};

void bootstrap_free(struct bootstrap **bootstrap)
{
	struct bootstrap *b = *bootstrap;
	struct group *g, *next;

	*bootstrap = NULL;
	if (b == NULL)
		return;
	pc_timer_stop(&b->timer);
	HASH_ITER(hh, b->groups, g, next)
	{
		HASH_DEL(b->groups, g);
		free(g->skeleton);
		free(g->names);
		free(g);
	}
	free(b->names);
	free(b);
}

static void end(struct bootstrap *b, int err)
{
	struct mimicking *mi = pc_module_data(b->m);

	if (err == PC_OK)
		pc_call_end(b->call, err, "%zu accounts, %zu of them look like another", b->n,
		            b->alike);
	else
		pc_call_end(b->call, err, NULL);
	bootstrap_free(&mi->bootstrap);
}

/* ------------------------------------------------------------ writing */

static void on_written(int err, void *data);

static void write_some(struct bootstrap *b)
{
	const struct mimicking *mi = pc_module_data(b->m);
	pc_item items[AT_ONCE];
	size_t n = 0;

	for (; n < AT_ONCE && b->next; b->next = b->next->hh.next) {
		const struct group *g = b->next;

		items[n++] = (pc_item){ g->skeleton, g->names, strlen(g->names) };
		if (g->n == 1)
			continue;
		b->alike += g->n;
		pc_call_print(b->call, "%s", g->names);
	}
	if (n > 0)
		pc_store_set_keys(mi->store, NULL, items, n, on_written, b);
	else
		end(b, PC_OK);
}

static void on_written(int err, void *data)
{
	if (err == PC_OK)
		write_some(data);
	else
		end(data, err);
}

/* ------------------------------------------------------------ looking */

static void *must(void *memory)
{
	if (memory == NULL)
		abort(); /* out of memory ends the process */
	return memory;
}

static void add(struct bootstrap *b, const char *name, char *skeleton)
{
	struct group *g = NULL;
	size_t len = strlen(name);

	HASH_FIND_STR(b->groups, skeleton, g);
	if (g == NULL) {
		g = must(calloc(1, sizeof(*g)));
		*g = (struct group){ .skeleton = skeleton, .names = must(strdup(name)), .n = 1 };
		HASH_ADD_KEYPTR(hh, b->groups, g->skeleton, strlen(g->skeleton), g);
		return;
	}
	free(skeleton);
	g->names = must(realloc(g->names, strlen(g->names) + len + 2));
	snprintf(g->names + strlen(g->names), len + 2, " %s", name);
	g->n++;
}

static void look_at_some(void *data)
{
	struct bootstrap *b = data;
	const struct mimicking *mi = pc_module_data(b->m);

	b->timer = NULL;
	for (size_t i = 0; i < AT_ONCE && b->at < b->end; i++) {
		char *skeleton = skeleton_of(mi->skeletons, b->at);

		if (skeleton)
			add(b, b->at, skeleton);
		b->at += strlen(b->at) + 1;
		b->n++;
	}
	if (b->at < b->end) {
		b->timer = pc_after(b->m, 0, look_at_some, b);
		return;
	}
	b->next = b->groups;
	write_some(b);
}

static void on_accounts(int err, const char *const *names, size_t n, void *data)
{
	struct bootstrap *b = data;
	size_t size = 1;

	if (err != PC_OK) {
		end(b, err);
		return;
	}
	for (size_t i = 0; i < n; i++)
		size += strlen(names[i]) + 1;
	b->names = b->at = b->end = must(malloc(size));
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(names[i]) + 1;

		memcpy(b->end, names[i], len);
		b->end += len;
	}
	look_at_some(b);
}

void bootstrap_run(pc_call *call, pc_module *m)
{
	struct mimicking *mi = pc_module_data(m);

	if (mi->bootstrap) {
		pc_call_end(call, PC_EBUSY, "it is being done already");
		return;
	}
	mi->bootstrap = must(calloc(1, sizeof(*mi->bootstrap)));
	mi->bootstrap->m = m;
	mi->bootstrap->call = call;
	pc_user_list(m, pc_module_host(m), on_accounts, mi->bootstrap);
}
