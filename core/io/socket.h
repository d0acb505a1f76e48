/* socket.h - what we ask of TCP. */
#pragma once

#include <stdbool.h>

/* Of a connected socket, or of a listening one for all that it will accept: Linux hands these
 * options on, which saves five system calls a connection. Small writes leave at once; with
 * `keepalive` a peer that has gone is found out within two minutes. */
void pc__socket_setup(int fd, bool keepalive);
/* Acknowledges what has come now rather than with the next answer. */
void pc__socket_acknowledge(int fd);
