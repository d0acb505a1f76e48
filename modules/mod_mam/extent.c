/*
 * extent.c - how much an archive may hold, and for how long.
 *
 * What is too old goes by a cron. What is too much goes when an account's archive has grown beyond
 * its bounds: the oldest first (XEP-0313 section 3.3), a twentieth below the bound, so that not
 * each message removes one. Nothing is counted where there is no bound; where there is one, a
 * reader counts once, and what is added since is added up.
 */
#include <math.h>
#include <stdio.h>

#include "mam.h"

#define REMOVED_AT_ONCE 500
#define KNOWN_MOST 10000

struct extent {
	UT_hash_handle hh;
	struct mam *mam;
	int64_t n, bytes;
	int64_t added, added_bytes; /* since counting began: maybe among what was counted */
	bool busy;                  /* it is counted, or entries of it are removed */
	bool trimming;
	char user[];
};

/* ------------------------------------------------------------ too much */

static void count(struct extent *e);

static void extent_free(struct extent *e)
{
	HASH_DEL(e->mam->extents, e);
	free(e);
}

static bool is_over(int64_t is, int64_t most, bool trimming)
{
	return most > 0 && is > (trimming ? most - most / 20 : most);
}

/* How many are to go. */
static int64_t surplus(const struct extent *e)
{
	int64_t messages = e->mam->opts.messages, bytes = e->mam->opts.bytes, n = 0;

	if (is_over(e->n, messages, e->trimming))
		n = e->n - (messages - messages / 20);
	if (is_over(e->bytes, bytes, e->trimming) && e->n > 0) {
		int64_t each = e->bytes / e->n + 1, over = e->bytes - (bytes - bytes / 20);

		if (over / each + 1 > n)
			n = over / each + 1;
	}
	return n;
}

static void on_removed(int err, void *data)
{
	struct extent *e = data;

	if (err)
		extent_free(e);
	else
		count(e);
}

/* True: some are being removed. */
static bool trim(struct extent *e)
{
	int64_t n = surplus(e);

	e->trimming = n > 0; /* down to below the bound */
	if (n <= 0)
		return false;
	e->busy = true;
	pc_archive_delete(e->mam->archive, e->user,
	                  &(pc_query){ .limit = n < REMOVED_AT_ONCE ? (size_t)n : REMOVED_AT_ONCE },
	                  on_removed, e);
	return true;
}

static void on_counted(int err, const pc_extent *extent, void *data)
{
	struct extent *e = data;

	e->busy = false;
	if (err || e->mam->unloaded) {
		extent_free(e);
		return;
	}
	e->n = extent->entries;
	e->bytes = extent->bytes;
	if (trim(e))
		return;
	e->n += e->added;
	e->bytes += e->added_bytes;
	if (surplus(e) > 0)
		count(e);
}

static void count(struct extent *e)
{
	e->busy = true;
	e->added = e->added_bytes = 0;
	pc_archive_extent(e->mam->archive, e->user, on_counted, e);
}

/* Some that is not busy. */
static void make_room(struct mam *mam)
{
	struct extent *e, *next;
	int looks = 16;

	if (HASH_COUNT(mam->extents) < KNOWN_MOST)
		return;
	HASH_ITER(hh, mam->extents, e, next)
	{
		if (!e->busy)
			extent_free(e);
		if (looks-- == 0)
			return;
	}
}

void extent_added(struct mam *mam, const char *user, size_t len)
{
	size_t size = strlen(user) + 1;
	struct extent *e;

	if (mam->opts.messages == 0 && mam->opts.bytes == 0)
		return;
	HASH_FIND_STR(mam->extents, user, e);
	if (e) {
		e->n++;
		e->bytes += (int64_t)len;
		e->added++;
		e->added_bytes += (int64_t)len;
		if (!e->busy)
			trim(e);
		return;
	}
	make_room(mam);
	e = mam_alloc(sizeof(*e) + size);
	e->mam = mam;
	memcpy(e->user, user, size);
	HASH_ADD_STR(mam->extents, user, e);
	count(e);
}

void extent_forget(struct mam *mam, const char *user)
{
	struct extent *e;

	HASH_FIND_STR(mam->extents, user, e);
	if (e && !e->busy)
		extent_free(e);
}

/* ------------------------------------------------------------ too old */

static void on_expired(int err, void *data)
{
	struct mam *mam = data;

	if (err)
		pc_log(mam->m, PC_WARN, "old messages could not be removed: %s", pc_strerror(err));
	else
		pc_log(mam->m, PC_DEBUG, "old messages are removed");
}

static void on_cleanup(void *data)
{
	struct mam *mam = data;
	double seconds = pc_opt_seconds(mam->m, "archive_expires_after");

	if (!isinf(seconds))
		pc_archive_expire(mam->archive, NULL, pc_time_ms() - (int64_t)(seconds * 1000),
		                  on_expired, mam);
}

void extent_load(struct mam *mam)
{
	double seconds = pc_opt_seconds(mam->m, "archive_cleanup_interval");
	char text[32];

	if (isinf(seconds))
		return;
	snprintf(text, sizeof(text), "%.0f", seconds);
	pc_cron(mam->m, "cleanup", text, on_cleanup, mam);
}

void extent_unload(struct mam *mam)
{
	struct extent *e, *next;

	HASH_ITER(hh, mam->extents, e, next)
	{
		if (!e->busy || !mam->replaced)
			extent_free(e);
	}
}
