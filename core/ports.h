/*
 * ports.h - listening: which addresses and ports a service has, and who serves them.
 *
 * A *service* ("c2s") reads NAME_ports, NAME_interfaces (and `interfaces`, or `local_interfaces`
 * where private); its sockets belong to a *port*, which a module registered with pc_listen(). When
 * a module is reloaded its successor takes the sockets over: no port is ever closed for it.
 */
#pragma once

#include <prosody-c/net.h>

#include "io/io.h"

/* What an accepted connection is given to; the `user` of its I/O listener. */
struct pc__socket {
	const pc_stream_class *class;
	pc_module *m;
	pc__io_listener *listener;
	char *address;
	uint16_t port;
	struct pc__socket *next;
};

/* An option that is named by its service: SERVICE_SUFFIX, in seconds. */
double pc__service_seconds(const char *service, const char *suffix, double dflt);
/* How the I/O threads treat streams of a class; kept for ever, one a service and class. */
const pc__io_kind *pc__io_kind_of(const pc_stream_class *class, const char *service,
                                  bool direct_tls, const char *alpn);
/* Opens the ports of modules that were loaded, and of those loaded later at once. Before, they are
 * only noted: privileges and readiness come in between. false: a port is in use or forbidden, or of
 * a service none could be opened. Addresses that this machine has not are only logged. */
bool pc__ports_open(void);
/* Closes all listening sockets: the server stops. */
void pc__ports_close(void);
/* Sockets that listen; stops when fn returns false. */
void pc__each_socket(bool (*fn)(const char *service, const struct pc__socket *s, void *data),
                     void *data);

/* As pc_connect(), over a socket that is connected: taken. */
pc_stream *pc__connect_fd(pc_module *m, const pc_connect_args *args, int fd);
