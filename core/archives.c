/*
 * archives.c - stores of entries in the order of their adding (store.h), and the ids of entries.
 *
 * An id that is made here is a UUID of version 7 (RFC 9562, 5.7): milliseconds, then a counter that
 * is set to a random start with each new millisecond, then random bits. So ids of one process grow,
 * and a batch of them stays together in an index.
 */
#include <endian.h>
#include <string.h>

#include <prosody-c/codec.h>
#include <prosody-c/loop.h>

#include "stores.h"

static void write_uuid(uint64_t high, uint64_t low, char id[static PC_ENTRY_ID_SIZE])
{
	uint64_t bytes[] = { htobe64(high), htobe64(low) };
	char hex[2 * sizeof(bytes) + 1];
	const char *from = hex;

	pc_hex_encode((const uint8_t *)bytes, sizeof(bytes), hex);
	for (size_t i = 0; i < PC_ENTRY_ID_SIZE - 1; i++)
		id[i] = i == 8 || i == 13 || i == 18 || i == 23 ? '-' : *from++;
	id[PC_ENTRY_ID_SIZE - 1] = '\0';
}

static void make_id(char id[static PC_ENTRY_ID_SIZE])
{
	static uint64_t last_ms;
	static uint64_t counter; /* of 24 bits: 12 of them are rand_a, 12 the start of rand_b */
	uint64_t now = (uint64_t)pc_time_ms(), rest;

	pc_random_bytes(&rest, sizeof(rest));
	if (now > last_ms) {
		last_ms = now;
		counter = rest >> 41; /* 23 bits: room to count */
	} else if (++counter >= 1u << 24) {
		last_ms++; /* the clock stands, or was set back */
		counter = 0;
	}
	write_uuid(last_ms << 16 | 0x7000 | counter >> 12,
	           (0x8000 | (counter & 0xfff)) << 48 | (rest & 0xffffffffffff), id);
}

int pc__entry_id(const pc_entry *entry, char id_r[static PC_ENTRY_ID_SIZE])
{
	size_t len;

	if (entry->id == NULL) {
		make_id(id_r);
		return PC_OK;
	}
	len = strlen(entry->id);
	id_r[0] = '\0';
	if (len == 0 || len >= PC_ENTRY_ID_SIZE)
		return PC_EINVAL;
	memcpy(id_r, entry->id, len + 1);
	return PC_OK;
}

static pc_ticket append(pc_store *st, const char *user, const pc_entry *entry, size_t most,
                        const char *text, char id_r[static PC_ENTRY_ID_SIZE], pc_done_fn *fn,
                        void *data)
{
	size_t text_size = text ? strlen(text) + 1 : 0;
	pc__job *job = pc__reply_done(st->m, entry->len + text_size + 128, fn, data);
	pc__op *op = pc__store_op(st, job, PC__OP_APPEND, user);
	int err = pc__entry_id(entry, id_r);
	pc_entry copy = *entry;

	copy.id = id_r;
	op->most = most;
	op->text = pc__job_text(job, text);
	pc__op_entry(op, &copy);
	return pc__store_submit(st, job, PC_STORE_ARCHIVE, err);
}

pc_ticket pc_archive_append(pc_store *st, const char *user, const pc_entry *entry,
                            char id_r[static PC_ENTRY_ID_SIZE], pc_done_fn *fn, void *data)
{
	return append(st, user, entry, 0, NULL, id_r, fn, data);
}

pc_ticket pc_archive_append_text(pc_store *st, const char *user, const pc_entry *entry,
                                 const char *text, char id_r[static PC_ENTRY_ID_SIZE],
                                 pc_done_fn *fn, void *data)
{
	return append(st, user, entry, 0, text, id_r, fn, data);
}

/* Nothing fits into no place; a driver takes 0 for "any". */
pc_ticket pc_archive_append_limited(pc_store *st, const char *user, const pc_entry *entry,
                                    size_t most, char id_r[static PC_ENTRY_ID_SIZE], pc_done_fn *fn,
                                    void *data)
{
	pc__job *job;

	if (most > 0)
		return append(st, user, entry, most, NULL, id_r, fn, data);
	id_r[0] = '\0';
	job = pc__reply_done(st->m, 0, fn, data);
	pc__store_op(st, job, PC__OP_APPEND, user);
	return pc__store_submit(st, job, PC_STORE_ARCHIVE, PC_ELIMIT);
}

void pc_archive_find(pc_store *st, const char *user, const pc_query *query, pc_entries_fn *fn,
                     void *data)
{
	pc__job *job = pc__reply_entries(st->m, fn, data);

	pc__op_query(pc__store_op(st, job, PC__OP_FIND, user), query);
	pc__store_submit(st, job, PC_STORE_ARCHIVE, PC_OK);
}

pc_ticket pc_archive_delete(pc_store *st, const char *user, const pc_query *query, pc_done_fn *fn,
                            void *data)
{
	pc__job *job = pc__reply_done(st->m, 0, fn, data);

	pc__op_query(pc__store_op(st, job, PC__OP_REMOVE, user), query);
	return pc__store_submit(st, job, PC_STORE_ARCHIVE, PC_OK);
}

pc_ticket pc_archive_replace(pc_store *st, const char *user, const char *id, const char *value,
                             size_t len, pc_done_fn *fn, void *data)
{
	pc__job *job = pc__reply_done(st->m, len, fn, data);
	pc__op *op = pc__store_op(st, job, PC__OP_REPLACE, user);

	op->key = pc__job_text(job, id);
	op->value = pc__job_bytes(job, value ? value : "", value ? len : 0);
	op->len = value ? len : 0;
	return pc__store_submit(st, job, PC_STORE_ARCHIVE, PC_OK);
}

void pc_archive_search(pc_store *st, const char *user, const pc_search *search, pc_found_fn *fn,
                       void *data)
{
	pc__job *job = pc__reply_found(st->m, fn, data);

	pc__op_search(pc__store_op(st, job, PC__OP_SEARCH, user), search);
	pc__store_submit(st, job, PC_STORE_ARCHIVE, PC_OK);
}

void pc_archive_extent(pc_store *st, const char *user, pc_extent_fn *fn, void *data)
{
	pc__job *job = pc__reply_extent(st->m, fn, data);

	pc__store_op(st, job, PC__OP_EXTENT, user);
	pc__store_submit(st, job, PC_STORE_ARCHIVE, PC_OK);
}
