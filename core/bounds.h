/*
 * bounds.h - what a peer can make grow, and how often somebody came to the end of it.
 *
 * Each limit of the core has an option and a counter, prosody_limits_NAME; limits of modules have
 * those of their module, and connections of an address those of their service (quotas.h). The table
 * in bounds.c is the list of them.
 */
#pragma once

#include <prosody-c/log.h>

typedef enum pc__bound {
	PC__BOUND_STANZA,    /* bytes, depth, attributes, elements of a stanza */
	PC__BOUND_UNSENT,    /* bytes that a peer does not take */
	PC__BOUND_LOGIN,     /* time to log in */
	PC__BOUND_RESOURCES, /* of an account */
	PC__BOUND_CONTACTS,  /* of a roster */
	PC__BOUND_REQUESTS,  /* for subscriptions, not answered yet */
	PC__BOUND_QUERIES,   /* iqs of a module that wait for their answers */
	PC__BOUND_WAITING,   /* time that a stanza may be suspended */
	PC__BOUND_JOURNAL,   /* bytes of what outlives the process */
	PC__BOUNDS,
} pc__bound;

/* What is counted, as prosody_limits_NAME; ends with {0}. */
extern const pc_metric_decl pc__bound_metrics[];

/* Somebody wanted more. */
void pc__bound_reached(pc__bound limit);
/* Makes the counters: at the start. */
void pc__bounds_start(void);
