/*
 * survive.c - sessions that outlive the process (journal.h).
 *
 * The journal has the queue and the counters of each session that can be resumed; our own part is
 * what it is resumed by and how long it waits. A stanza counts there as soon as it is handled: what
 * its handling wrote is made good by the next process, too, so it must not be handled again.
 */
#include <string.h>

#include "smacks.h"

#define LEAST_MS 10000 /* a session whose time has passed meanwhile gets so much */

struct record {
	uint8_t digest[SM_DIGEST];
	int64_t until; /* milliseconds since 1970; 0: it was not waiting */
	uint32_t most_seconds;
	uint8_t version, announced;
};

void survive_begin(struct smacks *x, const pc_session *s)
{
	if (strcmp(pc_opt_str(x->m, "smacks_survive"), "crash") == 0)
		pc_journal_keep(x->m, s);
}

void survive_save(pc_module *m, const pc_session *s, const void *data, pc_blob *blob)
{
	const struct sm *sm = data;
	struct record r;

	(void)m, (void)s;
	if (!sm->resumable)
		return;
	memset(&r, 0, sizeof(r));
	memcpy(r.digest, sm->digest, SM_DIGEST);
	r.until = sm->state == SM_HIBERNATED ? sm->deadline - pc_now_ms() + pc_time_ms() : 0;
	r.most_seconds = (uint32_t)sm->most_seconds;
	r.version = sm->version;
	r.announced = sm->announced;
	pc_blob_put(blob, &r, sizeof(r));
}

/* What it had left, or all of its time where it was connected. */
static int64_t time_left(struct smacks *x, const struct sm *sm, const struct record *r)
{
	int64_t left = r->until - pc_time_ms(), whole = (int64_t)(1000 * hibernate_seconds(x, sm));

	if (r->until == 0)
		return whole;
	return left > LEAST_MS ? left : LEAST_MS < whole ? LEAST_MS : whole;
}

static void add_frame(const pc_session *s, pc_frame *frame, int64_t when_ms, void *data)
{
	(void)s;
	queue_add(data, frame, when_ms);
}

static int restore(struct smacks *x, const pc_session *s, struct sm *sm, const struct record *r)
{
	pc_journal_state state;

	pc_journal_state_of(s, &state);
	if (!state.kept)
		return PC_ESTATE;
	*sm = (struct sm){ .version = r->version == 2 ? 2 : 3,
		           .resumable = true,
		           .announced = r->announced,
		           .most_seconds = (float)r->most_seconds,
		           .queue = { .acked = state.acked },
		           .exchange = { .told = state.in } };
	memcpy(sm->digest, r->digest, SM_DIGEST);
	pc_journal_each(s, add_frame, &sm->queue);
	if (queue_sent(&sm->queue) != state.out) {
		queue_free(&sm->queue);
		return PC_EIO;
	}
	smacks_begin(x, s, sm, state.in);
	hibernate_begin(x, s, sm, (double)time_left(x, sm, r) / 1000);
	return PC_OK;
}

int survive_restore(pc_module *m, const pc_session *s, void *data, const void *bytes, size_t len)
{
	struct record r;
	int err;

	if (len != sizeof(r))
		return PC_EINVAL;
	memcpy(&r, bytes, sizeof(r));
	err = restore(pc_module_data(m), s, data, &r);
	if (err != PC_OK)
		memset(data, 0, sizeof(struct sm));
	return err;
}
