/*
 * dns.h - the resolver behind pc_resolve() of loop.h: libunbound, in a thread of its own.
 *
 * It starts with the first question and reads the option `unbound` then: a table with
 *   resolvconf   true (default), false, or the path of a file like /etc/resolv.conf
 *   hoststxt     true (default), false, or the path of a file like /etc/hosts; also `hosts`
 *   forward      addresses of resolvers to ask, "ADDRESS@PORT"
 *   trusted      DS or DNSKEY records of trust anchors
 *   trustfile    a file of trust anchors
 *   options      unbound's own: { ["name:"] = "value" }
 * Without trust anchors from there, the anchor file of the system's package is used where it
 * exists; else answers are not validated and never `secure`.
 */
#pragma once

#include <prosody-c/loop.h>

/* Questions under way; more: PC_EBUSY. Whoever may ask many has bounds of his own, whose sum leaves
 * room: dials (dial.h: places), look-ups of who connects to us (dane.c). */
#define PC__DNS_MAX 1536
#define PC__DNS_TIMEOUT 10.0 /* seconds */

/* Does the configuration in use, or else the system, have a trust anchor? */
bool pc__dns_has_anchor(void);
/* Forgets the questions under way and ends the thread. The loop has to turn once more afterwards.
 */
void pc__dns_stop(void);
