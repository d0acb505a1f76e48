/*
 * dane.h - TLSA records, for whoever looks them up: dial.c on the way to a target, dane.c for
 * pc_dane_judge() of the public headers, which see.
 */
#pragma once

#include <prosody-c/loop.h>

#include "util/idna.h"

#define PC__TLSA_TYPE 52
#define PC__TLSA_MOST 16                        /* of one place: more are not looked at */
#define PC__TLSA_NAME_SIZE (PC__IDNA_SIZE + 16) /* "_65535._tcp." */

/* The usable records of a place. Zeroed: none. */
struct pc__tlsa {
	pc_str *records;
	size_t n;
	bool failed; /* they are forged, or cannot be had */
};

void pc__tlsa_name(uint16_t port, const char *host, char out[static PC__TLSA_NAME_SIZE]);
/* What of the answer can be used, if it is signed. */
void pc__tlsa_take(struct pc__tlsa *t, const pc_dns_answer *answer);
void pc__tlsa_copy(struct pc__tlsa *t, const pc_str *records, size_t n);
void pc__tlsa_clear(struct pc__tlsa *t);

/* When jobs and look-ups have been stopped: forgets what was under way. */
void pc__dane_stop(void);
