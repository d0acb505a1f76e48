/*
 * filters.h - what modules put into a session's way in and out (session.h: pc_filter, pc_tap).
 */
#pragma once

#include <prosody-c/session.h>

struct pc__session;

/* Runs the filters of that direction from `after` on (0: all). false: the stanza is not ours any
 * more. */
bool pc__filters_in(struct pc__session *s, pc_stanza **st);
bool pc__filters_out(struct pc__session *s, pc_stanza **st);
bool pc__filters_has_out(const struct pc__session *s);
/* false: a tap holds the frame back. */
bool pc__filters_tap(struct pc__session *s, pc_frame *frame);
bool pc__filters_has_tap(const struct pc__session *s);
void pc__filters_free(struct pc__session *s);
/* sends.c: writes past all filters. */
int pc__session_write(struct pc__session *s, pc_stanza *st);
