/*
 * origins.h - where connections come from, and how many each place has.
 *
 * An *origin* is what one subscriber picks addresses from: an IPv4 address, or the /64 of an IPv6
 * one. It is counted for each quota on its own, from the accept until `closed` was told, on the
 * main thread. What comes by a UNIX socket, or from a spared network, is nobody's.
 */
#pragma once

#include <sys/socket.h>

#include "io/io.h"

struct pc__origin;

/* May one more connection of that address come? It is counted then, for pc__origins_leave; an
 * origin of NULL is not counted. */
bool pc__origins_admit(pc__io *io, pc__io_quota *quota, const struct sockaddr_storage *addr,
                       struct pc__origin **origin_r);
/* It has proven who it is: one less that has not. */
void pc__origins_prove(struct pc__origin *origin);
/* It has gone. NULL is fine. */
void pc__origins_leave(pc__io *io, struct pc__origin *origin, bool proven);
/* Of all quotas; connections that are still there are not told of later. */
void pc__origins_free(pc__io *io);
