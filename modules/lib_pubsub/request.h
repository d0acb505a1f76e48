/*
 * request.h - an iq on its way: who asks, for what, of which service.
 *
 * The event is suspended meanwhile. Whatever waits goes on with the event that it finds by
 * request_event() then: it may have ended. What changes items waits for its turn, so that nothing
 * of them changes between reading and writing.
 */
#pragma once

#include "pubsub.h"

#define GONE_MOST 16 /* items that one new item drives out at most */

typedef void request_fn(struct request *r, pc_event *ev);

/* A kind of request, by its element. */
struct use {
	const char *ns, *name;
	bool set;
	bool silent;  /* an event that is no stanza: there is no answer */
	bool on_node; /* it is about a node that must be there and allow `action` */
	enum action action;
	request_fn *handle;
};

struct request {
	struct pubsub *p;
	struct service *s;
	const struct use *use;
	pc_token token;
	struct request *next; /* in the queue */
	request_fn *run;      /* in its turn */
	/* who asks */
	bool sees_presence;
	pc_contact *contact;          /* in the account's roster; while `handle` runs */
	enum affiliation affiliation; /* at nodes that say nothing */
	char bare[PC_JID_MAX + 1];
	/* publishing */
	int64_t n_items, bytes; /* while they are counted; after that those that go */
	char last[PC_ENTRY_ID_SIZE];
	size_t n_gone;
	char gone[GONE_MOST][PC_ENTRY_ID_SIZE];
	char id[PC_ID_SIZE]; /* that was made, for who names none */
};

/* Suspends the event, and begins. `from` is who asks. */
void request_begin(struct pubsub *p, pc_event *ev, const struct use *use, const char *user,
                   const char *from);
/* Goes on when it is known who asks. */
void request_go_on(struct request *r);
/* NULL: it has ended, or the module has gone; the request then has ended, too. */
pc_event *request_event(struct request *r);
/* The element that says what is wanted, and its node; NULL where there is none. */
const pc_stanza *request_element(const pc_event *ev);
const char *request_node_name(const pc_event *ev);
/* The node that it is about; NULL: it has gone meanwhile, and the request is refused. */
struct node *request_node(struct request *r, const pc_event *ev);
struct standing request_standing(const struct request *r, const struct node *n);
/* Calls run when no other request changes items. */
void request_turn(struct request *r, request_fn *run);

/* Are the node's items counted? If not, they are now, and r->run is called again. */
bool items_counted(struct request *r, const struct node *n);

/* ---- the end */

void request_refuse(struct request *r, enum refusal why, const char *text);
void request_answer(struct request *r, pc_ticket ticket, PC_TAKES pc_stanza *reply);
void request_ok(struct request *r, pc_ticket ticket);
/* It was a message: there is no answer. */
void request_done(struct request *r);
/* It was no stanza: the event goes on to others. */
void request_pass(struct request *r);
/* An answer to the event with an empty <pubsub/>, which is returned in *pubsub_r. */
pc_stanza *request_reply(const pc_event *ev, pc_stanza **pubsub_r);

/* ---- what can be asked for */

void publish_handle(struct request *r, pc_event *ev);
void retract_handle(struct request *r, pc_event *ev);
void purge_handle(struct request *r, pc_event *ev);
void retrieve_handle(struct request *r, pc_event *ev);
void subscribe_handle(struct request *r, pc_event *ev);
void unsubscribe_handle(struct request *r, pc_event *ev);
void options_handle(struct request *r, pc_event *ev);
void default_options_handle(struct request *r, pc_event *ev);
void subscriptions_handle(struct request *r, pc_event *ev);
void affiliations_handle(struct request *r, pc_event *ev);
void create_handle(struct request *r, pc_event *ev);
void delete_handle(struct request *r, pc_event *ev);
void configure_ask_handle(struct request *r, pc_event *ev);
void configure_handle(struct request *r, pc_event *ev);
void default_handle(struct request *r, pc_event *ev);
void subscribers_handle(struct request *r, pc_event *ev);
void set_subscribers_handle(struct request *r, pc_event *ev);
void affiliated_handle(struct request *r, pc_event *ev);
void set_affiliated_handle(struct request *r, pc_event *ev);

/* The address in that attribute, prepared, and its bare form; false: there is none, or a wrong one.
 */
bool request_jid(const pc_stanza *st, const char *attr, char full[static PC_JID_MAX + 1],
                 char bare[static PC_JID_MAX + 1]);
/* Makes a node with these settings; NULL: it was refused. `options` (may be NULL) is a form. */
struct node *create_node(struct request *r, pc_event *ev, const char *name,
                         const pc_stanza *options, enum config_mode mode, pc_ticket *ticket_r);
/* What is said where a form cannot be taken. */
enum refusal config_refusal(int err);
