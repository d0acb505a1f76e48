/*
 * skeleton.h - what a name looks like: names that people take for each other have the same skeleton
 * (UTS #39 section 4).
 */
#pragma once

#include <stddef.h>

struct skeletons;

/* NULL with the reason in *error_r. */
struct skeletons *skeletons_new(const char **error_r);
void skeletons_free(struct skeletons **s);
/* malloc'ed, yours; NULL: it has none. From any thread. */
char *skeleton_of(const struct skeletons *s, const char *name);
