/*
 * s2s.h - what the files of mod_s2s say to each other.
 *
 * Words. Of a *pair* one domain is ours (`host`), one another server's (`remote`). Who may send
 * what is a matter of pairs, never of streams: a stream carries the pairs that were proved on it.
 *
 *   peer      what an instance (a host of ours) knows of a remote domain: the stream to it, what
 *             waits for that, the questions that it is to answer, when it was out of reach
 *   inbound   a stream that was opened to us, with the pairs that were proved on it
 *   managed   a stream of either direction with stream management (XEP-0198): what was sent on it
 *             and is not acknowledged; outlives the stream where it may be resumed
 *   question  a dialback key that came on an inbound and that the remote's own server is asked
 *             about, on the stream to it
 *   asker     for whose sake there are peers and questions: a user by his bare address, the host
 *             itself, or the address that an inbound comes from. Nobody gets more peers, or more
 *             questions, than he leaves to others; and he waits for his own turn where many
 *             streams are begun (pc_dial_args: asker)
 *
 * A peer lives while it has a stream, one that may be resumed, something that waits, or a failure
 * to be remembered. After a reload of the module its streams go on in the new instance; those of
 * ours on which nothing can have been sent begin anew.
 */
#pragma once

#include <prosody-c/prosody-c.h>
#include <prosody-c/table.h>

#include "lib_smacks/exchange.h"
#include "lib_smacks/queue.h"
#include "lib_smacks/words.h"

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
#define S2S_STATE 8          /* grows with each change of what is handed over to a new instance */
#define S2S_ID_MOST 256      /* bytes of the id that a remote gives its stream */
#define S2S_TOKEN_MOST 1024  /* bytes of what a remote lets us resume its stream by */

/* Options that are asked for with every stanza: read when they change. */
struct limits {
	int64_t queue, queue_bytes;
	double resume, timeout; /* seconds */
	struct exchange_limits acks;
	bool managed;
	bool prepared; /* policy_is_prepared() */
};

/* What strangers have made us say of late. */
struct voice {
	double spent;
	int64_t at;
	unsigned unsaid;
	pc_timer *sum;
};

struct s2s {
	pc_module *m;
	struct voice voice;
	struct limits limits;
	struct peer *peers;      /* by domain */
	struct asker *askers;    /* by name */
	struct managed *watched; /* those that time has to do with */
	pc_timer *watch;
	char secret[S2S_KEY_SIZE];
	unsigned n_questions;
	int64_t dropped; /* when those that nobody needs were last dropped to make room */
	bool swept, stopping;
	pc_timer *last_chance; /* what is under way while the server stops; until then */
	int64_t last_moment;
	pc_metric *in_external, *in_dialback, *in_refused;
	pc_metric *out_external, *out_dialback, *out_failed, *returned;
	pc_metric *enabled, *resumed, *again, *silent;
};

enum peer_state {
	PEER_NONE,       /* no stream */
	PEER_CONNECTING, /* addresses, TCP, TLS, features */
	PEER_USABLE,     /* questions may be asked; we have proved nothing */
	PEER_RESUMING,   /* proved; stream management is enabled, or the stream before resumed */
	PEER_READY,      /* stanzas of the pair may be sent */
};

enum proof { PROOF_NONE, PROOF_EXTERNAL, PROOF_DIALBACK };

struct waiting {
	struct waiting *next;
	pc_stanza *st;
	pc_frame *frame; /* in its place: it was sent already, on a stream that broke */
	int64_t when;    /* and then (milliseconds since 1970) */
	int64_t since;   /* it waits: of pc_now_ms() */
	size_t bytes;
};

struct line {
	struct waiting *first, **last;
	size_t n, bytes;
};

enum managed_state {
	MANAGED_ASKED,  /* on our stream: <enable/> is not answered yet */
	MANAGED_ON,     /* stanzas are counted */
	MANAGED_BROKEN, /* the stream has gone, and may be resumed */
};

struct managed {
	struct managed *next, **at; /* of those that time has to do with */
	struct s2s *own;
	struct managed **place; /* in the block of its session; NULL: that has ended */
	pc_session_id session;
	struct queue queue;
	struct exchange exchange;
	uint32_t handled; /* of what the peer sent: how far the session had come that has ended */
	int64_t deadline; /* broken, and opened to us: until when it waits; ms of pc_now_ms() */
	uint8_t state;    /* enum managed_state */
	uint8_t version;  /* 2 or 3 */
	bool ours;        /* the stream was opened by us */
	bool both;        /* and carries stanzas of both directions */
	bool counting;    /* what comes in */
	bool progressed;  /* since it was connected: something was acknowledged, or came */
	bool lost;        /* opened to us: its connection broke, or another one claims it */
	bool resumable;   /* opened to us */
	uint8_t digest[SM_DIGEST]; /* of the token that it is resumed by */
	pc_session_id claimant;    /* waits until all is done with that came on this one */
	uint32_t claim_h;
	char *token; /* ours: what it is resumed by; NULL: it cannot be */
	char remote[];
};

