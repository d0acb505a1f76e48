/*
 * write.h - elements as text: for the files of this folder only.
 *
 * Elements are written without prefix and declare their namespace where it is not the one around
 * them. Prefixed are only elements of the xml: namespace, those of the streams namespace on a
 * stream (whose header declares "stream"), and attributes that have a namespace.
 */
#pragma once

#include "xml/tree.h"

typedef struct pc__writer {
	struct pc__buf *out;
	const pc_stanza *top; /* the walk begins here */
	const char *ns;       /* the default namespace around it; NULL: unknown */
	bool stream;          /* "stream:" is declared around it */
} pc__writer;

/* <name xmlns='...' a='b'  without the end of the tag; leaves out `to` where told. */
void pc__write_open(const pc__writer *w, const pc_stanza *st, bool without_to);
/* All below the top. */
void pc__write_below(const pc__writer *w);
/* The prefix with its colon, or "". */
const char *pc__write_prefix(const pc__writer *w, const pc_stanza *st);
/* name='value' with a space in front. */
void pc__write_attr(struct pc__buf *out, const char *name, size_t name_len, const char *value,
                    size_t value_len);
