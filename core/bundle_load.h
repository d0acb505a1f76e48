/*
 * bundle_load.h - what bundle_load.c, which reads a bundle, and bundle_part.c, which carries parts
 * of it into the stores, say to each other.
 */
#pragma once

#include <prosody-c/prosody-c.h>

#include "kept.h"
#include "modules.h"
#include "stores.h"
#include "timers.h"
#include "util/arena.h"
#include "util/bundle.h"

#define PC__PART_RECORDS 200

struct count {
	uint64_t found, before, added, after;
};

struct load {
	struct pc__owned owned; /* by the command's module: when it goes, nothing more is begun */
	struct pc__timer timer; /* goes on in the next turn */
	pc_call *call;          /* NULL: it has been ended */
	FILE *file;
	pc__bundle_in *in;
	struct pc__bundle_group group;
	bool in_group, skip, dry;
	bool going_on; /* within pc__load_go_on() */
	uint64_t left; /* records of the group */
	size_t under_way;
	uint64_t refused; /* groups */
	int err;
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

/* Why nothing of the account may be changed now, by what is in memory of it; NULL: it may. */
const char *pc__load_obstacle(pc_host *host, const char *user);
/* A part has ended: reads on, or ends. */
void pc__load_go_on(struct load *l);
