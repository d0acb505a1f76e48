/*
 * option_value.h - one value made into what an option's type says. For core/option*.c only.
 */
#pragma once

#include "options.h"
#include "util/arena.h"

/* "a number", "true or false", ... */
const char *pc__option_type_name(const pc_option *o);
/* " from 1 to 5", " red, blue", or nothing: to stand behind the name of the type. */
void pc__option_range(const pc_option *o, char *out, size_t size);
/* False: wrong type or out of range. *ambiguous_r gets what an unclear unit was taken for. Relative
 * paths start from `dir`. */
bool pc__option_value(const pc_option *o, const pc__value *v, pc__arena *arena, const char *dir,
                      pc__typed *typed_r, const char **ambiguous_r);
/* Adds what the other list has to the set. */
void pc__option_join(pc__arena *arena, pc__typed *set, const pc__typed *other);
