/*
 * s2s.h - what the files of mod_s2s say to each other.
 *
 * Words. Of a *pair* one domain is ours (`host`), one another server's (`remote`). Who may send
 * what is a matter of pairs, never of streams: a stream carries the pairs that were proved on it.
 *
 *   peer      what an instance (a host of ours) knows of a remote domain: the stream to it, what
 *             waits for that, the questions that it is to answer, when it was out of reach
 *   inbound   a stream that was opened to us, with the pairs that were proved on it
 *   question  a dialback key that came on an inbound and that the remote's own server is asked
 *             about, on the stream to it
 *
 * A peer lives while it has a stream, something that waits, or a failure to be remembered. After a
 * reload of the module streams that we opened end in the old code, on the old instance's peers.
 */
#pragma once

#include <prosody-c/prosody-c.h>
#include <prosody-c/table.h>

#define NS_DIALBACK "jabber:server:dialback"
#define NS_DIALBACK_FEATURE "urn:xmpp:features:dialback"
#define NS_BIDI "urn:xmpp:bidi"
#define NS_BIDI_FEATURE "urn:xmpp:features:bidi"
#define NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define NS_TLS "urn:ietf:params:xml:ns:xmpp-tls"
#define NS_LIMITS "urn:xmpp:stream-limits:0"

#define S2S_KEY_SIZE 65      /* a dialback key: HMAC-SHA256 in hexadecimal */
#define S2S_PAIRS_MOST 50    /* of one stream */
#define S2S_PENDING_MOST 10  /* keys of one stream that are being verified */
#define S2S_REFUSED_MOST 100 /* keys of one stream that are not verified */
#define S2S_ID_MOST 256      /* bytes of the id that a remote gives its stream */

struct s2s {
	pc_module *m;
	struct peer *peers; /* by domain */
	char secret[S2S_KEY_SIZE];
	unsigned n_questions;
	int64_t dropped; /* when peers that nobody needs were last dropped */
	bool swept, stopping;
	pc_metric *in_external, *in_dialback, *in_refused;
	pc_metric *out_external, *out_dialback, *out_failed, *returned;
};

enum peer_state {
	PEER_NONE,       /* no stream */
	PEER_CONNECTING, /* addresses, TCP, TLS, features */
	PEER_USABLE,     /* questions may be asked; we have proved nothing */
	PEER_READY,      /* stanzas of the pair may be sent */
};

enum proof { PROOF_NONE, PROOF_EXTERNAL, PROOF_DIALBACK };

struct waiting {
	struct waiting *next;
	pc_stanza *st;
	size_t bytes;
};

struct question {
	struct question *next;
	struct peer *peer;
	pc_session_id asker; /* the inbound */
	char *id, *key;
	bool sent;
	pc_timer *deadline;
};

struct peer {
	UT_hash_handle hh;
	struct s2s *own;
	pc_dial *dial; /* the way to it, while it is not proved; NULL: as the operator says */
	const pc_dial_target *target; /* of the dial, that the stream is to; NULL: not of one */
	pc_stream *out;               /* the stream to it, or under way to be that; NULL */
	unsigned streams; /* that have this as pc_stream_user(): those that close, too */
	pc_session_id in; /* an inbound that takes stanzas, too (XEP-0288); 0 */
	enum peer_state state;
	enum proof asked; /* how we are proving the pair */
	bool direct_tls, opened, proved, bidi;
	bool tls_asked; /* by <starttls/> on this stream */
	bool offers_external, offers_bidi;
	bool refused; /* a target was not who the DNS says */
	char *id;     /* of its stream */
	char *said;   /* the condition of its stream error */
	struct waiting *first, **last;
	size_t n_waiting, bytes;
	struct question *questions;
	pc_timer *deadline;
	unsigned failures;     /* in a row */
	int64_t retry;         /* not before; of pc_now_ms() */
	const char *condition; /* what those are told who write before that */
	int64_t used;          /* when a stanza passed */
	char domain[];
};

struct pair {
	struct pair *next;
	char *remote, *host;
};

struct inbound {
	struct pair *pairs;
	unsigned n_pairs, pending, refusals;
	unsigned refused_keys;
	bool bidi, external;
	bool waits;    /* for the DNS, and gets no features before */
	char *vouched; /* the domain that the certificate is of by the DNS */
	int64_t used;
};

/* ---- s2s.c: instances */

