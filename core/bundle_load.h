/*
 * bundle_load.h - what bundle_load.c, which reads a bundle, and bundle_part.c, which carries parts
 * of it into the stores, say to each other.
 */
#pragma once

#include <prosody-c/prosody-c.h>

#include "kept.h"
#include "stores.h"
#include "util/arena.h"
#include "util/bundle.h"

#define PC__PART_RECORDS 200

struct count {
	uint64_t found, before, added, after;
};

struct load {
	pc_call *call;
	pc_module *m;
	FILE *file;
	pc__bundle_in *in;
	struct pc__bundle_group group;
	bool in_group, skip, dry;
	uint64_t left; /* records of the group */
	size_t under_way;
	uint64_t refused; /* groups */
	int err;
	bool ended;
	struct count counts[PC__KEPT];
};

/* Some records of one group, on their way. */
struct part {
	struct load *l;
	pc__arena *arena; /* this struct, too */
	pc_host *host;
	const char *user, *name, *digest;
	pc_store *store, *notes;
	struct count *count;
	bool archive, first, last;
	pc_item *items;
	pc_entry *entries;
	bool *here;
	size_t n;
	uint64_t version; /* of the roster that is here */
};

/* ---- bundle_part.c */

/* A part of the group that is being read, of that kind (kept.h); add records, then begin. */
struct part *pc__part_new(struct load *l, int kind);
void pc__part_add(struct part *p, const struct pc__bundle_record *r);
/* Comes back by pc__load_go_on(), not before this has returned. */
void pc__part_begin(struct part *p);
/* Of one that was not begun. */
void pc__part_free(struct part *p);
/* Counts what is left out, and says why. */
void pc__load_refuse(struct load *l, const char *host, const char *user, const char *store,
                     const char *why);

/* ---- bundle_load.c */

/* A part has ended: reads on, or ends. */
void pc__load_go_on(struct load *l);
