/*
 * work.h - the kinds of load. Each is a function that brings sessions together, says phase_begin(),
 * works, says phase_end(), and leaves; true: all was done, and nothing failed.
 */
#pragma once

#include <stdio.h>

#include "options.h"

/* Setting up */
bool work_register(const struct options *o);
bool work_befriend(const struct options *o);
bool work_fill(const struct options *o);
/* Measuring */
bool work_first(const struct options *o);
bool work_idle(const struct options *o);
bool work_login(const struct options *o);
bool work_message(const struct options *o);
bool work_rate(const struct options *o);
bool work_storm(const struct options *o);
bool work_ping(const struct options *o);
bool work_room(const struct options *o);
bool work_presence(const struct options *o);

void work_list(FILE *out);
