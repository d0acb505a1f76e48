/*
 * handed.h - listening sockets that were handed over (socket activation: LISTEN_FDS,
 * sd_listen_fds(3)).
 *
 * One serves the configured address that it is bound to. One that no option asks for serves the
 * service that it is named after (FileDescriptorName=c2s: LISTEN_FDNAMES). What is left over is
 * closed, and said.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Takes the descriptors and the variables; before -D, for they name a process. */
void pc__handed_setup(void);

enum pc__handed {
	PC__HANDED_NONE,
	PC__HANDED_TAKEN,   /* *fd_r is the caller's */
	PC__HANDED_COVERED, /* one that was taken already gets these connections, too */
};
/* For an address as ports.c has it: "192.0.2.1", "::" or an absolute path. A socket on [::] that
 * takes IPv4 as well serves both that and 0.0.0.0. */
enum pc__handed pc__handed_find(const char *address, uint16_t port, int *fd_r);
/* The next one that has this name and that nobody has taken; -1: none. Call it after the above.
 * With its address as text, its port. */
int pc__handed_named(const char *name, char address_r[static 128], uint16_t *port_r);
/* The ports are open: the rest is closed. */
void pc__handed_end(void);
