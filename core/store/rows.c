#include "store/rows.h"

#include <stdlib.h>
#include <string.h>

#include "util/mem.h"

#define FIRST_BLOCK 1000
#define FIRST_ROWS 8

void pc__rows_init(struct pc_rows *rows)
{
	*rows = (struct pc_rows){ .total = -1, .index = -1 };
}

void pc__rows_clear(struct pc_rows *rows)
{
	pc__arena_free(&rows->arena);
	free(rows->items);
	free(rows->entries);
	pc__rows_init(rows);
}

static char *copy(struct pc_rows *rows, const char *text, size_t len)
{
	if (rows->arena == NULL)
		rows->arena = pc__arena_new(FIRST_BLOCK);
	return pc__arena_strndup(rows->arena, text ? text : "", text ? len : 0);
}

/* Room for one more element behind `n`. */
static void *room(void *array, size_t n, size_t *size, size_t each)
{
	if (n < *size)
		return array;
	*size = *size ? *size * 2 : FIRST_ROWS;
	return pc__realloc(array, *size * each);
}

void pc_rows_item(pc_rows *rows, const char *key, const char *value, size_t len)
{
	rows->items = room(rows->items, rows->n_items, &rows->items_size, sizeof(*rows->items));
	rows->items[rows->n_items++] = (pc_item){
		.key = copy(rows, key, strlen(key)),
		.value = copy(rows, value, len),
		.len = value ? len : 0,
	};
}

void pc_rows_entry(pc_rows *rows, const pc_entry *entry)
{
	rows->entries =
	        room(rows->entries, rows->n_entries, &rows->entries_size, sizeof(*rows->entries));
	rows->entries[rows->n_entries++] = (pc_entry){
		.id = copy(rows, entry->id, strlen(entry->id)),
		.when = entry->when,
		.with = entry->with ? copy(rows, entry->with, strlen(entry->with)) : NULL,
		.value = copy(rows, entry->value, entry->len),
		.len = entry->value ? entry->len : 0,
	};
}

void pc_rows_total(pc_rows *rows, int64_t total, bool more)
{
	rows->total = total;
	rows->more = more;
}

void pc_rows_index(pc_rows *rows, int64_t index)
{
	rows->index = index;
}

void pc_rows_extent(pc_rows *rows, const pc_extent *extent)
{
	rows->extent = *extent;
}
