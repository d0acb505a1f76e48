/*
 * archives.c - stores of entries in the order of their adding (store.h), and the ids of entries.
 *
 * An id that is made here is a UUID of version 7 (RFC 9562, 5.7): milliseconds, then a counter that
 * is set to a random start with each new millisecond, then random bits. So ids of one process grow,
 * and a batch of them stays together in an index.
 */
#include <stdio.h>
#include <string.h>

#include <prosody-c/codec.h>
#include <prosody-c/loop.h>

#include "stores.h"

static void make_id(char id[static PC_ENTRY_ID_SIZE])
{
	static uint64_t last_ms;
	static uint32_t counter; /* of 24 bits: 12 of them are rand_a, 12 the start of rand_b */
	uint64_t now = (uint64_t)pc_time_ms(), rest;

	pc_random_bytes(&rest, sizeof(rest));
	if (now > last_ms) {
		last_ms = now;
		counter = (uint32_t)(rest >> 41); /* 23 bits: room to count */
	} else if (++counter >= 1u << 24) {
		last_ms++; /* the clock stands, or was set back */
		counter = 0;
	}
	snprintf(id, PC_ENTRY_ID_SIZE, "%08x-%04x-7%03x-%04x-%012llx",
	         (unsigned)(last_ms >> 16 & 0xffffffff), (unsigned)(last_ms & 0xffff),
	         (unsigned)(counter >> 12 & 0xfff), (unsigned)(0x8000 | (counter & 0xfff)),
	         (unsigned long long)(rest & 0xffffffffffffull));
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
