/*
 * srv.h - SRV records (RFC 2782): read, and put into the order of trying.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <prosody-c/base.h>

#include "util/idna.h"

struct pc__srv {
	uint16_t priority, weight, port;
	uint8_t kind;               /* the caller's: of which service it is */
	bool secure;                /* the caller's */
	char target[PC__IDNA_SIZE]; /* without the dot at its end; "" says that there is no service
	                             */
};

/* A record's data as the DNS has it. False: it is damaged. */
bool pc__srv_read(const void *data, size_t len, struct pc__srv *srv_r);
/* A number from 0 to `most`. */
typedef uint32_t pc__srv_random_fn(uint32_t most);
/* In the order of priority, and within one priority by weighted chance; records of several services
 * are mixed (XEP-0368 section 3). */
void pc__srv_order(struct pc__srv *srvs, size_t n, pc__srv_random_fn *random);
