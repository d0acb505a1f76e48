/*
 * bundle_load.c - the command `store load`: what a bundle holds (util/bundle.h) comes into the
 * stores.
 *
 * Nothing that is here is changed: contacts, elements and messages that are missing are added, an
 * account that exists keeps its password. A group is read in parts of bounded size; the last one
 * notes, in the same write, that the group has come. Parts of different groups are under way at
 * once, so that they share commits.
 */
#include "bundle_load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "server.h"

#define PART_BYTES (1 << 20)
#define UNDER_WAY 24

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

/* NULL: the group can be taken. */
static const char *fault(const struct pc__bundle_group *g)
{
	const pc_host *host = pc_host_find(g->host);
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
	return NULL;
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
		if (c->found > 0)
			pc_call_print(l->call,
			              "%-18s %" PRIu64 " found, %" PRIu64 " here before, %" PRIu64
			              " %s, %" PRIu64 " here %s",
			              pc__kept[i].what, c->found, c->before, c->added,
			              l->dry ? "would come" : "added", c->after,
			              l->dry ? "then" : "after");
	}
	return changed;
}

static void finish(struct load *l)
{
	bool changed = tell_counts(l);

	l->ended = true;
	pc__bundle_in_free(&l->in);
	fclose(l->file);
	if (l->err != PC_ENOENT)
		pc_call_end(l->call, PC_EIO, "what is to be moved cannot be read to its end");
	else if (l->refused > 0)
		pc_call_end(l->call, PC_EIO, "%" PRIu64 " parts were not taken", l->refused);
	else if (l->dry)
		pc_call_end(l->call, PC_OK, "nothing was changed: a dry run");
	else
		pc_call_end(l->call, PC_OK, "%s",
		            changed ? "done" : "nothing was changed: all of it had come before");
}

void pc__load_go_on(struct load *l)
{
	if (l->ended)
		return;
	while (l->under_way < UNDER_WAY && start_next(l))
		;
	if (l->under_way == 0 && l->err)
		finish(l);
}

static void run_load(pc_call *call, pc_module *m)
{
	struct load *l = pc_call_data(call, sizeof(*l));
	const char *path = pc_call_arg(call, 0);

	if (!pc__server.commands_only) {
		pc_call_end(call, PC_ESTATE, "the server is running: stop it first");
		return;
	}
	*l = (struct load){ .call = call, .m = m, .dry = pc_call_arg(call, 1) != NULL };
	l->file = fopen(path, "re");
	l->in = l->file ? pc__bundle_in_new(l->file) : NULL;
	if (l->in) {
		pc__load_go_on(l);
		return;
	}
	pc_call_end(call, PC_EIO, "%s: %s", path, l->file ? "no bundle" : strerror(errno));
	if (l->file)
		fclose(l->file);
}

const pc_command pc__load_commands[] = {
	{ "store", "load", "FILE [DRY-RUN]", "Takes what a bundle of prosody-ctl import holds",
	  run_load },
	{ 0 },
};
