/*
 * smacks.h - what the files of this module share.
 *
 * smacks.c     the module, the taps, what the other files share
 * enable.c     what is offered, <enable/>
 * acks.c       <r/> and <a/> in both directions, and what time does to them
 * resume.c     <resume/>
 * hibernate.c  sessions without a connection: how they begin, and how they end
 * failure.c    what becomes of a queue whose client does not come back
 * old.c        how far sessions had come that are no more
 * survive.c    sessions that outlive the process (journal.h)
 * list.c       the command
 *
 * Counting is at the two ends: what goes out is counted right before it is written (a tap), what
 * comes in right behind the parser (the core's receipts, session.h: pc_session_count).
 */
#pragma once

#include <prosody-c/journal.h>
#include <prosody-c/prosody-c.h>

#include "lib_smacks/exchange.h"
#include "lib_smacks/queue.h"
#include "lib_smacks/words.h"

/* ---- a session for which stream management is enabled: the module's block of it */

enum sm_state {
	SM_OFF,
	SM_CONNECTED,
	SM_RESUMING,   /* has a connection, on which not all of the queue was written yet */
	SM_HIBERNATED, /* has none */
};

struct sm {
	struct sm *next, **at; /* of those that time has to do with: acks.c */
	pc_session_id id;
	struct queue queue;
	struct exchange exchange;
	uint32_t written;   /* SM_RESUMING: how many of the queue are */
	uint8_t state;      /* enum sm_state */
	uint8_t version;    /* 2 or 3 */
	bool complained;    /* smacks-ack-delayed was told */
	bool inactive;      /* by client state indication */
	bool announced;     /* SM_HIBERNATED, and that was told */
	bool orphan;        /* its account is no more */
	bool full;          /* and ends for that */
	float most_seconds; /* that the client wants to be waited for; 0: no wish */
	int64_t deadline;   /* SM_HIBERNATED: ms of pc_now_ms() */
	bool resumable;
	uint8_t digest[SM_DIGEST]; /* of the token that it is resumed by */
};

/* Options that are asked for with every stanza, or for every session: read when they change. */
struct limits {
	int64_t queue, queue_bytes, unacked_inactive;
	double ack_delay, hibernation; /* seconds */
	struct exchange_limits acks;
};

struct smacks {
	pc_module *m;
	struct limits limits;
	pc_stanza *request[2]; /* <r/> in both versions */
	struct sm *watched;
	pc_timer *sweep;
	struct resuming *resuming;
	struct estate *estates;
	pc_timer *estate_timer;
	pc_store *old;
	bool stopping; /* the server */
	pc_metric *enabled, *hibernated, *resumed, *refused, *expired, *overfull, *lost, *again;
};

/* smacks.c */
/* NULL where it is not enabled. */
struct sm *smacks_of(const pc_session *s, pc_module *m);
const char *smacks_ns(const struct sm *sm);
/* To the stream itself: it counts nowhere. */
void smacks_say(const pc_session *s, PC_TAKES pc_stanza *st);
/* The session says more than can be: handled-count-too-high. */
void smacks_too_high(const pc_session *s, const struct sm *sm, uint32_t h);
/* What is counted and seen of the session from now on is this instance's to handle: of one that is
 * counted already; of a new one, which has come that far. */
void smacks_attach(struct smacks *x, const pc_session *s, struct sm *sm);
void smacks_begin(struct smacks *x, const pc_session *s, struct sm *sm, uint32_t from);

/* acks.c */
pc_result acks_on_request(pc_event *ev, void *data);
pc_result acks_on_answer(pc_event *ev, void *data);
pc_result acks_on_active(pc_event *ev, void *data);
pc_result acks_on_inactive(pc_event *ev, void *data);
pc_result acks_on_silence(pc_event *ev, void *data);
pc_result acks_on_close(pc_event *ev, void *data);
/* More of what the peer sent has been handled. */
void acks_handled(const pc_session *s, struct smacks *x, struct sm *sm);
/* Something was written to the peer: an acknowledgement may be due. */
void acks_sent(const pc_session *s, struct smacks *x, struct sm *sm);
/* Time has to do with it from now on, until there is nothing to wait for. */
void acks_watch(struct smacks *x, struct sm *sm);
void acks_unwatch(struct sm *sm);
/* The limits have changed. */
void acks_retime(struct smacks *x);

/* enable.c */
pc_result enable_on_element(pc_event *ev, void *data);
pc_result enable_on_features(pc_event *ev, void *data);
pc_result enable_on_bind2_features(pc_event *ev, void *data);
pc_result enable_on_bound(pc_event *ev, void *data);

/* resume.c */
pc_result resume_on_element(pc_event *ev, void *data);
pc_result resume_on_sasl2_features(pc_event *ev, void *data);
pc_result resume_on_sasl2_success(pc_event *ev, void *data);
pc_result resume_on_sasl2_succeeded(pc_event *ev, void *data);
/* Of an event that is a <resume/>, or has one: <failed/>; and its end. */
void resume_refuse(struct smacks *x, pc_event *ev, const pc_session *from, const char *condition,
                   const char *h);
void resume_settle(struct smacks *x, pc_token token);
/* More has been handled of a session that somebody wants to resume. */
void resume_go_on(struct smacks *x, pc_session_id to);
void resume_save(struct smacks *x, pc_state *state);
void resume_restore(struct smacks *x, const pc_state *state);
void resume_clear(struct smacks *x);

/* hibernate.c */
pc_result hibernate_on_lost(pc_event *ev, void *data);
pc_result hibernate_on_end(pc_event *ev, void *data);
pc_result hibernate_on_stopping(pc_event *ev, void *data);
pc_result hibernate_on_host_going(pc_event *ev, void *data);
pc_result hibernate_on_account_gone(pc_event *ev, void *data);
pc_result hibernate_on_password(pc_event *ev, void *data);
/* Those that ask are told of a frame that waits for the client. */
void hibernate_queued(struct smacks *x, const pc_session *s, pc_frame *frame);
/* It is without its connection. */
void hibernate_begin(struct smacks *x, const pc_session *s, struct sm *sm, double seconds);
/* Those that may want to know are told. */
void hibernate_tell(struct smacks *x, const pc_session *s, struct sm *sm);
pc_result hibernate_on_restored(pc_event *ev, void *data);
/* It has one again. */
void hibernate_over(struct smacks *x, const pc_session *s, struct sm *sm);
double hibernate_seconds(struct smacks *x, const struct sm *sm);
/* The module goes, and with it whoever keeps their queues. */
void hibernate_unload(struct smacks *x);

/* failure.c */
/* The queue of a session that ends; it is emptied. */
void failure_begin(struct smacks *x, const pc_session *s, struct sm *sm);
/* What is left of all queues, at once. */
void failure_finish(struct smacks *x);

/* old.c */
void old_keep(struct smacks *x, const pc_session *s, const struct sm *sm);
/* <failed/> with what is kept, if anything is; ends the event of that token. */
void old_answer(struct smacks *x, const pc_session *s, const char *token, pc_token event);

/* survive.c */
/* It is to be in the journal from now on, where its numbers begin; and has changed. */
void survive_begin(struct smacks *x, const pc_session *s);
void survive_save(pc_module *m, const pc_session *s, const void *data, pc_blob *blob);
int survive_restore(pc_module *m, const pc_session *s, void *data, const void *bytes, size_t len);

/* list.c */
void list_run(pc_call *call, pc_module *m);
