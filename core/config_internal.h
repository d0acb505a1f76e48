/*
 * config_internal.h - how a configuration is kept, and how it is made. For core/config*.c and
 * core/options*.c only.
 *
 * Making one: config_read.c runs the file in a Lua state (sandbox.h); the words of the language
 * (config_words.c, config_files.c) and assignments (config_set.c) fill hosts and options, whose
 * values stay in Lua until the last file was read; then config_value.c copies them out and the Lua
 * state goes.
 */
#pragma once

#include <lua.h>
#include <prosody-c/table.h>

#include "config.h"
#include "sandbox.h"
#include "util/arena.h"
#include "util/buf.h"

#define PC__CONFIG_HOSTS 50000      /* more than that: the file is refused */
#define PC__CONFIG_OPTIONS 500000   /* of all hosts together */
#define PC__CONFIG_NAME_MAX 255     /* bytes of an option's name */
#define PC__CONFIG_DEPTH 16         /* of tables in tables */
#define PC__CONFIG_BYTES (64 << 20) /* of all values, copied out */
#define PC__CONFIG_FILES 5000       /* read by all words together */
#define PC__CONFIG_FILE_MAX (4 << 20)
#define PC__CONFIG_INCLUDES 16 /* files under way at once */
#define PC__CONFIG_WARNINGS 50

/* An option of a host as it was written. */
struct pc__entry {
	UT_hash_handle hh;
	const char *name;
	pc__value value;
	int ref;        /* while loading: its Lua value */
	unsigned frame; /* while loading: the reading of the file that set it */
	bool warned;    /* that its value is wrong: said once */
};

struct pc__resolved; /* options.c: typed values that were asked for */

/* A host, or the part of the file that belongs to none (name ""). */
struct pc__host_options {
	UT_hash_handle hh;
	pc__config_host host;
	struct pc__entry *entries;
	struct pc__resolved *resolved;
};

struct pc__config {
	pc__arena *arena;
	const char *dir; /* absolute: where the main file lies */
	struct pc__host_options global;
	struct pc__host_options *hosts; /* by name, in order */
	pc__config_host *list;
	size_t n_hosts, n_entries;
};

/* ---- reading what is there (config.c) */

/* The configuration in use; an empty one before the first. */
pc__config *pc__config_in_use(void);
/* The host's part; the global one for NULL and for names that are not there. */
struct pc__host_options *pc__config_part(pc__config *config, const char *host);
struct pc__entry *pc__config_entry(const struct pc__host_options *part, const char *name);
pc__config *pc__config_new(const char *file);
/* Forgets the typed values (options.c). */
void pc__resolved_clear(struct pc__host_options *part);

/* ---- making one */

struct pc__frame {
	struct pc__frame *up;
	unsigned number; /* of this reading */
	const char *file;
	struct pc__host_options *part; /* where assignments go */
};

/* What the words of the language work on. */
struct pc__reading {
	struct pc__sandbox sandbox;
	pc__config *config;
	struct pc__frame *frame; /* the file under way */
	unsigned n_frames, n_warnings, depth;
	bool no_files;      /* words that read files fail */
	bool plain;         /* an override's value: options and bare words are not known */
	const char **files; /* that were run: chunks are called "=#INDEX" */
	size_t n_files, n_reads;
	struct pc__buf bytes; /* the file read last */
	char **names;         /* of the folder read last */
	size_t n_names;
};

/* ---- config_read.c */

/* Messages that begin with this have file and line in them already. */
#define PC__READING_PLACED "\1"

struct pc__reading *pc__reading_of(lua_State *L);
/* Where the script is now; file "" when it is nowhere. The text lives as long as the configuration.
 */
void pc__reading_where(lua_State *L, const char **file_r, int *line_r);
/* A warning with that place. */
void pc__reading_warn(lua_State *L, const char *format, ...) PC_PRINTF(2, 3);
/* Raises an error with that place. */
_Noreturn void pc__reading_fail(lua_State *L, const char *format, ...) PC_PRINTF(2, 3);
/* Text that lives as long as the configuration. */
const char *pc__reading_keep(lua_State *L, const char *s);
/* Loads a chunk that stands in this file and pushes it, in the environment of options. */
void pc__reading_load(lua_State *L, const char *path, const char *text, size_t len);
/* Runs a file at global scope, in a frame of its own. */
void pc__reading_run(lua_State *L, const char *path, bool any);

/* ---- config_words.c: the environment */

#define PC__WORDS_KEY "words"         /* in the registry: VirtualHost, Include, ... */
#define PC__READERS_KEY "readers"     /* FileContents, ... */
#define PC__FUNCTIONS_KEY "functions" /* Lua's own */
#define PC__ENV_KEY "env"

/* Makes the tables above. */
void pc__words_setup(lua_State *L);

/* ---- config_set.c: what assignments do */

/* Sets the option of that part to the value at the top of the stack, which is popped. */
void pc__reading_set(lua_State *L, struct pc__host_options *part, const char *name);
/* Pushes the option's value, of the part or else the global one; false (nothing pushed) where it is
 * not set. */
bool pc__reading_push(lua_State *L, const struct pc__host_options *part, const char *name);
/* Warns when this file has set it already. */
void pc__reading_check_twice(lua_State *L, struct pc__host_options *part, const char *name);
/* [HOST:]key=value of the command line. */
void pc__reading_override(lua_State *L, const char *text);

/* ---- config_proxy.c: what reading an option gives, so that lists can be appended to */

void pc__proxy_setup(lua_State *L);
void pc__proxy_push(lua_State *L, struct pc__host_options *part, const char *name);
/* Is the value at the top such a one? Then it is replaced by what it stands for. */
void pc__proxy_resolve(lua_State *L);

/* ---- config_files.c */

/* Reads a whole file into r->bytes. `any`: pipes, too. */
void pc__reading_bytes(lua_State *L, const char *path, bool any);
/* Include, of one file or of all that match. */
void pc__reading_include(lua_State *L, const char *pattern);
/* Runs the *.conf of a folder, if there is one, in the order of their names. */
void pc__reading_folder(lua_State *L, const char *dir);
void pc__reading_names_free(struct pc__reading *r);
/* Puts Include and RunScript, or FileContents and the like, into the table at the top. */
void pc__files_words(lua_State *L);
void pc__readers_words(lua_State *L);

/* ---- config_value.c */

/* Copies the Lua value at the top of the stack into the configuration; not popped. `value_r` has
 * file and line. */
void pc__value_copy(lua_State *L, pc__config *config, const char *name, pc__value *value_r);

struct pc__reading_limits {
	uint64_t instructions;
	size_t memory;
	bool no_files;
};
/* pc__config_load with limits (NULL: the usual ones) and, where `text` is given, with it in the
 * place of what the file holds. */
pc__config *pc__config_read(const char *file, const char *text, size_t len,
                            const struct pc__reading_limits *limits, const char *const *overrides,
                            size_t n_overrides, char **error_r);
