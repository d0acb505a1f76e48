#include "turns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <prosody-c/codec.h>
#include <prosody-c/loop.h>

#include "bounds.h"
#include "config.h"
#include "log.h"
#include "metrics.h"
#include "server.h"
#include "store/note.h"
#include "stores.h"
#include "survivors.h"
#include "timers.h"
#include "util/killpoint.h"
#include "util/mem.h"

#define FILE_NAME "sessions.journal"
#define ALIVE_SECONDS 30
#define TRIES_MOST 3 /* starts with what is there; then without */

static pc__journal journal;
static bool is_open, is_ours, may_empty;
static uint64_t epoch;
static struct pc__timer alive_timer;
static pc_metric *live_bytes;

/* ------------------------------------------------------------ writes under way */

/* By database: what is settled, and whether that is in the journal. */
static struct {
	pc_ticket done;
	bool changed;
} databases[PC__DATABASES];
static bool any_done;

/* Writes are noted while a session is kept: who else sends anything again? */
static size_t note(unsigned index, const pc__job *job)
{
	const char *driver = pc__stores_driver(index);
	struct pc__rec_job head = { .epoch = epoch };
	struct pc__buf bytes = { 0 };
	struct pc__record *r;
	uint64_t place;
	size_t len;

	if (pc__survivors_kept() == 0 || driver == NULL)
		return 0;
	pc__buf_add(&bytes, &head, sizeof(head));
	pc__buf_add(&bytes, driver, strlen(driver) + 1);
	pc__note_write(job, &bytes);
	len = bytes.len;
	r = pc__journal_add(&journal, PC__REC_JOB, job->ticket, len, &place);
	if (r) {
		r->flags = (uint8_t)index;
		memcpy(r->bytes, bytes.p, len);
	} else {
		pc__bound_reached(PC__BOUND_JOURNAL);
	}
	pc__buf_free(&bytes);
	return r ? len : 0;
}

static void done(unsigned index, pc_ticket ticket, size_t size)
{
	databases[index].done = ticket;
	if (size == 0)
		return;
	databases[index].changed = any_done = true;
	pc__journal_dead(&journal, size);
}

static const struct pc__worker_notes notes = { note, done };

static void write_done(void)
{
	struct pc__rec_job head = { .epoch = epoch };

	for (unsigned i = 0; any_done && i < PC__DATABASES; i++) {
		struct pc__record *r;

		if (!databases[i].changed)
			continue;
		r = pc__journal_add_end(&journal, PC__REC_DONE, databases[i].done, sizeof(head));
		if (r == NULL)
			return; /* what is done twice is found out by the database */
		r->flags = (uint8_t)i;
		memcpy(r->bytes, &head, sizeof(head));
		databases[i].changed = false;
	}
	any_done = false;
}

/* ------------------------------------------------------------ emptying the oldest segment */

static bool job_counts(const struct pc__record *r)
{
	struct pc__rec_job head;

	memcpy(&head, r->bytes, sizeof(head));
	return head.epoch == epoch && r->number > databases[r->flags % PC__DATABASES].done;
}

/* Where the place of a record that counts is written down; NULL: it does not count. */
static uint64_t *counts(const struct pc__record *r, uint64_t place)
{
	static uint64_t nowhere;

	if (r->type == PC__REC_JOB)
		return job_counts(r) ? &nowhere : NULL;
	if (r->type == PC__REC_DONE || r->type == PC__REC_GONE)
		return NULL;
	return pc__survivor_place(r, place, &nowhere);
}

static bool copy(const struct pc__record *r, uint64_t *place)
{
	struct pc__record *to;

	pc__journal_dead(&journal, r->len);
	to = pc__journal_add(&journal, (enum pc__record_type)r->type, r->number, r->len, place);
	if (to == NULL) {
		pc__journal_alive(&journal, r->len);
		return false;
	}
	to->flags = r->flags;
	to->series = r->series;
	memcpy(to->bytes, r->bytes, r->len);
	return true;
}

/* False: there is no room for the copies; it stays. */
static bool empty_oldest(void)
{
	uint64_t at = pc__journal_begin(&journal);
	const struct pc__record *r;

	while (pc__journal_is_oldest(&journal, at) && (r = pc__journal_next(&journal, &at))) {
		uint64_t place = at - pc__record_size(r->len), *counted;

		if (!pc__journal_is_oldest(&journal, place))
			break;
		counted = counts(r, place);
		if (counted && !copy(r, counted))
			return false;
	}
	pc__journal_publish(&journal, pc_time_ms());
	pc__journal_drop(&journal);
	return true;
}

/* ------------------------------------------------------------ a turn */

static void publish(void)
{
	PC__KILLPOINT("before-end");
	pc__journal_publish(&journal, pc_time_ms());
	PC__KILLPOINT("after-end");
	pc_metric_set(live_bytes, (double)journal.live);
	if (may_empty && pc__journal_is_stretched(&journal))
		empty_oldest();
}

