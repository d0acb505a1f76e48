/*
 * legacy.h - what the files of this module share.
 *
 * legacy.c    the module
 * convert.c   one kind of vCard into the other
 * show.c      an old vCard, made of what is published, when somebody asks
 * take.c      an old vCard that a client sets, or that was there before, becomes published items
 * presence.c  the hash of the picture in presence (XEP-0153, XEP-0398 section 4)
 */
#pragma once

#include "convert.h"
#include "lib_pep/own.h"

#define NODE_VCARD "urn:xmpp:vcard4"

struct legacy {
	pc_store *store; /* vCards of the time before */
};

/* Of a session. */
struct picture {
	bool known;
	char hash[HASH_SIZE]; /* "": there is none */
};

pc_result show_card(pc_event *ev, void *data);
pc_result take_card(pc_event *ev, void *data);
/* At the beginning of a session: the vCard that is kept from before is published. */
pc_result take_kept(pc_event *ev, void *data);
pc_result presence_out(pc_event *ev, void *data);
pc_result presence_changed(pc_event *ev, void *data);
/* What a session knows to have been published, or "". */
const char *presence_hash(pc_module *m, const pc_session *s);
