/*
 * registrar.h - what the files of mod_register_ibr share.
 *
 *   register_ibr.c   the module: who may ask, what streams are offered
 *   fields.c         the fields of a registration, as a form and as elements
 *   making.c         a registration on its way: asked of others, made, told
 */
#pragma once

#include <prosody-c/prosody-c.h>

#define NS_REGISTER "jabber:iq:register"

#define VALUE_MAX 255  /* bytes of an additional field */
#define INVITE_MAX 255 /* of what other modules want to see again */
#define MORE_MOST 11   /* fields besides the name and the password */

/* A registration under way. They are the instance's and used again, so that those whose callback is
 * dropped (module gone) need no owner. */
struct call {
	pc_module *m;
	struct call *next;
	pc_token token;
	char username[PC_JID_PART_MAX + 1];
	char password[PC_JID_PART_MAX + 1];
	char more[MORE_MOST][VALUE_MAX + 1]; /* by the order of the form; "" for none */
	char invite[INVITE_MAX + 1];         /* "" for none */
};

struct registrar {
	struct call *free_calls;
	pc_store *details;
	pc_field fields[MORE_MOST + 3]; /* name, password, more, end */
	size_t n_more;
	pc_metric *registered, *refused;
};

/* Of a session. */
struct tries {
	bool registered;
	uint8_t n;
};

/* ---- fields.c */
void fields_load(pc_module *m);
pc_result fields_tell(pc_event *ev);
/* PC_OK: the request is in the call. PC_ECANCELED: its form was cancelled. Else it is refused for
 * the reason in `why`. */
int fields_read(const pc_stanza *query, struct call *call, char why[static PC_FORM_WHY]);

/* ---- making.c */
struct call *making_new(pc_module *m);
void making_free(struct call *call);
/* Asks others, and makes the account. call->token is resumed at the end. */
void making_start(struct call *call, const pc_session *s);
