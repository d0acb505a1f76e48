/*
 * receipts.h - which of the stanzas that came from a peer are done with (session.h:
 * pc_session_count).
 *
 * A stanza is handled when its handling has ended, also one that was suspended. It is safe when
 * what was written meanwhile is committed or has failed, which its handlers were told then. What
 * others wrote in that time is waited for, too: that costs a commit at most, and no book-keeping.
 *
 * Each counted stanza has a number in its pc__element, from 1 on. They end in any order, and count
 * as handled and as safe in their order alone.
 */
#pragma once

#include "router.h"

/* The stanza's number into the element, where this session counts. */
void pc__receipt_begin(struct pc__session *s, struct pc__element *element);
/* Its handling has ended. */
void pc__receipt_end(struct pc__session *s, const struct pc__element *element);
/* All that was counted is safe; nothing was. */
bool pc__receipts_settled(const struct pc__session *s);
void pc__receipts_free(struct pc__session *s);
