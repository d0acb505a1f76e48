/*
 * bundle_load.c - the command `store load`: what a bundle holds (util/bundle.h) comes into the
 * stores.
 *
 * Nothing that is here is changed: contacts, elements and messages that are missing are added, an
 * account that exists keeps its password. A group is read in parts of bounded size; the last one
 * notes, in the same write, that the group has come. Parts of different groups are under way at
 * once, so that they share commits.
 *
 * The server may be serving. A turn of the loop reads no more than a few parts then, and an account
 * that is online, of which modules hold data in memory, is left for another time.
 */
#include "bundle_load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "removals.h"
#include "roster_cache.h"
#include "server.h"
#include "session_table.h"
#include "util/mem.h"

#define PART_BYTES (256 << 10)
#define UNDER_WAY 24
#define TURN_NS (1000 * 1000) /* of reading */

static bool loading; /* one at a time: two of the same would be in each other's way */

/* ------------------------------------------------------------ reading the bundle */

/* False: the bundle is damaged. */
static bool read_part(struct load *l, struct part *p)
{
	struct pc__bundle_record r;
	size_t bytes = 0;

	while (l->left > 0 && p->n < PC__PART_RECORDS && bytes < PART_BYTES) {
		if (pc__bundle_next(l->in, &r) != PC_OK)
			return false;
		pc__part_add(p, &r);
		bytes += r.len;
		l->left--;
	}
	p->last = l->left == 0;
	return true;
}

static void start_part(struct load *l)
{
	struct part *p = pc__part_new(l, pc__kept_find(l->group.store));

	if (!read_part(l, p)) {
		l->err = PC_EINVAL;
		pc__part_free(p);
		return;
	}
	l->in_group = l->left > 0;
	l->under_way++;
	pc__part_begin(p);
}

static const char *use_of(pc_host *host, const char *user)
{
	if (pc__user_find(host, user))
		return "the account is online: once more when it has gone";
	if (pc__roster_in_memory(host, user))
		return "the account is in use: once more in some seconds";
	return NULL;
}

const char *pc__load_obstacle(pc_host *host, const char *user)
{
	return pc__removal_pending(host, user) ? "the account is being removed"
	                                       : use_of(host, user);
}

/* NULL: the group can be taken. */
static const char *fault(const struct pc__bundle_group *g)
{
	pc_host *host = pc_host_find(g->host);
	char buf[PC_JID_BUF];
	int kind = pc__kept_find(g->store);
	pc_jid jid;

	if (host == NULL || pc_host_kind(host) != PC_VIRTUAL_HOST)
		return "no such host is configured";
	if (kind < 0 || pc__kept[kind].archive != g->archive)
		return "such data are not moved";
	if (pc_jid_make(g->user, g->host, NULL, buf, &jid) < 0 || jid.local == NULL ||
	    strcmp(jid.local, g->user) != 0)
		return "not a prepared name of an account";
	return use_of(host, g->user);
}

/* False: the last one was read, or parts must end first. */
static bool start_next(struct load *l)
{
	const char *why;
	int err;

	if (l->err || (l->in_group && l->under_way > 0))
		return false;
	if (!l->in_group || l->skip) {
		l->skip = l->in_group = false;
		err = pc__bundle_next_group(l->in, &l->group);
		if (err != PC_OK) {
			l->err = err;
			return false;
		}
		why = fault(&l->group);
		if (why) {
			pc__load_refuse(l, l->group.host, l->group.user, l->group.store, why);
			return true;
		}
		l->left = l->group.n;
	}
	start_part(l);
	return true;
}

/* ------------------------------------------------------------ the command */

static bool tell_counts(const struct load *l)
{
	bool changed = false;

	for (int i = 0; i < PC__KEPT; i++) {
		const struct count *c = &l->counts[i];

		changed = changed || c->added > 0;
		const pc_cell cells[] = { PC_TEXT("what", pc__kept[i].what),
			                  PC_NUMBER("found", c->found),
			                  PC_NUMBER("before", c->before),
			                  PC_NUMBER("added", c->added),
			                  PC_NUMBER("after", c->after) };

		if (c->found > 0)
			pc_call_row(l->call, cells, PC__COUNT(cells),
			            "%-18s %" PRIu64 " found, %" PRIu64 " here before, %" PRIu64
			            " %s, %" PRIu64 " here %s",
			            pc__kept[i].what, c->found, c->before, c->added,
			            l->dry ? "would come" : "added", c->after,
			            l->dry ? "then" : "after");
	}
	return changed;
}

static void tell_end(struct load *l)
{
	bool changed = tell_counts(l);

	if (l->err != PC_ENOENT)
		pc_call_end(l->call, PC_EIO, "what is to be moved cannot be read to its end");
	else if (l->refused > 0)
		pc_call_end(l->call, PC_EPARTIAL, "%" PRIu64 " parts were not taken", l->refused);
	else if (l->dry)
		pc_call_end(l->call, PC_OK, "nothing was changed: a dry run");
	else
		pc_call_end(l->call, PC_OK, "%s",
		            changed ? "done" : "nothing was changed: all of it had come before");
}

static void finish(struct load *l)
{
	pc__timer_clear(&l->timer);
	pc__bundle_in_free(&l->in);
	fclose(l->file);
	loading = false;
	if (l->call) {
		pc__disown(&l->owned);
		tell_end(l);
	}
	free(l);
}

static void on_turn(struct pc__timer *t)
{
	pc__load_go_on(PC__CONTAINER(t, struct load, timer));
}

void pc__load_go_on(struct load *l)
{
	uint64_t began = uv_hrtime();
	bool more = true, in_time = true;

	if (l->going_on)
		return;
	l->going_on = true;
	while (l->under_way < UNDER_WAY && more && in_time) {
		more = start_next(l);
		in_time = uv_hrtime() - began < TURN_NS;
	}
	l->going_on = false;
	if (l->under_way == 0 && l->err)
		finish(l);
	else if (more && !in_time)
		pc__timer_set(&l->timer, 0, on_turn);
}

/* The call ends with its module. What is under way comes to its end. */
static void on_module_gone(struct pc__owned *o)
{
	struct load *l = PC__CONTAINER(o, struct load, owned);

	l->call = NULL;
	l->err = PC_ECANCELED;
	if (l->under_way == 0 && !l->going_on)
		finish(l);
}

static void run_load(pc_call *call, pc_module *m)
{
	const char *path = pc_call_arg(call, 0);
	pc__bundle_in *in;
	struct load *l;
	FILE *file;

	if (loading) {
		pc_call_end(call, PC_EBUSY, "another import is under way");
		return;
	}
	file = fopen(path, "re");
	in = file ? pc__bundle_in_new(file) : NULL;
	if (in == NULL) {
		pc_call_end(call, PC_EIO, "%s: %s", path, file ? "no bundle" : strerror(errno));
		if (file)
			fclose(file);
		return;
	}
	l = pc__alloc(sizeof(*l));
	*l = (struct load){ .call = call, .file = file, .in = in };
	l->dry = pc_call_arg(call, 1) != NULL;
	pc__own(m, &l->owned, on_module_gone);
	loading = true;
	pc__load_go_on(l);
}

const pc_command pc__load_commands[] = {
	{ "store", "load", "FILE [DRY-RUN]", "Takes what a bundle of prosody-ctl import holds",
	  run_load },
	{ 0 },
};
