/*
 * saslauth.h - what the files of this module share.
 *
 * saslauth.c    the module, and the elements of RFC 6120
 * answers.c     what goes out, how a log-in ends; failures are counted
 * sasl2.c       the elements of XEP-0388, and what goes along with such a log-in
 * upgrades.c    keys of more hashes, made by the client (XEP-0480)
 * bind2.c       a resource along with the log-in (XEP-0386)
 * mechanisms.c  which mechanisms and channel bindings a stream is offered
 * exchange.c    the steps of one log-in, by SCRAM or PLAIN
 * others.c      the steps of log-ins without a password: EXTERNAL and ANONYMOUS
 * plain.c       the message of PLAIN, pure
 * throttle.c    failures by address over time, pure
 * secret.c      the host's secret behind the salts of accounts that are not there
 * bind.c        resource binding
 *
 * One log-in: <auth/> chooses a mechanism and starts an exchange; its messages go to
 * sasl_exchange_step(), which ends each in exactly one of sasl_challenge(), sasl_success() and
 * sasl_failure(), at once or, while keys are fetched, later. The stream's barrier is up until the
 * client has bound, so nothing of the same client comes in between.
 */
#pragma once

#include <prosody-c/prosody-c.h>

#include "throttle.h"

#define SASL_NS "urn:ietf:params:xml:ns:xmpp-sasl"

/* Bits of `offered`: 0..2 the hashes of pc_scram_hash, 3..5 the same with -PLUS, then others. */
#define SASL_PLUS 3
#define SASL_PLAIN 6
#define SASL_EXTERNAL 7
#define SASL_ANONYMOUS 8
#define SASL_MECHANISMS 9
#define SASL_OF_MODULE 9 /* sasl.h */

/* Of a session. It moves to the next instance at a reload as it is: plain values and what
 * is the server's memory. */
struct sasl_state {
	pc_scram *scram;                    /* NULL: no exchange by SCRAM */
	struct sasl2 *sasl2;                /* NULL: the log-in under way is not by SASL2 */
	const pc_sasl_mechanism *of_module; /* of SASL_OF_MODULE */
	uint16_t offered;                   /* mechanisms of the last features sent, by bit */
	uint8_t bindings;                   /* channel bindings of the same, 1 << pc_binding */
	uint8_t mechanism;                  /* of the exchange under way, as its bit's number */
	uint8_t step;                       /* enum sasl_step */
	bool speaks_sasl2; /* the client's last element of a log-in was one of SASL2 */
	bool refused;      /* the client has still to answer what it is told of that */
	bool disabled;     /* the account is: to be told behind the right password only */
	uint32_t failures; /* on this stream, in halves */
};

enum sasl_step { SASL_IDLE, SASL_WAIT_FIRST, SASL_WAIT_FINAL, SASL_WAIT_NEXT, SASL_WAIT_TASK };

/* A callback under way. They are the instance's and used again, so that those whose callback is
 * dropped (module gone) need no owner. */
struct sasl_call {
	pc_module *m;
	pc_token token;
	pc_session_id session; /* of one that no token holds */
	char username[PC_JID_PART_MAX + 1];
	pc_scram_hash hash;
	struct sasl_call *next;
};

/* Of an instance. */
struct saslauth {
	struct sasl_call *free_calls;
	struct sasl_call *waiting;      /* for the secret */
	struct sasl_throttle *throttle; /* of the whole server */
	pc_store *store;
	uint8_t secret[32];
	bool secret_ready;
	char new_secret[65];
	pc_metric *successes, *failures, *throttled;
};

/* saslauth.c */
struct sasl_call *sasl_call_new(pc_module *m);
void sasl_call_free(struct sasl_call *call);
/* The session of a call and its state; NULL when it, or the event, has gone. */
const pc_session *sasl_call_session(const struct sasl_call *call, struct sasl_state **state_r);
/* Clients before log-in. One that has logged in is told that once is enough. */
bool sasl_may_begin(const pc_session *s);
/* Of the client whose element the event is: it is answered in that one's namespace, SASL2's or that
 * of RFC 6120. */
struct sasl_state *sasl_state_of(pc_event *ev, const pc_session *s);
/* A client's, in whatever state. */
bool sasl_is_client(const pc_session *s);
/* Starts an exchange: the mechanism's name, or NULL, and the client's message in base64; NULL: it
 * sent none. */
pc_result sasl_begin(pc_event *ev, const pc_session *s, struct sasl_state *state, const char *name,
                     const char *message);
/* Goes on with one. */
pc_result sasl_go_on(pc_event *ev, const pc_session *s, struct sasl_state *state,
                     const char *message);

