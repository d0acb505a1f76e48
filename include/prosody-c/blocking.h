/*
 * blocking.h - the service "blocking": does an account want to have nothing to do with somebody?
 *
 * Provided by the module blocklist (XEP-0191), and asked by those that send in an account's name
 * without an event of its own for each recipient: broadcasts of presence above all. Stanzas that
 * are routed one by one are stopped by the module itself.
 */
#pragma once

#include <prosody-c/base.h>

typedef struct pc_blocking {
	size_t size;
	/* `jid` is prepared. False where the account's list is not in memory: it is while the
	 * account has a session. */
	bool (*blocks)(pc_module *owner, const char *user, const char *jid);
} pc_blocking;
