/*
 * journal.h - a log in memory that outlives the process (segments.h says where it lies).
 *
 *   begin .......................... end ........ head
 *     |  valid, read at the next start |  not yet   |
 *
 * Records are added at the head. pc__journal_publish() makes all of them valid together, by storing
 * one number of eight bytes: a process that dies at any instant leaves what was published, whole,
 * and nothing of the rest. A store costs no system call.
 *
 * A place is a number of 64 bits that only grows: the segment's in its upper bits, below them the
 * distance from the segment's start. A record lies within one segment.
 *
 * The log's oldest segment is emptied by its owner, who copies what still counts to the head and
 * drops the rest. So that this always works, at most half of all room may count: adding fails
 * beyond that. What counts no more is told by pc__journal_dead().
 */
#pragma once

#include "store/segments.h"

struct pc__record {
	uint32_t len; /* of bytes */
	uint8_t type, flags;
	uint16_t series;
	uint64_t number; /* of what it belongs to */
	char bytes[];
};

/* Kinds of records; what they hold is said where they are made. */
enum pc__record_type {
	PC__REC_JUMP, /* the next one is in the next segment */
	PC__REC_FACTS,
	PC__REC_PRESENCE,
	PC__REC_BLOB,
	PC__REC_COUNTS,
	PC__REC_OUT,
	PC__REC_GONE,
	PC__REC_JOB,
	PC__REC_DONE,
	PC__REC_TYPES,
};

typedef struct pc__journal {
	pc__segments segments;
	uint64_t head;
	size_t live; /* bytes that count */
	size_t most_live;
} pc__journal;

/* As pc__segments_open(). */
int pc__journal_open(pc__journal *j, const char *path, const char *boot, size_t most_bytes,
                     pc__found *found_r);
void pc__journal_close(pc__journal *j);
/* Empties it. */
int pc__journal_reset(pc__journal *j);

/* Adds a record that counts; its bytes are the caller's to write, at once. NULL: no room. */
struct pc__record *pc__journal_add(pc__journal *j, enum pc__record_type type, uint64_t number,
                                   size_t len, uint64_t *place_r);
/* The same for one that only ends others: it never counts, so that there is room for it. */
struct pc__record *pc__journal_add_end(pc__journal *j, enum pc__record_type type, uint64_t number,
                                       size_t len);
/* A record of so many bytes counts no more; at the start: one that was found does. */
void pc__journal_dead(pc__journal *j, size_t len);
void pc__journal_alive(pc__journal *j, size_t len);
/* Bytes that it takes. */
size_t pc__record_size(size_t len);

/* Is something added and not published? */
static inline bool pc__journal_has_news(const pc__journal *j)
{
	return j->head != atomic_load_explicit(&j->segments.page->end, memory_order_relaxed);
}
void pc__journal_publish(pc__journal *j, int64_t now_ms);
/* Only that the process lives. */
void pc__journal_publish_time(pc__journal *j, int64_t now_ms);

/* The record at *place, which is moved behind it; NULL at the end of what is valid, or where the
 * log is damaged: then *place is not the end. */
const struct pc__record *pc__journal_next(const pc__journal *j, uint64_t *place);
uint64_t pc__journal_begin(const pc__journal *j);
uint64_t pc__journal_end(const pc__journal *j);

/* Is there more than twice what counts? Then the oldest segment is worth emptying. */
bool pc__journal_is_stretched(const pc__journal *j);
/* Whether that place lies in the oldest segment, and that one is not the last. */
bool pc__journal_is_oldest(const pc__journal *j, uint64_t place);
/* The oldest segment goes; all that counted in it has been copied, and that is published. */
void pc__journal_drop(pc__journal *j);
