/*
 * bundle.h - what stores hold, in a file on its way between prosody-ctl, which knows the formats of
 * others, and the server, which knows its stores.
 *
 * A file is a line that says what it is, and groups: each is all of one user and store, with the
 * number of its records and a digest of them, so that the reader may leave it out unread. Records
 * are the items of a map, or the entries of an archive in their order. Every text has its length in
 * front of it. The file is private and short-lived: it has passwords in it.
 */
#pragma once

#include <stdio.h>

#include <prosody-c/base.h>

#define PC__BUNDLE_TEXT_MAX (64 << 20) /* bytes of a value; larger ones are refused */
#define PC__BUNDLE_NAME_MAX 4095       /* bytes of a host, user, store, key, address */
#define PC__BUNDLE_DIGEST 65           /* a digest as text, with its NUL */

struct pc__bundle_group {
	bool archive;
	const char *host, *user, *store;
	uint64_t n; /* records */
	char digest[PC__BUNDLE_DIGEST];
};

struct pc__bundle_record {
	const char *key;   /* an entry's id */
	const char *with;  /* of an entry; NULL: nobody */
	int64_t when;      /* of an entry */
	const char *value; /* never NULL when read; with a NUL behind it */
	size_t len;
};

/* ---- writing. The file is the caller's, can be read and written, and is at its beginning. */

typedef struct pc__bundle_out pc__bundle_out;
pc__bundle_out *pc__bundle_out_new(FILE *file);
/* PC_EINVAL: a name has control characters, or is too long; no group has begun then. */
int pc__bundle_begin(pc__bundle_out *out, bool archive, const char *host, const char *user,
                     const char *store);
/* PC_ELIMIT: too large, and left out. */
int pc__bundle_add(pc__bundle_out *out, const struct pc__bundle_record *record);
/* Groups without records, and those that are not kept, leave nothing behind. */
void pc__bundle_end(pc__bundle_out *out, bool keep);
/* Between two groups: where it ends now; going back forgets the groups that were written since. */
int64_t pc__bundle_mark(pc__bundle_out *out);
void pc__bundle_back(pc__bundle_out *out, int64_t mark);
/* PC_EIO: something could not be written. */
int pc__bundle_out_free(pc__bundle_out **out);

/* ---- reading */

typedef struct pc__bundle_in pc__bundle_in;
/* NULL: this is no bundle. */
pc__bundle_in *pc__bundle_in_new(FILE *file);
void pc__bundle_in_free(pc__bundle_in **in);
/* The next group, whatever is left of the last one. Its texts live as long as it is the last.
 * PC_ENOENT: the end; PC_EINVAL: damaged. */
int pc__bundle_next_group(pc__bundle_in *in, struct pc__bundle_group *group_r);
/* The next record of the group; its texts live until the next call. PC_ENOENT: the group's end. */
int pc__bundle_next(pc__bundle_in *in, struct pc__bundle_record *record_r);
