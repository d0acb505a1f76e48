/*
 * mimicking.h - what the files of mod_mimicking share.
 *
 *   mimicking.c   names that are registered, and accounts that go
 *   bootstrap.c   the command: accounts that were there before the module
 *   skeleton.c    what a name looks like (Unicode's UTS #39), by ICU
 *
 * The store "skeletons" has, for the host, what accounts look like: a skeleton -> the names that
 * have it, with spaces between them. A name that is no account any more does no harm.
 */
#pragma once

#include <prosody-c/prosody-c.h>

#include "skeleton.h"

/* Who is being registered and may not be an account yet. */
struct claim {
	struct claim *next;
	char *skeleton, *name;
	int64_t until;
};

struct bootstrap;
struct mimicking {
	struct skeletons *skeletons;
	pc_store *store;
	struct claim *claims;
	size_t n_claims;
	struct bootstrap *bootstrap; /* NULL: none is under way */
};

void bootstrap_run(pc_call *call, pc_module *m);
/* NULL is fine. */
void bootstrap_free(struct bootstrap **b);