struct asker {
	UT_hash_handle hh;
	unsigned peers, questions;
	char name[];
};

struct question {
	struct question *next;
	struct peer *peer;
	struct asker *asker;
	pc_session_id inbound;
	char *id, *key;
	bool sent;
	pc_timer *deadline;
};

struct peer {
	UT_hash_handle hh;
	struct s2s *own;
	struct asker *asker; /* who was the first to have something for it */
	pc_dial *dial;       /* the way to it, while it is not proved; NULL: as the operator says */
	const pc_dial_target *target; /* of the dial, that the stream is to; NULL: not of one */
	pc_stream *out;               /* the stream to it, or under way to be that; NULL */
	unsigned streams; /* that have this as pc_stream_user(): those that close, too */
	pc_session_id in; /* an inbound that takes stanzas, too (XEP-0288); 0 */
	enum peer_state state;
	enum proof asked; /* how we are proving the pair */
	bool direct_tls, opened, proved, bidi;
	bool tls_asked; /* by <starttls/> on this stream */
	bool offers_external, offers_bidi;
	bool refused;            /* a target was not who the DNS says */
	bool certified;          /* its certificate says who it is, by the roots or by the DNS */
	uint8_t offers_sm;       /* 2, 3; 0: no stream management */
	char *id;                /* of its stream */
	char *said;              /* its stream error, as complaint_of() has it */
	struct line line;        /* what waits for a stream */
	struct managed *managed; /* the stream to it, or the one that broke and is to be resumed */
	struct managed *left;    /* a stream from it that broke, and may be resumed by it */
	unsigned fruitless;      /* managed streams in a row on which nothing came of anything */
	struct question *questions;
	pc_timer *deadline;
	int64_t begun;         /* to connect: of pc_now_ms(); 0: its turn has not come */
	unsigned failures;     /* in a row */
	int64_t retry;         /* not before; of pc_now_ms() */
	const char *condition; /* what those are told who write before that */
	bool lasting;          /* and that it will not pass by itself */
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
	uint32_t most; /* bytes that the peer takes in a stanza; 0: unknown. Also of ours */
	bool bidi, external;
	bool waits;    /* for the DNS, and gets no features before */
	char *vouched; /* the domain that the certificate is of by the DNS */
	int64_t used;
	struct managed *managed; /* of the session's host; also of a stream of ours */
	pc_stanza *claims;       /* a <resume/> that waits for its answer */
};

/* ---- s2s.c: instances */

/* The instance of a host; NULL where federation is off. */
struct s2s *s2s_of(pc_host *host);
const char *s2s_host(const struct s2s *own);
/* Tells other modules of a stream with that domain; `mechanism` "EXTERNAL", "dialback", or NULL. */
void s2s_notify(struct s2s *own, const pc_stream *s, const char *event, const char *remote,
                const char *mechanism);

/* ---- complaints.c */

/* A line of the log that somebody out there can cause at will. `session` may be NULL. */
void complain(struct s2s *own, const pc_session *session, pc_level level, const char *format, ...)
        PC_PRINTF(4, 5);
/* How many were left out, if any. */
void complaints_sum(struct s2s *own);
/* A stream error of somebody out there: its condition, and its text behind that. The caller's. */
char *complaint_of(const pc_stanza *error);

/* ---- policy.c: what the configuration allows */

/* All domains that the options name are written as they are compared. */
bool policy_is_prepared(const struct s2s *own);
/* May the host have to do with that domain? */
bool policy_allows(const struct s2s *own, const char *remote);
/* Only a trusted certificate of that name will do. */
bool policy_wants_certificate(const struct s2s *own, const char *remote);
bool policy_wants_tls(const struct s2s *own);
/* NULL: the stream's certificate proves that name, or the name of its host where that is known from
 * signed records (NULL: it is not); else why not. */
const char *policy_cert_fault(const struct s2s *own, const pc_stream *s, const char *remote,
                              const char *host);
/* The same of an inbound, where the DNS may have vouched for it. */
const char *policy_inbound_fault(const struct s2s *own, pc_stream *s, const char *remote);

