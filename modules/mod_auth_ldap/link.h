/*
 * link.h - one connection to a directory server (RFC 4511).
 *
 * The server's own streams carry it: they look names up, connect, speak TLS and judge certificates
 * without anybody waiting. What they carry goes through a pair of sockets to libldap, which thus
 * does what it is here for, the protocol, and never what would block: it has no name to look up, no
 * handshake to wait for, and a socket that always answers at once.
 *
 *   link_open   looks up, connects (the servers of ldap_server in turn), TLS, the bind as
 * ldap_rootdn ready       requests may be made now answer      one message of the server; borrowed
 *   gone        the link has ended by itself, and may be opened again at once
 */
#pragma once

#include <ldap.h>

#include <prosody-c/prosody-c.h>

#include "servers.h"

enum link_state {
	LINK_CLOSED,
	LINK_RESOLVING,
	LINK_CONNECTING,
	LINK_UPGRADING, /* StartTLS was asked for (RFC 4511 section 4.14) */
	LINK_SECURING,
	LINK_BINDING,
	LINK_READY,
};

struct link;

struct link_owner {
	void (*ready)(struct link *l);
	void (*answer)(struct link *l, int type, LDAPMessage *message);
	void (*gone)(struct link *l, const char *why);
};

struct link {
	pc_module *m;
	const struct link_owner *owner;
	const struct servers *servers;
	bool binds;     /* as ldap_rootdn, where there is one */
	double timeout; /* seconds until it is ready */
	enum link_state state;
	unsigned attempt; /* of opening: what belongs to an older one is not heard */
	size_t server;    /* which of the servers */
	char addresses[SERVER_ADDRESSES][SERVER_ADDRESS_SIZE];
	size_t n_addresses, address;
	pc_timer *timer;
	pc_stream *stream;
	LDAP *ld;
	int far; /* the end of the pair that libldap does not have */
	int msgid;
};

void link_init(struct link *l, pc_module *m, const struct link_owner *owner,
               const struct servers *servers, double timeout);
/* Nothing is called back before it returns. */
void link_open(struct link *l);
/* At once, and nobody is told. */
void link_close(struct link *l);
/* The same, and the owner is told. */
void link_fail(struct link *l, const char *why);
/* After each request: what libldap has written leaves. */
void link_flush(struct link *l);
