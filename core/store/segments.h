/*
 * segments.h - a file in memory, in pieces of 1 MB that are used, given back and used again.
 *
 * The file is a page that says whose it is and what of it is valid, and slots. A segment is what
 * lies in a slot, numbered in the order of use; the segments in use have consecutive numbers. A
 * slot that is free beyond what is soon used again gives its memory back to the system.
 *
 * What is written there is the kernel's at once: it outlives the process, however that dies. It
 * does not outlive the kernel, so the page has the kernel's boot id. The file is ours alone: opened
 * without following links, mode 0600, our own, locked while the process lives. Its pages are
 * allocated before they are touched, so that a full file system is an error and not a signal.
 *
 * Main thread.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include <prosody-c/base.h>

#define PC__SEGMENT_BITS 20
#define PC__SEGMENT_SIZE ((size_t)1 << PC__SEGMENT_BITS)
#define PC__SEGMENT_HEAD 16 /* bytes of the segment's own at its start */
#define PC__BOOT_SIZE 40

/* The page: native numbers, since the file never leaves its machine. */
struct pc__journal_page {
	char magic[8];
	uint32_t version, segment_size;
	char boot[PC__BOOT_SIZE];
	_Atomic(uint64_t) begin, end; /* of what is valid: places (journal.h) */
	_Atomic(uint64_t) epoch;      /* the process to whose databases jobs belong */
	_Atomic(int64_t) alive_ms;    /* when something was last written */
	_Atomic(uint32_t) tries;      /* processes in a row that began to read it, and broke down */
};

typedef enum pc__found {
	PC__FOUND_NOTHING,    /* no file, or one that nobody has used */
	PC__FOUND_JOURNAL,    /* begin and end are good; the records have still to be looked at */
	PC__FOUND_OTHER_BOOT, /* of before the machine was started: of no use, and emptied */
	PC__FOUND_OTHER_VERSION, /* another release's, likewise */
	PC__FOUND_DAMAGED,       /* likewise */
} pc__found;

typedef struct pc__segments {
	int fd;
	char *map;
	size_t map_size;
	struct pc__journal_page *page; /* the map's first */
	uint32_t n_slots, most;        /* there, and allowed */
	uint8_t *states;               /* of slots */
	uint32_t *row;                 /* slots of the segments in use, oldest first */
	uint32_t n_row;
	uint64_t first; /* number of the oldest */
	uint32_t n_free;
} pc__segments;

/* `boot`: that of pc__segments_boot(), or of a test. PC_EBUSY: another process has it. PC_EPERM:
 * it is a link, or somebody else's, or open to others. PC_EIO: errno says why. */
int pc__segments_open(pc__segments *s, const char *path, const char *boot, size_t most_bytes,
                      pc__found *found_r);
void pc__segments_close(pc__segments *s);
/* Empties the file: one segment in use, and nothing valid. PC_EIO. */
int pc__segments_reset(pc__segments *s);

/* Puts a free slot, or a new one, behind the last segment. PC_ELIMIT: there is no room. */
int pc__segments_add(pc__segments *s);
/* The oldest goes; it is not the last. */
void pc__segments_drop(pc__segments *s);
/* The bytes of a segment in use, PC__SEGMENT_SIZE of them; NULL: it is not. */
char *pc__segments_at(const pc__segments *s, uint64_t number);

/* What tells this run of the machine from any other; "" where nothing does. A file system in memory
 * is proof enough, since it goes with the machine. */
void pc__segments_boot(const char *path, char boot_r[static PC__BOOT_SIZE]);