/* The stream's certificate has ended since it was shown (RFC 6120 13.7.2.3). */
bool policy_cert_is_over(const pc_stream *s);

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
/* Makes it where it is missing; NULL: there are too many, in all or of the asker's. */
struct peer *peer_get(struct s2s *own, const char *domain, const char *asker);
bool peer_rests(const struct peer *p); /* out of reach a moment ago */
/* The stream takes stanzas: what waits goes. */
void peer_ready(struct peer *p);
/* The stream that took stanzas has gone; an orderly end says that it cannot be resumed. */
void peer_lost(struct peer *p, bool orderly);
/* It could not be reached or trusted: what waits goes back by that condition. `why` is for the log,
 * behind what was tried before; NULL: that is all. */
void peer_fail(struct peer *p, const char *condition, const char *why);
/* It is there, but not who it should be, or not as safe: RFC 6120 8.3.3.17. */
void peer_refuse(struct peer *p, const char *why);
/* Its stream has ended, with nothing to be told to anybody. */
void peer_let_go(struct peer *p);
/* We end it in an orderly way; what is not acknowledged is taken for received. */
void peer_close(struct peer *p);
void peer_settled(struct peer *p); /* a question was answered: does anybody need the stream? */
/* The type of errors by its condition; NULL: the usual one. */
const char *peer_error_type(const struct peer *p);
void peer_sweep(void *data);
void peer_leave_all(struct s2s *own);

/* ---- route.c */

pc_result route_stanza(pc_event *ev, void *data);
/* Something waits for it: it goes by the stream that there is, or one is begun. */
void route_go(struct peer *p);

/* ---- askers.c */

#define S2S_ASKER_SIZE (PC_JID_MAX + 1)

/* Their names. Of what is sent: a user's, where he says something of his own; else the host's: of
 * answers, which whoever is answered could ask for in any number, and of all that a component
 * says. */
const char *asker_of_event(const struct s2s *own, const pc_event *ev,
                           char buf[static S2S_ASKER_SIZE]);
/* An address, or the /64 of an IPv6 one, which one subscriber has. */
const char *asker_of_inbound(const pc_stream *s, char buf[static S2S_ASKER_SIZE]);

struct asker *asker_get(struct s2s *own, const char *name);
/* May he have one more, who has `n` of `all` while there may be `most`? As many as he leaves. */
bool asker_may(const struct s2s *own, const struct asker *a, unsigned n, unsigned all,
               int64_t most);
/* Forgotten, unless he has something. */
void asker_settle(struct s2s *own, struct asker *a);

/* ---- waiting.c: stanzas that wait for a stream */

void line_init(struct line *line);
/* At its end. Takes the stanza. */
void line_add(struct line *line, pc_stanza *st, size_t bytes);
void line_add_frame(struct line *line, pc_frame *frame, int64_t when);
/* All of `front` before what waits already. */
void line_put_before(struct line *line, struct line *front);
/* The first one is sent to the session. False: it cannot be written to, and waits on. */
bool line_send_first(struct line *line, const pc_session *s);
/* Those at the front that wait since then or longer. */
void line_give_back_since(struct line *line, struct s2s *own, int64_t since, const char *condition);
/* RFC 6120 10.4: to whoever sent it, in the name of whom it was for, unless it is not to be
 * answered. `type` NULL: the condition's usual one. Takes the stanza. */
void line_give_back(struct s2s *own, pc_stanza *st, const char *condition, const char *type,
                    const char *text);
size_t line_give_all_back(struct line *line, struct s2s *own, const char *condition,
                          const char *type);
/* Nobody is told of errors and answers that did not arrive (RFC 6120 8.3.1). */
bool line_is_told(const pc_stanza *st);

/* ---- manage.c: what is counted on a managed stream, and what time does to it */

struct managed *managed_of(const pc_session *s); /* NULL: it is not managed */
struct managed *managed_new(struct s2s *own, const char *remote, unsigned version);
void managed_free(struct managed *sm);
/* What is sent to the session is noted from now on. */
void managed_tap(struct managed *sm, const pc_session *s);
/* And what comes from it is counted, the first one as from + 1. */
void managed_count(struct managed *sm, const pc_session *s, uint32_t from);
/* Its session ends: nothing of what came on it is under way any more. */
void managed_detach(struct managed *sm, const pc_session *s);
/* No more may be unacknowledged. */
bool managed_is_full(const struct managed *sm);
/* All that is not acknowledged, behind a resumption. */
void managed_send_all(struct managed *sm, const pc_session *s);
/* One that was sent on another stream, then. PC_ECANCELED as pc_session_send(). */
int managed_send_frame(const pc_session *s, pc_frame *frame, int64_t when);
/* Something was sent: an acknowledgement may be due. */
void managed_sent(struct managed *sm);
/* The last word on what has come, where the stream ends in an orderly way. */
void managed_finish(struct managed *sm);
/* The peer says that it has handled so many. False: so many were not sent; the stream ends. */
bool managed_acked(struct managed *sm, pc_stream *s, uint32_t h);
/* Nothing was read for long, which on a stream of one direction means nothing: where it can be
 * asked, it is. */
