/*
 * blocklist.h - what the files of this module share.
 *
 * blocklist.c  the module; what is stopped (XEP-0191 sections 3.2 and 4)
 * commands.c   reading and changing one's list (3.3 to 3.6)
 * lists.c      the lists in memory
 *
 * A list is in memory while its account is connected, and some others are, those used last. A
 * stanza of an account whose list is not there waits until it has been read.
 */
#pragma once

#include <prosody-c/prosody-c.h>
#include <prosody-c/table.h>

#define NS_BLOCKING "urn:xmpp:blocking"

struct list {
	UT_hash_handle hh;
	char **jids; /* sorted */
	size_t n, size;
	char *user; /* NULL in one that is no account's */
};

/* What becomes of an event, when the list is there. */
typedef pc_result decide_fn(pc_event *ev, const struct list *list);

/* Readings and those who wait for them are the instance's memory and used again: where the module
 * ends meanwhile, nobody is called back to free them. */
struct lists {
	pc_module *m;
	pc_store *store;
	struct list *all; /* the one used last is the last */
	struct reading *readings, *free_readings;
	struct waiter *free_waiters;
	bool unloaded; /* readings under way still end */
};

/* In memory, or NULL. Good until the handler returns. */
struct list *lists_find(struct lists *l, const char *user);
/* Reads it, and resumes the event (0: none) with what is decided then. */
void lists_load(struct lists *l, const char *user, pc_token token, decide_fn *decide);
void lists_forget(struct lists *l, const char *user);
void lists_clear(struct lists *l);

/* The address itself, its account, its domain with that resource, or its domain (3.2). */
bool list_blocks(const struct list *list, const pc_jid *jid);
bool list_has(const struct list *list, const char *jid);
/* In memory only. */
void list_add(struct list *list, const char *jid);
void list_remove(struct list *list, const char *jid);
void list_clear(struct list *list);

/* commands.c */
pc_result blocklist_get(pc_event *ev, void *data);
pc_result blocklist_block(pc_event *ev, void *data);
pc_result blocklist_unblock(pc_event *ev, void *data);
