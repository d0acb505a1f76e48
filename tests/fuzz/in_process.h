/* A server in this process, for targets that speak to a module over a socket of its own. */
#pragma once

#include <netinet/in.h>

#include <prosody-c/prosody-c.h>

#include "fuzz.h"

/* A moment ago nobody had it. */
uint16_t in_process_port(void);

/* Starts with that configuration, once for all runs; module files are those of the build. Stanzas
 * that come to the virtual host localhost are shown to `arrived`. */
void in_process_start(const char *config, void (*arrived)(pc_event *ev));

/* The module that watches localhost: for what a test sends in that host's name. */
pc_module *in_process_watcher(void);

/* A connection to that port of ours, each from an address of its own, for ports that were just used
 * are not free again at once. */
int in_process_connect(uint16_t port);

/* What is written to a socket is there in the next turn, and waits for no acknowledgement. */
void in_process_hasten(int fd);

void in_process_turn(void); /* of the loop */

/* Until no stream is left; then no session is, either. */
void in_process_settle(void);
