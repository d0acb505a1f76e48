/*
 * check_names.h - what the DNS says of a domain's XMPP services, for `prosody-ctl check`.
 *
 * There is no server: the loop runs while answers are waited for, and for nothing else.
 */
#pragma once

#include <netinet/in.h>

#include "util/srv.h"

/* A kind of SRV record and the service that it is of. */
struct pc__way {
	const char *record;    /* "_xmpp-client._tcp" */
	const char *service;   /* "c2s": names the options of its ports */
	uint16_t default_port; /* where the option is not set; 0: none */
	bool client, direct_tls;
};

enum { PC__WAY_CLIENT, PC__WAY_CLIENT_TLS, PC__WAY_SERVER, PC__WAY_SERVER_TLS, PC__WAYS };
extern const struct pc__way pc__ways[PC__WAYS];

/* More of either are not looked at. */
#define PC__NAME_TARGETS 16
#define PC__NAME_ADDRESSES 16

struct pc__name_target {
	struct pc__srv srv;
	char addresses[PC__NAME_ADDRESSES][INET6_ADDRSTRLEN];
	size_t n;
	int err; /* where there is none: PC_ENOENT, or why that is not known (PC_EIO, ...) */
};

struct pc__name_way {
	int err; /* PC_OK; PC_ENOENT: no record; PC_EIO, PC_ETIMEOUT: that is not known */
	bool bogus;
	bool refused; /* the target ".": there is no such service */
	struct pc__name_target targets[PC__NAME_TARGETS]; /* in the order of their priority */
	size_t n;
};

struct pc__names {
	struct pc__name_way ways[PC__WAYS];
	struct pc__name_target self; /* the domain's own addresses; of its `srv` the target */
	unsigned awaited;
};

/* Asks for all of it and waits. `domain` is prepared. */
void pc__names_ask(struct pc__names *names, const char *domain);

/* The loop, before the first question and after the last; what else runs on it has ended by then.
 */
void pc__names_begin(void);
void pc__names_end(void);
