/*
 * dial.h - one pc_dial, between dial.c (names and targets) and dial_race.c (connections).
 */
#pragma once

#include <uv.h>

#include <prosody-c/connect.h>

#include "dane.h"
#include "modules.h"
#include "timers.h"
#include "util/srv.h"

#define PC__DIAL_TARGETS 32
#define PC__DIAL_ADDRESSES 16

struct pc__race_address {
	int family;
	char text[46];
};

struct pc__race_attempt;

struct pc_dial {
	struct pc__owned owned;
	pc_module *m;
	pc_dial_args args;
	char *domain;
	unsigned awaited; /* answers of the DNS */
	bool busy;        /* ends by `connected` or `failed` */
	bool dead;        /* and free as soon as nothing is awaited */
	bool absent;      /* the DNS knows no address of the target: not that it did not say */
	bool refused, bogus, unsure, forged, srvs_secure, addresses_secure;
	struct pc__timer timeout;

	struct pc__srv *srvs; /* in the order of trying */
	size_t n_srvs, at;
	struct pc__race_address addresses[PC__DIAL_ADDRESSES]; /* of the target */
	size_t n_addresses, next_address;
	struct pc__tlsa tlsa; /* of the target */
	uint16_t port;
	struct pc__race_attempt *attempts;
	struct pc__timer stagger;

	pc_dial_target target; /* that was connected to */
	char address[46];
	int err;
	char why[160]; /* of the last failure */
};

/* dial_race.c: the addresses of the target, one after the other with a quarter of a second between
 * them; the first that answers wins (RFC 8305 section 5). Ends by one of the two below. */
void pc__race_begin(pc_dial *d, uint16_t port);
/* Nothing of it is under way any more. */
void pc__race_end(pc_dial *d);
/* Why it failed, if nothing later does better. */
void pc__race_note(pc_dial *d, const char *why);

/* dial.c. Takes the descriptor. */
void pc__dial_connected(pc_dial *d, int fd, const char *address);
void pc__dial_race_lost(pc_dial *d);