/* The instance of a host; NULL where federation is off. */
struct s2s *s2s_of(pc_host *host);
const char *s2s_host(const struct s2s *own);

/* ---- policy.c: what the configuration allows */

/* May the host have to do with that domain? */
bool policy_allows(const struct s2s *own, const char *remote);
/* Only a trusted certificate of that name will do. */
bool policy_wants_certificate(const struct s2s *own, const char *remote);
bool policy_wants_tls(const struct s2s *own);
/* NULL: the stream's certificate proves that name, or the name of its host where that is known from
 * signed records (NULL: it is not); else why not. */
const char *policy_cert_fault(const pc_stream *s, const char *remote, const char *host);
/* The same of an inbound, where the DNS may have vouched for it. */
const char *policy_inbound_fault(pc_stream *s, const char *remote);

/* ---- dane.c (RFC 7673): false where the roots have the last word */

#define S2S_SERVICES 2
extern const pc_service s2s_services[S2S_SERVICES];
/* Its target has TLSA records. */
bool dane_binds(const struct peer *p);
/* The name of its target, where it is as good as that of the domain; or NULL. */
const char *dane_host(const struct peer *p);
/* Looks up who the inbound is, if its certificate does not say it; features follow later. */
bool dane_asks(pc_stream *s, struct s2s *own);
/* The peer's stream is under TLS: goes on by itself, or is given up. */
bool dane_judges(struct peer *p);

/* ---- peers.c */

struct peer *peer_find(struct s2s *own, const char *domain);
/* Makes it where it is missing; NULL: there are too many. */
struct peer *peer_get(struct s2s *own, const char *domain);
bool peer_rests(const struct peer *p); /* out of reach a moment ago */
/* The stream takes stanzas: what waits goes. */
void peer_ready(struct peer *p);
/* It could not be reached or trusted: what waits goes back by that condition. `why` is for the log.
 */
void peer_fail(struct peer *p, const char *condition, const char *why);
/* Its stream has ended, with nothing to be told to anybody. */
void peer_let_go(struct peer *p);
void peer_settled(struct peer *p); /* a question was answered: does anybody need the stream? */
pc_result peer_route(pc_event *ev, void *data);
void peer_sweep(void *data);
void peer_leave_all(struct s2s *own);

/* ---- outgoing.c */

extern const pc_stream_class s2s_out_class;
void outgoing_start(struct peer *p);
/* Proves the pair, where that was not begun. */
void outgoing_prove(struct peer *p);
/* Who answers is who it should be: our header. */
void outgoing_open(struct peer *p);
/* Who answers is not: the next target, or the end. */
void outgoing_next(struct peer *p);

/* ---- incoming.c */

extern const pc_stream_class s2s_in_class;
/* Features, when all is known that they depend on. */
void incoming_offer(pc_stream *s, struct s2s *own);
/* The pair is proved on that stream. */
void incoming_authorise(pc_stream *s, struct s2s *own, const char *remote);
void incoming_sweep(struct s2s *own, int64_t before);

/* ---- pairs.c */

/* What belongs to the stream's session, and ends with it. */
struct inbound *inbound_of(pc_stream *s);

bool pair_has(const struct inbound *in, const char *remote, const char *host);
int pair_add(pc_stream *s, const char *remote, const char *host); /* PC_ELIMIT */
void pair_free_all(struct inbound *in);
/* What ends the stream that a stanza came on: a stream error's condition; NULL: it may pass. */
const char *pair_stanza_fault(const struct inbound *in, const pc_stanza *st);

/* ---- dialback.c (XEP-0220) */

/* Sends our key for the peer's stream. PC_EINVAL: it has no usable id. */
int dialback_prove(struct peer *p);
/* An element of dialback on a stream of either direction; borrowed. */
void dialback_on_inbound(pc_stream *s, const pc_stanza *st);
void dialback_on_peer(struct peer *p, const pc_stanza *st);
void dialback_ask(struct peer *p); /* sends the questions that wait for the stream */
/* All questions to that peer end by an error of this condition. */
void dialback_fail(struct peer *p, const char *condition);

/* ---- key.c (XEP-0185) */

void key_secret(char out[static S2S_KEY_SIZE], const char *configured);
void key_make(const char *secret, const char *receiving, const char *originating, const char *id,
              char out[static S2S_KEY_SIZE]);

extern const pc_command s2s_commands[];
