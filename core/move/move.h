/*
 * move.h - between bundles (util/bundle.h) and the files of other servers. In prosody-ctl alone:
 * what is damaged or hostile in such a file never comes near the server.
 *
 *   tables.c         Prosody's data as Lua tables: files, run in the sandbox, and JSON of its
 *                    database
 *   elements.c       elements that Prosody keeps as tables
 *   prosody.c        a table of one of Prosody's stores into our form (core/kept.h)
 *   prosody_pep.c    the same, of the stores of PEP
 *   prosody_files.c  the folder of Prosody's internal storage
 *   prosody_sql.c    its SQLite database
 *   xep227_*.c       files of XEP-0227: xep227.h
 */
#pragma once

#include <lua.h>

#include <prosody-c/stanza.h>

#include "util/bundle.h"

/* One import or export. */
struct move {
	pc__bundle_out *out;
	const char *file;   /* that is being read, for messages */
	unsigned long line; /* in it; 0: not known */
	const char *host, *user;
	unsigned long faults;   /* things that were named and left out */
	unsigned long one_hash; /* accounts whose keys are of one hash */
};

/* Names on standard error what is left out, and why. */
void move_fault(struct move *m, const char *format, ...) PC_PRINTF(2, 3);

/* ---- tables.c. A state has limits of memory and time; errors are raised, and end in tables_run().
 */

#define TABLES_FILE_MAX (256L << 20) /* bytes; larger files are not read */

/* Calls fn in a new state, protected; false: it failed, and the fault was told. */
bool tables_run(struct move *m, lua_CFunction fn, void *data);
void *tables_data(lua_State *L); /* within fn */
/* Pushes what the file returns; a list calls `item`, a function at the top of the stack, for each
 * of its entries, and pushes nothing. */
void tables_read_file(lua_State *L, const char *path);
void tables_read_list(lua_State *L, const char *path, lua_CFunction item);
/* Undoes the table at the top what Prosody's JSON does to keys that are no strings. */
void tables_mend(lua_State *L);
/* The field of the table there as a string, or NULL; lives as long as the table. */
const char *tables_text(lua_State *L, int table, const char *field);
/* PC_OK, or PC_ENOENT: no number. */
int tables_number(lua_State *L, int table, const char *field, double *number_r);
bool tables_true(lua_State *L, int table, const char *field);
/* A walk over the fields whose keys are texts, in their order, so that the same data give the same
 * bytes each time. To its end, as with lua_next: the key below the value, which is to be popped. */
struct tables_walk {
	const char **keys;
	int table;
	lua_Integer n, i;
};
struct tables_walk tables_walk(lua_State *L, int table);
bool tables_next(lua_State *L, struct tables_walk *w);

/* ---- elements.c */

/* The element that the table there describes, NULL: none, or too large; yours. */
pc_stanza *element_of(lua_State *L, int table);
/* As text that the server will read: NULL where it would not. Malloc'ed. */
char *element_text(const pc_stanza *st, size_t *len_r);
/* Bare and prepared, into out; false: no address. */
bool bare_of(const char *jid, char *out, size_t size);

/* ---- prosody.c */

/* How a store of Prosody is read: by keys, or entry by entry. */
struct prosody_store {
	const char *name; /* "pep_*" */
	bool list;
	/* Adds what the table at the top of the stack holds to the group that has been begun. For a
	 * list, which becomes an archive: one entry, with its number. */
	void (*take)(lua_State *L, struct move *m, unsigned long number);
};
const struct prosody_store *prosody_store_find(const char *name);

void prosody_pep_nodes(lua_State *L, struct move *m, unsigned long number);
void prosody_pep_item(lua_State *L, struct move *m, unsigned long number);
/* An entry of an archive, and an item of a node of PEP (`key`: its id); both take the element,
 * which may be NULL, and tell what is wrong with it. `when` in milliseconds. */
void prosody_message(struct move *m, PC_TAKES pc_stanza *st, const char *key, const char *party,
                     int64_t when, unsigned long number);
void prosody_item(struct move *m, PC_TAKES pc_stanza *payload, const char *key,
                  const char *publisher, int64_t when, unsigned long number);
/* Adds an element under that key, or tells why not; frees it. */
void prosody_add(struct move *m, const char *key, pc_stanza *element);
/* The same as an entry of an archive. */
void prosody_add_entry(struct move *m, const char *id, const char *with, int64_t when,
                       pc_stanza *element);
/* Keys as the item `scram` of an account (auth_internal_hashed: record.h); "" where they cannot
 * be ones. */
#define MOVE_SCRAM_MAX 512
void move_scram(char out[static MOVE_SCRAM_MAX], const char *hash, double iterations,
                const void *salt, size_t salt_len, const uint8_t *stored, const uint8_t *server,
                size_t key_len);

/* ---- whole sources and targets; PC_OK, or PC_E* with the reason printed */

int prosody_files(struct move *m, const char *folder);
int prosody_sql(struct move *m, const char *file);
/* Of a file, or of the files of a folder. */
int xep227_read(struct move *m, const char *source);
/* What a bundle holds, user by user; users_r gets how many. */
int xep227_write(struct move *m, FILE *bundle, FILE *out, uint64_t *users_r);
