/*
 * rows.h - what a reading job found, gathered on a store thread and read on the main thread.
 *
 * Drivers fill it by pc_rows_item and its like (store.h), which copy. Zeroed
 * memory is an empty one.
 */
#pragma once

#include <prosody-c/store.h>

#include "util/arena.h"

struct pc_rows {
	pc__arena *arena; /* the texts; NULL while there are none */
	pc_item *items;
	size_t n_items, items_size;
	pc_entry *entries;
	size_t n_entries, entries_size;
	int64_t total, index; /* set by pc__rows_init to -1: not asked for */
	bool more;
	pc_extent extent;
};

void pc__rows_init(struct pc_rows *rows);
void pc__rows_clear(struct pc_rows *rows);