bool managed_on_idle(pc_stream *s);
/* <r/> and <a/>; false: it is neither. */
bool managed_on_ack(pc_stream *s, const pc_stanza *st);
/* Asks now for what is not acknowledged. */
void managed_hurry(struct managed *sm);
void managed_watch(struct managed *sm);
void managed_unwatch(struct managed *sm);
/* It belongs to that instance from now on. */
void managed_move(struct managed *sm, struct s2s *own);
/* After a reload: the streams of the instance before go on here. */
void managed_adopt(struct s2s *own);
/* The last word on all streams of the host. */
void managed_finish_all(struct s2s *own);
void managed_say(pc_stream *s, PC_TAKES pc_stanza *st);

/* ---- resume.c: streams that we open */

/* The peer's pair is proved on its stream. True: its answer is waited for, then it is ready. */
bool resume_begin(struct peer *p);
/* <resume/>, unless something that came on the old stream is still being handled. */
void resume_ask(struct peer *p);
void resume_on_peer(struct peer *p, const pc_stanza *st);
/* What is not acknowledged waits for another stream, or goes back; and the stream is forgotten. */
void resume_give_up(struct peer *p);
/* The first half of that, of any stream; `p` may be NULL. Other peers that shared the stream may
 * have something waiting then. */
void resume_take_back(struct managed *sm, struct peer *p);
/* Whose a stanza is that was sent; NULL: of none that there can be. */
struct peer *resume_peer_of(const pc_stanza *st);

/* ---- left.c: streams that are opened to us */

void left_on_inbound(pc_stream *s, struct s2s *own, const pc_stanza *st);
/* A session of the host has ended, of either direction. */
pc_result left_on_session_closed(pc_event *ev, void *data);
/* The stream from it that broke is not waited for any more. */
void left_release(struct peer *p);
/* Something on that waits to be resumed: later stanzas stay behind it. */
bool left_holds(const struct peer *p);

/* ---- answers.c: requests that were answered before they were acknowledged */

/* Of a request that is sent: what its answer is known by. 0: it is none, or NULL. */
uint32_t answers_tag(const pc_stanza *st);
/* That has come from a peer, and passes. */
void answers_note(const pc_stanza *st);

/* ---- stop.c */

/* The server stops: what is under way has a moment yet. */
void stop_begin(struct s2s *own);
/* From now on nothing waits: all that is not sent, or not acknowledged, goes back. */
void stop_now(struct s2s *own);

/* ---- handover.c: reloads */

void handover_save(struct s2s *own, pc_state *state);
void handover_restore(struct s2s *own, const pc_state *state);

/* ---- reach.c */

/* The asker has something for it: where there is no stream, one is begun in his turn. */
void reach_want(struct peer *p, const char *asker);
bool reach_waits(const struct peer *p); /* for its turn */
/* A stream of the instance before: it has its time from now on. */
void reach_limit(struct peer *p);

/* ---- outgoing.c */

extern const pc_stream_class s2s_out_class;
/* Proves the pair, where that was not begun. */
void outgoing_prove(struct peer *p);
/* Who answers is who it should be: our header. */
void outgoing_open(struct peer *p);
/* Who answers is not: the next target, or the end. */
void outgoing_next(struct peer *p, const char *why);
/* It is proved: stanzas may go, as soon as the stream before is resumed. */
void outgoing_proved(struct peer *p);

/* ---- incoming.c */

extern const pc_stream_class s2s_in_class;
/* Features, when all is known that they depend on. */
void incoming_offer(pc_stream *s, struct s2s *own);
/* The pair is proved on that stream by dialback, and its server knows. */
void incoming_authorise(pc_stream *s, struct s2s *own, const char *remote);
void incoming_sweep(struct s2s *own, int64_t before);

/* ---- sizes.c (XEP-0478) */

/* Adds what we take to features, or to <bidi/>. */
void sizes_announce(const struct s2s *own, pc_stanza *parent, bool proved);
/* What those announce on the session that we write to is kept to from now on. */
void sizes_respect(struct s2s *own, const pc_session *s, const pc_stanza *parent);
/* After a reload: sessions of the instance before. */
void sizes_adopt(struct s2s *own);

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
/* Those of the instance before. */
void dialback_take_over(struct peer *p, struct peer *before);
/* All questions to that peer end by an error of this condition. */
void dialback_fail(struct peer *p, const char *condition);

/* ---- key.c (XEP-0185) */

void key_secret(char out[static S2S_KEY_SIZE], const char *configured);
void key_make(const char *secret, const char *receiving, const char *originating, const char *id,
              char out[static S2S_KEY_SIZE]);

extern const pc_command s2s_commands[];
