/*
 * mod_vcard4 - vCards by requests of their own (XEP-0292), besides what pep does with their node.
 */
#include <stdlib.h>
#include <string.h>

#include "lib_pep/own.h"

#define NS "urn:ietf:params:xml:ns:vcard-4.0"
#define NODE "urn:xmpp:vcard4"

static pc_result refuse(pc_event *ev, const char *condition)
{
	return pc_reply_error(ev, NULL, condition, NULL);
}

static void on_card(const pc_stanza *answer, void *data)
{
	pc_token token = (pc_token)(uintptr_t)data;
	pc_event *ev = pc_token_event(token);
	const pc_stanza *items = own_items(answer), *item = items ? pc_stanza_first(items) : NULL;
	const pc_stanza *card = item ? pc_stanza_first(item) : NULL;
	pc_stanza *reply;

	if (ev == NULL)
		return;
	if (card == NULL && !pc_event_to_self(ev)) {
		pc_event_resume(token, refuse(ev, "item-not-found"));
		return;
	}
	reply = pc_stanza_result(pc_event_stanza(ev));
	if (card)
		pc_stanza_append(reply, card);
	else
		pc_stanza_open(reply, "vcard", NS);
	pc_event_resume(token, pc_reply(ev, reply));
}

static void on_allowed(void *data, bool may)
{
	pc_token token = (pc_token)(uintptr_t)data;
	pc_event *ev = pc_token_event(token);

	if (ev == NULL)
		return;
	if (!may)
		pc_event_resume(token, refuse(ev, "item-not-found"));
	else if (own_get(pc_event_module(ev), pc_event_to(ev)->local, NODE, NULL, on_card, data) !=
	         PC_OK)
		pc_event_resume(token, refuse(ev, "resource-constraint"));
}

static pc_result on_get(pc_event *ev, void *data)
{
	void *token;

	(void)data;
	if (pc_event_from(ev) == NULL)
		return PC_PASS;
	token = (void *)(uintptr_t)pc_event_suspend(ev);
	if (pc_event_to_self(ev))
		on_allowed(token, true);
	else
		own_may_read(pc_event_module(ev), pc_event_to(ev)->local, NODE,
		             pc_stanza_get(pc_event_stanza(ev), "from"), on_allowed, token);
	return PC_SUSPENDED;
}

static void on_published(const pc_stanza *answer, void *data)
{
	pc_token token = (pc_token)(uintptr_t)data;
	pc_event *ev = pc_token_event(token);
	const char *condition = own_condition(answer);

	if (ev == NULL)
		return;
	if (own_succeeded(answer))
		pc_event_resume(token, pc_reply(ev, pc_stanza_result(pc_event_stanza(ev))));
	else
		pc_event_resume(token,
		                refuse(ev, *condition ? condition : "internal-server-error"));
}

static pc_result on_set(pc_event *ev, void *data)
{
	pc_token token;

	(void)data;
	if (pc_event_origin(ev) == NULL || !pc_event_to_self(ev))
		return refuse(ev, "forbidden");
	token = pc_event_suspend(ev);
	if (own_publish(pc_event_module(ev), pc_event_to(ev)->local, NODE, "current",
	                pc_stanza_first(pc_event_stanza(ev)), NULL, on_published,
	                (void *)(uintptr_t)token) != PC_OK)
		pc_event_resume(token, refuse(ev, "resource-constraint"));
	return PC_SUSPENDED;
}

static void load(pc_module *m)
{
	pc_depends(m, "pep");
	pc_add_item(m, "account-feature", NS);
	pc_hook(m, "iq-get/bare/" NS ":vcard", on_get, 0);
	pc_hook(m, "iq-set/bare/" NS ":vcard", on_set, 0);
}

static const pc_event_decl events[] = {
	{ "pep-may-read", PC_WAITING,
	  "May `jid` read the node `node` of the account `username`? PC_HANDLED: yes" },
	{ 0 },
};

PC_MODULE(vcard4, .summary = "vCards by requests of their own", .xeps = "0292:0.12.0",
          .events = events, .load = load);
