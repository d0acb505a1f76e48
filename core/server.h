/*
 * server.h - the one server of this process: what the parts of the main thread share.
 *
 * Everything in core/ that is not in a folder runs on the main thread. There is one server, so the
 * functions of the public headers need no handle for it.
 */
#pragma once

#include <uv.h>

#include <prosody-c/prosody-c.h>

#include "io/io.h"

struct pc__server {
	uv_loop_t *loop;
	pc__io *io;
	const char *config_file; /* absolute; relative paths in it start from its folder */
	const char *config_dir;
	const char *data_path;   /* absolute, exists */
	const char *program_dir; /* where prosody-c lies */
	bool commands_only;      /* runs one command on the store: no ports are opened */
	bool stopping;
	int64_t started; /* wall clock, ms */
};
extern struct pc__server pc__server;

/* Begins an orderly stop: hosts are told, streams closed with system-shutdown, queues drained. */
void pc__server_stop(const char *reason);

/* Where module files lie, by the configuration in use. */
void pc__server_set_loader(void);

/* A programming error: logs its place, and in debug builds aborts. Returns true so that
 * `if (pc__bug(x == NULL)) return PC_EINTERNAL;` reads as it runs. */
#define pc__bug(condition) ((condition) && pc__bug_found(#condition, __FILE__, __LINE__))
bool pc__bug_found(const char *what, const char *file, int line);