void pc__turns_settle(void)
{
	if (!is_ours)
		return;
	pc__survivors_write();
	write_done();
	if (pc__journal_has_news(&journal))
		publish();
	pc__stores_release();
}

static void on_alive(struct pc__timer *t)
{
	pc__journal_publish_time(&journal, pc_time_ms());
	pc__timer_set(t, ALIVE_SECONDS, on_alive);
}

/* ------------------------------------------------------------ the file */

static char *path_of(void)
{
	const char *folder = pc__opt_str(NULL, "journal_directory");
	const char *unit = getenv("RUNTIME_DIRECTORY"); /* several are separated by colons */

	if (folder && *folder)
		return *folder == '/'
		               ? pc__printf("%s/" FILE_NAME, folder)
		               : pc__printf("%s/%s/" FILE_NAME, pc__server.config_dir, folder);
	if (unit && *unit == '/')
		return pc__printf("%.*s/" FILE_NAME, (int)strcspn(unit, ":"), unit);
	return pc__printf("%s/" FILE_NAME, pc__server.data_path);
}

static void tell_failed(const char *path, int err)
{
	const char *why = err == PC_EBUSY   ? "another process uses it"
	                  : err == PC_EPERM ? "it is not a file of ours alone"
	                                    : strerror(errno);

	pc__log("turns", PC_ERROR, "%s cannot be used, so sessions end with the process: %s", path,
	        why);
}

static void tell_found(const char *path, pc__found found)
{
	static const char *const texts[] = {
		[PC__FOUND_OTHER_BOOT] = "it is of before the machine was started",
		[PC__FOUND_OTHER_VERSION] = "another release has written it",
		[PC__FOUND_DAMAGED] = "it is damaged",
	};

	if (found == PC__FOUND_NOTHING || found == PC__FOUND_JOURNAL)
		return;
	pc__log("turns", found == PC__FOUND_DAMAGED ? PC_WARN : PC_INFO,
	        "the sessions in %s are lost: %s", path, texts[found]);
}

/* False: it is emptied, for it seems to be what kills us. */
static bool try_again(const char *path)
{
	uint32_t tries = atomic_fetch_add(&journal.segments.page->tries, 1);

	if (tries < TRIES_MOST)
		return true;
	pc__log("turns", PC_ERROR,
	        "the sessions in %s are given up: the last %u starts have failed with them", path,
	        (unsigned)tries);
	is_open = pc__journal_reset(&journal) == PC_OK;
	return false;
}

static bool open_at(const char *path, pc__past *past_r)
{
	char boot[PC__BOOT_SIZE];
	pc__found found = PC__FOUND_NOTHING;
	int err;

	pc__segments_boot(path, boot);
	err = pc__journal_open(&journal, path, boot, (size_t)pc__opt_int(NULL, "journal_max_size"),
	                       &found);
	if (err) {
		tell_failed(path, err);
		return false;
	}
	is_open = true;
	if (found == PC__FOUND_JOURNAL && !try_again(path))
		return false;
	if (found == PC__FOUND_JOURNAL && pc__past_read(&journal, past_r) != PC_OK) {
		found = PC__FOUND_DAMAGED;
		is_open = pc__journal_reset(&journal) == PC_OK;
	}
	tell_found(path, found);
	return found == PC__FOUND_JOURNAL;
}

bool pc__turns_open(pc__past *past_r)
{
	char *path;
	bool any;

	*past_r = (pc__past){ 0 };
	if (!pc__opt_bool(NULL, "journal"))
		return false;
	path = path_of();
	any = open_at(path, past_r);
	free(path);
	return any;
}

void pc__turns_begin(const pc__past *past)
{
	if (!is_open)
		return;
	pc_random_bytes(&epoch, sizeof(epoch));
	atomic_store(&journal.segments.page->epoch, epoch);
	for (size_t i = 0; i < past->n_jobs; i++)
		pc__journal_dead(&journal, past->jobs[i].len);
	memset(databases, 0, sizeof(databases));
	live_bytes = pc__gauge("journal", "bytes",
	                       "What of sessions and writes would outlive the process now");
	is_ours = true;
	may_empty = false;
	pc__stores_hold(&notes, epoch);
	pc__timer_set(&alive_timer, ALIVE_SECONDS, on_alive);
}

void pc__turns_past_is_over(void)
{
	if (!is_ours)
		return;
	pc__turns_settle();
	atomic_store(&journal.segments.page->tries, 0);
	may_empty = true;
}

void pc__turns_close(void)
{
	if (!is_open)
		return;
	if (is_ours) {
		pc__turns_settle();
		pc__journal_publish(&journal, pc_time_ms());
		pc__stores_hold(NULL, 0);
		pc__timer_clear(&alive_timer);
	}
	atomic_store(&journal.segments.page->tries, 0); /* nobody broke down */
	is_ours = is_open = false;
	pc__journal_close(&journal);
}

pc__journal *pc__turns_journal(void)
{
	return is_ours ? &journal : NULL;
}
