/*
 * redeemer.h - what the files of mod_invites_register share.
 *
 *   invites_register.c   the module; invitations that are shown, and claimed when registering
 *   contacts.c           the account is there; contacts
 */
#pragma once

#include <prosody-c/invites.h>
#include <prosody-c/prosody-c.h>

#define NS_PREAUTH "urn:xmpp:pars:0"

struct redeemer {
	pc_invites *invites;
	const pc_invites_service *service;
	pc_metric *redeemed, *refused;
};

/* Of a stream before log-in. */
struct shown {
	char token[PC_ID_SIZE];
	uint8_t wrong;
};

/* ---- invites_register.c: a suspended event as the data of a callback. NULL: it has ended. */
void *redeem_data(pc_token token);
pc_event *redeem_event(void *data);
void redeem_resume(void *data, pc_result result);

/* ---- contacts.c */
pc_result contacts_on_registered(pc_event *ev, void *data);
/* What was claimed before the server started, and came to no end. */
void contacts_finish(pc_module *m);
pc_result contacts_on_presence(pc_event *ev, void *data);
