/*
 * survivors.h - what of sessions is in the journal (journal.h of the public headers), and what has
 * still to be written there: survivors.c. How it is written: survivor_records.c.
 *
 * A pc__survivor belongs to a session from the moment when something of it is worth a record: it is
 * available, is kept, or a module has something to be saved. Frames are recorded at once; all else
 * is noted as changed, and written once at the end of the turn. Where there is no room for it, the
 * session is lost: it goes on, and ends with the process.
 */
#pragma once

#include <prosody-c/journal.h>

#include "session_table.h"
#include "store/past.h"

/* What changed and is not written. */
enum { PC__CHANGED_FACTS = 1, PC__CHANGED_PRESENCE = 2, PC__CHANGED_COUNTS = 4 };

/* A record in force: where it stands, and its length. place 0: there is none. */
struct pc__placed {
	uint64_t place;
	size_t len;
};

struct pc__survivor_blob {
	struct pc__survivor_blob *next;
	struct pc__placed at;
	bool changed;
	char module[];
};

struct pc__survivor {
	uint64_t number;
	struct pc__session *s; /* NULL: it has ended, and that has still to be written */
	struct pc__survivor *next_changed;
	struct pc__survivor_blob *blobs;
	struct pc__placed facts, presence, counts;
	const char *keeper; /* a module's name; NULL: not kept */
	uint32_t in, acked, out;
	uint32_t *sizes;  /* of frames that are not acknowledged, by number; n_sizes of them */
	uint32_t n_sizes; /* a power of two, or 0 */
	uint16_t series;
	uint8_t changed;
	bool listed; /* among those that changed */
	bool lost;
	struct pc__past_session *past; /* while it is made anew */
};

/* ---- sessions.c, binding.c */

/* The presence has changed; facts, resource included, have. */
void pc__survivor_presence(struct pc__session *s);
void pc__survivor_facts(struct pc__session *s);
void pc__survivor_gone(struct pc__session *s);
/* Kept, and there was room for all of it. */
bool pc__survivor_is_kept(const struct pc__session *s);
/* An instance goes, and its blocks with it. */
void pc__survivors_drop(const pc_module *m);

/* ---- turns.c */

size_t pc__survivors_kept(void);
/* Writes what has changed. */
void pc__survivors_write(void);
/* Where it is written down that this record of a session is in force; `frame` for one of a frame;
 * NULL: it is not. */
uint64_t *pc__survivor_place(const struct pc__record *r, uint64_t place, uint64_t *frame);

/* ---- revival.c */

/* The session goes on with what the journal has of it. */
void pc__survivor_adopt(struct pc__session *s, struct pc__past_session *past);
/* It is as it stands there. */
void pc__survivor_unchanged(struct pc__session *s);
void pc__survivor_set_keeper(struct pc__session *s, const pc_module *m);
/* What the journal had of it, while sessions are made anew; else NULL. */
const struct pc__past_session *pc__survivor_past(const struct pc__session *s);
/* Nobody wants that one any more, and it has no session. */
void pc__survivor_refuse(const struct pc__past_session *past);
/* All were adopted, of a journal which names none above that number. */
void pc__survivors_adopted(uint64_t most_number, int64_t died_ms);
void pc__survivors_past_is_over(void);

/* ---- survivor_table.c */

struct pc__survivor *pc__survivor_find(uint64_t number); /* NULL: it has gone */
/* With a number of its own; NULL: there are too many. */
struct pc__survivor *pc__survivor_new(struct pc__session *s);
struct pc__survivor *pc__survivor_enter(struct pc__session *s, uint64_t number);
/* Its number is never given again. */
void pc__survivor_free(struct pc__survivor *v);
int64_t pc__survivors_died_ms(void);

/* ---- survivor_records.c */

/* Writes what has changed of one; false: there is no room. */
bool pc__survivor_write(struct pc__survivor *v);
bool pc__survivor_write_gone(const struct pc__survivor *v);
/* That module has nothing any more. */
void pc__survivor_write_removed(const struct pc__survivor *v, const struct pc__survivor_blob *b);
/* Nothing of it counts any more. */
void pc__survivor_release(struct pc__survivor *v);
void pc__placed_release(struct pc__placed *at);
/* Records a frame as number `n`. */
bool pc__survivor_write_frame(struct pc__survivor *v, uint32_t n, const pc_frame *frame,
                              int64_t when_ms);
/* One that the journal has: the next number. */
void pc__survivor_adopt_frame(struct pc__survivor *v, size_t len);
/* All to that number are acknowledged. */
void pc__survivor_release_frames(struct pc__survivor *v, uint32_t acked);
