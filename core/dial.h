/*
 * dial.h - one pc_dial, between dial.c (targets), dial_addresses.c (their addresses) and
 * dial_race.c (connections).
 */
#pragma once

#include <uv.h>

#include <prosody-c/connect.h>

#include "dane.h"
#include "modules.h"
#include "timers.h"
#include "util/places.h"
#include "util/srv.h"

#define PC__DIAL_PLACES 256  /* dials under way, of all modules; more wait for their turn */
#define PC__DIAL_QUESTIONS 4 /* that one of them asks the DNS at a time */
#define PC__DIAL_TARGET_QUESTIONS 3
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
	struct pc__place place; /* until nothing more is under way, nor comes */
	unsigned awaited;       /* answers of the DNS */
	bool busy;              /* ends by `connected` or `failed` */
	bool over;              /* it has failed, or is dead */
	bool holds;             /* with a target, for answers on those before */
	bool dead;              /* and free as soon as nothing is awaited */
	bool absent; /* the DNS knows no address of the target: not that it did not say */
	bool refused, bogus, unsure, forged, srvs_secure, addresses_secure;
	bool racing; /* to the target; addresses that come later join in */
	bool awaits_v4, awaits_v6, awaits_tlsa; /* answers on the target */
	unsigned round;                         /* of the target: answers on others are late */
	struct pc__timer timeout;

	struct pc__srv *srvs; /* in the order of trying */
	size_t n_srvs, at;
	struct pc__race_address addresses[PC__DIAL_ADDRESSES]; /* of the target */
	size_t n_addresses, next_address;
	struct pc__tlsa tlsa; /* of the target */
	uint16_t port;
	struct pc__race_attempt *attempts;
	struct pc__timer stagger; /* until the race begins, the next address, the next target */

	pc_dial_target target; /* that was connected to */
	char address[46];
	int err;
	char why[480]; /* each target or address that failed, and why */
};

/* dial_race.c: the addresses of the target, one after the other with a quarter of a second between
 * them; the first that answers wins (RFC 8305 section 5). Ends by pc__dial_connected() or
 * pc__dial_target_lost(). */
void pc__race_begin(pc_dial *d, uint16_t port);
/* There are more addresses, or no more come. */
void pc__race_go_on(pc_dial *d);
/* Nothing of it is under way any more. */
void pc__race_end(pc_dial *d);
/* The same, and notes who did not answer. */
void pc__race_give_up(pc_dial *d);
/* Why that address of the target (NULL: the target itself) was no good. */
void pc__race_note(pc_dial *d, const char *address, const char *why);

/* dial_addresses.c: those of the target, then the race; or pc__dial_target_lost(). */
void pc__dial_look_up(pc_dial *d);
/* More addresses may come. */
bool pc__dial_awaits(const pc_dial *d);

/* dial.c. Seconds of one try. */
static inline double pc__dial_time(const pc_dial *d)
{
	return d->args.timeout > 0 ? d->args.timeout : 30;
}
/* Takes the descriptor. */
void pc__dial_connected(pc_dial *d, int fd, const char *address);
/* The next one, or the end. */
void pc__dial_target_lost(pc_dial *d);
/* The end, from the loop. `why` NULL: what was noted. */
void pc__dial_fail_soon(pc_dial *d, int err, const char *why);
/* Adds to `why`. */
void pc__dial_note(pc_dial *d, const char *what);
/* An answer has come: frees it where it was waited for only for that. */
void pc__dial_unawaited(pc_dial *d);
