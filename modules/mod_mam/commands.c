/*
 * commands.c - archives for operators: how much they hold, and their purging.
 *
 * An address is that of an account, or of a host: all of its accounts.
 */
#include <inttypes.h>
#include <stdio.h>

#include "mam.h"

struct work {
	struct mam *mam;
	pc_call *call;
	char **users; /* that are left to be counted */
	size_t n, at;
	pc_extent sum;
};

/* The account's name, or NULL for the whole host. */
static bool read_address(pc_call *call, char buf[static PC_JID_BUF], const char **user_r)
{
	pc_jid jid;

	if (pc_jid_parse(pc_call_arg(call, 0), buf, &jid) != PC_OK || jid.resource)
		return false;
	*user_r = jid.local;
	return true;
}

/* ------------------------------------------------------------ how much */

static void print_extent(struct work *w, const char *user, const pc_extent *e)
{
	char oldest[PC_DATETIME_SIZE], newest[PC_DATETIME_SIZE];

	pc_datetime_write(e->oldest, oldest);
	pc_datetime_write(e->newest, newest);
	pc_call_print(w->call, "%s@%s: %" PRId64 " messages, %" PRId64 " bytes, from %s to %s",
	              user, pc_module_host_name(w->mam->m), e->entries, e->bytes, oldest, newest);
}

static void on_one(int err, const pc_extent *e, void *data)
{
	struct work *w = data;

	if (err)
		pc_call_end(w->call, err, NULL);
	else
		pc_call_end(w->call, PC_OK, "%" PRId64 " messages, %" PRId64 " bytes", e->entries,
		            e->bytes);
}

static void free_users(struct work *w)
{
	for (size_t i = 0; i < w->n; i++)
		pc_module_free(w->mam->m, w->users[i]);
	pc_module_free(w->mam->m, w->users);
}

static void count_next(struct work *w);

static void on_counted(int err, const pc_extent *e, void *data)
{
	struct work *w = data;

	if (!err && e->entries > 0) {
		print_extent(w, w->users[w->at], e);
		w->sum.entries += e->entries;
		w->sum.bytes += e->bytes;
	}
	w->at++;
	count_next(w);
}

static void count_next(struct work *w)
{
	if (w->at < w->n) {
		pc_archive_extent(w->mam->archive, w->users[w->at], on_counted, w);
		return;
	}
	free_users(w);
	pc_call_end(w->call, PC_OK, "%" PRId64 " messages, %" PRId64 " bytes", w->sum.entries,
	            w->sum.bytes);
}

static void on_users(int err, const pc_item *items, size_t n, void *data)
{
	struct work *w = data;

	if (err) {
		pc_call_end(w->call, err, NULL);
		return;
	}
	w->users = pc_module_alloc(w->mam->m, (n + 1) * sizeof(*w->users));
	for (size_t i = 0; i < n; i++) {
		size_t size = strlen(items[i].key) + 1;

		w->users[w->n] = pc_module_alloc(w->mam->m, size);
		memcpy(w->users[w->n++], items[i].key, size);
	}
	count_next(w);
}

static struct work *work_of(pc_call *call, pc_module *m)
{
	struct work *w = pc_call_data(call, sizeof(*w));

	w->mam = pc_module_data(m);
	w->call = call;
	return w;
}

static void run_info(pc_call *call, pc_module *m)
{
	struct work *w = work_of(call, m);
	char buf[PC_JID_BUF];
	const char *user;

	if (!read_address(call, buf, &user))
		pc_call_end(call, PC_EINVAL, "this is no address: %s", pc_call_arg(call, 0));
	else if (user)
		pc_archive_extent(w->mam->archive, user, on_one, w);
	else
		pc_store_users(w->mam->archive, on_users, w);
}

/* ------------------------------------------------------------ purging */

/* A date alone is its first moment. */
static bool read_date(const char *text, int64_t *ms_r)
{
	char full[PC_DATETIME_SIZE + 16];

	if (text == NULL) {
		*ms_r = INT64_MAX;
		return true;
	}
	snprintf(full, sizeof(full), "%.30s%s", text, strchr(text, 'T') ? "" : "T00:00:00Z");
	return pc_datetime_parse(full, ms_r) == PC_OK;
}

static void on_purged(int err, void *data)
{
	struct work *w = data;

	pc_call_end(w->call, err, err ? NULL : "done");
}

static void run_purge(pc_call *call, pc_module *m)
{
	struct work *w = work_of(call, m);
	char buf[PC_JID_BUF];
	const char *user;
	int64_t before;

	if (!read_address(call, buf, &user))
		pc_call_end(call, PC_EINVAL, "this is no address: %s", pc_call_arg(call, 0));
	else if (!read_date(pc_call_arg(call, 1), &before))
		pc_call_end(call, PC_EINVAL,
		            "this is no date as 2026-01-31 or 2026-01-31T12:00:00Z: %s",
		            pc_call_arg(call, 1));
	else
		pc_archive_expire(w->mam->archive, user, before, on_purged, w);
}

const pc_command mam_commands[] = {
	{ "mam", "info", "JID",
	  "Tells how much the archive of an account, or of all of a host, holds", run_info },
	{ "mam", "purge", "JID [DATE]",
	  "Removes the archived messages of an account, or of all of a host: all, or before a date",
	  run_purge },
	{ 0 },
};
