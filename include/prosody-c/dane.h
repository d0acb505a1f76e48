/*
 * dane.h - certificates that the DNS names (RFC 6698, RFC 7671, RFC 7673): a signed zone says which
 * certificate a server has, or which authority it comes from, and the roots of the others are not
 * asked.
 *
 * It is one answer to both questions of net.h, trust and name. What the records of a usage say:
 *   3 (DANE-EE)   this is the certificate: its names, dates and issuers do not count
 *   2 (DANE-TA)   it comes from this authority, which is sent along or stands in the record; the
 *                 dates of the chain and the name count
 *   1, 0 (PKIX)   it is this one, or comes from this authority, and is trusted by the roots, too
 * The name may be that of the domain, or of the host that the domain's signed SRV records give.
 */
#pragma once

#include <prosody-c/base.h>
#include <prosody-c/connect.h>
#include <prosody-c/net.h>

typedef struct pc_dane_args {
	size_t size;
	const char *domain;  /* who the peer has to be, prepared */
	const char *service; /* of an SRV-ID that is as good as that: "xmpp-server"; or NULL */
	/* What we have connected to, with its records; NULL: the peer has come to us, and the
	 * records of all that the domain has for these services are looked up. */
	const pc_dial_target *target;
	const pc_service *services;
	size_t n_services;
	uint16_t default_port; /* of the domain itself, where it has no SRV record */
	/* Who has come to us (connect.h), by an address: he does not get more look-ups than are
	 * left to others. */
	const char *asker;
} pc_dane_args;

/* PC_OK: the certificate is of that domain; also, of a peer that came to us, where the roots trust
 * it and it is of a host without records that the domain's signed SRV records give. PC_EAUTH:
 * records are there, and none fits. PC_ENOENT: there is no record, or the zone is not signed.
 * PC_EIO: what the DNS says is forged or cannot be had. PC_EBUSY: not now. `why` is a line for the
 * log. */
typedef void pc_dane_fn(pc_stream *s, int verdict, const char *why);

/* For streams of XMPP under TLS. The callback comes later, from the main thread, unless the stream
 * has ended by then or the module is unloaded. Without one: PC_ENOENT, there is no certificate or
 * no record of the target; PC_EBUSY, too many are being looked up. */
PC_EXPORT int pc_dane_judge(pc_stream *s, const pc_dane_args *args, pc_dane_fn *fn);
