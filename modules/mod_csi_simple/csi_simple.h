/*
 * csi_simple.h - what the files of this module share.
 *
 * csi_simple.c   the module: clients become inactive and active, frames come by
 * importance.c   which stanzas matter
 * held.c         what is held for one client
 */
#pragma once

#include <prosody-c/prosody-c.h>

/* importance.c */
bool csi_is_important(pc_module *m, const pc_session *s, const pc_stanza *st);
/* A presence that the contact's next one makes worthless. */
bool csi_is_state(const pc_stanza *presence);

/* held.c: frames in their order. Zeroed is empty. */
struct held_frame;
struct held {
	struct held_frame *first, *end;
	size_t n, bytes;
};
/* Holds a reference. True: it has taken the place of an older state of the same sender, which is
 * gone. */
bool held_add(struct held *held, pc_frame *frame, const pc_stanza *st);
/* The oldest, yours to unref; NULL when nothing is held. */
pc_frame *held_take(struct held *held);