/* answers.c. The data in base64. */
pc_stanza *sasl_element(const char *name, const char *ns, const char *data, size_t len);
struct sasl_limit sasl_address_limit(pc_module *m);
/* Each ends the step. */
void sasl_challenge(const pc_session *s, const struct sasl_state *state, const char *data,
                    size_t len);
void sasl_success(pc_module *m, const pc_session *s, struct sasl_state *state, const char *username,
                  const char *data, size_t len);
/* The same with a role of its own; NULL: the account's. */
void sasl_success_as(pc_module *m, const pc_session *s, struct sasl_state *state,
                     const char *username, const char *role, pc_str data);
/* The session gets its account; false: it did not, and the client was told. */
bool sasl_let_in(pc_module *m, const pc_session *s, struct sasl_state *state, const char *username,
                 const char *role);
void sasl_tell_success(pc_module *m, const pc_session *s, const char *mechanism);
/* `guess`: the answer may be a wrong guess of a password, so it counts against the address. */
enum sasl_guess { SASL_NO_GUESS, SASL_GUESS, SASL_COUNTED /* before */ };
/* One more of them; the stream may end by it. */
void sasl_count(pc_module *m, const pc_session *s, struct sasl_state *state, enum sasl_guess guess);
void sasl_failure(pc_module *m, const pc_session *s, struct sasl_state *state,
                  const char *condition, const char *text, enum sasl_guess guess);
void sasl_end_exchange(struct sasl_state *state);

/* mechanisms.c */
void sasl_offer(pc_module *m, const pc_session *s, struct sasl_state *state, pc_stanza *features);
/* No mechanism at all may be used before TLS; or not this one, which could be after. */
bool sasl_encryption_missing(pc_module *m, const pc_session *s);
bool sasl_needs_encryption(pc_module *m, const pc_session *s, const char *name);
const char *sasl_mechanism_name(unsigned bit);
/* Of the exchange under way. */
const char *sasl_name_of(const struct sasl_state *state);
/* A mechanism that a module adds (sasl.h), and the module; NULL when there is none. */
const pc_sasl_mechanism *sasl_of_module(pc_module *m, const char *name, pc_module **owner_r);
/* The bit's number of a mechanism's name, or -1. */
int sasl_mechanism_find(const char *name);
/* Starts the exchange of state->mechanism under the policy of what was offered. */
int sasl_start_scram(pc_module *m, const pc_session *s, struct sasl_state *state);
/* The mechanisms that were offered, as children. */
void sasl_list_mechanisms(pc_module *m, const pc_session *s, const struct sasl_state *state,
                          pc_stanza *parent);
/* May a mechanism of that name be used on this stream by the configuration? */
bool sasl_is_allowed(pc_module *m, const pc_session *s, const char *name);
bool sasl_is_listed(const pc_sasl_mechanism *mechanism);

/* exchange.c: `authzid` (may be NULL) is nobody, or the user's own bare JID (RFC 6120 6.3.8). */
bool sasl_is_own_jid(const pc_session *s, const char *username, const char *authzid);
/* The failure that an answer of the account's provider means. */
void sasl_fail_by(const struct sasl_call *call, const pc_session *s, struct sasl_state *state,
                  int err, enum sasl_guess guess);
/* Frees the call, and the element's handling has ended, unless what goes along with a log-in holds
 * it. */
void sasl_call_end(struct sasl_call *call);
/* The same for an element that was handled at once: what its handler returns. */
pc_result sasl_element_end(pc_event *ev, struct sasl_state *state);
/* Takes one decoded message of the client, with a NUL behind it, and may write into it
 * (NULL: none was sent with <auth/>). */
pc_result sasl_exchange_step(pc_event *ev, const pc_session *s, struct sasl_state *state, char *msg,
                             size_t len);
/* Goes on with the account's keys, or those made up for it; the call is over then. */
void sasl_exchange_keys(struct sasl_call *call, const pc_scram_keys *keys);

/* others.c. May EXTERNAL be offered: is there a certificate that names accounts of this host? */
bool sasl_external_possible(const pc_session *s);
pc_result sasl_external_step(pc_event *ev, const pc_session *s, struct sasl_state *state,
                             const char *msg, size_t len);
pc_result sasl_anonymous_step(pc_event *ev, const pc_session *s, struct sasl_state *state,
                              const char *msg, size_t len);

/* secret.c: goes on with made-up keys, as soon as the secret is known. */
void sasl_secret_load(pc_module *m);
void sasl_fake_keys(struct sasl_call *call);

/* bind.c, bind2.c */
void sasl_bind_load(pc_module *m);
void sasl_bind2_load(pc_module *m);
