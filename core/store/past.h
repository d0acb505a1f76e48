/*
 * past.h - what a journal says of the process before: its sessions, and its writes under way.
 *
 * Texts and bytes lie in the journal and are good until something is dropped from it. Nothing here
 * trusts them: what is not as it must be makes the journal damaged, or leaves a session out.
 *
 * What records hold (numbers are native, texts end with a NUL):
 *
 *   FACTS     flags; username, host, resource, role, client_id, lang, ip, keeper (a module's name)
 *   PRESENCE  pc__rec_presence, the stanza's text; without text: none
 *   BLOB      pc__rec_blob, the module's name, bytes; flag REMOVED: there is none any more
 *   COUNTS    flag KEPT, series; pc__rec_counts
 *   OUT       series; pc__rec_out, the frame (xml/frame.h: pc__frame_save)
 *   GONE      the session has ended
 *   JOB       number: ticket, flags: database; pc__rec_job, the driver's name, a note (note.h)
 *   DONE      number: ticket, flags: database; pc__rec_job
 *
 * The number of the others is the session's. GONE and DONE end only what stands before them, so
 * that they need not be copied when the log's oldest part is emptied. FACTS, PRESENCE, COUNTS and
 * each BLOB replace those before them. The series tells frames of a session from those that it had
 * before it was last kept.
 */
#pragma once

#include <prosody-c/table.h>

#include "store/journal.h"

enum { PC__FACT_INTERESTED = 1, PC__FACT_SECURE = 2 };
enum { PC__COUNTS_KEPT = 1 };
enum { PC__BLOB_REMOVED = 1 };
enum {
	PC__FACT_USERNAME,
	PC__FACT_HOST,
	PC__FACT_RESOURCE,
	PC__FACT_ROLE,
	PC__FACT_CLIENT_ID,
	PC__FACT_LANG,
	PC__FACT_IP,
	PC__FACT_KEEPER,
	PC__FACTS,
};

struct pc__rec_presence {
	int64_t when_ms;
};
struct pc__rec_blob {
	uint32_t version;
};
struct pc__rec_counts {
	uint32_t in, acked, out;
};
struct pc__rec_out {
	int64_t when_ms;
	uint32_t n;
};
struct pc__rec_job {
	uint64_t epoch;
};

/* A record that is in force; r NULL: there is none. */
struct pc__past_record {
	const struct pc__record *r;
	uint64_t place;
};

struct pc__past_out {
	struct pc__past_record record;
	uint32_t n, rank; /* rank: behind what is acknowledged */
};

struct pc__past_session {
	uint64_t number;
	const char *facts[PC__FACTS]; /* "" where there is none */
	unsigned flags;
	const char *presence; /* presence_len bytes; NULL: none */
	size_t presence_len;
	int64_t presence_ms;
	bool kept;
	uint16_t series;
	struct pc__rec_counts counts;
	struct pc__past_out *outs; /* counts.acked + 1 to counts.out */
	size_t n_outs, size_outs;
	struct pc__past_record *blobs;
	size_t n_blobs;
	struct pc__past_record facts_at, presence_at, counts_at;
	UT_hash_handle hh;
};

struct pc__past_job {
	unsigned database;
	uint64_t ticket;
	const char *driver, *note;
	size_t note_len, len; /* len: of the record */
};

typedef struct pc__past {
	struct pc__past_session *sessions; /* in the order of their coming, by hh.next */
	struct pc__past_job *jobs;         /* to be done, by database and ticket */
	size_t n_jobs, size_jobs;
	uint64_t most_number; /* of a session that the journal names */
	uint64_t epoch;
	int64_t died_ms;
} pc__past;

/* PC_EINVAL: the journal is damaged; there is nothing to free then. What is in force is counted
 * (pc__journal_alive). */
int pc__past_read(pc__journal *j, pc__past *past_r);
void pc__past_free(pc__past *past);

/* The parts of a record that is in force. */
const char *pc__past_blob(const struct pc__past_record *blob, uint32_t *version_r,
                          const char **bytes_r, size_t *len_r); /* the module's name */
const char *pc__past_frame(const struct pc__past_out *out, int64_t *when_ms_r, size_t *len_r);
