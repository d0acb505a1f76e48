/*
 * caps.h - the service "caps": what those who have sent presence can do (XEP-0115).
 *
 * Provided by the module caps. A presence names a hash of its sender's features; what stands for
 * the hash is asked of whoever comes with it first, and counts for all only if it has that hash.
 * Where it does not, it counts for him alone.
 */
#pragma once

#include <prosody-c/base.h>

typedef struct pc_caps {
	size_t size;
	/* Has the sender of that presence (`from` is a full address) the feature? 1, 0, or -1: not
	 * known. */
	int (*has)(pc_module *owner, const pc_stanza *presence, const char *feature);
	/* PC_OK: what he can do is known, or that he does not tell. PC_EBUSY: he, or another of the
	 * same hash, is asked; the event `caps-known` tells when that has ended, however it did.
	 * PC_ELIMIT: he is not asked, as too many are. `as`: in whose name; NULL: the host's. */
	int (*ask)(pc_module *owner, const pc_stanza *presence, const char *as);
} pc_caps;
