/*
 * own.h - what an account has published, read and changed in its own name: requests to the module
 * pep as the account itself would send them, answered as by pc_send_iq() (route.h). Without an
 * answer (PC_ELIMIT: too many are under way) the function is not called.
 */
#pragma once

#include <prosody-c/prosody-c.h>

#define NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define NS_OWNER NS_PUBSUB "#owner"

/* Items of a node; `id` NULL: all. */
int own_get(pc_module *m, const char *user, const char *node, const char *id, pc_iq_fn *fn,
            void *data);
/* Their <items/> in the answer; NULL: there is no such node, or no answer. */
const pc_stanza *own_items(const pc_stanza *reply);
/* `id` NULL: one is made. `settings` (may be NULL) are what the node must have: names and values in
 * turn, ends with NULL; one that is not there yet gets them. */
int own_publish(pc_module *m, const char *user, const char *node, const char *id,
                const pc_stanza *payload, const char *const *settings, pc_iq_fn *fn, void *data);
int own_retract(pc_module *m, const char *user, const char *node, const char *id, pc_iq_fn *fn,
                void *data);
/* `create`: it is not there yet. */
int own_configure(pc_module *m, const char *user, const char *node, const char *const *settings,
                  bool create, pc_iq_fn *fn, void *data);
/* May that address read the node? Asked by the event pep-may-read, which the module lists. */
typedef void own_may_fn(void *data, bool may);
void own_may_read(pc_module *m, const char *user, const char *node, const char *jid, own_may_fn *fn,
                  void *data);
bool own_succeeded(const pc_stanza *reply);
/* The condition of an answer that is an error; "" for none. */
const char *own_condition(const pc_stanza *reply);
