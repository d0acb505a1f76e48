/*
 * check.h - `prosody-ctl check`: what is wrong with the configuration and the certificates, looked
 * at without a server.
 *
 * The configuration is the one in use, the modules are those of the catalog. Findings are a line
 * each, "FILE:LINE: error: ...", and are printed in the order of their places.
 */
#pragma once

#include "catalog.h"
#include "config.h"
#include "options.h"

struct pc__check {
	const struct pc__catalog *catalog;
	unsigned found[PC__ERROR + 1]; /* by severity */
	bool json;                     /* findings are printed as objects, and nothing else is */
	struct pc__finding {
		char *place, *text;
		pc__severity severity;
		unsigned number;
	} * findings;
	unsigned n;
};

/* "PLACE: error: TEXT". */
void pc__check_tell(struct pc__check *c, pc__severity severity, const char *place,
                    const char *format, ...) PC_PRINTF(4, 5);

/* Prints what was found since the last time. */
void pc__check_print(struct pc__check *c);

void pc__check_options(struct pc__check *c);
/* modules_enabled, authentication, storage, Components. */
void pc__check_modules(struct pc__check *c);
/* Is there a host at all, are `admins` addresses? */
void pc__check_hosts(struct pc__check *c);
/* Can be validated what use_dane relies on? */
void pc__check_anchors(struct pc__check *c);
/* For each host the certificate that would serve it, and what is wrong with that. */
void pc__check_certs(struct pc__check *c);
/* Does what the DNS says of each host (`host` NULL: of all) lead to this machine's ports? */
void pc__check_dns(struct pc__check *c, const char *host);
/* Are they reached so, with TLS and a certificate that others trust? `host` may be any domain. */
void pc__check_connectivity(struct pc__check *c, const char *host);

struct pc__way;
/* Has the host that service, by its modules and the ports that are configured? */
bool pc__check_serves(const pc__config_host *host, const struct pc__way *way);
