/*
 * spelling.h - what was probably meant by a word that is not known.
 */
#pragma once

#include <prosody-c/base.h>

/* Letters to change, insert, leave out, or exchange with their neighbour; 100 for words of more
 * than 63 bytes. */
unsigned pc__spelling_distance(const char *a, const char *b);
/* The nearer of `best` (NULL: none yet) and `other` to the word; words too far off are none. */
const char *pc__spelling_nearer(const char *word, const char *best, const char *other);
