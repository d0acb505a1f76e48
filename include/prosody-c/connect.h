/*
 * connect.h - connecting to a domain: by its SRV records (RFC 2782, XEP-0368), else by its
 * addresses, to whichever of them answers first (RFC 8305).
 *
 *   dial = pc_dial_domain(m, &(pc_dial_args){ .size = sizeof(pc_dial_args), .domain =
 * "example.org", ... });
 *
 * ends once by `connected` or `failed`; pc_dial_next() goes on behind the target that was connected
 * to, where that turned out to be no good: its TLS failed, or it is not who it should be. The dial
 * is its owner's until pc_dial_free(), whatever becomes of the streams that it gave; it goes with
 * the module.
 *
 * Targets are tried in the order of their priorities and, at random by their weights, within one
 * priority; the addresses of a target (both families in turn, IPv6 first) with a quarter of a
 * second between them, and none of them for longer than five seconds where there is another target.
 * A family that use_ipv4 or use_ipv6 turns off is not looked for. A domain that says by its records
 * that there is no such service (".") is not connected to. A domain that is an IP address is
 * connected to at the default port.
 *
 * So many may be on their way at a time, those of all modules together; others wait for their turn.
 * Turns are fair among *askers*: whoever has us connect, by a name of the caller's choice, as the
 * address of the user who writes to that domain. One with a thousand dials keeps nobody else
 * waiting: he alone never has all the places, and each asker has a line of his own. A dial has its
 * place until it fails or is freed, so free it as soon as who is there has been proved, or given
 * up.
 */
#pragma once

#include <prosody-c/base.h>
#include <prosody-c/net.h>

/* One kind of SRV record. */
typedef struct pc_service {
	const char *name; /* "_xmpps-server._tcp" */
	bool direct_tls;
	const char *alpn; /* with direct TLS; or NULL */
} pc_service;

/* What was connected to. Strings live as long as the dial, until it goes on. */
typedef struct pc_dial_target {
	const char *host;    /* the name that the addresses are of; the domain itself without SRV */
	const char *address; /* numeric */
	uint16_t port;
	bool direct_tls;
	bool secure; /* every answer that led here was validated by DNSSEC */
	bool named;  /* so was at least the one that gives `host` as the domain's */
	/* Where it was asked for (`dane`) and it is secure: the TLSA records of this host and port
	 * that can be used, as the DNS has them. Some: TLS is a must, and pc_dane_judge() of dane.h
	 * says who is there. */
	const pc_str *tlsa;
	size_t n_tlsa;
} pc_dial_target;

typedef struct pc_dial pc_dial;
typedef void pc_dial_connected_fn(pc_dial *dial, pc_stream *stream, const pc_dial_target *target,
                                  void *data);
/* PC_ENOENT: there is no such domain, or no such service of it. PC_EIO: nobody answers.
 * PC_ETIMEOUT: not within the time. `why` is for one line of the log: of each address that was
 * tried what came of it ("HOST[ADDRESS]:PORT: REASON; ..."). It lives until the dial is freed. */
typedef void pc_dial_failed_fn(pc_dial *dial, int err, const char *why, void *data);
/* The turn of one that had to wait has come. */
typedef void pc_dial_begun_fn(pc_dial *dial, void *data);

typedef struct pc_dial_args {
	size_t size;
	const char *domain; /* prepared (UTF-8) */
	const pc_service *services;
	size_t n_services;
	uint16_t default_port; /* where there is no SRV record at all; 0: fails then */
	bool default_direct_tls;
	const pc_stream_class *class; /* of the streams; `opened` is called as with pc_connect() */
	double timeout; /* seconds for each try, names included, from its turn on; 0: 30 */
	pc_dial_connected_fn *connected;
	pc_dial_failed_fn *failed;
	void *data; /* of both, and pc_stream_user() */
	/* By RFC 7673: TLSA records are asked for along with addresses; a target whose records are
	 * forged or cannot be had is passed by; so is the domain, where its SRV records cannot. */
	bool dane;
	const char *asker;       /* NULL: the host itself */
	pc_dial_begun_fn *begun; /* or NULL */
} pc_dial_args;

/* No callback comes before it returns; pc_dial_waits() says whether it has begun. */
PC_EXPORT pc_dial *pc_dial_domain(pc_module *m, const pc_dial_args *args);
/* Another asker wants the same: where it waits, it stands in his line, too, and may have begun when
 * this returns. */
PC_EXPORT void pc_dial_wanted(pc_dial *dial, const char *asker);
/* For its turn. */
PC_EXPORT bool pc_dial_waits(const pc_dial *dial);
/* Goes on with the targets that are left, after `connected`; ends again by one of the two. The
 * stream that was given is its owner's to close. */
PC_EXPORT void pc_dial_next(pc_dial *dial);
/* Why the target that was connected to is no good: goes into the `why` of what follows. */
PC_EXPORT void pc_dial_note(pc_dial *dial, const char *why);
/* What `why` would be now: "" before anything has failed. */
PC_EXPORT const char *pc_dial_tried(const pc_dial *dial);
/* Clears the pointer; NULL is fine. No callback comes any more. */
PC_EXPORT void pc_dial_free(pc_dial **dial);
