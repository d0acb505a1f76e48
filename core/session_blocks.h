/*
 * session_blocks.h - modules' own data of a session (session.h: pc_session_data).
 *
 * A session has a short list of blocks, one for each module that asked. On a reload the blocks of
 * the old instance become the new one's where their layout is the same.
 */
#pragma once

#include "session_table.h"

void pc__session_blocks_free(struct pc__session *s);
/* Of one module. */
void pc__session_block_drop(struct pc__session *s, const pc_module *m);
/* Of all sessions: an instance goes. */
void pc__session_blocks_drop(pc_module *m);
void pc__session_blocks_move(pc_module *old, pc_module *new);
