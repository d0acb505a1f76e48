/*
 * sasl2.h - one log-in by SASL2 (XEP-0388), from its <authenticate/> to its <success/>.
 *
 *   <authenticate/> -> the exchange (exchange.c, or a module's mechanism: sasl.h) -> sasl2_proved()
 *     -> keys that the client makes (upgrades.c): <continue/>, <next/>, <task-data/>
 *     -> the session gets its account -> sasl2-success -> <success/>, features
 *
 * There is no stream restart. What goes on behind the exchange may wait: the element that it began
 * with is held until then, so that nothing of the client's comes in between.
 */
#pragma once

#include "saslauth.h"

/* The server's memory: it stays through a reload. */
struct sasl2 {
	pc_stanza *request;    /* the <authenticate/> */
	char *username, *role; /* proved; NULL before. A role NULL is the account's */
	char *data;            /* what the mechanism said at its end, until it was sent, or NULL */
	size_t len;
	unsigned upgrades;  /* 1 << hash: keys that are asked for, and not seen to */
	pc_scram_keys keys; /* of the upgrade under way */
	bool busy;          /* something goes on that the element under way waits for */
	pc_token held;      /* that element, or 0 */
};

/* Clears the pointer; what was held goes on. */
void sasl2_free(struct sasl2 **l);
/* The exchange has ended well. */
void sasl2_proved(pc_module *m, const pc_session *s, struct sasl_state *state, const char *username,
                  const char *role, pc_str data);
/* The next upgrade, or the end. */
void sasl2_go_on(pc_module *m, const pc_session *s, struct sasl_state *state);
/* It is the client's turn: what was held has been handled. */
void sasl2_rest(struct sasl2 *l);
/* <additional-data/> of the mechanism goes into the answer, once. */
void sasl2_add_data(struct sasl2 *l, pc_stanza *answer);
/* Into the features, where the stream is under TLS. */
void sasl2_offer(pc_module *m, const pc_session *s, const struct sasl_state *state,
                 pc_stanza *features);
void sasl2_load(pc_module *m);

/* upgrades.c: <upgrade/>s into <authentication/>; those of them that a client asks for. */
void upgrades_offer(pc_module *m, pc_stanza *authentication);
unsigned upgrades_wanted(pc_module *m, const pc_stanza *request);
/* False: there is none. Else sasl2_go_on() is called again, or the client asked. */
bool upgrades_next(pc_module *m, const pc_session *s, struct sasl_state *state);
/* <next/> and <task-data/> in their turn. */
pc_result upgrades_begin(pc_event *ev, const pc_session *s, struct sasl_state *state);
pc_result upgrades_take(pc_event *ev, const pc_session *s, struct sasl_state *state);
